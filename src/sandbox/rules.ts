import { AppError } from '../errors/index.ts';
import { SYSTEMS } from '../terminology/systems.ts';
import { type OutcomeIssue, processorIssue } from './errors.ts';
import { asObject, asText, type Found, follow, isObject, type JsonObject } from './json.ts';
import { CREATOR_SYSTEM } from './resources.ts';

/** One numbered rule, as the shared table has it; the table's own comment explains every field. */
export interface PlatformRule {
  readonly rule: number;
  /** With the type: `Encounter.participant.type`. */
  readonly path: string;
  readonly type?: string;
  readonly requirement: 'mandatory' | 'conditional' | 'none';
  readonly when?: readonly string[];
  readonly check: string;
  readonly systems?: readonly string[];
  readonly replacedBy?: number;
}

export interface RuleTable {
  readonly rules: readonly PlatformRule[];
  readonly dateWindow: {
    /** `YYYY-MM-DD`, the first day allowed. */
    readonly min: string;
    readonly noMinimum?: readonly string[];
    readonly futureAllowed: readonly string[];
  };
}

export interface RuleContext {
  /** The Organization that the caller's token is bound to. */
  readonly organizationId: string;
  /** Milliseconds since the epoch, against which future dates are judged. */
  readonly now: number;
}

export interface PlatformRuleBook {
  /** All findings on one resource, with the platform's texts; the resource may have any form. */
  check(resource: JsonObject, type: string, context: RuleContext): readonly OutcomeIssue[];
}

/** @throws AppError `config` when the text is not a rule table */
export function readRuleTable(text: string): RuleTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('config', { detail: 'platform-rules.json: JSON' }, { cause });
  }
  const { rules, dateWindow } = asObject(value);
  const { min, futureAllowed } = asObject(dateWindow);
  const complete =
    Array.isArray(rules) &&
    rules.every((rule) => isObject(rule) && typeof rule.path === 'string' && typeof rule.check === 'string') &&
    typeof min === 'string' &&
    Array.isArray(futureAllowed);
  if (!complete) throw new AppError('config', { detail: 'platform-rules.json: rules, dateWindow' });
  return value as RuleTable;
}

/**
 * The sandbox's own evaluator over the shared table. It shares no code with the service's evaluator on purpose: a mistake in one
 * shows as a disagreement between the two.
 */
export function createRuleBook(table: RuleTable): PlatformRuleBook {
  const byType = Map.groupBy(
    table.rules.filter((rule) => rule.replacedBy === undefined),
    (rule) => rule.path.split('.')[0] ?? '',
  );
  return {
    check(resource, type, context) {
      const found: OutcomeIssue[] = [];
      const missing = new Set<number>();
      for (const rule of byType.get(type) ?? []) {
        const path = rule.path.slice(type.length + 1);
        for (const at of absent(rule, path, resource, type)) {
          // Parent and child often carry one number; the platform names it once.
          if (!missing.has(rule.rule)) found.push(missingIssue(rule, at));
          missing.add(rule.rule);
        }
        for (const item of follow(resource, path, type)) found.push(...judge(rule, item, resource, table, context));
      }
      return found;
    },
  };
}

const parentOf = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('.'), 0));
const lastOf = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

/** Places where a required element is not: with indices when its parent is there. */
function absent(rule: PlatformRule, path: string, resource: JsonObject, type: string): readonly string[] {
  if (rule.requirement === 'none') return [];
  if (rule.requirement === 'conditional' && (rule.when === undefined || !rule.when.every((term) => holds(term, resource)))) return [];
  const parents = follow(resource, parentOf(path), type);
  if (parents.length === 0) return rule.requirement === 'mandatory' ? [rule.path] : [];
  const name = lastOf(path);
  return parents.filter(({ value }) => !isThere(rule, value, name)).map(({ expression }) => `${expression}.${name}`);
}

function isThere(rule: PlatformRule, parent: unknown, name: string): boolean {
  const found = follow(parent, name, '');
  if (rule.type !== 'Reference') return found.length > 0;
  return found.some(({ value }) => typeof asObject(value).reference === 'string');
}

/** A term of `when`: `path` (present), `path=value`, `path!=value` (no value equals). */
function holds(term: string, resource: JsonObject): boolean {
  const [, path = '', operator, wanted] = /^(.+?)(?:(!?=)(.*))?$/s.exec(term) ?? [];
  const values = follow(resource, path, '').map(({ value }) => String(value));
  if (operator === undefined) return values.length > 0;
  return operator === '=' ? values.includes(wanted ?? '') : !values.includes(wanted ?? '');
}

const missingIssue = ({ type, rule }: PlatformRule, at: string): OutcomeIssue =>
  processorIssue('value', `${type === 'Reference' ? 'Reference is mandatory :' : 'Element not found:'} ${at} (RuleNumber: ${rule})`);

