import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/index.ts';
import { loadEngines } from '../../src/engines.ts';
import { createLogger, createService } from '../../src/service.ts';
import { type Running, register, runService, visit as visitRecord } from './running-service.ts';

/** A copy of what the service reads, which a test may spoil. */
const root = mkdtempSync(path.join(os.tmpdir(), 'ilp-reload-'));
const MAX_ROWS = 3_000;

let running: Running;
let admin: string;
let sender: string;

beforeAll(async () => {
  for (const folder of ['mappings', 'profiles']) {
    cpSync(path.join(packageRoot, folder), path.join(root, folder), {
      recursive: true,
      filter: (from) => !['codes', 'tests'].includes(path.basename(from)),
    });
  }
  const load = () => loadEngines({ root, maxRows: MAX_ROWS });
  running = await runService({}, (config) => createService(config, load(), createLogger(config, 2), { loadEngines: load }));
  admin = await running.client('admin', { scopes: ['admin'] });
  sender = await running.client('simpus');
  await register(running, sender);
});
afterAll(async () => {
  await running.stop();
  rmSync(root, { recursive: true, force: true });
});

async function reload(key: string, query = '') {
  const answer = await fetch(`${running.url}/api/v1/maps/reload${query}`, { method: 'POST', headers: { authorization: `Bearer ${key}` } });
  // biome-ignore lint/suspicious/noExplicitAny: answers are read field by field
  return { status: answer.status, body: (await answer.json()) as any };
}
const inForce = async () => (await running.get('/api/v1/maps', admin)).body.inForce;

/** What the maps in force call a temperature. */
let visits = 0;
async function visit(): Promise<string> {
  visits += 1;
  const record = visitRecord(`V-${visits}`, { vitals: { temperature: 36.6 } });
  const { status, body } = await running.post('encounters', record, sender, '?dryRun=true');
  expect(status, JSON.stringify(body).slice(0, 2_000)).toBe(200);
  const made = body.results[0].bundle.entry.map(({ resource }: { resource: unknown }) => resource);
  // biome-ignore lint/suspicious/noExplicitAny: resources are read field by field
  return made.find((each: any) => each.resourceType === 'Observation').code.coding[0].display;
}

const file = (name: string): string => path.join(root, name);
/** Changes one file while `during` runs. */
async function changed(name: string, change: (text: string) => string, during: () => Promise<void>): Promise<void> {
  const before = readFileSync(file(name), 'utf8');
  const after = change(before);
  expect(after).not.toBe(before);
  writeFileSync(file(name), after);
  try {
    await during();
  } finally {
    writeFileSync(file(name), before);
  }
}

