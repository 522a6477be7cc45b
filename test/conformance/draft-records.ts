import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { Resource } from '@medplum/fhirtypes';
import { readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { parseTables } from '../../src/mapping/tables.ts';
import { compareBodies, likeness, subjectsOf } from './compare-bodies.ts';
import { Draft, type Field } from './draft.ts';
import { candidates } from './draft-candidates.ts';
import { type OfficialBody, readOfficialBodies } from './official-bodies.ts';
import { regenerate } from './regenerate.ts';

/*
 * First drafts of the records in test/conformance/records: what a source would have to send so that the official bodies come out. It reads the
 * tables backwards: which question has an answer that becomes this body, and with which value. To be looked at before they are kept.
 *
 *   node test/conformance/draft-records.ts --bodies DIR [--module anc] [--records DIR]
 *
 * Files named `tables-*.json` are written anew; those with other names are by hand and stay.
 */

const { values } = parseArgs({ options: { bodies: { type: 'string' }, module: { type: 'string' }, records: { type: 'string' } } });
const assets = readAssets();
const tables = parseTables(assets.mappings);
const rooms = compileEngines(assets);
const out = path.resolve(values.records ?? path.join(import.meta.dirname, 'records'));
const official = readOfficialBodies(values.bodies ?? '');
if (official === undefined) throw new Error('--bodies DIR: the folder of published examples');

for (const module of new Set(official.bodies.map((body) => body.module))) {
  if (values.module === undefined || values.module === module)
    draftModule(
      module,
      official.bodies.filter((body) => body.module === module),
    );
}

function draftModule(module: string, bodies: readonly OfficialBody[]): void {
  const folder = path.join(out, module);
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder)) if (file.startsWith('tables-')) rmSync(path.join(folder, file));
  const drafts: Draft[] = [];
  for (const body of bodies) {
    const fields = bestFields(module, body.resource);
    if (fields === undefined) continue;
    const draft = drafts.find((each) => each.takes(fields)) ?? drafts[drafts.push(new Draft()) - 1];
    draft?.add(fields);
  }
  drafts.forEach((draft, index) => {
    const { name: _name, module: _module, ...record } = draft.record(module, `${module}-${index + 1}`);
    writeFileSync(path.join(folder, `tables-${index + 1}.json`), `${JSON.stringify(record, null, 2)}\n`);
  });
  console.log(`${module}: ${bodies.length} bodies, ${drafts.length} records`);
  if (drafts.length === 0 && readdirSync(folder).length === 0) rmSync(folder, { recursive: true });
}

/** Forms of the pack that serves a module. */
function formsOf(module: string): readonly string[] {
  return tables.packs.filter((pack) => pack.module?.toLowerCase() === module).flatMap(({ forms }) => forms.map(({ name }) => name));
}

/** Of all that might say it, what comes out most alike; of what is alike, what the module's own form asks. */
function bestFields(module: string, body: Resource): readonly Field[] | undefined {
  let best: { fields: readonly Field[]; score: number } | undefined;
  const own = formsOf(module).map((form) => `services[form=${form}].`);
  const isOwn = (fields: readonly Field[]): boolean => fields.some(([where]) => own.some((form) => where.startsWith(form)));
  const all = candidates(tables, body);
  for (const fields of [...all.filter(isOwn), ...all.filter((each) => !isOwn(each))]) {
    const draft = new Draft();
    draft.add(fields);
    for (const { resource } of regenerate(rooms, draft.record(module, 'probe')).sent) {
      const subjects = subjectsOf(body);
      if (resource.resourceType !== body.resourceType) continue;
      if (subjects.size > 0 && ![...subjectsOf(resource)].some((code) => subjects.has(code))) continue;
      const score = likeness(compareBodies(body, resource));
      if (best === undefined || score > best.score) best = { fields, score };
    }
  }
  return best?.fields;
}
