import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { judgeCases, readCases } from './engine-cases.ts';
import { faultsOf } from './engines-limits.ts';
import { judgeMaps, readMapCases } from './map-cases.ts';

let folder: string;
const put = (name: string, content: unknown) =>
  writeFileSync(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-cases-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const good = { resourceType: 'Observation', status: 'final', code: { text: 'berat' } };
const { status: _, ...bad } = good;

describe('cases of other people', () => {
  it('in both forms; what is judged otherwise is named', () => {
    const engines = compileEngines(readAssets());
    put('a.json', good);
    put('a.expected.json', { valid: true });
    put('b.json', bad);
    put('b.expected.json', { valid: false, errors: [{ path: 'Observation.status' }] });
    put('cases.json', [
      { file: 'c.json', valid: false },
      { file: 'd.json', valid: true },
    ]);
    put('c.json', { ...good, x: 1 });
    put('d.json', good);
    expect(judgeCases(readCases(folder), engines)).toEqual({ cases: 4, right: 4, falseAlarms: 0, wrong: [] });
    put('a.expected.json', { valid: false });
    put('b.expected.json', { valid: false, errors: [{ path: 'Observation.subject.reference' }] });
    put('d.json', bad);
    const { right, falseAlarms, wrong } = judgeCases(readCases(folder), engines);
    expect({ right, falseAlarms, named: wrong.map((line) => line.split(':')[0]).sort() }).toEqual({
      right: 1,
      falseAlarms: 1,
      named: ['a.json', 'b.json', 'd.json'],
    });
  });

  it('an empty folder, half a case or no verdict do not pass', () => {
    expect(() => readCases(folder)).toThrow('no NAME.json');
    put('a.expected.json', { valid: true });
    expect(() => readCases(folder)).toThrow('a.json is missing');
    put('a.json', good);
    put('a.expected.json', {});
    expect(() => readCases(folder)).toThrow('"valid"');
  });

  it('maps: equal, another result, a map that does not compile, no runner', () => {
    expect(() => readMapCases(folder)).toThrow('no NAME.map');
    put('a.map', 'same');
    expect(() => readMapCases(folder)).toThrow('a.input.json is missing');
    for (const name of ['a', 'b', 'c']) {
      put(`${name}.map`, name === 'c' ? 'broken' : 'same');
      put(`${name}.input.json`, { x: 1 });
      put(`${name}.expected.json`, { x: name === 'b' ? 2 : 1 });
    }
    const runMap = (text: string, input: unknown) => {
      if (text === 'broken') throw new Error('line 1');
      return input;
    };
    expect(judgeMaps(readMapCases(folder), { runMap })).toEqual({ maps: 3, right: 1, wrong: ['b.map: another result', 'c.map: line 1'] });
    expect(() => judgeMaps(readMapCases(folder), undefined)).toThrow('runMap');
  });
});

describe('limits', () => {
  const held = {
    ...{ mutations: 2000, agreePct: 99, falseAlarms: 0, fmlProbes: 129, fmlSilentlyWrong: 0 },
    ...{ fmlDifferential: { maps: 3, equal: 3 }, rulesDecidable: 5, rulesImplemented: 5 },
  };

  it('hold', () => expect(faultsOf(held)).toEqual([]));

  it('that were not measured are no fault', () =>
    expect(
      faultsOf({
        ...held,
        mutations: 0,
        agreePct: null,
        falseAlarms: null,
        fmlProbes: null,
        fmlSilentlyWrong: null,
        fmlDifferential: null,
      }),
    ).toEqual([]));

  it.each([
    { agreePct: 98.99 },
    { mutations: 0, agreePct: 100 },
    { falseAlarms: 1 },
    { fmlSilentlyWrong: 1 },
    { fmlDifferential: { maps: 3, equal: 2 } },
    { rulesImplemented: 4 },
    { cases: { cases: 2, right: 1 } },
    { maps: { maps: 2, right: 1 } },
  ])('missed: %j', (missed) => expect(faultsOf({ ...held, ...missed })).toHaveLength(1));
});
