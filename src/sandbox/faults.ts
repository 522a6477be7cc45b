import { asObject, isObject } from './json.ts';
import type { FaultRates, SandboxSettings } from './settings.ts';

export const FAULT_ACTIONS = [
  'drop-after',
  'drop-before',
  'status',
  'delay',
  'expire-tokens',
  'truncate',
  'late',
  'html-403',
  'partial',
] as const;

/**
 * `drop-after`: handle the request, then cut the connection. `drop-before`: cut it unhandled. `status`: answer with an error of the
 * layer that would send it. `delay`: handle it later. `expire-tokens`: all tokens expire, then the request is handled. `truncate`:
 * handle it, send half of the answer, cut. `late`: handle it now, answer later. `html-403`: the edge refuses it. `partial`: a Bundle
 * is saved in part and answered with an error.
 */
export type FaultAction = (typeof FAULT_ACTIONS)[number];

/** A fault that hits one request. */
export interface Fault {
  readonly action: FaultAction | 'expire-token';
  /** For `status`: 429, 500, 502, 503 or 504. */
  readonly status?: number;
  /** For `status`: seconds for the Retry-After header. */
  readonly retryAfter?: number;
  /** For `delay` and `late`. */
  readonly delayMs?: number;
}

export interface FaultOrder extends Fault {
  readonly action: FaultAction;
  readonly match: {
    /** HTTP method; every method when absent. */
    readonly method?: string;
    /** Path of the request as sent, without its query; `*` at the end matches any rest. Every path when absent. */
    readonly path?: string;
    /** Number of the first matching request that is hit, from 1. */
    readonly nth?: number;
  };
  /** How many requests are hit, from the `nth` on; 1 when absent. */
  readonly times?: number;
}

interface Armed extends FaultOrder {
  readonly id: number;
  seen: number;
  left: number;
}

/** Faults on demand. An order is used up after `times` hits; the first order that matches a request is the one it gets. */
export class FaultOrders {
  #armed: Armed[] = [];
  #lastId = 0;

  /** @returns the number of the order */
  add(order: FaultOrder): number {
    const armed = { ...order, id: ++this.#lastId, seen: 0, left: order.times ?? 1 };
    this.#armed.push(armed);
    return armed.id;
  }

  clear(): void {
    this.#armed = [];
  }

  list(): readonly FaultOrder[] {
    return this.#armed;
  }

  /** The order that this request gets, if any; counts the request. */
  take(method: string, path: string): Fault | undefined {
    const hit = this.#armed.find((fault) => {
      if (!matches(fault.match, method, path)) return false;
      fault.seen++;
      return fault.seen >= (fault.match.nth ?? 1);
    });
    if (hit === undefined) return undefined;
    hit.left--;
    if (hit.left <= 0) this.#armed = this.#armed.filter((fault) => fault !== hit);
    return hit;
  }
}

function matches(match: FaultOrder['match'], method: string, path: string): boolean {
  if (match.method !== undefined && match.method.toUpperCase() !== method) return false;
  if (match.path === undefined) return true;
  return match.path.endsWith('*') ? path.startsWith(match.path.slice(0, -1)) : path === match.path;
}

/** @returns the order, or the text of a 400 that names the field to mend */
export function readFaultOrder(body: unknown): FaultOrder | string {
  if (!isObject(body)) return 'body: a JSON object is needed';
  const { match, action, status, retryAfter, delayMs, times } = body;
  if (match !== undefined && !isObject(match)) return 'match: an object with method, path, nth';
  const { method, path, nth } = asObject(match);
  if (!FAULT_ACTIONS.includes(action as FaultAction)) return `action: one of ${FAULT_ACTIONS.join(', ')}`;
  if (method !== undefined && typeof method !== 'string') return 'match.method: text';
  if (path !== undefined && typeof path !== 'string') return 'match.path: text';
  for (const [name, value, low] of [
    ['match.nth', nth, 1],
    ['retryAfter', retryAfter, 0],
    ['delayMs', delayMs, 0],
    ['times', times, 1],
  ] as const) {
    if (value !== undefined && (!Number.isSafeInteger(value) || (value as number) < low)) return `${name}: a whole number from ${low}`;
  }
  if (action === 'status' && ![429, 500, 502, 503, 504].includes(status as number)) return 'status: 429, 500, 502, 503 or 504';
  return {
    match: {
      ...(method !== undefined && { method: method as string }),
      ...(path !== undefined && { path: path as string }),
      ...(nth !== undefined && { nth: nth as number }),
    },
    action: action as FaultAction,
    ...(action === 'status' && { status: status as number }),
    ...(retryAfter !== undefined && { retryAfter: retryAfter as number }),
    ...(delayMs !== undefined && { delayMs: delayMs as number }),
    ...(times !== undefined && { times: times as number }),
  };
}

