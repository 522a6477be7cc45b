import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';

export type Stored = Record<string, unknown> & { readonly resourceType: string; readonly id: string };

interface Counts {
  readonly resources: Readonly<Record<string, number>>;
  readonly requests: { readonly total: number; readonly byRoute: Readonly<Record<string, Readonly<Record<string, number>>>> };
}

/** The sandbox's own pages. */
export function createPlatformControl(url: string) {
  async function ask(method: string, page: string, body?: unknown): Promise<Response> {
    const answer = await fetch(`${url}/_sandbox/${page}`, { method, ...(body !== undefined && { body: JSON.stringify(body) }) });
    if (!answer.ok) throw new Error(`${method} ${page}: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
    return answer;
  }
  return {
    /** False where this sandbox has no settings yet. */
    async settings(change: object): Promise<boolean> {
      const answer = await fetch(`${url}/_sandbox/settings`, { method: 'PUT', body: JSON.stringify(change) });
      const text = await answer.text();
      if (answer.status === 404) return false;
      if (!answer.ok) throw new Error(`settings: ${answer.status} ${text.slice(0, 300)}`);
      return true;
    },
    fault: async (order: object): Promise<void> => void (await (await ask('POST', 'faults', order)).arrayBuffer()),
    async faultsWaiting(): Promise<number> {
      return ((await (await ask('GET', 'faults')).json()) as { faults: unknown[] }).faults.length;
    },
    clearFaults: async (): Promise<void> => void (await (await ask('DELETE', 'faults')).arrayBuffer()),
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