describe('a reload', () => {
  it('is for admins alone', async () => {
    expect((await reload(sender)).status).toBe(403);
  });

  it('of what is in force changes nothing', async () => {
    const before = await inForce();
    const { status, body } = await reload(admin);
    expect([status, body.changed]).toEqual([200, false]);
    expect(await inForce()).toEqual(before);
  });

  it('of a changed table counts for the next record, all at once', async () => {
    const [before, first] = [await inForce(), await visit()];
    await changed(
      'mappings/observations.csv',
      (text) => text.replace('Body temperature', 'Suhu tubuh'),
      async () => {
        const tried = await reload(admin, '?dryRun=true');
        expect([tried.status, tried.body.changed, tried.body.inForce]).toEqual([200, true, before]);
        expect(await visit()).toBe(first);
        const done = await reload(admin);
        expect([done.status, done.body.changed, done.body.before]).toEqual([200, true, before]);
        expect(done.body.inForce.maps).not.toBe(before.maps);
        expect(await visit()).toBe('Suhu tubuh');
      },
    );
    expect((await reload(admin)).body.inForce.maps).toBe(before.maps);
    expect(await visit()).toBe(first);
  });

  const appended = (more: string) => (text: string) => `${text}\n${more}\n`;
  it.each<{ title: string; name: string; change: (text: string) => string; code: string; says: RegExp; where: RegExp }>([
    {
      title: 'a map with a syntax error',
      name: 'mappings/encounters.map',
      change: (text) => text.replace('"visit";', '"visit'),
      code: 'map-compile',
      says: /16 \w+ 41/,
      where: /encounters\.map/,
    },
    {
      title: 'a cycle of imports',
      name: 'mappings/address.map',
      change: (text) => text.replace('\n\ngroup ', '\n\nimports "https://fhir.ilp.example/StructureMap/facilities"\n\ngroup '),
      code: 'map-compile',
      says: /address\.map → facilities\.map → address\.map/,
      where: /address\.map|facilities\.map/,
    },
    {
      title: 'a group that nobody has',
      name: 'mappings/encounters.map',
      change: (text) => text.replace('then Visit(', 'then Kunjungan('),
      code: 'map-compile',
      says: /Kunjungan/,
      where: /encounters\.map/,
    },
    {
      title: 'a type that does not exist',
      name: 'mappings/encounters.map',
      change: (text) => text.replace("create('Encounter')", "create('Kunjungan')"),
      code: 'map-compile',
      says: /Kunjungan/,
      where: /encounters\.map/,
    },
    {
      title: 'groups that call each other without end',
      name: 'mappings/encounters.map',
      change: appended(
        "group Tanpa(source src : Record, target bundle : Bundle) { src then Akhir(src, bundle) 'a'; }\ngroup Akhir(source src : Record, target bundle : Bundle) { src then Tanpa(src, bundle) 'b'; }".replaceAll(
          "'",
          '"',
        ),
      ),
      code: 'map-compile',
      says: /2\d\d/,
      where: /encounters\.map/,
    },
    {
      title: 'a table that has a key twice',
      name: 'mappings/observations.csv',
      change: (text) => appended(text.split('\n')[1] as string)(text.trimEnd()).trimEnd(),
      code: 'config',
      says: /2/,
      where: /observations\.csv/,
    },
    {
      title: 'a table over the limit',
      name: 'mappings/codings.csv',
      change: (text) => text + `${text.trimEnd().split('\n').at(-1)}\n`.repeat(MAX_ROWS),
      code: 'config',
      says: /3000/,
      where: /codings\.csv/,
    },
    {
      title: 'a profile that contradicts its base',
      name: 'profiles/ilp/profile-ilp-organization.json',
      change: (text) => text.replace('"id": "Organization.active"', '"id": "Organization.active",\n        "max": "2"'),
      code: 'profile-compile',
      says: /Organization\.active: max 2 .* 1/,
      where: /ilp-organization/,
    },
    {
      title: 'a profile that has an element twice',
      name: 'profiles/ilp/profile-ilp-organization.json',
      change: (text) => text.replace('"id": "Organization.identifier"', '"id": "Organization.active"'),
      code: 'profile-compile',
      says: /Organization\.active/,
      where: /ilp-organization/,
    },
    {
      title: 'a profile of an element that does not exist',
      name: 'profiles/ilp/profile-ilp-organization.json',
      change: (text) => text.replace('"id": "Organization.identifier"', '"id": "Organization.nomor"'),
      code: 'profile-compile',
      says: /nomor/,
      where: /ilp-organization/,
    },
    {
      title: 'JSON that is cut off',
      name: 'mappings/forms.json',
      change: (text) => text.slice(0, text.length / 2),
      code: 'config',
      says: /17/,
      where: /forms\.json/,
    },
  ])('of $title is refused with the place, in both languages, and nothing is switched', async ({ name, change, code, says, where }) => {
    const [before, first] = [await inForce(), await visit()];
    await changed(name, change, async () => {
      for (const query of ['', '?dryRun=true']) {
        const { status, body } = await reload(admin, query);
        expect([status, body.error.code]).toEqual([422, 'reload-refused']);
        const [told] = body.error.issues;
        expect(told.code).toBe(code);
        for (const text of [told.text.id, told.text.en]) {
          expect(text).toMatch(where);
          expect(text).toMatch(says);
        }
        expect(told.text.id).not.toBe(told.text.en);
        expect(told.text.id.replace(/^[^:]*: /, '')).not.toBe(told.text.en.replace(/^[^:]*: /, ''));
      }
    });
    expect(await inForce()).toEqual(before);
    expect(await visit()).toBe(first);
  });
});
