import type { ErrorCode } from '../errors/index.ts';
import { ILP_BASE, platformSid, SYSTEMS } from '../terminology/systems.ts';
import { closedList, type PlatformCodes } from './platform-codes.ts';
import type { PlatformRule, PlatformRuleTable } from './platform-rules.ts';
import { timeOf } from './primitives.ts';
import { referenceOf } from './references.ts';
import { remembered } from './remembered.ts';
import { isObject, type Json } from './run.ts';

/** What a check may look at besides the element. */
export interface Judged {
  readonly resource: Json;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Id of the sender's Organization on the platform; undefined while what is judged is the stored form. */
  readonly organizationId: string | undefined;
}

export type Report = (code: ErrorCode, expression: string) => void;
export type Check = (found: Found, report: Report, judged: Judged) => void;
type Found = { readonly value: unknown; readonly expression: string };

export interface CheckContext {
  readonly dateWindow: PlatformRuleTable['dateWindow'];
  readonly codes: ReadonlyMap<string, PlatformCodes>;
}

/** The checks by the name they have in the table; `none` and what only the platform can judge have none. */
const CHECKS: Readonly<Record<string, (rule: PlatformRule, context: CheckContext) => Check | undefined>> = {
  system: systemCheck,
  'system-uri': ({ systems = [] }) => uriCheck((value) => systems.includes(value)),
  'identifier-system': identifierCheck,
  'identifier-uri': ({ systems = [] }) => uriCheck((value, organizationId) => isOwn(systems, projected(value), organizationId)),
  'prescription-identifiers': () => prescriptionCheck,
  code: codeCheck,
  'episode-active': codeCheck,
  reference: referenceCheck,
  'sender-organization': senderCheck,
  dateTime: dateTimeCheck,
  date: dateCheck,
  time: () => valueCheck('rule-date', (value) => typeof value === 'string' && TIME.test(value)),
  period: () => periodCheck,
  'status-history': () => statusHistoryCheck,
  text: () => valueCheck('rule-text', (value) => typeof value === 'string' && value.trim() !== ''),
  integer: ({ type = '' }) => valueCheck('rule-value', (value) => Number.isInteger(value) && Number(value) >= (LEAST[type] ?? -Infinity)),
  decimal: () => valueCheck('rule-value', (value) => typeof value === 'number'),
  boolean: () => valueCheck('rule-value', (value) => typeof value === 'boolean'),
  kind: () => valueCheck('rule-value', isObject),
  questionnaire: () => valueCheck('rule-value', (value) => typeof value === 'string' && isQuestionnaire(value)),
  'immunization-performer': () => immunizationPerformerCheck,
  'kfa-one-code': kfaOneCodeCheck,
  'address-parent': ({ level = '' }) => addressCheck(level),
};

export const compileCheck = (rule: PlatformRule, context: CheckContext): Check | undefined => CHECKS[rule.check]?.(rule, context);

const LEAST: Readonly<Record<string, number>> = { positiveInt: 1, unsignedInt: 0 };
const TIME = /^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d+)?$/;
const COMPLETE = /^(\d{4}-\d\d-\d\d)T\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

const valueCheck =
  (code: ErrorCode, isRight: (value: unknown) => boolean): Check =>
  ({ value, expression }, report) => {
    if (!isRight(value)) report(code, expression);
  };

/** Our own questionnaires stay here: the projection leaves their canonical out. */
const isQuestionnaire = (value: string): boolean =>
  value.startsWith(`${ILP_BASE}/`) || /^https:\/\/fhir\.kemkes\.go\.id\/Questionnaire\/Q\d{4}$/.test(value);

function open(value: unknown, expression: string): Found[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) return [{ value, expression }];
  return value.map((each, index) => ({ value: each, expression: `${expression}[${index}]` }));
}

const LOCAL_SID = `${ILP_BASE}/sid/`;
/** Local identifier systems that never leave: everything that is not the kind of a resource. */
const KEPT_LOCAL = new Set(['source-record', 'kode-puskesmas', 'patient']);

export function isStripped(identifier: unknown): boolean {
  const system = isObject(identifier) ? identifier.system : undefined;
  if (typeof system !== 'string' || !system.startsWith(`${ILP_BASE}/`)) return false;
  return !system.startsWith(LOCAL_SID) || KEPT_LOCAL.has(system.slice(LOCAL_SID.length));
}

/** A local identifier system as the platform will see it. */
const projected = (system: string): string => (system.startsWith(LOCAL_SID) ? platformSid(system.slice(LOCAL_SID.length), ':id') : system);

/**
 * Systems and codes of a Coding, of the codings of a CodeableConcept, or of a Quantity. A code is refused when it cannot be in the
 * platform's copy of its system: the element's own list goes before the system's.
 */
