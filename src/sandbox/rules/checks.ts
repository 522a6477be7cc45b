import { type OutcomeIssue, issues as platformIssues } from '../errors.ts';
import { asObject, asText, type Found, isObject, type JsonObject } from '../json.ts';
import { CREATOR_SYSTEM } from '../resources.ts';
import type { Strictness } from '../settings.ts';
import { type KnownCodes, listOf } from './codes.ts';
import { inWords, isDate, readDateTime } from './dates.ts';
import { compilePath, valuesAt } from './path.ts';
import type { PlatformRule, RuleTable } from './table.ts';
import { show, texts } from './texts.ts';

/** What a check may look at besides the element. */
export interface Judged {
  readonly resource: JsonObject;
  readonly organizationId: string;
  readonly now: number;
  readonly strictness: Strictness;
}

export type Judge = (item: Found, judged: Judged) => readonly OutcomeIssue[];

export interface CheckContext {
  readonly table: RuleTable;
  readonly codes: ReadonlyMap<string, KnownCodes>;
}

const NOTHING: readonly OutcomeIssue[] = [];
const SYSTEM = compilePath('coding');
const PERFORMERS = compilePath('performer');
const FUNCTION_CODES = compilePath('function.coding.code');

/** The text of an element that is not text, number or boolean as FHIR wants it is that of the step before the rules. */
const unmarshal = (at: string): readonly OutcomeIssue[] => [platformIssues.unmarshal(at)];

/** The checks by the name they have in the table; `none` and checks that are answered elsewhere have no function here. */
export const CHECKS: Readonly<Record<string, (rule: PlatformRule, context: CheckContext) => Judge>> = {
  system: systems,
  'system-uri':
    ({ rule, systems: allowed = [] }) =>
    ({ value, expression }) =>
      allowed.includes(value as string) ? NOTHING : [texts.codingSystem(rule, value, expression)],
  'identifier-system': identifier,
  'identifier-uri':
    ({ rule, systems: allowed = [] }) =>
    ({ value, expression }, { organizationId }) =>
      value === CREATOR_SYSTEM || isOwn(allowed, value, organizationId) ? NOTHING : [texts.identifierSystem(rule, value, expression)],
  'prescription-identifiers': prescription,
  code,
  'episode-active': code,
  dateTime,
  date,
  time:
    ({ rule }) =>
    ({ value, expression }) =>
      typeof value === 'string' && /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?$/.test(value)
        ? NOTHING
        : [texts.dateFormat(rule, value, 'hh:mm:ss', expression)],
  text:
    ({ rule }) =>
    ({ value, expression }) => {
      if (typeof value !== 'string') return unmarshal(expression);
      return value.trim() === '' ? [texts.textEmpty(rule)] : NOTHING;
    },
  integer,
  decimal:
    ({ rule }) =>
    ({ value }) =>
      typeof value === 'number' ? NOTHING : [texts.decimalValue(rule, value)],
  boolean:
    ({ rule }) =>
    ({ value }) =>
      typeof value === 'boolean' ? NOTHING : [texts.booleanValue(rule, value)],
  kind:
    () =>
    ({ value, expression }) =>
      isObject(value) ? NOTHING : unmarshal(expression),
  reference,
  'sender-organization':
    ({ rule }) =>
    ({ value, expression }, { organizationId }) => {
      const given = asText(asObject(value).reference);
      if (given === undefined || given === `Organization/${organizationId}`) return NOTHING;
      // Only the "mandatory" text was ever published for this number; the rule itself compares with the caller's Organization.
      return [texts.referenceMandatory(rule, expression)];
    },
  'status-history': statusHistory,
  'immunization-performer': immunizationPerformer,
  'kfa-one-code': kfaOneCode,
  'address-parent': addressParent,
  questionnaire:
    ({ rule }) =>
    ({ value, expression }) =>
      typeof value === 'string' && /^https:\/\/fhir\.kemkes\.go\.id\/Questionnaire\/Q\d{4}$/.test(value)
        ? NOTHING
        : [texts.codeNotFound(rule, value, 'http://terminology.kemkes.go.id/CodeSystem/kuesioner-ihs', expression)],
};

function systems(rule: PlatformRule, context: CheckContext): Judge {
  const allowed = new Set(rule.systems);
  const knows = knownTo(rule, context);
  const isConcept = rule.type === 'CodeableConcept';
  const isCoding = rule.type === 'Coding';
  const judgeOne = (coding: unknown, at: string, { strictness }: Judged, found: OutcomeIssue[]): void => {
    const { system, code } = asObject(coding);
    // A quantity may have a unit in words only.
    if (!isConcept && !isCoding && system === undefined) return;
    if (typeof system !== 'string' || !allowed.has(system)) {
      found.push(texts.codingSystem(rule.rule, system ?? '', `${at}.system`));
    } else if (!knows(system, code, strictness)) {
      found.push(texts.codeNotFound(rule.rule, code ?? '', system, `${at}.code`));
    }
  };
  return ({ value, expression }, judged) => {
    const found: OutcomeIssue[] = [];
    if (!isConcept) judgeOne(value, expression, judged, found);
    else {
      const codings = valuesAt(SYSTEM, value, expression);
      if (codings.length === 0 && rule.requirement === 'mandatory') found.push(texts.elementNotFound(rule.rule, `${expression}.coding`));
      for (const coding of codings) judgeOne(coding.value, coding.expression, judged, found);
    }
    return found;
  };
}