function judge(rule: PlatformRule, item: Found, resource: JsonObject, table: RuleTable, context: RuleContext): readonly OutcomeIssue[] {
  const { value, expression } = item;
  switch (rule.check) {
    case 'system':
      return judgeSystems(rule, item);
    case 'identifier-system':
      return judgeIdentifier(rule, item, context);
    case 'code':
    case 'episode-active':
      return judgeCode(rule, item);
    case 'dateTime':
      return judgeDateTime(rule, item, table, context);
    case 'date':
      return /^\d{4}(-\d{2}(-\d{2})?)?$/.test(String(value)) && !Number.isNaN(Date.parse(String(value)))
        ? []
        : [
            processorIssue(
              'format',
              `Invalid date time format : ${show(value)} (RuleNumber: ${rule.rule}). Format allowed : YYYY-MM-DD`,
              expression,
            ),
          ];
    case 'text':
      return typeof value === 'string' && value.trim() !== ''
        ? []
        : [processorIssue('value', `Text is empty: '' (RuleNumber: ${rule.rule})`)];
    case 'integer':
      if (typeof value === 'string')
        return [processorIssue('value', `Integer formated as a string: '${show(value)}' (RuleNumber: ${rule.rule})`)];
      return Number.isInteger(value) ? [] : [processorIssue('value', `Invalid integer value: ${show(value)} (RuleNumber: ${rule.rule})`)];
    case 'decimal':
      return typeof value === 'number' ? [] : [processorIssue('value', `Invalid decimal value: ${show(value)} (RuleNumber: ${rule.rule})`)];
    case 'boolean':
      return typeof value === 'boolean'
        ? []
        : [processorIssue('value', `Invalid boolean value: ${show(value)} (RuleNumber: ${rule.rule})`)];
    case 'status-history':
      return judgeHistory(rule, item, resource);
    case 'sender-organization': {
      const reference = asText(asObject(value).reference);
      if (reference === undefined || reference === `Organization/${context.organizationId}`) return [];
      // Only the "mandatory" text was ever published for this number; the rule itself compares with the caller's Organization.
      return [processorIssue('value', `Reference is mandatory : ${expression} (RuleNumber: ${rule.rule})`)];
    }
    case 'immunization-performer':
      return judgePerformer(rule, item, resource);
    default:
      // References are followed, and periods compared, after all rules. `targets` are not enforced: recorded official requests
      // contradict the dictionary (an Organization as performer). The rest concerns PATCH, Patient and Medication.
      return [];
  }
}

/** A value for an answer: short, whatever was sent. */
const show = (value: unknown): string => (typeof value === 'object' ? typeof value : String(value)).slice(0, 200);

function judgeSystems(rule: PlatformRule, { value, expression }: Found): readonly OutcomeIssue[] {
  const concept = asObject(value);
  const codings = rule.type === 'CodeableConcept' ? follow(concept, 'coding', expression) : [{ value, expression }];
  if (codings.length === 0) {
    if (rule.requirement !== 'mandatory') return [];
    return [processorIssue('value', `Element not found: ${expression}.coding (RuleNumber: ${rule.rule})`)];
  }
  return codings.flatMap(({ value: coding, expression: at }) => {
    const { system, code } = asObject(coding);
    // A quantity may have a unit in words only.
    if (rule.type !== 'CodeableConcept' && rule.type !== 'Coding' && system === undefined) return [];
    if (typeof system !== 'string' || !(rule.systems ?? []).includes(system)) {
      return [processorIssue('value', `Invalid coding system: ${show(system ?? '')} (RuleNumber: ${rule.rule})`, `${at}.system`)];
    }
    const known = rule.path.startsWith('QuestionnaireResponse.') ? undefined : KNOWN_CODES.get(nameOfSystem(system));
    if (known === undefined || (typeof code === 'string' && known.has(code))) return [];
    return [processorIssue('value', `Code not found: '${show(code ?? '')}' in system: ${system} (RuleNumber: ${rule.rule})`, `${at}.code`)];
  });
}

/** `:id` in a system is the organization that sends; somebody else's is refused like an unknown system. */
function judgeIdentifier(rule: PlatformRule, { value, expression }: Found, { organizationId }: RuleContext): readonly OutcomeIssue[] {
  const system = asText(asObject(value).system) ?? '';
  // A client that sends back what it read also sends the platform's own identifier.
  if (system === CREATOR_SYSTEM) return [];
  if ((rule.systems ?? []).some((allowed) => allowed.replace(':id', organizationId) === system)) return [];
  return [processorIssue('value', `Invalid identifier system: ${show(system)} (RuleNumber: ${rule.rule})`, `${expression}.system`)];
}

const codes = (text: string): ReadonlySet<string> => new Set(text.split(' '));

/**
 * Codes by the last step of their system's URL, for the lists that are closed. Other systems are accepted with any code: the
 * platform is stricter there, but its copies are not published. Source: FHIR R4; v3-ActCode is narrowed to encounter classes,
 * which is its only use but in answers to questionnaires.
 */