function systemCheck(rule: PlatformRule, context: CheckContext): Check {
  const allowed = new Set(rule.systems);
  const own = new Map(Object.entries(rule.codes ?? {}).map(([system, codes]) => [system, closedList(codes)]));
  const isConcept = rule.type === 'CodeableConcept';
  return ({ value, expression }, report) => {
    if (!isObject(value)) return;
    const codings = isConcept ? open(value.coding, `${expression}.coding`) : [{ value, expression }];
    if (isConcept && rule.requirement === 'mandatory' && !codings.some((coding) => !isLocal(coding.value))) {
      report('rule-mandatory', `${expression}.coding`);
    }
    for (const coding of codings) {
      if (!isObject(coding.value) || isLocal(coding.value)) continue;
      const { system, code } = coding.value;
      // A quantity may have a unit in words only.
      if (system === undefined && !isConcept && rule.type !== 'Coding') continue;
      if (typeof system !== 'string' || !allowed.has(system)) report('rule-system', `${coding.expression}.system`);
      else if (!((own.get(system) ?? context.codes.get(system))?.possible(code) ?? true)) report('rule-value', `${coding.expression}.code`);
    }
  };
}

/** Stripped before delivery. */
const isLocal = (coding: unknown): boolean =>
  isObject(coding) && typeof coding.system === 'string' && coding.system.startsWith(`${ILP_BASE}/`);

/** A bare code: one of the closed lists has it. An open one tells nothing, as the code does not name its system. */
function codeCheck({ codes, systems = [] }: PlatformRule, context: CheckContext): Check | undefined {
  const own = Object.values(codes ?? {}).map(closedList);
  const known = own.length > 0 ? own : systems.flatMap((system) => context.codes.get(system) ?? []);
  const closed = known.filter((each) => !each.open);
  return closed.length === 0 ? undefined : valueCheck('rule-value', (value) => closed.some((each) => each.possible(value)));
}

const uriCheck =
  (isRight: (value: string, organizationId: string | undefined) => boolean): Check =>
  ({ value, expression }, report, { organizationId }) => {
    if (typeof value !== 'string' || !isRight(value, organizationId)) report('rule-system', expression);
  };

/** `:id` is the organization that sends; while it is not known here, any. */
function isOwn(systems: readonly string[], given: string, organizationId: string | undefined): boolean {
  return systems.some((system) => {
    const [before = '', after] = system.split(':id');
    if (after === undefined) return given === system;
    if (organizationId !== undefined && !given.endsWith('/:id')) return given === `${before}${organizationId}${after}`;
    const id = given.slice(before.length, given.length - after.length);
    return given === `${before}${id}${after}` && id !== '' && !id.includes('/');
  });
}

/** The platform's own identifier, which comes back with what was read there. */
const CREATOR = 'http://sys-ids.kemkes.go.id/creator';

function identifierCheck({ systems = [], codes }: PlatformRule, context: CheckContext): Check {
  const lists = new Map(systems.map((system) => [system, codes?.[system] ? closedList(codes[system]) : context.codes.get(system)]));
  return ({ value, expression }, report, { organizationId }) => {
    if (!isObject(value)) return;
    const system = typeof value.system === 'string' ? projected(value.system) : '';
    if (system === CREATOR || system.startsWith(`${ILP_BASE}/`)) return;
    if (!isOwn(systems, system, organizationId)) report('rule-system', `${expression}.system`);
    else if (!(lists.get(system)?.possible(value.value) ?? true)) report('rule-value', `${expression}.value`);
  };
}

/** A literal reference leads to one of the types; one without (only `display`) is missing where the element must be there. */
function referenceCheck({ targets, requirement }: Pick<PlatformRule, 'targets' | 'requirement'>): Check {
  const allowed = targets && new Set(targets);
  return ({ value, expression }, report) => {
    const given = isObject(value) ? value.reference : undefined;
    if (typeof given !== 'string') {
      if (requirement !== 'none') report('rule-mandatory', `${expression}.reference`);
      return;
    }
    const found = referenceOf(given);
    if (allowed && found.kind === 'literal' && !allowed.has(found.type)) report('rule-value', `${expression}.reference`);
  };
}

