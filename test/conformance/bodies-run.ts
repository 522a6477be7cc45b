import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { packageRoot, readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import type { MapCase } from '../../src/mapping/tools/index.ts';
import { bodiesDoc } from './bodies-doc.ts';
import { hl7Command, hl7Errors } from './hl7.ts';
import { readOfficialBodies } from './official-bodies.ts';
import {
  type BodyRecord,
  type Count,
  countOf,
  equalPct,
  type Judged,
  judge,
  readDeliberate,
  readRecords,
  regenerate,
} from './regenerate.ts';

export interface BodiesFlags {
  /** Folder of the published examples. */
  readonly bodies?: string | undefined;
  /** Folder of the records that regenerate them. */
  readonly records?: string | undefined;
  readonly json?: boolean | undefined;
  /** Names every difference. */
  readonly details?: boolean | undefined;
  /** Writes docs/conformance-bodies.md. */
  readonly write?: boolean | undefined;
}

const EXAMPLES = path.resolve(packageRoot, '../shared/satusehat/examples');
const RECORDS = path.join(import.meta.dirname, 'records');
const PACKS = path.join(packageRoot, 'mappings/packs');

/**
 * Regenerates the bodies that SATUSEHAT has published from records in our contract, and says what is the same.
 *
 * @param scratch folder for what HL7's validator reads
 * @returns whether HL7's validator found an error
 */
export async function runBodies(flags: BodiesFlags, scratch: string): Promise<boolean> {
  const say = (text: string): void => {
    if (flags.json !== true) console.log(text);
  };
  const folder = flags.bodies ?? EXAMPLES;
  const official = readOfficialBodies(folder);
  if (official === undefined) {
    const note = 'official bodies: not compared, the folder of examples is absent (--bodies DIR)';
    if (flags.json === true) console.log(JSON.stringify({ note, ...NOTHING }));
    else console.log(`- ${note}`);
    return false;
  }
  const rooms = compileEngines(readAssets());
  const made = readRecords(flags.records ?? RECORDS).map((record) => regenerate(rooms, record));
  const deliberate = readDeliberate(readFileSync(path.join(import.meta.dirname, 'deliberate.csv'), 'utf8'));
  const judged = judge(official.bodies, made, deliberate);
  const modules = byModule(judged);

  for (const [module, count] of modules) {
    if (flags.json === true) console.log(JSON.stringify({ module, ...count, equalPct: equalPct(count) }));
    else console.log(lineOf(module, count));
  }
  if (flags.details === true) for (const one of judged) printDetails(one);
  say(
    `left out: ${Object.entries(official.skipped)
      .map(([reason, count]) => `${reason} ${count}`)
      .join(', ')}`,
  );

  const stored = [...made, ...packCases().map((one) => regenerate(rooms, one))].map(({ stored }) => stored.map(({ resource }) => resource));
  const errors = await hl7Of(stored, path.join(scratch, 'bodies'), say);
  const total = countOf(judged);
  const { bodies, elements, deliberate: meant } = total;
  const sum = { modules: modules.size, bodies, elements, equalPct: equalPct(total), deliberate: meant, hl7Errors: errors?.length ?? null };
  const withoutHl7 = errors === undefined ? { hl7: "not run: HL7's validator is absent (ILP_HL7_VALIDATE)" } : {};
  if (flags.write === true) {
    writeFileSync(path.join(packageRoot, 'docs/conformance-bodies.md'), bodiesDoc(judged, modules, official.skipped, sum));
  }
  console.log(flags.json === true ? JSON.stringify({ ...sum, ...withoutHl7 }) : `${lineOf('all', total)}\n${JSON.stringify(sum)}`);
  return (errors ?? []).length > 0;
}

const NOTHING = { modules: 0, bodies: 0, elements: 0, equalPct: null, deliberate: 0, hl7Errors: null };

function byModule(judged: readonly Judged[]): ReadonlyMap<string, Count> {
  const names = [...new Set(judged.map(({ body }) => body.module))].sort();
  return new Map(names.map((name) => [name, countOf(judged.filter(({ body }) => body.module === name))]));
}

function lineOf(name: string, count: Count): string {
  const { bodies, elements, equal, missing, extra, deliberate } = count;
  return `${name.padEnd(20)} bodies ${bodies}, elements ${elements}: equal ${equal} (${equalPct(count)} %), missing ${missing}, extra ${extra}, deliberate ${deliberate}`;
}

function printDetails({ body, from, findings }: Judged): void {
  const open = findings.filter(({ verdict }) => verdict !== 'equal');
  if (open.length === 0) return;
  console.log(`${body.name} ${body.resource.resourceType} ← ${from ?? 'nothing'}`);
  if (from === undefined) return;
  for (const { verdict, path: where, official, ours, reason } of open) {
    const values = [official !== undefined && `official ${official}`, ours !== undefined && `ours ${ours}`].filter(Boolean).join(', ');
    console.log(`    ${reason ?? verdict} ${where}: ${values}`);
  }
}

/** What the packs' own cases come to goes through the validator too. */
function packCases(): BodyRecord[] {
  return readdirSync(PACKS, { recursive: true, encoding: 'utf8' })
    .filter((file) => path.basename(file) === 'input.json')
    .map((file) => {
      const one = JSON.parse(readFileSync(path.join(PACKS, file), 'utf8')) as MapCase;
      return { ...one, name: file, module: file.slice(0, file.indexOf(path.sep)) };
    });
}

async function hl7Of(
  groups: readonly (readonly object[])[],
  folder: string,
  say: (text: string) => void,
): Promise<readonly string[] | undefined> {
  const command = hl7Command();
  if (command === undefined) return undefined;
  mkdirSync(folder, { recursive: true });
  const lines = groups.flat().map((resource) => `${JSON.stringify(resource)}\n`);
  writeFileSync(path.join(folder, 'all.ndjson'), lines.join(''));
  const errors = await hl7Errors(command, [folder]);
  say(`HL7's validator over ${lines.length} resources: ${errors.length} errors`);
  for (const line of errors.slice(0, 40)) say(`    ${line}`);
  return errors;
}