/** Whether a code of an allowed system is one: the element's own list goes before the system's. */
function knownTo({ codes }: PlatformRule, context: CheckContext): (system: string, code: unknown, strictness: Strictness) => boolean {
  const own = new Map(Object.entries(codes ?? {}).map(([system, list]) => [system, listOf(list)]));
  return (system, code, { unknownCodes }) => {
    const known = own.get(system) ?? context.codes.get(system);
    return known === undefined || (typeof code === 'string' && known.has(code, unknownCodes === 'refuse'));
  };
}

/** A bare code: one of the closed lists of its systems has it. An open list tells nothing, as the code does not name its system. */
function code(rule: PlatformRule, context: CheckContext): Judge {
  const own = Object.values(rule.codes ?? {}).map(listOf);
  const known = own.length > 0 ? own : (rule.systems ?? []).flatMap((system) => context.codes.get(system) ?? []);
  const closed = known.filter(({ open }) => !open);
  const [system = ''] = rule.systems ?? [];
  return ({ value, expression }) =>
    closed.length === 0 || (typeof value === 'string' && closed.some((each) => each.has(value, false)))
      ? NOTHING
      : [texts.codeNotFound(rule.rule, value, system, expression)];
}

/** `:id` in a system is the organization that sends; somebody else's is refused like an unknown system. */
const isOwn = (allowed: readonly string[], system: unknown, organizationId: string): boolean =>
  allowed.some((each) => each.replace(':id', organizationId) === system);

function identifier(rule: PlatformRule, context: CheckContext): Judge {
  const allowed = rule.systems ?? [];
  const knows = knownTo(rule, context);
  return ({ value, expression }, { organizationId, strictness }) => {
    const { system = '', value: given } = asObject(value);
    // A client that sends back what it read also sends the platform's own identifier.
    if (system === CREATOR_SYSTEM) return NOTHING;
    if (!isOwn(allowed, system, organizationId)) return [texts.identifierSystem(rule.rule, system, `${expression}.system`)];
    // Only the visit codes of programmes are a list.
    if (knows(system as string, given, strictness)) return NOTHING;
    return [texts.identifierValue(rule.rule, given ?? '', system as string, `${expression}.value`)];
  };
}

const IDENTIFIERS = compilePath('identifier');

/** A prescription has its own number and that of its item, or the national one. */
function prescription({ rule }: PlatformRule): Judge {
  const base = 'http://sys-ids.kemkes.go.id/';
  return ({ value, expression }, { resource, organizationId }) => {
    const all = valuesAt(IDENTIFIERS, resource, 'MedicationRequest');
    if (all[0]?.value !== value) return NOTHING;
    const given = all.map((item) => ({ ...item, system: asText(asObject(item.value).system) ?? '' }));
    const wrong = given.filter(({ system }) => !system.startsWith(base));
    if (wrong.length > 0) return wrong.map(({ system, expression: at }) => texts.identifierSystem(rule, system, `${at}.system`));
    const has = (kind: string): boolean => given.some(({ system }) => system === `${base}${kind}`);
    const complete = has('prescription/national') || (has(`prescription/${organizationId}`) && has(`prescription-item/${organizationId}`));
    return complete ? NOTHING : [texts.elementNotFound(rule, expression.replace(/\[0\]$/, ''))];
  };
}

function dateTime(rule: PlatformRule, { table }: CheckContext): Judge {
  const { noMinimum = [], futureAllowed, olderMin } = table.dateWindow;
  const hasFloor = !noMinimum.includes(rule.path);
  const mayBeFuture = futureAllowed.includes(rule.path);
  return ({ value, expression }, { now, strictness }) => {
    const at = readDateTime(value, strictness.dateOffset === 'utc');
    if (Number.isNaN(at)) return [texts.dateFormat(rule.rule, value, 'YYYY-MM-DDThh:mm:ss+00:00', expression)];
    const floor = strictness.dateFloor;
    if (!(hasFloor && at < Date.parse(floor)) && (mayBeFuture || at <= now)) return NOTHING;
    // Both wordings were seen: the older with the older date, the newer with the newer one.
    const past = `${floor === olderMin ? 'older than' : 'before'} ${inWords(floor)}`;
    return [texts.dateValue(rule.rule, value, `Future Date or Past Date ${past}`, expression)];
  };
}

function date(rule: PlatformRule): Judge {
  return ({ value, expression }, { resource }) => {
    if (!isDate(value)) return [texts.dateFormat(rule.rule, value, 'YYYY-MM-DD', expression)];
    const other = rule.after === undefined ? undefined : asText(resource[rule.after]);
    if (other === undefined || Date.parse(String(value)) >= Date.parse(other.slice(0, 10))) return NOTHING;
    return [texts.dateValue(rule.rule, value, `Past Date before ${rule.after}`, expression)];
  };
}

