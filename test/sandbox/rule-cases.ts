import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type CodeSystem, type PlatformRule, type RuleTable, readRuleTable } from '../../src/sandbox/rules.ts';

/** Resources made from the rule table: one that fulfils every rule of its type, and for each rule values that break it. */

// biome-ignore lint/suspicious/noExplicitAny: bodies of any type are built and broken here
export type Body = Record<string, any>;

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

export const TABLE: RuleTable = readRuleTable(read('profiles/platform-rules.json'));
const ELEMENTS = JSON.parse(read('profiles/r4/elements.json')) as Record<string, { elements: Record<string, { max: number | string }> }>;

export const ORGANIZATION = '10000004';
const MOMENT = '2026-08-01T01:00:00+00:00';
const DAY = '2026-08-02';

export const typeOf = ({ path: at }: PlatformRule): string => at.slice(0, at.indexOf('.'));
export const pathOf = ({ path: at }: PlatformRule): string => at.slice(at.indexOf('.') + 1);

/** A concrete key for a choice that the table leaves open. */
export const CHOICES: Readonly<Record<string, string>> = {
  'occurrence[x]': 'occurrenceDateTime',
  'medication[x]': 'medicationReference',
  'multipleBirth[x]': 'multipleBirthInteger',
};

interface Place {
  readonly key: string;
  readonly list: boolean;
  readonly extension: string | undefined;
}

const placesOf = (type: string, at: string): readonly Place[] => {
  let within = type;
  return at.split('.').map((step) => {
    const extension = /^extension\((.+)\)$/.exec(step)?.[1];
    const key = extension === undefined ? (CHOICES[step] ?? step) : 'extension';
    const element = ELEMENTS[within]?.elements[key];
    const list = key === 'extension' || key === 'coding' || element?.max === '*';
    within = `${within}.${key}`;
    return { key, list, extension };
  });
};

/** Sets the value at a path; what leads there is made, and a list gets it as its first item. */
export function place(resource: Body, type: string, at: string, value: unknown): void {
  let parent = resource;
  const places = placesOf(type, at);
  for (const [index, { key, list, extension }] of places.entries()) {
    const isLast = index === places.length - 1;
    if (list) parent[key] ??= [];
    const url = extension?.[0]?.match(/[A-Z]|a(?=dministrative)/)
      ? `https://fhir.kemkes.go.id/r4/StructureDefinition/${extension}`
      : extension;
    if (isLast) {
      if (list) parent[key][0] = value;
      else parent[key] = value;
    } else if (list) {
      const items = parent[key] as Body[];
      if (extension !== undefined && !items.some((item) => item.url === url)) items.push({ url });
      items[0] ??= {};
      parent = (extension === undefined ? items[0] : items.find((item) => item.url === url)) as Body;
    } else {
      parent[key] ??= {};
      parent = parent[key];
    }
  }
}

/** Takes the element away, wherever the path leads. */
export function remove(resource: Body, type: string, at: string): void {
  const places = placesOf(type, at);
  const last = places.at(-1) as Place;
  let parents: Body[] = [resource];
  for (const { key } of places.slice(0, -1)) parents = parents.flatMap((parent) => parent[key] ?? []).flat();
  for (const parent of parents) {
    if (last.extension !== undefined)
      parent.extension = (parent.extension ?? []).filter(({ url }: Body) => !url.endsWith(String(last.extension)));
    else delete parent[last.key];
  }
}

const SYSTEMS = new Map((TABLE.codeSystems ?? []).map((each) => [each.system, each]));

/** A real code for each system that is judged by its form. */
const REAL_CODES: Readonly<Record<string, string>> = {
  'http://loinc.org': '8480-6',
  'http://snomed.info/sct': '38341003',
  'http://hl7.org/fhir/sid/icd-10': 'A00.0',
  'http://hl7.org/fhir/sid/icd-9-cm': '89.03',
  'http://hl7.org/fhir/sid/cvx': '10',
  'http://sys-ids.kemkes.go.id/kfa': '93001282',
  'urn:iso:std:iso:4217': 'IDR',
  'http://terminology.hl7.org/CodeSystem/v2-0443': 'AP',
};

const goodCode = ({ codes }: PlatformRule, system: string): string =>
  (codes?.[system] ?? SYSTEMS.get(system)?.codes)?.split(' ')[0] ?? REAL_CODES[system] ?? 'any-code';

