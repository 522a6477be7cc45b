import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorHandler } from '../../src/http/error-handler.ts';
import { createIntakeRouter, type IntakeRouterOptions } from '../../src/http/intake-router.ts';
import { setState } from '../../src/http/request-state.ts';
import type { Accepted, RawRecord } from '../../src/intake/index.ts';
import type { Audit, Client } from '../../src/store/port.ts';

const client: Client = {
  id: 'simpus',
  name: 'simpus',
  keyHash: '',
  scopes: ['intake:write'],
  sourceSystems: 'all',
  facilities: 'all',
  createdAt: '2026-01-01T00:00:00.000Z',
  revokedAt: null,
};
/** Line number → whether it is accepted; all else about a record is the intake's. */
let good: (line: number) => boolean = () => false;
let padding = '';
const asked: number[] = [];
const audits: unknown[] = [];
const logger = pino({ level: 'silent' });

const intake = {
  async accept(_request: unknown, records: readonly RawRecord[]): Promise<readonly Accepted[]> {
    asked.push(records.length);
    return records.map(({ value }) => {
      const line = value.line as number;
      const receipt = good(line)
        ? { state: 'ready', reason: null, issues: [] }
        : { state: 'failed', reason: 'refused', issues: [{ severity: 'error', code: 'facility-unknown', text: { id: padding, en: '' } }] };
      return { receipt: { id: `id-${line}`, version: 1, sourceId: `S-${line}`, ...receipt }, repeated: false } as unknown as Accepted;
    });
  },
};

const audit = { write: async (row: Omit<Audit, 'at'>) => void audits.push(row), note: async () => undefined, idle: async () => undefined };
const options = {
  store: {},
  intake,
  audit,
  metrics: { receipt: () => undefined },
  limits: { jsonBytes: 1_048_576, lineBytes: 1_048_576, jsonDepth: 64 },
  environment: 'sandbox',
  logger,
} as unknown as IntakeRouterOptions;

const app = express();
app.use((request, _response, next) => {
  setState(request, { id: 'request-1', client });
  next();
});
app.use('/api/v1', createIntakeRouter(options));
app.use(errorHandler({ audit, logger }));
const server = createServer(app);

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => void server.close());

async function send(count: number) {
  asked.length = 0;
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v1/encounters`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson' },
    body: Array.from({ length: count }, (_, line) => `{"line":${line}}\n`).join(''),
  });
  const body = (await response.json()) as {
    receipts: { id: string }[];
    accepted: number;
    refused: number;
    error?: { code: string; text: { id: string; en: string } };
  };
  return { status: response.status, body };
}

describe('a stream of which nothing is accepted', () => {
  it('is given up after ten thousand: every record that was looked at has its receipt, and the answer says how many', async () => {
    good = () => false;
    padding = '';
    const { status, body } = await send(25_000);
    expect([status, body.accepted, body.error?.code]).toEqual([422, 0, 'nothing-accepted']);
    const looked = asked.reduce((sum, each) => sum + each, 0);
    expect(looked).toBeLessThanOrEqual(10_200);
    expect(body.receipts.map(({ id }) => id)).toEqual(Array.from({ length: looked }, (_, line) => `id-${line}`));
    expect(body.refused).toBe(looked);
    expect(body.error?.text.id).toContain(`${looked} data pertama`);
    expect(body.error?.text.en).toContain(`first ${looked} records`);
    expect(audits).toContainEqual(expect.objectContaining({ code: 'nothing-accepted', target: 'encounters', outcome: 'refused' }));
  });

  it('is given up earlier where receipts are long', async () => {
    good = () => false;
    padding = 'x'.repeat(20_000);
    const { status, body } = await send(5_000);
    expect([status, body.error?.code]).toEqual([422, 'nothing-accepted']);
    expect(body.receipts.length).toBeLessThan(1_200);
    expect(body.receipts.length).toBe(asked.reduce((sum, each) => sum + each, 0));
  });

  it('goes on if what is being stored at that moment holds a good one', async () => {
    padding = '';
    good = (line) => line === 10_050;
    const { status, body } = await send(12_000);
    expect([status, body.accepted, body.refused, body.receipts.length, body.error]).toEqual([202, 1, 11_999, 12_000, undefined]);
  });

  it('one accepted record before that lifts the limit', async () => {
    good = (line) => line === 9_000;
    const { status, body } = await send(20_000);
    expect([status, body.accepted, body.receipts.length]).toEqual([202, 1, 20_000]);
  });

  it('below the limit all is read', async () => {
    good = () => false;
    const { status, body } = await send(9_900);
    expect([status, body.receipts.length, body.error]).toEqual([422, 9_900, undefined]);
  });
});
