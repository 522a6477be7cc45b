import { isObject, type JsonObject } from './json.ts';

/** So many requests in every window; more get 429. */
export interface Quota {
  readonly requests: number;
  readonly perMs: number;
  /** Whether the 429 carries Retry-After, in seconds. */
  readonly retryAfter: boolean;
  /** `fixed`: windows begin at multiples of `perMs`. `sliding`: the last `perMs` before each request. */
  readonly window: 'fixed' | 'sliding';
}

/** Probability of each fault for a request, 0 to 1. A spell is decided once and then hits every request until it ends. */
export interface FaultRates {
  readonly dropBefore: number;
  readonly dropAfter: number;
  readonly truncate: number;
  readonly late: number;
  /** Begins a spell of 503. */
  readonly status503: number;
  /** Begins a storm of 429. */
  readonly status429: number;
  /** The caller's token expires now. */
  readonly expireToken: number;
  readonly html403: number;
}

/** What one patient allows other facilities: `none` is a patient who has not opted in. */
export type ConsentState = 'optin' | 'optout' | 'none';

/**
 * Behaviour of which the sources say nothing, or contradict each other. The default is what the live staging server did last, else
 * what is documented, else the likelier reading.
 */
export interface Strictness {
  /** `utc` refuses every offset but +00:00 and Z, as the documentation says; the live server takes any. */
  readonly dateOffset: 'any' | 'utc';
  /** First day allowed: 2014-06-03 (live), 2022-08-31 (documentation). */
  readonly dateFloor: '2014-06-03' | '2022-08-31';
  /** PUT of an EpisodeOfCare: staging answers 403, the documentation allows it. */
  readonly episodeUpdate: boolean;
  /** PATCH of an EpisodeOfCare must replace `/patient` too. */
  readonly episodePatchPatient: boolean;
  /** `all`: replace, add, remove, test. `replace`: the documentation. */
  readonly patchOperations: 'all' | 'replace';
  /** PATCH sent as application/json is refused (`invalid_headers`). */
  readonly patchContentType: boolean;
  /** A performer function of EP is wanted when primarySource is not true. */
  readonly immunizationPerformer: boolean;
  /** Encounter.statusHistory is wanted in the first POST. */
  readonly statusHistoryOnCreate: boolean;
  /** Creating a newborn ends in 500, as once on staging. */
  readonly newbornError: boolean;
  /** The same newborn once more: 20002, or what is there already with status 200, as the documentation says. */
  readonly newbornAgain: 'duplicate' | 'existing';
  /** Codes of an allowed system that no published list has. */
  readonly unknownCodes: 'accept' | 'refuse';
  /** Search parameters that are not documented. */
  readonly unknownParameters: 'ignore' | 'refuse';
  /** `If-None-Exist`: `check` answers 20002 for one match and 412 for several. */
  readonly ifNoneExist: 'ignore' | 'check';
  /** `If-Match` on PUT and PATCH: `check` answers 412 for another version. */
  readonly ifMatch: 'ignore' | 'check';
  /** PUT and PATCH of a type for which only the documentation has them, on the surface `recorded`. */
  readonly unrecordedVerbs: 'accept' | 'refuse';
  /** PUT entries in a Bundle. */
  readonly bundleUpdates: boolean;
  /** Entries in a Bundle; more are refused. 0: no limit. 73 is the most that was recorded. */
  readonly bundleEntries: number;
  /** Bytes of a request; more get 413. */
  readonly bodyBytes: number;
  /** HTTP status of 20003, 20004, 20009 and 20016. */
  readonly permissionStatus: 400 | 403;
  /** HTTP status of "cannot be accessed due to business rule". */
  readonly organizationStatus: 400 | 403;
  /** HTTP status while the token endpoint refuses for a minute. */
  readonly tokenRateStatus: 401 | 429;
  /** HTTP status of a wrong secret. */
  readonly tokenFailedStatus: 400 | 401;
  /** Tokens a client may create within a minute; more are a failed attempt. 0: no limit. */
  readonly tokensPerMinute: number;
  /** Wording of 20002. */
  readonly duplicateText: '2024' | '2026';
  /** `one`: only the first finding is answered. */
  readonly issues: 'all' | 'one';
  /** `entry` of a search without result: an empty list, or absent. */
  readonly emptyEntry: 'list' | 'absent';
}