/** The first system of which a code can be wrong. */
function judgedSystem({ systems = [], codes }: PlatformRule): string | undefined {
  const isClosed = (each: CodeSystem | undefined): boolean => each !== undefined && !each.open;
  return systems.find((system) => codes?.[system] !== undefined || isClosed(SYSTEMS.get(system)));
}

const withOrganization = (system: string): string => system.replace(':id', ORGANIZATION);

const isCoded = ({ type }: PlatformRule): boolean => type === 'CodeableConcept';

function concept(rule: PlatformRule, system: string, code: string): Body {
  if (isCoded(rule)) return { coding: [{ system, code }] };
  return rule.type === 'Coding' ? { system, code } : { value: 1, system, code };
}

const ADMINISTRATIVE = ['province:33', 'city:3329', 'district:332901', 'village:3329012001'].map((each) => ({
  url: each.split(':')[0],
  valueCode: each.split(':')[1],
}));

const BY_TYPE: Readonly<Record<string, unknown>> = {
  Identifier: { system: 'urn:ietf:rfc:3986', value: '1' },
  code: 'active',
  uri: 'urn:any',
  Coding: { system: 'urn:any', code: 'any' },
  CodeableConcept: { text: 'teks' },
  BackboneElement: {},
  Reference: { reference: 'Patient/1' },
  Period: { start: MOMENT, end: MOMENT },
};

