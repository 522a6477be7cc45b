import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AssetTexts, readAssets } from '../../src/config/index.ts';
import { compileEngines, mapVersionOf } from '../../src/engines.ts';
import type { RemapChange } from '../../src/intake/index.ts';
import { project } from '../../src/satusehat/projection.ts';
import { createLogger, createService } from '../../src/service.ts';
import { MAP_SYSTEM } from '../../src/store/map-mark.ts';
import { type Running, register, runService, visit, weighing } from '../http/running-service.ts';

const ALL = { client: 'test', facilities: 'all', purpose: 'intake' } as const;
const folder = mkdtempSync(path.join(tmpdir(), 'ilp-remap-'));
const { profiles, mappings } = readAssets();
const VERSION = mapVersionOf(mappings);

let running: Running;
let key: string;
const ids: Record<string, string> = {};

/** The service on the same database, with other maps. */
const startWith = (texts: AssetTexts): Promise<Running> =>
  runService({ ILP_DATABASE: path.join(folder, 'ilp.sqlite') }, (config) =>
    createService(config, { ...compileEngines({ profiles, mappings: texts }), mapVersion: mapVersionOf(texts) }, createLogger(config, 2)),
  );
const edited = (from: string, to: string): AssetTexts => {
  const text = mappings['encounters.map'] as string;
  expect(text).toContain(from);
  return { ...mappings, 'encounters.map': text.replace(from, to) };
};
const COMPLAINT = 'condition.code = cc(complaint)';
const LOUDER = edited(COMPLAINT, "condition.code = cc('http://snomed.info/sct', '409586006', 'Complaint')");

const storedOf = async (id: string) => {
  const { store } = running.service;
  const [submission] = await store.submissionsById(ALL, [id]);
  const resources = (await store.resources(ALL, submission?.resources ?? [])).map(({ resource }) => resource);
  const deliveries = await store.deliveries({ submissionId: id });
  return { submission, resources, deliveries };
};
const remap = async (dryRun: boolean, feeds?: readonly string[]) => {
  const changes: RemapChange[] = [];
  const settings = { onChange: (change: RemapChange) => changes.push(change), ...(feeds && { feeds }) };
  const { counts, error } = await running.service.jobs.run('remap', { dryRun, settings });
  expect(error).toBeNull();
  return { counts, changes };
};

beforeAll(async () => {
  running = await startWith(mappings);
  key = await running.client('dinas');
  await register(running, key);
  for (const [name, feed, body] of [
    ['visit', 'encounters', visit('M-1')],
    ['quiet', 'encounters', visit('M-2', { complaint: undefined, vitals: { systolic: 140, diastolic: 90 } })],
    ['weighing', 'village-observations', weighing('M-3')],
  ] as const) {
    const { body: answer } = await running.post(feed, body, key);
    expect(answer.refused).toBe(0);
    ids[name] = answer.receipts[0].id;
  }
});
afterAll(async () => {
  await running.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('the version of the maps', () => {
  it('stands in every resource that intake stores, and in nothing that is sent', async () => {
    const organizationId = '1';
    for (const id of Object.values(ids)) {
      const { resources } = await storedOf(id);
      expect(resources.length).toBeGreaterThan(0);
      for (const resource of resources) {
        expect(resource.meta?.tag, resource.resourceType).toEqual([{ system: MAP_SYSTEM, code: VERSION }]);
        const sent = project(resource, { organizationId, ids: new Map(), within: new Set() }).resource;
        expect(JSON.stringify(sent)).not.toContain(MAP_SYSTEM);
        expect(JSON.stringify(sent)).not.toContain(VERSION);
      }
    }
  });

  it('is shown at /fhir, beside the version of the resource', async () => {
    const { resources } = await storedOf(ids.visit as string);
    const { body } = await running.get(`/fhir/Encounter/${resources.find((one) => one.resourceType === 'Encounter')?.id}`, key);
    expect(body.meta).toMatchObject({ versionId: '1', tag: [{ system: MAP_SYSTEM, code: VERSION }] });
  });

  it('follows every text that maps are compiled from', () => {
    expect(VERSION).toMatch(/^[0-9a-f]{8}$/);
    expect(mapVersionOf({ ...mappings })).toBe(VERSION);
    expect(mapVersionOf(LOUDER)).not.toBe(VERSION);
    expect(mapVersionOf({ ...mappings, 'answers.csv': `${mappings['answers.csv']}\n` })).not.toBe(VERSION);
  });
});

describe('remap', () => {
  it('with the same maps changes nothing: no version, no delivery', async () => {
    const before = await Promise.all(Object.values(ids).map(storedOf));
    const { counts, changes } = await remap(false);
    expect(changes).toEqual([]);
    expect(counts).toMatchObject({ changed: 0, refused: 0, unreadable: 0, moved: 0 });
    expect(counts?.looked).toBe(counts?.unchanged);
    expect(counts?.looked).toBeGreaterThan(5);
    expect(await Promise.all(Object.values(ids).map(storedOf))).toEqual(before);
  });

  it('with other maps: the dry run tells what would change, and changes nothing', async () => {
    await running.stop();
    running = await startWith(LOUDER);
    const before = await Promise.all(Object.values(ids).map(storedOf));
    const { counts, changes } = await remap(true);
    expect(counts).toMatchObject({ changed: 1, refused: 0 });
    expect(changes).toMatchObject([{ id: ids.visit, feed: 'encounters', refused: false }]);
    const elements = changes[0]?.elements.map(({ expression, change }) => `${expression} ${change}`);
    expect(elements).toEqual(['Condition.code.text lost', 'Condition.code.coding new']);
    expect(JSON.stringify(changes)).not.toContain('keluhan');
    expect(await Promise.all(Object.values(ids).map(storedOf))).toEqual(before);
    expect((await remap(true, ['persons'])).counts).toMatchObject({ changed: 0 });
  });

  it('then stores anew what comes out otherwise, with the version that made it, and sends it; all else keeps its own', async () => {
    const quiet = await storedOf(ids.quiet as string);
    expect((await remap(false)).counts).toMatchObject({ changed: 1, moved: 0, refused: 0 });
    const { submission, resources, deliveries } = await storedOf(ids.visit as string);
    expect(submission).toMatchObject({ state: 'ready', version: 2 });
    const complaint = resources.find((one) => one.resourceType === 'Condition' && one.code?.coding?.[0]?.code === '409586006');
    expect(complaint?.meta).toMatchObject({ versionId: '2', tag: [{ code: mapVersionOf(LOUDER) }] });
    const encounter = resources.find((one) => one.resourceType === 'Encounter');
    // What the new maps make as it was is no new version.
    expect(encounter?.meta).toMatchObject({ versionId: '1', tag: [{ code: VERSION }] });
    expect(deliveries).toMatchObject([{ submissionVersion: 2, state: 'ready' }]);
    expect(await storedOf(ids.quiet as string)).toEqual(quiet);
    expect((await remap(false)).counts).toMatchObject({ changed: 0 });
  });

  it('a record that the maps of now would refuse is told of, and stands as it is', async () => {
    await running.stop();
    running = await startWith(
      edited(
        "encounter.meta as meta, meta.profile = 'https://fhir.ilp.example/StructureDefinition/ilp-encounter'",
        "encounter.language = '@'",
      ),
    );
    const before = await storedOf(ids.quiet as string);
    const { counts, changes } = await remap(false, ['encounters']);
    expect(counts).toMatchObject({ looked: 2, changed: 0, refused: 2 });
    expect(changes.every(({ refused }) => refused)).toBe(true);
    expect(await storedOf(ids.quiet as string)).toEqual(before);
  });
});
