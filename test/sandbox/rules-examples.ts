import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { asList, asObject, asText, isObject, type JsonObject } from '../../src/sandbox/json.ts';
import { createRuleBook, readRuleTable } from '../../src/sandbox/rules.ts';
import { DEFAULT_SETTINGS } from '../../src/sandbox/settings.ts';
import { compilePlatformRules, type PlatformRuleTable } from '../../src/validation/index.ts';

/**
 * Runs the sandbox's rules over a folder of recorded requests and answers, and tells which bodies it would refuse although the
 * platform took them. Not part of `npm test`: the recordings are not ours.
 *
 *   node test/sandbox/rules-examples.ts FOLDER     or with ILP_EXAMPLES=FOLDER
 *
 * A file is read when it has the form `{request: {method, url, body}, responses: [{status, body}]}`.
 */

interface Example {
  readonly file: string;
  readonly resource: JsonObject;
  /** Answered with 200 or 201, or read back from the platform. */
  readonly accepted: boolean;
  readonly creating: boolean;
}

const table = readRuleTable(readFileSync(path.resolve(import.meta.dirname, '../../profiles/platform-rules.json'), 'utf8'));
const book = createRuleBook(table);
/** What the service says before it sends. */
const service = compilePlatformRules(table as unknown as PlatformRuleTable);

/** Differences that are understood. A finding is matched by its file, its rule and, where given, a part of its text. */
const EXPLAINED: readonly { readonly rule: number; readonly file?: RegExp; readonly text?: RegExp; readonly why: string }[] = [
  {
    rule: 10457,
    text: /Encounter\.diagnosis/,
    file: /^(farmasi|imunisasi)/,
    why: 'recorded in 2023 or 2024; the rule is of the newer table, and visits of a pharmacy or for a vaccination had no diagnosis then',
  },
  { rule: 10122, file: /^imunisasi.*answer/, why: 'recorded in 2024, when the history of a finished visit was not judged' },
  {
    rule: 10117,
    text: /encounter\/1000004 /,
    file: /^imunisasi/,
    why: 'the published request misspells its own organization; the newer table says that it is compared',
  },
  {
    rule: 10623,
    text: /'1010101'/,
    file: /^ptm/,
    why: 'recorded in 2023 or 2024; the check of administrative levels is of the newer table',
  },
];

function* filesBelow(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(file);
    else if (entry.name.endsWith('.json')) yield file;
  }
}

/** Published requests have the variables of their collection; organizations become one, all else something of its own. */
const filled = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(filled);
  if (isObject(value)) return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, filled(child)]));
  if (typeof value !== 'string') return value;
  return value
    .replaceAll(/\{\{[^}]*org[^}]*\}\}/gi, '10000004')
    .replaceAll(/\{\{[^}]*(date|time)[^}]*\}\}/gi, '2024-01-01T00:00:00+00:00')
    .replaceAll(/\{\{([^}]*)\}\}/g, 'x-$1');
};

function* resourcesOf(body: unknown): Generator<JsonObject> {
  if (!isObject(body) || typeof body.resourceType !== 'string') return;
  if (body.resourceType !== 'Bundle') yield body;
  else for (const entry of asList(body.entry)) yield* resourcesOf(asObject(entry).resource);
}

function* examplesOf(folder: string): Generator<Example> {
  for (const file of filesBelow(folder)) {
    let content: JsonObject;
    try {
      content = asObject(JSON.parse(readFileSync(file, 'utf8')));
    } catch {
      continue;
    }
    const { request, responses, response } = content;
    if (!isObject(request)) continue;
    const answers = (Array.isArray(responses) ? responses : [response]).filter(isObject);
    const accepted = answers.some(({ status }) => status === 200 || status === 201);
    const name = path.relative(folder, file);
    const creating = request.method === 'POST';
    if (creating || request.method === 'PUT') {
      for (const resource of resourcesOf(filled(request.body))) yield { file: name, resource, accepted, creating };
    }
    for (const { status, body } of answers) {
      if ((status !== 200 && status !== 201) || (!creating && request.method !== 'PUT')) continue;
      for (const resource of resourcesOf(body)) yield { file: `${name} (answer)`, resource, accepted: true, creating };
    }
  }
}

