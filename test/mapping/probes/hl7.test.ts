import { afterEach, describe, expect, it, vi } from 'vitest';
import { runHl7Maps } from './hl7.ts';
import { differing } from './hl7-differs.ts';
import { probes } from './index.ts';

const one = { name: 'a', map: '', imports: [], target: 'Patient', input: { resourceType: 'Patient' } };

/** A command that stands for HL7's engine. */
function engine(script: string) {
  vi.stubEnv('ILP_HL7_MAPS', `${process.execPath} -e ${script.replaceAll(' ', '')}`);
  return vi.spyOn(console, 'error').mockImplementation(() => {});
}

afterEach(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

describe('HL7’s map engine', () => {
  it('answers by name; what is no answer is passed over', async () => {
    const said = engine(`console.log('noise');console.log('{"name":"a","result":{"active":true}}')`);
    expect(await runHl7Maps([one])).toEqual(new Map([['a', { result: { active: true } }]]));
    expect(said).not.toHaveBeenCalled();
  });

  it('that dies, leaves answers out or is not there is not compared with, and that is said', async () => {
    const said = engine(`process.exit(3)`);
    expect(await runHl7Maps([one])).toBeUndefined();
    expect(said).toHaveBeenCalledWith(expect.stringContaining('answered 0 of 1 (exit code 3)'));
    engine(`console.log('{"name":"b","error":"x"}')`);
    expect(await runHl7Maps([one, { ...one, name: 'b' }])).toBeUndefined();
    vi.stubEnv('ILP_HL7_MAPS', '/nowhere/engine');
    expect(await runHl7Maps([one])).toBeUndefined();
  });

  it('without Java or Maven – says what is missing', async () => {
    vi.stubEnv('ILP_HL7_MAPS', '');
    vi.stubEnv('PATH', '/nowhere');
    const said = vi.spyOn(console, 'error').mockImplementation(() => {});
    expect(await runHl7Maps([one])).toBeUndefined();
    expect(said).toHaveBeenCalledWith(expect.stringContaining('java is missing'));
  });

  it('the differences that are known are of probes that are there', () => {
    const names = new Set(probes.map(({ name }) => name));
    for (const name of Object.values(differing).flat()) expect(names).toContain(name);
  });
});
