import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot, readAssets } from '../../src/config/index.ts';
import { compileEngines } from '../../src/engines.ts';
import type { Issue } from '../../src/errors/index.ts';
import type { Validator } from '../../src/validation/index.ts';
import { type Body, bodiesIn, ownBodies } from './bodies.ts';
import { mutate, pick, seeded } from './mutations.ts';
import { profileBodies } from './profile-bodies.ts';
import { MADE_TYPES, randomBody } from './random-bodies.ts';

/**
 * `npm run mutations`: the verdict of our validator on randomly damaged resources beside that of HL7's engine.
 *
 *   node test/conformance/mutation-run.ts [--seed 1] [--count 2000] [--bodies FOLDER] [--made 3] [--ours] [--keep-files FOLDER] [--differences FILE] [--json]
 *
 * Damaged are small resources of our own, `--made` resources of each type made by chance from the element table, and those of a folder.
 * With `--ours` only resources that carry our own profiles are damaged, in more places.
 * HL7's engine is the command in `ILP_HL7_VALIDATE`; without it nothing can be compared and the run says so (exit code 0). Bodies on
 * which HL7's engine already finds an error are judged, not damaged. Exit code 0: at least 99 % agree and nothing sound was refused; 1: not so;
 * 2: HL7's engine did not answer.
 */
const { values: options } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    count: { type: 'string', default: '2000' },
    bodies: { type: 'string' },
    made: { type: 'string', default: '3' },
    ours: { type: 'boolean', default: false },
    'keep-files': { type: 'string' },
    differences: { type: 'string' },
    'hl7-answers': { type: 'string' },
    json: { type: 'boolean', default: false },
  },
});