const KNOWN_CODES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ['encounter-status', codes('planned arrived triaged in-progress onleave finished cancelled entered-in-error unknown')],
  ['observation-status', codes('registered preliminary final amended corrected cancelled entered-in-error unknown')],
  ['event-status', codes('preparation in-progress not-done on-hold stopped completed entered-in-error unknown')],
  ['request-status', codes('draft active on-hold revoked completed entered-in-error unknown')],
  ['request-intent', codes('proposal plan directive order original-order reflex-order filler-order instance-order option')],
  ['request-priority', codes('routine urgent asap stat')],
  ['episode-of-care-status', codes('planned waitlist active onhold finished cancelled entered-in-error')],
  ['location-status', codes('active suspended inactive')],
  ['location-mode', codes('instance kind')],
  ['encounter-location-status', codes('planned active reserved completed')],
  ['contact-point-system', codes('phone fax email pager url sms other')],
  ['contact-point-use', codes('home work temp old mobile')],
  ['address-use', codes('home work temp old billing')],
  ['address-type', codes('postal physical both')],
  ['condition-clinical', codes('active recurrence relapse inactive remission resolved')],
  ['condition-ver-status', codes('unconfirmed provisional differential confirmed refuted entered-in-error')],
  ['observation-category', codes('social-history vital-signs imaging laboratory procedure survey exam therapy activity')],
  ['v3-ActCode', codes('AMB EMER FLD HH IMP ACUTE NONAC OBSENC PRENC SS VR')],
]);

const nameOfSystem = (system: string): string => system.slice(system.lastIndexOf('/') + 1);

function judgeCode(rule: PlatformRule, { value, expression }: Found): readonly OutcomeIssue[] {
  const system = rule.systems?.[0] ?? (rule.path === 'Encounter.status' ? SYSTEMS.fhirEncounterStatus : undefined);
  const known = system === undefined ? undefined : KNOWN_CODES.get(nameOfSystem(system));
  if (known === undefined || (typeof value === 'string' && known.has(value))) return [];
  return [processorIssue('value', `Code not found: '${show(value)}' in system: ${system} (RuleNumber: ${rule.rule})`, expression)];
}

const DATE_TIME = /^(\d{4})-(\d{2})-(\d{2})T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:\d{2})$/;

function judgeDateTime(rule: PlatformRule, { value, expression }: Found, table: RuleTable, { now }: RuleContext): readonly OutcomeIssue[] {
  const match = typeof value === 'string' ? DATE_TIME.exec(value) : null;
  const at = match === null ? Number.NaN : Date.parse(String(value));
  // Date.parse rolls the 31st of a short month over into the next.
  const lastDay = match === null ? 0 : new Date(Date.UTC(Number(match[1]), Number(match[2]), 0)).getUTCDate();
  if (match === null || Number.isNaN(at) || Number(match[3]) > lastDay) {
    const text = `Invalid date time format : ${show(value)} (RuleNumber: ${rule.rule}). Format allowed : YYYY-MM-DDThh:mm:ss+00:00`;
    return [processorIssue('format', text, expression)];
  }
  const { min, noMinimum, futureAllowed } = table.dateWindow;
  const tooOld = at < Date.parse(min) && !noMinimum?.includes(rule.path);
  if (!tooOld && (at <= now || futureAllowed.includes(rule.path))) return [];
  const text = `Invalid date time value : ${show(value)} (RuleNumber: ${rule.rule}) Not Allowed : Future Date or Past Date before ${inWords(min)}`;
  return [processorIssue('value', text, expression)];
}

/** `2014-06-03` → `3rd June 2014`. */
function inWords(date: string): string {
  const day = Number(date.slice(8));
  const suffix = day >= 11 && day <= 13 ? 'th' : (['th', 'st', 'nd', 'rd'][day % 10] ?? 'th');
  const month = new Date(date).toLocaleString('en-GB', { month: 'long', timeZone: 'UTC' });
  return `${day}${suffix} ${month} ${date.slice(0, 4)}`;
}

/** At the end of a visit every status it had must have a beginning and an end. */
function judgeHistory(rule: PlatformRule, { value, expression }: Found, resource: JsonObject): readonly OutcomeIssue[] {
  if (resource.status !== 'finished') return [];
  const { period } = asObject(value);
  if (!isObject(period)) return [];
  return ['start', 'end']
    .filter((name) => typeof period[name] !== 'string')
    .map((name) => processorIssue('value', `Element not found: ${expression}.period.${name} (RuleNumber: ${rule.rule})`));
}

function judgePerformer(rule: PlatformRule, { value }: Found, resource: JsonObject): readonly OutcomeIssue[] {
  const given = follow(value, 'coding', '').map(({ value: coding }) => asText(asObject(coding).code));
  const wanted = resource.primarySource === true ? ['AP', 'OP'] : ['EP'];
  if (given.some((code) => code !== undefined && wanted.includes(code))) return [];
  return [processorIssue('value', `Performer function must contains code ${wanted.join(' or ')} (RuleNumber: ${rule.rule})`)];
}
