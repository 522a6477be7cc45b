import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { run as runCommand } from '../../src/cli/index.ts';
import { table } from '../../src/cli/table.ts';
import { composition } from '../../src/main.ts';

const root = path.resolve(import.meta.dirname, '../..');
const sample = (name: string) => path.join(root, 'samples', name);
const none = path.join(tmpdir(), 'no-such-folder', 'none.json');

/** Runs a command in this process and keeps what it writes. */
async function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const written = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((text) => {
      written[name] += String(text);
      return true;
    }),
  );
  try {
    return { code: await runCommand(args, composition), ...written };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}

beforeEach(() => {
  vi.stubEnv('ILP_DATABASE', path.join(tmpdir(), 'no-such-folder', 'never-opened.sqlite'));
});
afterEach(() => {
  vi.unstubAllEnvs();
});

describe('wrong usage – exit code 2, in both languages, with the way to help', () => {
  it.each<[string, string[], RegExp]>([
    ['an unknown command', ['pusj'], /perintah tidak dikenal: 'pusj' \(mungkin maksudnya push\?\)\nWrong usage: unknown command 'pusj'/],
    ['an unknown option', ['jobs', 'list', '--al'], /pilihan tidak dikenal: '--al'[\s\S]*ilp-fhir jobs list --help/],
    ['a missing option', ['push', 'x.json'], /pilihan ini wajib diisi: '--feed <feed>'[\s\S]*ilp-fhir push --help/],
    ['a missing argument', ['validate'], /ada yang belum diisi: 'files'/],
    ['a number out of range', ['jobs', 'history', '--limit', '0'], /--limit harus bilangan 1–1000/],
    ['an unknown feed', ['map', sample('first-encounter.json'), '--feed', 'visits'], /--feed must be one of facilities, persons/],
    ['a missing file', ['validate', none], /none\.json cannot be read/],
    ['no key', ['push', sample('first-encounter.json'), '--feed', 'encounters'], /ILP_API_KEY/],
    ['an address of another form', ['push', none, '--feed', 'persons', '--url', 'here'], /--url must be an http/],
    ['an unknown port', ['sandbox', '--port', 'abc'], /--port harus bilangan 0–65535/],
    ['a folder that cannot be made', ['demo', '--data', '/proc/none/demo'], /--data cannot be made/],
    ['a missing file of people', ['sandbox', '--port', '0', '--people', none], /--people: .*none\.json is missing or not JSON/],
  ])('%s', async (_what, args, message) => {
    const { code, stdout, stderr } = await run(...args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  it('with --json the error is one line of JSON on standard output', async () => {
    const { code, stdout } = await run('push', '--json');
    expect(code).toBe(2);
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'usage', text: { en: expect.stringContaining('--feed') } } });
  });

  it('no command at all shows the help on standard error', async () => {
    const { code, stdout, stderr } = await run();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('Perintah / Commands:');
  });

  it.each([
    ['below /proc', '/proc/none/ilp.sqlite'],
    ['in /proc', '/proc/ilp.sqlite'],
    ['below a file', '/dev/null/ilp.sqlite'],
    ['no file', '/dev/null'],
    ['a folder', tmpdir()],
  ])('a database that cannot be made is a mistake of its variable: %s', async (_where, place) => {
    vi.stubEnv('ILP_DATABASE', place);
    for (const args of [['migrate'], ['client', 'list'], ['map', sample('first-encounter.json'), '--feed', 'encounters']]) {
      const { code, stdout, stderr } = await run(...args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(
        /ILP_DATABASE: (berkas tidak dapat dibuat|bukan berkas biasa).* \/ (the file cannot be made|is not a regular file)/,
      );
    }
  });

  it('with --json each language of a configuration error stands by itself', async () => {
    vi.stubEnv('ILP_PORT', 'eighty');
    vi.stubEnv('ILP_ENVIRONMENT', 'test');
    const { error } = JSON.parse((await run('migrate', '--json')).stdout);
    expect(error.text).toEqual({
      id: expect.stringMatching(/^Konfigurasi salah: .*ILP_PORT: harus bilangan bulat/),
      en: expect.stringMatching(/^The configuration is wrong: .*ILP_PORT: must be a whole number/),
    });
    expect(error.text.id).not.toMatch(/must be/);
    expect(error.text.en).not.toMatch(/harus/);
    expect(error.issues).toContainEqual({
      severity: 'error',
      code: 'config',
      field: 'ILP_PORT',
      text: { id: 'ILP_PORT: harus bilangan bulat', en: 'ILP_PORT: must be a whole number' },
    });
  });

  it('wrong configuration names every variable and its fix, and no value', async () => {
    vi.stubEnv('ILP_PORT', 'RAHASIA');
    vi.stubEnv('ILP_DATABSE', 'x');
    vi.stubEnv('ILP_ENVIRONMENT', 'test');
    const { code, stderr } = await run('migrate');
    expect(code).toBe(2);
    expect(stderr).toMatch(/ILP_DATABSE: tidak dikenal; mungkin maksudnya ILP_DATABASE/);
    expect(stderr).toMatch(/ILP_PORT: harus bilangan bulat \/ must be a whole number/);
    expect(stderr).toMatch(/ILP_ENVIRONMENT: .*must be one of sandbox, staging, production/);
    expect(stderr).not.toContain('RAHASIA');
  });
});

describe('help', () => {
  it.each([
    '',
    'serve',
    'sandbox',
    'push',
    'map',
    'map diff',
    'map coverage',
    'map test',
    'remap',
    'validate',
    'sync',
    'jobs',
    'jobs run',
    'jobs history',
    'migrate',
    'client',
    'client add',
    'client check',
    'client revoke',
    'demo',
    'version',
  ])('ilp-fhir %s --help – in both languages, on a screen', async (command) => {
    const { code, stdout, stderr } = await run(...command.split(' ').filter(Boolean), '--help');
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Cara pakai \/ Usage: ilp-fhir[\s\S]*bantuan \/ help/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
  });

  it('version', async () => {
    const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    expect(await run('version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
    expect(JSON.parse((await run('version', '--json')).stdout)).toEqual({ version });
  });
});

describe('tables', () => {
  it('fit a screen of 120 columns, whatever is in them', () => {
    const long = 'kata '.repeat(40).trim();
    const drawn = table(
      ['Id', 'Sebab', 'Reason', 'Jumlah'],
      [
        ['0f1b2c3d-4e5f-8a6b-9c7d-0e1f2a3b4c5d', long, long, 12],
        ['x'.repeat(200), 'a', 'b', 3],
      ],
      [3],
    );
    for (const line of drawn.split('\n')) expect(line.length).toBeLessThanOrEqual(120);
    expect(drawn).toContain('0f1b2c3d-4e5f-8a6b-9c7d-0e1f2a3b4c5d');
  });
});