/** HL7's guidance says not to judge definitions by the engine: it wants packages for them that are not there. */
const NOT_JUDGED = new Set([
  'StructureDefinition',
  'ValueSet',
  'CodeSystem',
  'ConceptMap',
  'StructureMap',
  'CapabilityStatement',
  'Measure',
]);
/** HL7's vital signs profiles are applied by the code of an Observation; the platform's own payloads do not meet them. */
const VITAL_SIGNS =
  /StructureDefinition\/(vitalsigns|bp|bodyweight|bodyheight|bodytemp|heartrate|resprate|oxygensat|bmi|headcircum)(?:\|4\.0\.1|#)|magic LOINC code|Body Weight Units|ucum-vitals|ValueSet\/ucum-body/;

interface Hl7Issue {
  severity: string;
  source: string;
  location?: string;
  messageId?: string;
  message: string;
}

interface Case {
  kind: string;
  path: string;
  body: number;
  resource: Body;
}

const command = (process.env.ILP_HL7_VALIDATE ?? '').split(' ').filter((part) => part !== '');
const say = (line: string): void => (options.json ? console.error(line) : console.log(line));

if (command.length === 0 && options['hl7-answers'] === undefined) {
  say("HL7's validator: not run. Missing: ILP_HL7_VALIDATE, the command that starts it (needs Java)");
  if (options.json) console.log(JSON.stringify({ mutations: 0, skipped: 'ILP_HL7_VALIDATE' }));
} else {
  process.exitCode = await compare();
}

async function compare(): Promise<number> {
  const { validator } = compileEngines(readAssets());
  const random = seeded(Number(options.seed));
  const types = MADE_TYPES.filter((type) => !NOT_JUDGED.has(type));
  const made = Array.from({ length: options.ours ? 0 : Number(options.made) }, () => types.map((type) => randomBody(type, random))).flat();
  const given = [
    ...profileBodies(),
    ...(options.ours ? [] : ownBodies()),
    ...(options.bodies === undefined ? [] : bodiesIn(options.bodies)),
  ];
  const bodies = [...made, ...given.filter(({ resourceType }) => !NOT_JUDGED.has(resourceType))];
  const isSound = bodies.map((body) => errorsOf(validator, body).length === 0);
  const byType = Object.values(Object.groupBy(bodies.keys(), (at) => bodies[at]?.resourceType ?? '')) as number[][];
  const sources = byType.map((all) => all.filter((at) => isSound[at])).filter(({ length }) => length > 0);
  const mutations: Case[] = [];
  // A tenth more than asked for: some bodies will turn out not to be sound.
  for (let i = 0; i < Number(options.count) * 1.1; i++) {
    const body = pick(pick(sources, random), random);
    const mutation = mutate(bodies[body] as Body, random);
    mutations.push({ ...mutation, body, resource: mutation.resource as Body });
  }
  const used = [...new Set([...made.keys(), ...mutations.map(({ body }) => body)])];
  const cases: Case[] = [
    ...used.map((body) => ({ kind: 'none', path: bodies[body]?.resourceType ?? '', body, resource: bodies[body] as Body })),
    ...mutations,
  ];
  const folder = path.resolve(options['keep-files'] ?? mkdtempSync(path.join(os.tmpdir(), 'ilp-mutations-')));
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'cases.ndjson');
  writeFileSync(file, cases.map(({ resource }) => `${JSON.stringify(resource)}\n`).join(''));
  const answers = options['hl7-answers'] ? readFileSync(options['hl7-answers'], 'utf8') : await askHl7(file);
  if (answers === undefined) return 2;
  writeFileSync(path.join(folder, 'hl7.ndjson'), answers);

  const hl7 = new Map<number, Hl7Issue[]>();
  const setAside = new Set<number>();
  for (const line of answers.split('\n')) {
    if (!line.startsWith('{')) continue;
    const issue = JSON.parse(line) as Hl7Issue;
    if (issue.severity !== 'error' && issue.severity !== 'fatal') continue;
    const at = Number(issue.source.replace(/^.*#/, '')) - 1;
    if (VITAL_SIGNS.test(`${issue.messageId} ${issue.message}`)) setAside.add(at);
    else hl7.set(at, [...(hl7.get(at) ?? []), issue]);
  }

  const sound = new Set(used.filter((_, at) => !hl7.has(at)));
  const differences: object[] = [];
  const tally = { mutations: 0, types: new Set<string>(), equal: 0, missed: 0, falseAlarms: 0, bothRefuse: 0, samePath: 0, vitalSigns: 0 };
  const ofBodies = { alarms: 0, missed: 0 };
  for (const [at, each] of cases.entries()) {
    if (each.kind !== 'none' && !sound.has(each.body)) continue;
    if (each.kind !== 'none' && tally.mutations === Number(options.count)) break;
    const theirs = hl7.get(at) ?? [];
    const ours = errorsOf(validator, each.resource);
    const alike = ours.length > 0 === theirs.length > 0;
    if (each.kind === 'none') {
      ofBodies.alarms += Number(!alike && ours.length > 0);
      ofBodies.missed += Number(!alike && theirs.length > 0);
    } else {
      tally.mutations++;
      tally.types.add(each.resource.resourceType);
      tally.equal += Number(alike);
      tally.missed += Number(!alike && theirs.length > 0);
      tally.falseAlarms += Number(!alike && ours.length > 0);
      tally.vitalSigns += Number(setAside.has(at));
    }
    const samePath = ours.some(({ expression }) => theirs.some(({ location }) => near(expression ?? '', plain(location))));
    // A body it cannot even read has no place to name.
    const isPlaced = theirs.some(({ location }) => plain(location) !== '');
    if (each.kind !== 'none' && alike && ours.length > 0 && isPlaced) {
      tally.bothRefuse++;
      tally.samePath += Number(samePath);
    }
    if (alike && (ours.length === 0 || samePath || !isPlaced)) continue;
    differences.push({
      what: alike ? 'path' : ours.length > 0 ? 'false alarm' : 'missed',
      case: at,
      kind: each.kind,
      path: each.path,
      ours: ours.slice(0, 3).map(({ code, rule, expression, text }) => `${code} ${rule ?? ''} ${expression}: ${text.en}`),
      hl7: theirs.slice(0, 3).map(({ location, messageId, message }) => `${plain(location)} ${messageId}: ${message}`),
    });
  }
  if (options.differences) writeFileSync(options.differences, differences.map((line) => `${JSON.stringify(line)}\n`).join(''));
  const summary = {
    seed: Number(options.seed),
    bodies: used.length,
    bodiesRefused: used.length - sound.size,
    bodyAlarms: ofBodies.alarms,
    bodiesMissed: ofBodies.missed,
    mutations: tally.mutations,
    types: tally.types.size,
    agreePct: percent(tally.equal, tally.mutations),
    falseAlarms: tally.falseAlarms + ofBodies.alarms,
    missed: tally.missed,
    refused: tally.bothRefuse,
    samePathPct: percent(tally.samePath, tally.bothRefuse),
    vitalSignsSetAside: tally.vitalSigns,
  };
  if (options.json) console.log(JSON.stringify(summary));
  else {
    for (const difference of differences.slice(0, 60)) console.log(JSON.stringify(difference));
    console.log(summary);
  }
  return tally.mutations > 0 && summary.agreePct >= 99 && summary.falseAlarms === 0 ? 0 : 1;
}

function errorsOf(validator: Validator, resource: Body): readonly Issue[] {
  return validator.validate(resource).filter(({ severity }) => severity === 'error');
}

function askHl7(file: string): Promise<string | undefined> {
  const [program = '', ...given] = command;
  const child = spawn(program, [...given, '--json', '--profiles', path.join(packageRoot, 'profiles/ilp'), file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  return new Promise((resolve) => {
    child.once('error', () => resolve(undefined));
    child.once('close', (code) => resolve(code === 0 || code === 1 ? output : undefined));
  });
}

/** HL7's location as we write it: `value.ofType(Quantity)` → `valueQuantity`, without its comments. */
function plain(location = ''): string {
  return location
    .trim()
    .replace(/\/\*.*?\*\//g, '')
    .replace(/\.ofType\((\w)(\w*)\)/g, (_, first: string, rest: string) => first.toUpperCase() + rest)
    .replace(/\.extension\('[^']*'\)/g, '.extension')
    .replace(/\[url='[^']*'\]/g, '');
}

/** The same element, or one the parent of the other: HL7 names the parent of a missing or unknown element and the holder of an extension. */
function near(ours: string, hl7: string): boolean {
  const holder = ours.replace(/\.(?:modifierE|e)xtension\[\d+\]$/, '');
  return same(ours, hl7) || same(parent(ours), hl7) || same(ours, parent(hl7)) || same(holder, hl7);
}

/** Where it cannot parse a value, HL7's engine names a choice by its definition: `value[x]`. */
function same(ours: string, hl7: string): boolean {
  if (!hl7.includes('[x]')) return ours === hl7;
  const [left, right] = [ours.split('.'), hl7.split('.')];
  return (
    left.length === right.length &&
    right.every((name, at) => (name.endsWith('[x]') ? left[at]?.startsWith(name.slice(0, -3)) : name === left[at]))
  );
}

function parent(expression: string): string {
  return expression.replace(/(\[\d+\]|\.[^.[]+)$/, '');
}

function percent(part: number, whole: number): number {
  return whole === 0 ? 100 : Math.floor((part / whole) * 10_000) / 100;
}