/** A number from 0 to below 1 that depends on nothing but its arguments (splitmix32 over their mix). */
export function chance(seed: number, draw: number, purpose = 0): number {
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(draw + 1, 0x85ebca6b) ^ Math.imul(purpose + 1, 0xc2b2ae35)) >>> 0;
  for (let round = 0; round < 2; round++) {
    state = (state + 0x9e3779b9) >>> 0;
    state = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    state = Math.imul(state ^ (state >>> 15), 0x735a2d97);
    state = (state ^ (state >>> 15)) >>> 0;
  }
  return state / 2 ** 32;
}

type Drawn = keyof FaultRates;

/** In the order of the layers. */
const KINDS: readonly Drawn[] = ['dropBefore', 'html403', 'status503', 'status429', 'expireToken', 'dropAfter', 'truncate', 'late'];

/**
 * Faults by chance. The n-th request since the start, since a reset or since the seed was set has one draw: the same seed and the
 * same requests meet the same faults. Only the end of a spell depends on time besides.
 */
export class FaultDice {
  readonly #settings: () => SandboxSettings['faults'];
  #seed: number | undefined;
  #drawn = 0;
  #spell: { readonly status: number; readonly from: number; readonly until: number } | undefined;

  constructor(settings: () => SandboxSettings['faults']) {
    this.#settings = settings;
  }

  reset(): void {
    this.#seed = undefined;
    this.#drawn = 0;
    this.#spell = undefined;
  }

  /** @param isToken whether it is a request for a token */
  draw(now: number, isToken: boolean): Fault | undefined {
    const { seed, rates, token, lateMs, retryAfterSeconds, spellMinMs, spellMaxMs } = this.#settings();
    if (seed !== this.#seed) {
      this.reset();
      this.#seed = seed;
    }
    const draw = this.#drawn++;
    if (isToken && !token) return undefined;
    const refused = (status: number): Fault => ({
      action: 'status',
      status,
      ...(status === 429 && retryAfterSeconds > 0 && { retryAfter: retryAfterSeconds }),
    });
    // A clock that stepped back ends a spell too.
    if (this.#spell !== undefined && now >= this.#spell.from && now < this.#spell.until) return refused(this.#spell.status);
    this.#spell = undefined;
    const kind = pick(rates, chance(seed, draw));
    if (kind === 'status503' || kind === 'status429') {
      const status = kind === 'status503' ? 503 : 429;
      this.#spell = { status, from: now, until: now + spellMinMs + chance(seed, draw, 1) * (spellMaxMs - spellMinMs) };
      return refused(status);
    }
    return kind === undefined ? undefined : { action: ACTIONS[kind], ...(kind === 'late' && { delayMs: lateMs }) };
  }
}

const ACTIONS: Readonly<Record<Exclude<Drawn, 'status503' | 'status429'>, Fault['action']>> = {
  dropBefore: 'drop-before',
  html403: 'html-403',
  expireToken: 'expire-token',
  dropAfter: 'drop-after',
  truncate: 'truncate',
  late: 'late',
};

function pick(rates: FaultRates, drawn: number): Drawn | undefined {
  let end = 0;
  for (const kind of KINDS) {
    end += rates[kind];
    if (drawn < end) return kind;
  }
  return undefined;
}