export interface SandboxSettings {
  /** Searches, verbs and PATCH paths: only the recorded ones, or all that are documented. */
  readonly surface: 'recorded' | 'documented';
  /** Share of Bundles of which only a part is saved, with an error answer. */
  readonly partialBundles: { readonly rate: number; readonly seed: number };
  /** A resource is readable and found only when it is older than this; the duplicate rule sees it at once. */
  readonly readLagMs: number;
  /** By client id; `default` holds for every client without one of its own. No entry: no limit. */
  readonly quotas: Readonly<Record<string, Quota>>;
  readonly tokenLifetimeSeconds: number;
  /** No new token for so long after a refused attempt. */
  readonly tokenPenaltyMs: number;
  readonly consent: {
    /** Whether reads by other facilities are filtered at all. */
    readonly filter: boolean;
    /** For every patient not listed. */
    readonly default: ConsentState;
    /** By patient id. */
    readonly patients: Readonly<Record<string, ConsentState>>;
    /** Answer to a read that is not allowed: 200 without data, or an error that names the resource. */
    readonly answer: 'suppressed' | 'error';
  };
  readonly strictness: Strictness;
  readonly faults: {
    readonly seed: number;
    readonly rates: FaultRates;
    /** How much later than usual a late answer comes. */
    readonly lateMs: number;
    /** Length of a spell is drawn between these. */
    readonly spellMinMs: number;
    readonly spellMaxMs: number;
    /** Seconds in the Retry-After of a storm's 429; 0: the header is absent. */
    readonly retryAfterSeconds: number;
    /** Whether token requests are hit too. */
    readonly token: boolean;
  };
  /** Every answer waits this long. */
  readonly latencyMs: number;
  /** Added to the machine's clock. */
  readonly clockOffsetMs: number;
}

type Spec =
  | { readonly kind: 'choice'; readonly values: readonly (string | number)[] }
  | { readonly kind: 'number'; readonly min: number; readonly max: number; readonly fraction?: boolean }
  | { readonly kind: 'boolean' }
  | { readonly kind: 'object'; readonly fields: Readonly<Record<string, Spec>> }
  /** Keys of the caller's choice; null removes one. */
  | { readonly kind: 'map'; readonly of: Spec; readonly initial: unknown };

const choice = (...values: (string | number)[]): Spec => ({ kind: 'choice', values });
const whole = (max: number, min = 0): Spec => ({ kind: 'number', min, max });
const rate: Spec = { kind: 'number', min: 0, max: 1, fraction: true };
const yesNo: Spec = { kind: 'boolean' };
const object = (fields: Readonly<Record<string, Spec>>): Spec => ({ kind: 'object', fields });

const DAY = 86_400_000;
const SEED = whole(2 ** 32 - 1);
const NEW_QUOTA: Quota = { requests: 60, perMs: 60_000, retryAfter: true, window: 'fixed' };

const STRICTNESS: Readonly<Record<keyof Strictness, Spec>> = {
  dateOffset: choice('any', 'utc'),
  dateFloor: choice('2014-06-03', '2022-08-31'),
  episodeUpdate: yesNo,
  episodePatchPatient: yesNo,
  patchOperations: choice('all', 'replace'),
  patchContentType: yesNo,
  immunizationPerformer: yesNo,
  statusHistoryOnCreate: yesNo,
  newbornError: yesNo,
  newbornAgain: choice('duplicate', 'existing'),
  unknownCodes: choice('accept', 'refuse'),
  unknownParameters: choice('ignore', 'refuse'),
  ifNoneExist: choice('ignore', 'check'),
  ifMatch: choice('ignore', 'check'),
  unrecordedVerbs: choice('accept', 'refuse'),
  bundleUpdates: yesNo,
  bundleEntries: whole(100_000),
  bodyBytes: whole(2 ** 30, 1024),
  permissionStatus: choice(400, 403),
  organizationStatus: choice(400, 403),
  tokenRateStatus: choice(401, 429),
  tokenFailedStatus: choice(400, 401),
  tokensPerMinute: whole(1_000_000),
  duplicateText: choice('2024', '2026'),
  issues: choice('all', 'one'),
  emptyEntry: choice('list', 'absent'),
};

