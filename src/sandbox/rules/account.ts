import { CHECKS } from './checks.ts';
import type { PlatformRule } from './table.ts';

/**
 * How sure the text of an answer is: published by the platform; seen on its staging server; or ours, because the platform names
 * the class without a text (`class`), or nothing at all (`none`).
 */
export type Certainty = 'published' | 'live' | 'class' | 'none';

export interface CheckClass {
  readonly check: string;
  readonly meaning: string;
  /** With the fields of one finding in braces; several where one check has several answers. */
  readonly answers: readonly { readonly text: string; readonly certainty: Certainty }[];
}

const published = (text: string) => ({ text, certainty: 'published' }) as const;
const live = (text: string) => ({ text, certainty: 'live' }) as const;
const ofClass = (text: string) => ({ text, certainty: 'class' }) as const;
const ours = (text: string) => ({ text, certainty: 'none' }) as const;

const CODE = published("Code not found: '{code}' in system: {system}");
const UNMARSHAL = published('Failed to unmarshal request payload (RuleNumber: 20008)');

/** Every class of check in the table, with its answers; `mandatory` is the requirement, which any rule may have besides. */
export const CHECK_CLASSES: readonly CheckClass[] = [
  {
    check: 'mandatory',
    meaning: 'the element is there; of conditional rules, when their condition holds',
    answers: [published('Element not found: {element}'), published('Reference is mandatory : {element}')],
  },
  {
    check: 'system',
    meaning: 'every coding is of an allowed system, and its code can be in the platform’s copy',
    answers: [published('Invalid coding system: {system}'), CODE],
  },
  { check: 'code', meaning: 'one of the codes of FHIR', answers: [CODE] },
  {
    check: 'episode-active',
    meaning: 'as code; besides, one active episode per patient and type over all organizations, judged against the store',
    answers: [CODE, live('found duplicated EpisodeOfCare Type with status active. (Rule Number: 10109)')],
  },
  {
    check: 'identifier-system',
    meaning: 'an allowed system, of the organization that sends; visit codes of programmes are in their list',
    answers: [published('Invalid identifier system: {system}'), live("Identifier value not found: '{value}' in system: {system}")],
  },
  { check: 'system-uri', meaning: 'the element is itself an allowed system', answers: [published('Invalid coding system: {system}')] },
  {
    check: 'identifier-uri',
    meaning: 'the element is itself an allowed system',
    answers: [published('Invalid identifier system: {system}')],
  },
  {
    check: 'prescription-identifiers',
    meaning: 'the number of the prescription and of its item, or the national number',
    answers: [published('Invalid identifier system: {system}'), published('Element not found: {element}')],
  },
  {
    check: 'reference',
    meaning: 'leads to one of the types named; that it leads to something that exists is rule 20007, for every reference',
    answers: [ofClass('Invalid reference: {reference}'), published('Resource not found {reference} (RuleNumber: 20007)')],
  },
  {
    check: 'sender-organization',
    meaning: 'the organization of the credential',
    answers: [published('Reference is mandatory : {element}')],
  },
  {
    check: 'dateTime',
    meaning: 'every part and a zone, and inside the window of the table',
    answers: [
      published('Invalid date time format : {value}. Format allowed : YYYY-MM-DDThh:mm:ss+00:00'),
      live('Invalid date time value : {value} Not Allowed : Future Date or Past Date before 3rd June 2014'),
      published('Invalid date time value : {value} Not Allowed : Future Date or Past Date older than 31st August 2022'),
    ],
  },
  {
    check: 'date',
    meaning: 'a date; of a vaccine’s expiry, not before it was given',
    answers: [
      ours('Invalid date time format : {value}. Format allowed : YYYY-MM-DD'),
      ours('Invalid date time value : {value} Not Allowed : Past Date before {element}'),
    ],
  },
  { check: 'time', meaning: 'a time of day', answers: [ours('Invalid date time format : {value}. Format allowed : hh:mm:ss')] },
  {
    check: 'period',
    meaning: 'the end is not before the start; found by the store, after all rules',
    answers: [live('unparseable_resource, fhirpath-constraint-violation-{element}')],
  },
  { check: 'text', meaning: 'not empty', answers: [published("Text is empty: ''"), UNMARSHAL] },
  {
    check: 'integer',
    meaning: 'a whole number, not a text; a positiveInt from 1, an unsignedInt from 0',
    answers: [published("Integer formated as a string: '{value}'"), ofClass('Invalid integer value: {value}')],
  },
  { check: 'decimal', meaning: 'a number, not a text', answers: [ofClass('Invalid decimal value: {value}')] },
  { check: 'boolean', meaning: 'true or false, not a text', answers: [ofClass('Invalid boolean value: {value}')] },
  { check: 'kind', meaning: 'an object, as its type wants', answers: [UNMARSHAL] },
  {
    check: 'status-history',
    meaning: 'when a visit is finished, every status it had has a start and an end',
    answers: [published('Element not found: {element}')],
  },
  {
    check: 'immunization-performer',
    meaning: 'AP or OP of what was given here, EP of what was reported; any of them when a report origin is named',
    answers: [live('Performer function must contains code {codes}')],
  },
  {
    check: 'kfa-one-code',
    meaning: 'exactly one code of KFA where there are codings',
    answers: [published('Invalid coding system: {system}'), CODE, ours('Only one KFA code is allowed: {element}')],
  },
  {
    check: 'address-parent',
    meaning: 'each administrative code begins with that of the level above it',
    answers: [ours("Code not found: '{code}' in system: http://sys-ids.kemkes.go.id/administrative-area")],
  },
  {
    check: 'questionnaire',
    meaning: 'the canonical of a questionnaire of the ministry',
    answers: [ours("Code not found: '{value}' in system: http://terminology.kemkes.go.id/CodeSystem/kuesioner-ihs")],
  },
  {
    check: 'patch-path',
    meaning: 'PATCH replaces the whole element',
    answers: [published('Use {element} instead of {path} to patch {type}')],
  },
];

export interface Account {
  readonly state: 'evaluated' | 'elsewhere' | 'replaced' | 'not evaluated';
  /** What is judged, by whom, or why nothing is. */
  readonly detail: string;
}

const ELSEWHERE: Readonly<Record<string, string>> = { period: 'by the store', 'patch-path': 'by PATCH' };

/** What becomes of one rule of the table. */
export function accountOf(rule: PlatformRule): Account {
  if (rule.replacedBy !== undefined) return { state: 'replaced', detail: `by ${rule.replacedBy}, of the same element` };
  const isRequired = rule.requirement === 'mandatory' || (rule.requirement === 'conditional' && rule.when !== undefined);
  // Of a reference that may lead anywhere only its existence is judged.
  const leadsAnywhere = rule.check === 'reference' && rule.targets === undefined;
  const judged = CHECKS[rule.check] === undefined || leadsAnywhere ? [] : [rule.check];
  const here = [...(isRequired ? ['mandatory'] : []), ...judged];
  const there = leadsAnywhere ? 'existence only, by the store' : ELSEWHERE[rule.check];
  const parts = [...here, ...(there === undefined ? [] : [`${rule.check} (${there})`])];
  if (parts.length === 0) return { state: 'not evaluated', detail: rule.why ?? '' };
  return { state: here.length > 0 ? 'evaluated' : 'elsewhere', detail: parts.join(', ') };
}