/** The organization that sent it: whose identifiers it has. */
function senderOf(resource: JsonObject): string {
  const text = JSON.stringify(resource);
  return (
    /"serviceProvider":\{[^}]*"Organization\/([^"]+)"/.exec(text)?.[1] ??
    /"system":"http:\/\/sys-ids\.kemkes\.go\.id\/[a-z-]+\/([0-9A-Za-z-]+)(?:\/[a-z]+)?"/.exec(text)?.[1] ??
    '10000004'
  );
}

export interface Difference {
  readonly file: string;
  readonly text: string;
  readonly expression: string;
  readonly why: string | undefined;
}

export interface Outcome {
  readonly accepted: number;
  readonly others: number;
  /** Findings on accepted bodies. */
  readonly differences: readonly Difference[];
  readonly refusedOthers: readonly Difference[];
  /** Findings of the service's pre-flight on accepted bodies that the simulator takes too. */
  readonly preflight: readonly string[];
}

/** @param folder with recordings, read with all folders below it */
export function checkExamples(folder: string): Outcome {
  const differences: Difference[] = [];
  const refusedOthers: Difference[] = [];
  const preflight: string[] = [];
  let accepted = 0;
  let others = 0;
  for (const example of examplesOf(folder)) {
    const { file, resource, creating } = example;
    const type = asText(resource.resourceType) ?? '';
    // Patients and practitioners are read back masked: that is nothing one could send.
    if (/\(answer\)$/.test(file) && ['Patient', 'Practitioner', 'OperationOutcome'].includes(type)) continue;
    if (example.accepted) accepted++;
    else others++;
    const context = { organizationId: senderOf(resource), now: Date.parse('2027-01-01T00:00:00Z'), creating };
    const found = book.check(resource, type, context);
    if (example.accepted) {
      const known = new Set(found.map(({ details }) => /RuleNumber: (\d+)/.exec(details.text)?.[1]));
      for (const each of service.check(resource as never, { now: '2027-01-01T00:00:00Z', organizationId: context.organizationId })) {
        // A first POST may come without its history; what is explained for the simulator is so for the service.
        const isExplained = known.has(each.rule) || (creating && each.rule === '10122');
        if (!isExplained) preflight.push(`${file}: ${type} ${each.code} ${each.rule} ${each.expression}`);
      }
    }
    for (const { details, expression = [] } of found) {
      const rule = Number(/RuleNumber: (\d+)/.exec(details.text)?.[1]);
      const why = EXPLAINED.find(
        (each) => each.rule === rule && (each.file?.test(file) ?? true) && (each.text?.test(details.text) ?? true),
      )?.why;
      (example.accepted ? differences : refusedOthers).push({
        file: `${file}: ${type}`,
        text: details.text,
        expression: expression[0] ?? '',
        why,
      });
    }
  }
  return { accepted, others, differences, refusedOthers, preflight };
}

type Mutable = Record<string, unknown>;

