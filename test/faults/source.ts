import { request } from 'node:http';
import type { Receipt } from '../../src/cli/push.ts';
import type { Feed } from '../../src/store/port.ts';

export interface SourceOptions {
  /** Where the service listens now; undefined while it is down. */
  readonly url: () => string | undefined;
  readonly key: string;
}

const PIECE = 50;
const RETRY_MS = 100;
const TIMEOUT_MS = 10_000;
/** A service that takes nothing for so long is broken, not merely killed. */
const GIVE_UP_MS = 60_000;

/** A bridge as vendors write it: it sends in order, and sends again whatever it got no receipt for. */
export function createSource({ url, key }: SourceOptions) {
  /** Records of all feeds in the order of sending, for what a restored service has to be told again. */
  const sent: Array<{ readonly feed: Feed; readonly records: readonly object[] }> = [];

  async function deliver(feed: Feed, records: readonly object[]): Promise<void> {
    let left = records;
    let since = Date.now();
    while (left.length > 0) {
      const base = url();
      const receipts = base === undefined ? [] : await post(`${base}/api/v1/${feed}`, key, left).catch(() => []);
      const refused = receipts.find(({ state }) => state === 'failed');
      if (refused !== undefined) {
        throw new Error(`${feed}: refused with ${refused.issues.map(({ code, field }) => `${code} ${field ?? ''}`).join(', ')}`);
      }
      // Receipts come in the order of the records.
      left = left.slice(receipts.length);
      if (receipts.length > 0) since = Date.now();
      else if (Date.now() - since > GIVE_UP_MS) throw new Error(`${feed}: no receipt for ${GIVE_UP_MS} ms`);
      if (left.length > 0) await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  return {
    /** Resolves when there is a receipt for every record. @throws Error when one is refused: the workload has none that may be */
    async send(feed: Feed, records: readonly object[]): Promise<void> {
      for (let next = 0; next < records.length; next += PIECE) {
        const some = records.slice(next, next + PIECE);
        await deliver(feed, some);
        sent.push({ feed, records: some });
      }
    },
    /** A point to come back to. */
    position: (): number => sent.length,
    /** Sends again what was sent after a point: the service has forgotten it. */
    async repeat(position: number): Promise<void> {
      for (const { feed, records } of sent.slice(position)) await deliver(feed, records);
    },
  };
}

export type Source = ReturnType<typeof createSource>;

/** Receipts of as many records, from the first on, as were answered before the connection broke. */
function post(url: string, key: string, records: readonly object[]): Promise<readonly Receipt[]> {
  return new Promise((resolve, reject) => {
    const asked = request(
      url,
      { method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' }, timeout: TIMEOUT_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('error', reject);
        response.once('close', () => {
          try {
            resolve(response.complete ? ((JSON.parse(text) as { receipts?: Receipt[] }).receipts ?? []) : []);
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    asked.once('timeout', () => asked.destroy());
    asked.once('error', reject);
    asked.end(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  });
}
