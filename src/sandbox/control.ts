import { Refusal, type Reply } from './errors.ts';
import { asObject, isObject } from './json.ts';

export const FAULT_ACTIONS = ['drop-after', 'drop-before', 'status', 'delay', 'expire-tokens'] as const;

export type FaultAction = (typeof FAULT_ACTIONS)[number];

export interface FaultOrder {
  readonly match: {
    /** HTTP method; every method when absent. */
    readonly method?: string;
    /** Path of the request as sent, without its query; `*` at the end matches any rest. Every path when absent. */
    readonly path?: string;
    /** Number of the first matching request that is hit, from 1. */
    readonly nth?: number;
  };
  /**
   * `drop-after`: handle the request, then cut the connection. `drop-before`: cut it unhandled. `status`: answer with an error of the
   * layer that would send it. `delay`: handle it later. `expire-tokens`: all tokens expire, then the request is handled.
   */
  readonly action: FaultAction;
  /** For `status`: 429, 500, 502, 503 or 504. */
  readonly status?: number;
  /** For `status`: seconds for the Retry-After header. */
  readonly retryAfter?: number;
  /** For `delay`. */
  readonly delayMs?: number;
  /** How many requests are hit, from the `nth` on; 1 when absent. */
  readonly times?: number;
}

interface Armed extends FaultOrder {
  readonly id: number;
  seen: number;
  left: number;
}

/** Faults on demand. An order is used up after `times` hits; the first order that matches a request is the one it gets. */
export class Faults {
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
  take(method: string, path: string): FaultOrder | undefined {
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

const bad = (message: string): Refusal => new Refusal({ status: 400, body: { error: message } });

/** @throws Refusal (400, `{error}`) that names the field to mend */
export function readFault(body: unknown): FaultOrder {
  if (!isObject(body)) throw bad('body: a JSON object is needed');
  const { match, action, status, retryAfter, delayMs, times } = body;
  if (match !== undefined && !isObject(match)) throw bad('match: an object with method, path, nth');
  const { method, path, nth } = asObject(match);
  if (!FAULT_ACTIONS.includes(action as FaultAction)) throw bad(`action: one of ${FAULT_ACTIONS.join(', ')}`);
  if (method !== undefined && typeof method !== 'string') throw bad('match.method: text');
  if (path !== undefined && typeof path !== 'string') throw bad('match.path: text');
  for (const [name, value, low] of [
    ['match.nth', nth, 1],
    ['retryAfter', retryAfter, 0],
    ['delayMs', delayMs, 0],
    ['times', times, 1],
  ] as const) {
    if (value !== undefined && (!Number.isSafeInteger(value) || (value as number) < low)) throw bad(`${name}: a whole number from ${low}`);
  }
  if (action === 'status' && ![429, 500, 502, 503, 504].includes(status as number)) throw bad('status: 429, 500, 502, 503 or 504');
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

/** Requests answered so far; control requests are not counted. */
export class Tally {
  #total = 0;
  #byStatus: Record<string, number> = {};
  #byRoute: Record<string, Record<string, number>> = {};

  /** @param status as text, or `dropped` when the connection was cut */
  add(route: string, status: string): void {
    this.#total++;
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
    const statuses = this.#byRoute[route] ?? {};
    this.#byRoute[route] = statuses;
    statuses[status] = (statuses[status] ?? 0) + 1;
  }

  report(): { total: number; byStatus: Record<string, number>; byRoute: Record<string, Record<string, number>> } {
    return { total: this.#total, byStatus: this.#byStatus, byRoute: this.#byRoute };
  }

  clear(): void {
    this.#total = 0;
    this.#byStatus = {};
    this.#byRoute = {};
  }
}

export interface Controlled {
  readonly faults: Faults;
  readonly tally: Tally;
  dump(): Iterable<unknown>;
  counts(): Readonly<Record<string, number>>;
  reset(): void;
  setClock(offsetMs: number): void;
  readonly now: () => number;
}

/**
 * The sandbox's own pages, without authentication: they exist only where no real patient is.
 *
 * @param body parsed JSON of the request, undefined when it had none
 */
export function control(sandbox: Controlled, method: string, path: string, query: URLSearchParams, body: unknown): Reply {
  switch (`${method} ${path}`) {
    case 'POST /_sandbox/faults':
      return { status: 201, body: { id: sandbox.faults.add(readFault(body)) } };
    case 'GET /_sandbox/faults':
      return { status: 200, body: { faults: sandbox.faults.list() } };
    case 'DELETE /_sandbox/faults':
      sandbox.faults.clear();
      return { status: 204 };
    case 'GET /_sandbox/dump': {
      const resources = [...sandbox.dump()];
      if (query.get('format') === 'json') return { status: 200, body: resources };
      const lines = resources.map((resource) => `${JSON.stringify(resource)}\n`);
      return { status: 200, contentType: 'application/x-ndjson', body: lines.join('') };
    }
    case 'GET /_sandbox/counts':
      return { status: 200, body: { resources: sandbox.counts(), requests: sandbox.tally.report() } };
    case 'POST /_sandbox/reset':
      sandbox.reset();
      return { status: 204 };
    case 'POST /_sandbox/clock': {
      const { offsetMs } = asObject(body);
      if (!Number.isSafeInteger(offsetMs) || Math.abs(offsetMs as number) > 1e12) throw bad('offsetMs: a whole number of milliseconds');
      sandbox.setClock(offsetMs as number);
      return { status: 200, body: { now: new Date(sandbox.now()).toISOString() } };
    }
    default:
      return { status: 404, body: { error: 'no such page' } };
  }
}
