import type { Reply } from './errors.ts';
import { asList, asObject, asText } from './json.ts';

/** One request that arrived, as the pages tell it. Without bodies, tokens and values of the query. */
export interface Arrival {
  /** From 1, in the order of the answers. */
  readonly number: number;
  /** By the platform's clock. */
  readonly at: string;
  readonly method: string;
  readonly path: string;
  readonly client?: string;
  /** HTTP status, or `dropped` when the connection was cut. */
  readonly status: string;
  readonly layer?: LayerName;
  readonly rule?: number;
  readonly why?: string;
  /** The fault that was ordered or drawn for it. */
  readonly fault?: string;
}

export type LayerName = 'edge' | 'gateway' | 'token' | 'processor' | 'store' | 'consent';

/** Arrivals that are kept; older ones stay in the counts. */
const KEPT = 2_000;

/** Requests answered so far; control requests are not counted. */
export class Arrivals {
  #number = 0;
  #kept: Arrival[] = [];
  #byStatus: Record<string, number> = {};
  #byRoute: Record<string, Record<string, number>> = {};
  #byReason = new Map<string, { layer: string; rule?: number; status: string; count: number }>();

  add(route: string, arrival: Omit<Arrival, 'number'>): void {
    const { status, layer, rule } = arrival;
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1;
    const statuses = this.#byRoute[route] ?? {};
    this.#byRoute[route] = statuses;
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (layer !== undefined) {
      const key = `${layer}|${rule ?? ''}|${status}`;
      const reason = this.#byReason.get(key) ?? { layer, ...(rule !== undefined && { rule }), status, count: 0 };
      this.#byReason.set(key, reason);
      reason.count++;
    }
    this.#kept.push({ ...arrival, number: ++this.#number });
    if (this.#kept.length >= 2 * KEPT) this.#kept = this.#kept.slice(-KEPT);
  }

  report(): { total: number; byStatus: Record<string, number>; byRoute: Record<string, Record<string, number>> } {
    return { total: this.#number, byStatus: this.#byStatus, byRoute: this.#byRoute };
  }

  /** What was refused, by layer, rule and status; the most frequent first. */
  reasons(): ReadonlyArray<{ layer: string; rule?: number; status: string; count: number }> {
    return [...this.#byReason.values()].sort((a, b) => b.count - a.count);
  }

  /** The last arrivals, newest first. */
  list(filter: (arrival: Arrival) => boolean, limit: number): readonly Arrival[] {
    const found: Arrival[] = [];
    for (let index = this.#kept.length - 1; index >= 0 && found.length < limit; index--) {
      const arrival = this.#kept[index] as Arrival;
      if (filter(arrival)) found.push(arrival);
    }
    return found;
  }

  clear(): void {
    this.#number = 0;
    this.#kept = [];
    this.#byStatus = {};
    this.#byRoute = {};
    this.#byReason = new Map();
  }
}

/** Who refused and why, read from the answer itself: every layer has a form of its own. Nothing for an answer that is no refusal. */
export function refusalOf(reply: Reply, isToken: boolean): Pick<Arrival, 'layer' | 'rule' | 'why'> {
  const body = asObject(reply.body);
  const isOutcome = body.resourceType === 'OperationOutcome';
  if (reply.status < 400 && !isOutcome) return {};
  const first = asObject(asList(body.issue)[0]);
  const texts = [asText(asObject(first.details).text), asText(first.diagnostics), asText(asList(first.expression)[0])];
  const fault = asText(asObject(body.fault).faultstring) ?? asText(body.Error);
  const why = fault ?? (texts.filter(Boolean).join(' · ') || edgeText(reply));
  const rule = /Rule ?Number: (\d+)/.exec(texts[0] ?? '')?.[1];
  return { layer: layerOf(reply, isToken, isOutcome), ...(rule !== undefined && { rule: Number(rule) }), why: withoutNumbers(why) };
}

function layerOf(reply: Reply, isToken: boolean, isOutcome: boolean): LayerName {
  const body = asObject(reply.body);
  if (isOutcome && reply.status < 400) return 'consent';
  if (body.fault !== undefined || reply.status === 504 || reply.status === 502) return 'gateway';
  if (isToken) return 'token';
  if (!isOutcome) return 'edge';
  return body.text === undefined ? 'store' : 'processor';
}

const edgeText = ({ body, status }: Reply): string => {
  if (status === 404 && body === undefined) return 'wrong URL';
  return typeof body === 'string' ? body.replace(/<[^>]*>/g, ' ').trim() : '';
};

/** A text may quote what was sent: whatever could be a NIK does not belong on a page. */
export const withoutNumbers = (text: string): string => text.slice(0, 400).replace(/\d{16}/g, '#'.repeat(16));
