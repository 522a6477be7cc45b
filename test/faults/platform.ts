import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import type { SandboxSettings } from '../../src/sandbox/settings.ts';

export type Stored = Record<string, unknown> & { readonly resourceType: string; readonly id: string };

interface Counts {
  readonly resources: Readonly<Record<string, number>>;
  readonly requests: { readonly total: number; readonly byRoute: Readonly<Record<string, Readonly<Record<string, number>>>> };
}

type Part<T> = { readonly [name in keyof T]?: T[name] extends object ? Part<T[name]> : T[name] };
export type Change = Part<SandboxSettings>;

/** What a client's quota had room for so far, and what became of its requests. */
export interface ClientCount {
  readonly clientId: string;
  readonly allowed: number | null;
  readonly accepted: number;
  readonly refused: number;
}

/** The sandbox's own pages. */
export function createPlatformControl(url: string) {
  async function ask(method: string, page: string, body?: unknown): Promise<Response> {
    const answer = await fetch(`${url}/_sandbox/${page}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${page}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
    return answer;
  }
  return {
    settings: async (change: Change): Promise<void> => void (await (await ask('PUT', 'settings', change)).arrayBuffer()),
    fault: async (order: object): Promise<void> => void (await (await ask('POST', 'faults', order)).arrayBuffer()),
    clearFaults: async (): Promise<void> => void (await (await ask('DELETE', 'faults')).arrayBuffer()),
    async clients(): Promise<readonly ClientCount[]> {
      const { clients } = (await (await ask('GET', 'clients')).json()) as {
        clients: { clientId: string; requests: Omit<ClientCount, 'clientId'> }[];
      };
      return clients.map(({ clientId, requests }) => ({ clientId, ...requests }));
    },
    counts: async (): Promise<Counts> => (await (await ask('GET', 'counts')).json()) as Counts,
    /** Everything that is there, in the order in which it was first stored. */
    async *dump(): AsyncGenerator<Stored> {
      const answer = await ask('GET', 'dump');
      for await (const line of createInterface({ input: Readable.fromWeb(answer.body as never) })) {
        if (line.trim() !== '') yield JSON.parse(line) as Stored;
      }
    },
  };
}

export type PlatformControl = ReturnType<typeof createPlatformControl>;

/** Requests that create or replace something, whatever came of them. */
export function sendsOf({ requests }: Counts): number {
  let sends = 0;
  for (const [route, statuses] of Object.entries(requests.byRoute)) {
    if (!/^(POST|PUT|PATCH) /.test(route) || route.endsWith('accesstoken')) continue;
    for (const count of Object.values(statuses)) sends += count;
  }
  return sends;
}

/** Requests by status, tokens left out. */
export function statusesOf({ requests }: Counts): Readonly<Record<string, number>> {
  const sum: Record<string, number> = {};
  for (const [route, statuses] of Object.entries(requests.byRoute)) {
    if (route.endsWith('accesstoken')) continue;
    for (const [status, count] of Object.entries(statuses)) sum[status] = (sum[status] ?? 0) + count;
  }
  return sum;
}