/** A value that the rule accepts. */
export function goodValue(rule: PlatformRule): unknown {
  const [system = ''] = rule.systems ?? [];
  switch (rule.check) {
    case 'system':
      return concept(rule, system, goodCode(rule, system));
    case 'kfa-one-code':
      return { coding: [{ system, code: goodCode(rule, system) }] };
    case 'identifier-system':
      return { system: withOrganization(system), value: SYSTEMS.has(system) ? goodCode(rule, system) : '1' };
    case 'prescription-identifiers':
      return { system: 'http://sys-ids.kemkes.go.id/prescription/national', value: '1' };
    case 'system-uri':
    case 'identifier-uri':
      return withOrganization(system);
    case 'code':
    case 'episode-active':
      return goodCode(rule, system);
    case 'reference':
      return { reference: `${rule.targets?.[0] ?? 'Patient'}/1` };
    case 'sender-organization':
      return { reference: `Organization/${ORGANIZATION}` };
    case 'dateTime':
      return MOMENT;
    case 'date':
      return DAY;
    case 'time':
      return '08:00:00';
    case 'text':
      return 'teks';
    case 'integer':
      return 1;
    case 'decimal':
      return 1.5;
    case 'boolean':
      return true;
    case 'kind':
      return { value: 1 };
    case 'period':
      return { start: MOMENT, end: MOMENT };
    case 'status-history':
      return { status: 'arrived', period: { start: MOMENT, end: MOMENT } };
    case 'immunization-performer':
      return { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0443', code: 'AP' }] };
    case 'address-parent':
      return { url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/administrativeCode', extension: structuredClone(ADMINISTRATIVE) };
    case 'questionnaire':
      return 'https://fhir.kemkes.go.id/Questionnaire/Q0006';
    default:
      if (pathOf(rule).endsWith('[x]')) return rule.path.startsWith('Patient') ? 1 : MOMENT;
      return structuredClone(BY_TYPE[rule.type ?? ''] ?? {});
  }
}

export interface Bad {
  readonly value: unknown;
  /** Text of the finding, without what follows the rule's number. */
  readonly text: string;
  readonly code: 'value' | 'format' | 'invalid';
  /** How its expression ends; undefined when the platform gives none. */
  readonly at: string | undefined;
}

const XXX = 'http://xxx.org';

/** Values that the rule refuses, each with the platform's answer. */
export function badValues(rule: PlatformRule): readonly Bad[] {
  const number = `(RuleNumber: ${rule.rule})`;
  const bad = (value: unknown, text: string, at?: string, code: Bad['code'] = 'value'): Bad => ({ value, text, code, at });
  const below = isCoded(rule) || rule.check === 'kfa-one-code' ? '.coding[0]' : '';
  const wrongCode = (value: (system: string) => unknown, at: string): readonly Bad[] => {
    const system = judgedSystem(rule);
    return system === undefined ? [] : [bad(value(system), `Code not found: 'zz?' in system: ${system} ${number}`, at)];
  };
  const unmarshal = (value: unknown): Bad => bad(value, 'Failed to unmarshal request payload (RuleNumber: 20008)', '', 'invalid');
  switch (rule.check) {
    case 'system':
      return [
        bad(concept(rule, XXX, 'any'), `Invalid coding system: ${XXX} ${number}`, `${below}.system`),
        ...wrongCode((system) => concept(rule, system, 'zz?'), `${below}.code`),
      ];
    case 'kfa-one-code': {
      const kfa = (code: string) => ({ system: rule.systems?.[0], code });
      return [
        bad({ coding: [{ system: XXX, code: '1' }] }, `Invalid coding system: ${XXX} ${number}`, `${below}.system`),
        bad({ coding: [kfa('zz?')] }, `Code not found: 'zz?' in system: ${rule.systems?.[0]} ${number}`, `${below}.code`),
        bad({ coding: [kfa('93001282'), kfa('93001283')] }, `Only one KFA code is allowed: ${rule.path}.coding ${number}`),
      ];
    }
    case 'identifier-system':
      return [bad({ system: XXX, value: '1' }, `Invalid identifier system: ${XXX} ${number}`, '.system'), ...foreign(rule, bad, number)];
    case 'prescription-identifiers':
      return [
        bad({ system: XXX, value: '1' }, `Invalid identifier system: ${XXX} ${number}`, '.system'),
        bad(
          { system: `http://sys-ids.kemkes.go.id/prescription/${ORGANIZATION}`, value: '1' },
          `Element not found: MedicationRequest.identifier ${number}`,
        ),
      ];
    case 'system-uri':
      return [bad(XXX, `Invalid coding system: ${XXX} ${number}`, '')];
    case 'identifier-uri':
      return [bad(XXX, `Invalid identifier system: ${XXX} ${number}`, '')];
    case 'code':
    case 'episode-active':
      return wrongCode(() => 'zz?', '').map((each) => ({
        ...each,
        text: each.text.replace(/in system: \S+/, `in system: ${rule.systems?.[0]}`),
      }));
    case 'reference': {
      if (rule.targets === undefined) return [];
      return [bad({ reference: 'Binary/1' }, `Invalid reference: Binary/1 ${number}`, '.reference')];
    }
    case 'sender-organization':
      return [bad({ reference: 'Organization/10000009' }, `Reference is mandatory : ${rule.path} ${number}`)];
    case 'dateTime':
      return dateTimes(rule, bad, number);
    case 'date':
      return [bad('2026-02-30', `Invalid date time format : 2026-02-30 ${number}. Format allowed : YYYY-MM-DD`, '', 'format')];
    case 'time':
      return [bad('25:00', `Invalid date time format : 25:00 ${number}. Format allowed : hh:mm:ss`, '', 'format')];
    case 'text':
      return [bad(' ', `Text is empty: '' ${number}`), unmarshal(5)];
    case 'integer':
      return [
        bad('Satu', `Integer formated as a string: 'Satu' ${number}`),
        bad(1.5, `Invalid integer value: 1.5 ${number}`),
        ...(rule.type === 'positiveInt' ? [bad(0, `Invalid integer value: 0 ${number}`)] : []),
        ...(rule.type === 'unsignedInt' ? [bad(-1, `Invalid integer value: -1 ${number}`)] : []),
      ];
    case 'decimal':
      return [bad('1,5', `Invalid decimal value: 1,5 ${number}`)];
    case 'boolean':
      return [bad('true', `Invalid boolean value: true ${number}`)];
    case 'kind':
      return [unmarshal('P2Y')];
    case 'immunization-performer':
      return [bad({ coding: [{ code: 'EP' }] }, `Performer function must contains code AP or OP ${number}`)];
    case 'address-parent':
      return addresses(rule, bad, number);
    case 'questionnaire':
      return [bad('Q0006', `Code not found: 'Q0006' in system: http://terminology.kemkes.go.id/CodeSystem/kuesioner-ihs ${number}`, '')];
    default:
      return [];
  }
}

type Make = (value: unknown, text: string, at?: string, code?: Bad['code']) => Bad;

/** Somebody else's identifier system, and a visit code that is in no list. */
function foreign({ systems = [] }: PlatformRule, bad: Make, number: string): readonly Bad[] {
  const own = systems.find((system) => system.includes(':id'));
  const listed = systems.find((system) => SYSTEMS.has(system));
  return [
    ...(own === undefined
      ? []
      : [own.replace(':id', '10000009')].map((system) =>
          bad({ system, value: '1' }, `Invalid identifier system: ${system} ${number}`, '.system'),
        )),
    ...(listed === undefined
      ? []
      : [bad({ system: listed, value: 'K9' }, `Identifier value not found: 'K9' in system: ${listed} ${number}`, '.value')]),
  ];
}

function dateTimes({ path: at }: PlatformRule, bad: Make, number: string): readonly Bad[] {
  const { noMinimum = [], futureAllowed } = TABLE.dateWindow;
  const outside = (value: string): Bad =>
    bad(value, `Invalid date time value : ${value} ${number} Not Allowed : Future Date or Past Date before 3rd June 2014`, '');
  return [
    bad('2022-06-14', `Invalid date time format : 2022-06-14 ${number}. Format allowed : YYYY-MM-DDThh:mm:ss+00:00`, '', 'format'),
    ...(noMinimum.includes(at) ? [] : [outside('2014-06-02T23:59:59Z')]),
    ...(futureAllowed.includes(at) ? [] : [outside('2126-01-01T00:00:00Z')]),
  ];
}

function addresses({ level }: PlatformRule, bad: Make, number: string): readonly Bad[] {
  const value = { url: 'https://fhir.kemkes.go.id/r4/StructureDefinition/administrativeCode', extension: structuredClone(ADMINISTRATIVE) };
  const index = value.extension.findIndex(({ url }) => url === level);
  const own = value.extension[index] as { url: string; valueCode: string };
  // Nothing lies below a province here: its own code is wrong; every other level lies in another place than the one above it.
  own.valueCode = level === 'province' ? '333' : `99${own.valueCode.slice(2)}`;
  return [
    bad(
      value,
      `Code not found: '${own.valueCode}' in system: http://sys-ids.kemkes.go.id/administrative-area ${number}`,
      `.extension[${index}].valueCode`,
    ),
  ];
}

/** What {@link holds} for a term of `when`; a term of other elements than the resource's own is fulfilled by the resource. */
function holds(resource: Body, term: string): boolean {
  const [, at = '', operator, wanted = ''] = /^(.+?)(?:(!?=)(.*))?$/.exec(term) ?? [];
  let values: unknown[] = [resource];
  for (const step of at.split('.')) values = values.flatMap((value) => (value as Body)?.[step] ?? []);
  if (operator === undefined) return values.length > 0;
  return values.some((value) => String(value) === wanted) === (operator === '=');
}

const isEnforced = (rule: PlatformRule, resource: Body): boolean =>
  rule.requirement === 'mandatory' ||
  (rule.requirement === 'conditional' && rule.when !== undefined && rule.when.every((term) => holds(resource, term)));

export const evaluated = TABLE.rules.filter(({ replacedBy }) => replacedBy === undefined);

/** Has every element that the rules of its type want. */
export const goodResource = (type: string): Body => complete({ resourceType: type });

/** Adds what the rules want. */
export function complete(resource: Body): Body {
  const type = String(resource.resourceType);
  const rules = evaluated.filter((rule) => typeOf(rule) === type);
  // A rule may want something because another one put something there.
  for (let round = 0; round < 3; round++) {
    for (const rule of rules) {
      if (!isEnforced(rule, resource) || has(resource, type, pathOf(rule))) continue;
      place(resource, type, pathOf(rule), goodValue(rule));
    }
  }
  return resource;
}

function has(resource: Body, type: string, at: string): boolean {
  let values: unknown[] = [resource];
  for (const { key, extension } of placesOf(type, at)) {
    values = values.flatMap((value) => (value as Body)?.[key] ?? []);
    if (extension !== undefined) values = values.filter((value) => String((value as Body).url).endsWith(extension));
  }
  return values.length > 0;
}

/** Makes every term of `when` true. */
export function fulfil(resource: Body, type: string, when: readonly string[]): void {
  for (const term of when) {
    const [, at = '', operator, wanted = ''] = /^(.+?)(?:(!?=)(.*))?$/.exec(term) ?? [];
    if (operator === '=') place(resource, type, at, wanted === 'true' ? true : wanted);
    else if (operator === undefined && !holds(resource, term)) place(resource, type, at, {});
  }
}