/** The Organization of the credential; while its id is not known here, any Organization. */
function senderCheck({ requirement }: PlatformRule): Check {
  const isOrganization = referenceCheck({ targets: ['Organization'], requirement });
  return (found, report, judged) => {
    isOrganization(found, report, judged);
    const given = isObject(found.value) ? found.value.reference : undefined;
    if (judged.organizationId === undefined || typeof given !== 'string' || !/^Organization\//.test(given)) return;
    if (given !== `Organization/${judged.organizationId}`) report('rule-value', `${found.expression}.reference`);
  };
}

function dateTimeCheck({ path }: PlatformRule, { dateWindow }: CheckContext): Check {
  const min = dateWindow.noMinimum.includes(path) ? Number.NEGATIVE_INFINITY : Date.parse(dateWindow.min);
  const futureAllowed = dateWindow.futureAllowed.includes(path);
  return ({ value, expression }, report, { now }) => {
    const at = typeof value === 'string' ? completeTime(value) : Number.NaN;
    if (Number.isNaN(at) || at < min || (at > now && !futureAllowed)) report('rule-date', expression);
  };
}

/** Milliseconds since the epoch of a day with time and zone; NaN for anything else. */
const completeTime = remembered((text) => {
  const day = COMPLETE.exec(text)?.[1];
  return day !== undefined && isDay(day) ? Date.parse(text) : Number.NaN;
});

/** A date, and not before the day of the element named in `after`. */
function dateCheck({ after }: PlatformRule): Check {
  return ({ value, expression }, report, { resource }) => {
    const other = after === undefined ? undefined : resource[after];
    if (typeof value !== 'string' || !isDay(value)) report('rule-date', expression);
    else if (typeof other === 'string' && timeOf(value) < timeOf(other.slice(0, 10))) report('rule-period', expression);
  };
}

/** A year, a month or a day that is in the calendar: `Date` would roll the 30th of February over into March. */
const isDay = remembered((text) => {
  const time = /^\d{4}(-\d\d){0,2}$/.test(text) ? new Date(text) : undefined;
  return time !== undefined && !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text);
});

const time = (value: unknown): number => (typeof value === 'string' ? timeOf(value) : Number.NaN);

const periodCheck: Check = ({ value, expression }, report) => {
  if (isObject(value) && time(value.start) > time(value.end)) report('rule-period', expression);
};

/** A finished visit tells when each of its states began and ended. */
const statusHistoryCheck: Check = ({ value, expression }, report, { resource }) => {
  if (resource.status !== 'finished' || !isObject(value) || !isObject(value.period)) return;
  for (const end of ['start', 'end']) if (value.period[end] === undefined) report('rule-mandatory', `${expression}.period.${end}`);
};

/**
 * What the unit gave itself has a performer with function `AP` or `OP`, history `EP`; a record with a report origin (a kader's, say) may
 * have any of them. Judged once for all performers.
 */
const immunizationPerformerCheck: Check = ({ value, expression }, report, { resource }) => {
  if (typeof resource.primarySource !== 'boolean') return;
  const functions = open(resource.performer, '').map(({ value }) => (isObject(value) ? value.function : undefined));
  if (value !== functions.find((each) => each !== undefined)) return;
  const codes = functions
    .flatMap((each) => (isObject(each) ? open(each.coding, '') : []))
    .map(({ value }) => (isObject(value) ? value.code : ''));
  const allowed: unknown[] = resource.primarySource ? ['AP', 'OP'] : ['EP'];
  if (resource.reportOrigin !== undefined) allowed.push('EP');
  if (!codes.some((code) => allowed.includes(code))) report('rule-value', expression);
};

/** A prescription has its own number and the number of its item, or the national one. */
const prescriptionCheck: Check = ({ expression }, report, { resource }) => {
  if (!expression.endsWith('identifier[0]')) return;
  const systems = open(resource.identifier, '').map(({ value }) =>
    isObject(value) && typeof value.system === 'string' ? projected(value.system) : '',
  );
  const has = (kind: string) => systems.some((system) => system.startsWith(`${SYSTEMS.platformSidBase}${kind}`));
  if (!has('prescription/national') && !(has('prescription/') && has('prescription-item/'))) report('rule-system', expression);
};

/** Exactly one code of KFA where there are codings, and no other system. */
function kfaOneCodeCheck(rule: PlatformRule, context: CheckContext): Check {
  const ofSystems = systemCheck({ ...rule, type: 'CodeableConcept' }, context);
  return (found, report, judged) => {
    ofSystems(found, report, judged);
    const codings = isObject(found.value) ? open(found.value.coding, '') : [];
    const kfa = codings.filter((coding) => isObject(coding.value) && coding.value.system === SYSTEMS.kfa);
    if (codings.length > 0 && kfa.length !== 1) report('rule-value', found.expression);
  };
}

/** Digits of the administrative levels, from the top. */
const LEVELS: Readonly<Record<string, number>> = { province: 2, city: 4, district: 6, village: 10 };

/** A level's code has its digits and begins with the code of the level above it. */
function addressCheck(level: string): Check {
  const names = Object.keys(LEVELS);
  const above = names[names.indexOf(level) - 1];
  return ({ value, expression }, report) => {
    const parts = isObject(value) ? open(value.extension, `${expression}.extension`) : [];
    const codeOf = (name: string | undefined) =>
      parts.map((part) => part.value).find((part) => isObject(part) && part.url === name) as Json | undefined;
    const own = codeOf(level)?.valueCode;
    if (own === undefined) return;
    const parent = codeOf(above)?.valueCode;
    const isRight = typeof own === 'string' && /^\d+$/.test(own) && own.length === LEVELS[level];
    if (!isRight || (typeof parent === 'string' && !own.startsWith(parent))) report('rule-value', expression);
  };
}
