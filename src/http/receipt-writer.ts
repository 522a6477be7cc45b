import { once } from 'node:events';
import type { Response } from 'express';
import type { AppError } from '../errors/index.ts';
import type { Accepted } from '../intake/index.ts';
import { errorBody } from './error-handler.ts';

/** Receipts kept back in memory before the sender must read some; a sender that only reads at its end is served up to here. */
const UNREAD_LIMIT = 16 * 1_048_576;

/** Receipts held back while none is good: whichever is reached first. So many refusals have one cause, and it is in the receipts. */
const HELD_LIMIT = 10_000;
const HELD_CHARACTERS = UNREAD_LIMIT;

export interface ReceiptCounts {
  accepted: number;
  refused: number;
  duplicates: number;
}

/**
 * Writes `{"receipts":[…],"accepted":n,"refused":n,"duplicates":n}` while a stream is still being read. The status is known with the
 * first accepted record: until then receipts are held back, up to a limit at which the reader is to stop.
 */
export function createReceiptWriter(response: Response) {
  const counts: ReceiptCounts = { accepted: 0, refused: 0, duplicates: 0 };
  let held: string[] = [];
  let heldCharacters = 0;
  let started = false;
  let good = 0;
  let written = 0;

  const begin = (status: number) => {
    response.status(status).type('application/json');
    response.write(`{"receipts":[${held.join(',')}`);
    written = held.length;
    held = [];
    started = true;
  };

  return {
    counts,
    get receipts(): number {
      return written + held.length;
    },
    /** None was accepted so far, and no more receipts can be held back. */
    get full(): boolean {
      return !started && (held.length >= HELD_LIMIT || heldCharacters >= HELD_CHARACTERS);
    },
    async write(batch: readonly Accepted[]): Promise<void> {
      const texts: string[] = [];
      for (const { receipt, repeated } of batch) {
        if (receipt.state === 'failed' && receipt.reason === 'refused') counts.refused++;
        else if (repeated || receipt.reason === 'duplicate') counts.duplicates++;
        else counts.accepted++;
        if (receipt.reason !== 'refused' && receipt.reason !== 'duplicate') good++;
        const text = JSON.stringify(receipt);
        if (!started) heldCharacters += text.length;
        texts.push(text);
      }
      if (!started) {
        held.push(...texts);
        if (good > 0) begin(202);
        return;
      }
      for (const text of texts) response.write(written++ === 0 ? text : `,${text}`);
      if (response.writableLength > UNREAD_LIMIT && !response.destroyed) {
        await Promise.race([once(response, 'drain'), once(response, 'close')]);
      }
    },
    /** @param fault what ended the stream early; the receipts before it stand */
    end(fault?: { error: AppError; requestId: string }): void {
      if (!started) begin(fault?.error.status ?? 422);
      const { accepted, refused, duplicates } = counts;
      const error = fault ? `,"error":${JSON.stringify(errorBody(fault.error, fault.requestId).error)}` : '';
      response.end(`],"accepted":${accepted},"refused":${refused},"duplicates":${duplicates}${error}}`);
    },
  };
}