const RATES: Readonly<Record<keyof FaultRates, Spec>> = {
  dropBefore: rate,
  dropAfter: rate,
  truncate: rate,
  late: rate,
  status503: rate,
  status429: rate,
  expireToken: rate,
  html403: rate,
};

const CONSENT = choice('optin', 'optout', 'none');

const SETTINGS: Readonly<Record<keyof SandboxSettings, Spec>> = {
  surface: choice('recorded', 'documented'),
  partialBundles: object({ rate, seed: SEED }),
  readLagMs: whole(DAY),
  quotas: {
    kind: 'map',
    of: object({ requests: whole(1_000_000_000), perMs: whole(31 * DAY, 1), retryAfter: yesNo, window: choice('fixed', 'sliding') }),
    initial: NEW_QUOTA,
  },
  tokenLifetimeSeconds: whole(10_000_000, 1),
  tokenPenaltyMs: whole(DAY),
  consent: object({
    filter: yesNo,
    default: CONSENT,
    patients: { kind: 'map', of: CONSENT, initial: 'optin' },
    answer: choice('suppressed', 'error'),
  }),
  strictness: object(STRICTNESS),
  faults: object({
    seed: SEED,
    rates: object(RATES),
    lateMs: whole(DAY),
    spellMinMs: whole(DAY),
    spellMaxMs: whole(DAY),
    retryAfterSeconds: whole(86_400),
    token: yesNo,
  }),
  latencyMs: whole(DAY),
  clockOffsetMs: whole(1e12, -1e12),
};

/** A platform without faults and without limits. */
export const DEFAULT_SETTINGS: SandboxSettings = {
  surface: 'recorded',
  partialBundles: { rate: 0, seed: 1 },
  readLagMs: 0,
  quotas: {},
  tokenLifetimeSeconds: 3599,
  tokenPenaltyMs: 60_000,
  consent: { filter: true, default: 'optin', patients: {}, answer: 'suppressed' },
  strictness: {
    dateOffset: 'any',
    dateFloor: '2014-06-03',
    episodeUpdate: false,
    episodePatchPatient: true,
    patchOperations: 'all',
    patchContentType: true,
    immunizationPerformer: true,
    statusHistoryOnCreate: false,
    newbornError: false,
    newbornAgain: 'duplicate',
    unknownCodes: 'accept',
    unknownParameters: 'ignore',
    ifNoneExist: 'check',
    ifMatch: 'ignore',
    unrecordedVerbs: 'accept',
    bundleUpdates: true,
    bundleEntries: 0,
    bodyBytes: 8 * 1024 * 1024,
    permissionStatus: 403,
    organizationStatus: 403,
    tokenRateStatus: 429,
    tokenFailedStatus: 401,
    tokensPerMinute: 0,
    duplicateText: '2026',
    issues: 'all',
    emptyEntry: 'list',
  },
  faults: {
    seed: 1,
    rates: { dropBefore: 0, dropAfter: 0, truncate: 0, late: 0, status503: 0, status429: 0, expireToken: 0, html403: 0 },
    lateMs: 30_000,
    spellMinMs: 1000,
    spellMaxMs: 5000,
    retryAfterSeconds: 0,
    token: true,
  },
  latencyMs: 0,
  clockOffsetMs: 0,
};

/** A change of settings that cannot be taken. Each problem names a field and what it must be. */
export class SettingsError extends Error {
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('; '));
    this.name = 'SettingsError';
    this.problems = problems;
  }
}

/**
 * The settings after a change. Fields that the change does not name stay; an entry of `quotas` or `consent.patients` is removed by null.
 *
 * @param change parsed JSON of any form
 * @throws SettingsError with every wrong or unknown field; nothing is changed then
 */