const LEAST: Readonly<Record<string, number>> = { positiveInt: 1, unsignedInt: 0 };

function integer(rule: PlatformRule): Judge {
  const least = LEAST[rule.type ?? ''] ?? Number.NEGATIVE_INFINITY;
  return ({ value }) => {
    if (typeof value === 'string') return [texts.integerAsText(rule.rule, value)];
    return Number.isInteger(value) && (value as number) >= least ? NOTHING : [texts.integerValue(rule.rule, value)];
  };
}

function reference({ rule, targets }: PlatformRule): Judge {
  const allowed = targets === undefined ? undefined : new Set(targets);
  return ({ value, expression }, { resource }) => {
    const given = asText(asObject(value).reference);
    // One without a literal reference is missing if it must be there, and tells nothing if not.
    if (allowed === undefined || given === undefined) return NOTHING;
    const type = targetType(given, resource);
    return type === undefined || allowed.has(type) ? NOTHING : [texts.reference(rule, given, `${expression}.reference`)];
  };
}

/** Type that a reference leads to; undefined when its text does not tell. */
function targetType(given: string, resource: JsonObject): string | undefined {
  if (given.startsWith('#')) {
    const contained = Array.isArray(resource.contained) ? resource.contained : [];
    return asText(asObject(contained.find((each) => asObject(each).id === given.slice(1))).resourceType);
  }
  return /^([A-Z][A-Za-z]+)\/[^/]+$/.exec(given)?.[1];
}

/** At the end of a visit every status it had must have a beginning and an end. */
function statusHistory({ rule }: PlatformRule): Judge {
  return ({ value, expression }, { resource }) => {
    const { period } = asObject(value);
    if (resource.status !== 'finished' || !isObject(period)) return NOTHING;
    return ['start', 'end']
      .filter((name) => typeof period[name] !== 'string')
      .map((name) => texts.elementNotFound(rule, `${expression}.period.${name}`));
  };
}

/**
 * What was given here has a performer AP or OP, what was only reported EP; a record with a report origin (a cadre's, say) was accepted
 * with EP although its source is primary. Judged once for all performers.
 */
function immunizationPerformer({ rule }: PlatformRule): Judge {
  return ({ expression }, { resource, strictness }) => {
    const performers = valuesAt(PERFORMERS, resource, 'Immunization');
    const first = performers.find(({ value }) => asObject(value).function !== undefined);
    if (first === undefined || `${first.expression}.function` !== expression) return NOTHING;
    const given = performers.flatMap(({ value }) => valuesAt(FUNCTION_CODES, value, '')).map(({ value }) => value);
    const wanted = resource.primarySource === true ? ['AP', 'OP'] : ['EP'];
    const all = !strictness.immunizationPerformer || (resource.primarySource === true && resource.reportOrigin !== undefined);
    const allowed = all ? ['AP', 'OP', 'EP'] : wanted;
    return given.some((each) => allowed.includes(each as string)) ? NOTHING : [texts.performerFunction(rule, wanted.join(' or '))];
  };
}

function kfaOneCode(rule: PlatformRule, context: CheckContext): Judge {
  const judgeSystems = systems({ ...rule, type: 'CodeableConcept' }, context);
  return (item, judged) => {
    const wrong = judgeSystems(item, judged);
    if (wrong.length > 0) return wrong;
    const codings = valuesAt(SYSTEM, item.value, item.expression);
    const kfa = codings.filter(({ value }) => asObject(value).system === rule.systems?.[0]);
    return codings.length === 0 || kfa.length === 1 ? NOTHING : [texts.oneKfaCode(rule.rule, `${item.expression}.coding`)];
  };
}

/** Digits of the administrative levels, from the top. */
const LEVELS = new Map([
  ['province', 2],
  ['city', 4],
  ['district', 6],
  ['village', 10],
]);

const PARTS = compilePath('extension');

/** Each administrative level begins with the code of the level above it. */
function addressParent({ rule, level = '' }: PlatformRule): Judge {
  const levels = [...LEVELS.keys()];
  const above = levels[levels.indexOf(level) - 1];
  return ({ value, expression }) => {
    const parts = valuesAt(PARTS, value, expression).map((part) => ({ ...part, ...asObject(part.value) }) as Found & JsonObject);
    const own = parts.find(({ url }) => url === level);
    if (own?.valueCode === undefined) return NOTHING;
    const parent = asText(parts.find(({ url }) => url === above)?.valueCode) ?? '';
    const given = show(own.valueCode);
    if (/^\d+$/.test(given) && given.length === LEVELS.get(level) && given.startsWith(parent)) return NOTHING;
    return [texts.codeNotFound(rule, given, 'http://sys-ids.kemkes.go.id/administrative-area', `${own.expression}.valueCode`)];
  };
}