/** The element rules' published answers: which request provokes each, when one thing in it is changed. */
const MUTATIONS: readonly {
  readonly answer: string;
  readonly type: string;
  readonly mutate: (body: Mutable) => void;
  readonly floor?: '2022-08-31';
}[] = [
  { answer: 'code-not-found', type: 'Encounter', mutate: (body) => Object.assign(asObject(body.class), { code: 'xxx' }) },
  {
    answer: 'invalid-coding-system',
    type: 'Encounter',
    mutate: (body) => {
      const coding = asList(asObject(asList(asObject(asList(body.participant)[0]).type)[0]).coding)[0];
      Object.assign(asObject(coding), { system: 'http://xxx.org' });
    },
  },
  {
    answer: 'invalid-identifier-system',
    type: 'Encounter',
    mutate: (body) => Object.assign(asObject(asList(body.identifier)[0]), { system: 'http://xxx.org' }),
  },
  { answer: 'reference-mandatory', type: 'Encounter', mutate: (body) => Object.assign(body, { serviceProvider: undefined }) },
  { answer: 'invalid-datetime-format', type: 'Composition', mutate: (body) => Object.assign(body, { date: '2022-06-14' }) },
  {
    answer: 'invalid-datetime-value',
    type: 'Composition',
    mutate: (body) => Object.assign(body, { date: '2021-06-02T12:28:03Z' }),
    floor: '2022-08-31',
  },
  { answer: 'text-empty', type: 'Composition', mutate: (body) => Object.assign(body, { title: '' }) },
  // No request for a Claim was published: these two begin with an empty one.
  { answer: 'element-not-found', type: 'Claim', mutate: (body) => Object.assign(body, { insurance: [{}] }) },
  { answer: 'integer-as-string', type: 'Claim', mutate: (body) => Object.assign(body, { careTeam: [{ sequence: 'Satu' }] }) },
];

/** Answers of the element rules in `errors/` that no changed request brings back to the letter. */
function checkAnswers(folder: string): readonly string[] {
  const examples = [...examplesOf(folder)].filter(({ accepted, creating, file }) => accepted && creating && !file.endsWith('(answer)'));
  return MUTATIONS.flatMap(({ answer, type, mutate, floor }) => {
    let recorded: unknown;
    try {
      const file = path.join(folder, 'errors', `OperationOutcome-${answer}.json`);
      recorded = asObject(asObject(asObject(JSON.parse(readFileSync(file, 'utf8'))).response).body).issue;
    } catch {
      return [`${answer}: not in this folder`];
    }
    const given = examples.find(({ resource }) => resource.resourceType === type)?.resource ?? { resourceType: type };
    const body = structuredClone(given) as Mutable;
    mutate(body);
    const strictness = { ...DEFAULT_SETTINGS.strictness, dateFloor: floor ?? DEFAULT_SETTINGS.strictness.dateFloor };
    const context = { organizationId: senderOf(given), now: Date.parse('2027-01-01T00:00:00Z'), creating: true, strictness };
    const found = book.check(body, type, context);
    return isDeepStrictEqual(found, recorded) ? [] : [`${answer}: ${JSON.stringify(found)}`];
  });
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2] ?? process.env.ILP_EXAMPLES;
  if (folder === undefined) process.stdout.write('No folder with recordings (argument, or ILP_EXAMPLES): nothing was checked.\n');
  else {
    const { accepted, others, differences, refusedOthers, preflight } = checkExamples(folder);
    const print = (list: readonly Difference[]): void => {
      for (const { file, text, expression, why } of list) {
        process.stdout.write(`  ${file}\n    ${text} ${expression}\n${why === undefined ? '' : `    ${why}\n`}`);
      }
    };
    const open = differences.filter(({ why }) => why === undefined);
    process.stdout.write(`Accepted by the platform: ${accepted} resources. Refused here: ${open.length} findings.\n`);
    print(open);
    process.stdout.write(`Differences with a reason: ${differences.length - open.length}.\n`);
    print(differences.filter(({ why }) => why !== undefined));
    process.stdout.write(`Without a recorded answer: ${others} resources, ${refusedOthers.length} findings.\n`);
    print(refusedOthers);
    process.stdout.write(`Refused by the pre-flight alone: ${preflight.length}.\n${preflight.map((line) => `  ${line}\n`).join('')}`);
    const answers = checkAnswers(folder);
    process.stdout.write(
      `Recorded answers of the element rules: ${MUTATIONS.length}, not brought back to the letter: ${answers.length}.\n`,
    );
    for (const line of answers) process.stdout.write(`  ${line}\n`);
    if (open.length > 0 || answers.length > 0 || preflight.length > 0) process.exitCode = 1;
  }
}