export function changeSettings(current: SandboxSettings, change: unknown): SandboxSettings {
  const problems: string[] = [];
  const changed = apply(object(SETTINGS), current, change, '', problems) as SandboxSettings;
  const { spellMinMs, spellMaxMs } = changed.faults ?? {};
  if (problems.length === 0 && spellMinMs > spellMaxMs) problems.push('faults.spellMinMs: not more than faults.spellMaxMs');
  if (problems.length > 0) throw new SettingsError(problems);
  return changed;
}

function apply(spec: Spec, current: unknown, given: unknown, at: string, problems: string[]): unknown {
  const refuse = (wanted: string): unknown => {
    problems.push(`${at === '' ? 'settings' : at}: ${wanted}`);
    return current;
  };
  const below = (name: string): string => (at === '' ? name : `${at}.${name}`);
  switch (spec.kind) {
    case 'choice':
      return spec.values.includes(given as string) ? given : refuse(`one of ${spec.values.join(', ')}`);
    case 'boolean':
      return typeof given === 'boolean' ? given : refuse('true or false');
    case 'number': {
      const fits = typeof given === 'number' && given >= spec.min && given <= spec.max && (spec.fraction || Number.isSafeInteger(given));
      return fits ? given : refuse(`a ${spec.fraction ? '' : 'whole '}number from ${spec.min} to ${spec.max}`);
    }
    case 'map': {
      if (!isObject(given)) return refuse('an object');
      const entries = new Map(Object.entries(current as JsonObject));
      for (const [name, value] of Object.entries(given)) {
        if (!/^[\w.:-]{1,100}$/.test(name)) problems.push(`${at}: a name of letters, digits and . : _ -`);
        else if (value === null) entries.delete(name);
        else entries.set(name, apply(spec.of, entries.get(name) ?? spec.initial, value, below(name), problems));
      }
      return Object.fromEntries(entries);
    }
    case 'object': {
      if (!isObject(given)) return refuse('an object');
      const before = current as JsonObject;
      const after: Record<string, unknown> = { ...before };
      for (const [name, value] of Object.entries(given)) {
        const field = Object.hasOwn(spec.fields, name) ? spec.fields[name] : undefined;
        if (field === undefined) problems.push(`${below(name)}: no such setting`);
        else after[name] = apply(field, before[name], value, below(name), problems);
      }
      return after;
    }
  }
}

/** Every setting with its default and what it may be, for the help page: `[name, default, allowed]`. */
export function listSettings(): ReadonlyArray<readonly [name: string, initial: string, allowed: string]> {
  const rows: Array<readonly [string, string, string]> = [];
  const walk = (spec: Spec, value: unknown, at: string): void => {
    if (spec.kind === 'object') {
      for (const [name, field] of Object.entries(spec.fields)) walk(field, asField(value, name), at === '' ? name : `${at}.${name}`);
    } else if (spec.kind === 'map') walk(spec.of, spec.initial, `${at}.<id>`);
    else rows.push([at, String(value), allowedBy(spec)]);
  };
  walk(object(SETTINGS), DEFAULT_SETTINGS, '');
  return rows;
}

const asField = (value: unknown, name: string): unknown => (isObject(value) ? value[name] : undefined);

function allowedBy(spec: Spec): string {
  if (spec.kind === 'choice') return spec.values.join(' | ');
  if (spec.kind === 'boolean') return 'true | false';
  return spec.kind === 'number' ? `${spec.min} … ${spec.max}` : '';
}

/**
 * The change that `name=value` asks for, for a command line: `strictness.dateOffset=utc`, `quotas.default.requests=10`.
 *
 * @throws SettingsError when there is no `=`
 */
export function changeFromText(text: string): unknown {
  const equals = text.indexOf('=');
  if (equals < 1) throw new SettingsError([`${text.slice(0, 40)}: name=value`]);
  const given = text.slice(equals + 1);
  const names = text.slice(0, equals).split('.');
  // Text settings that look like numbers (duplicateText) stay text.
  const spec = names.reduce<Spec | undefined>(
    (at, name) => (at?.kind === 'object' ? at.fields[name] : at?.kind === 'map' ? at.of : undefined),
    object(SETTINGS),
  );
  const isText = spec?.kind === 'choice' && spec.values.includes(given);
  return names.reduceRight<unknown>((value, name) => ({ [name]: value }), isText ? given : parsed(given));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
