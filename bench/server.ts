import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createServer } from 'node:net';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import type { Engines } from '../src/engines.ts';
import { builtProgram, SOURCE } from './built.ts';
import { MIN_VISITS } from './intake.ts';
import { type Effort, median, quantile, type Row, round } from './measure.ts';
import { createSeeded, ENVIRONMENT, KEY } from './seeded.ts';
import { visits } from './visits.ts';

const CONNECTIONS = 32;
const LIMITS = { startMs: 1_000, rssMb: 250, singles: 200, waitMs: 50, readMs: 1 };
const KEYED = { authorization: `Bearer ${KEY}` };

/** The service as a process of its own, over HTTP: start, intake in streams and singly, others meanwhile, reads, memory. */
export async function benchServer(engines: Engines, effort: Effort): Promise<Row[]> {
  const seeded = await createSeeded(engines);
  try {
    const program = builtProgram(effort);
    const file = seeded.copy('served.sqlite');
    const starts: number[] = [];
    const fromSource: number[] = [];
    for (let run = 1; run < effort.runs; run++) {
      for (const [folder, times] of [
        [program, starts],
        [SOURCE, fromSource],
      ] as const) {
        const once = await start(folder, file);
        times.push(once.startMs);
        await stop(once.process);
      }
    }
    const running = await start(program, file);
    starts.push(running.startMs);
    try {
      return [startRow(starts, fromSource), ...(await load(running, effort))];
    } finally {
      await stop(running.process);
    }
  } finally {
    seeded.remove();
  }
}

const startRow = (starts: readonly number[], fromSource: readonly number[]): Row => ({
  name: 'start/ready',
  unit: 'ms',
  ours: round(median(starts)),
  limit: `< ${LIMITS.startMs}`,
  ...(fromSource.length > 0 && { peers: { 'from sources': round(median(fromSource)) } }),
  max: round(Math.max(...starts)),
  ok: median(starts) < LIMITS.startMs,
  note: 'from the start of the process to the first 200 of /readyz; SQLite, migrated before',
});

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  readonly startMs: number;
}

async function start(folder: string, file: string): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const started = performance.now();
  const child = spawn(process.execPath, [path.join(folder, 'bin.mjs'), 'serve'], {
    cwd: path.dirname(file),
    env: {
      PATH: process.env.PATH,
      ILP_DATABASE: file,
      ILP_ENVIRONMENT: ENVIRONMENT,
      ILP_HOST: '127.0.0.1',
      ILP_PORT: String(port),
      ILP_LOG_LEVEL: 'info',
      // What is measured is intake; the platform of this benchmark does not exist.
      ILP_WORKER_ENABLED: 'false',
      // Where nothing is delivered too much waits soon, and receipts would come later on purpose.
      ILP_BACKLOG_LIMIT: '0',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  for (;;) {
    if (child.exitCode !== null) throw new Error(`the service ended with ${child.exitCode}`);
    const status = await get(`${url}/readyz`).catch(() => 0);
    if (status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return { process: child, url, startMs: performance.now() - started };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  child.kill('SIGTERM');
  await once(child, 'exit');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function get(url: string, agent?: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = http.get(url, { headers: KEYED, ...(agent && { agent }) }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode ?? 0));
    });
    request.once('error', reject);
  });
}

interface Posted {
  readonly status: number;
  readonly accepted: number;
  readonly body: string;
}

function post(url: string, type: string, body: string, agent: http.Agent): Promise<Posted> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      url,
      { method: 'POST', agent, headers: { ...KEYED, 'content-type': type, 'content-length': Buffer.byteLength(body) } },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: response.statusCode ?? 0, accepted: Number(/"accepted":(\d+)/.exec(text)?.[1] ?? 0), body: text });
        });
      },
    );
    request.once('error', reject);
    request.end(body);
  });
}

interface Probe {
  stop(): Promise<number[]>;
}

/** Two askers beside the load: one for what needs nothing, one for what needs key, store and audit. */
function probe(url: string, headers: Record<string, string>): Probe {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./probe-thread.${extension}`, import.meta.url), { workerData: { url, headers, pauseMs: 20 } });
  const answer = once(worker, 'message') as Promise<[number[]]>;
  return {
    async stop() {
      worker.postMessage('stop');
      return (await answer)[0];
    },
  };
}

async function load({ url, process: child }: Running, effort: Effort): Promise<Row[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  const rows: Row[] = [];
  let next = 0;
  const take = (count: number) => {
    next += count;
    return visits(next - count, count);
  };
  const stream = async (count: number): Promise<number> => {
    const body = take(count)
      .map((record) => JSON.stringify(record))
      .join('\n');
    const started = performance.now();
    const { accepted } = await post(`${url}/api/v1/encounters`, 'application/x-ndjson', body, agent);
    if (accepted !== count) throw new Error(`${accepted} of ${count} accepted`);
    return count / ((performance.now() - started) / 1000);
  };
  const singles = async (count: number): Promise<{ rate: number; millis: number[] }> => {
    const records = take(count);
    const millis: number[] = [];
    const started = performance.now();
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async () => {
        for (let record = records.pop(); record; record = records.pop()) {
          const before = performance.now();
          const { accepted } = await post(`${url}/api/v1/encounters`, 'application/json', JSON.stringify(record), agent);
          if (accepted !== 1) throw new Error('a single record was not accepted');
          millis.push(performance.now() - before);
        }
      }),
    );
    return { rate: count / ((performance.now() - started) / 1000), millis };
  };

  await stream(effort.quick ? 100 : 1_000);
  const patient = await somePatient(url, agent);
  const rounds = async <T>(round: () => Promise<T>): Promise<{ results: T[]; health: number[][]; read: number[][] }> => {
    const waited: { results: T[]; health: number[][]; read: number[][] } = { results: [], health: [], read: [] };
    for (let run = 0; run < effort.runs; run++) {
      const probes = { health: probe(`${url}/healthz`, {}), read: probe(`${url}/fhir/${patient}`, KEYED) };
      waited.results.push(await round());
      waited.health.push(await probes.health.stop());
      waited.read.push(await probes.read.stop());
    }
    return waited;
  };
  const streamed = await rounds(() => stream(effort.quick ? 300 : 2_000));
  const single = await rounds(() => singles(effort.quick ? 100 : 1_000));
  const millis = single.results.flatMap((round) => round.millis);
  const singleRate = median(single.results.map(({ rate }) => rate));

  rows.push(
    {
      name: 'intake/http-stream',
      unit: 'visits/s',
      ours: round(median(streamed.results)),
      limit: `≥ ${MIN_VISITS}`,
      ok: median(streamed.results) >= MIN_VISITS,
      note: 'NDJSON; service, load and askers on the same cores',
    },
    {
      name: 'intake/http-singles',
      unit: 'visits/s',
      ours: round(singleRate),
      limit: `≥ ${LIMITS.singles} at ${CONNECTIONS} connections`,
      p50: round(median(millis)),
      p99: round(quantile(millis, 0.99)),
      ok: singleRate >= LIMITS.singles,
    },
    waitRow('healthz-during-stream', streamed.health),
    waitRow('fhir-read-during-stream', streamed.read),
    waitRow('healthz-during-singles', single.health),
    waitRow('fhir-read-during-singles', single.read),
  );
  rows.push(await memoryRow(child), ...(await reads(url, patient, effort)));
  agent.destroy();
  return rows;
}

/** The longest wait of each round, of these the median: a round in which the machine itself paused tells nothing about the service. */
function waitRow(name: string, rounds: readonly (readonly number[])[]): Row {
  const longest = rounds.map((millis) => Math.max(...millis));
  const millis = rounds.flat();
  return {
    name: `wait/${name}`,
    unit: 'ms',
    ours: round(median(longest)),
    limit: `longest ≤ ${LIMITS.waitMs}`,
    p50: round(median(millis)),
    p99: round(quantile(millis, 0.99)),
    max: round(Math.max(...longest)),
    ok: median(longest) <= LIMITS.waitMs,
    note: `longest wait of a round, median of ${rounds.length} rounds with ${millis.length} requests`,
  };
}

async function somePatient(url: string, agent: http.Agent): Promise<string> {
  const { body } = await new Promise<{ body: string }>((resolve, reject) => {
    http
      .get(`${url}/fhir/Patient?_count=1`, { headers: KEYED, agent }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        response.once('end', () => resolve({ body: text }));
      })
      .once('error', reject);
  });
  const id = (JSON.parse(body) as { entry?: { resource: { id: string } }[] }).entry?.[0]?.resource.id;
  if (id === undefined) throw new Error('no Patient was found');
  return `Patient/${id}`;
}

/** Largest resident memory so far; Linux keeps it, elsewhere there is no number. */
async function memoryRow(child: ChildProcess): Promise<Row> {
  let megabytes = Number.NaN;
  try {
    const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
    megabytes = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  } catch {
    // Only Linux has /proc.
  }
  return {
    name: 'memory/peak-rss',
    unit: 'MB',
    ours: round(megabytes),
    limit: `< ${LIMITS.rssMb}`,
    ...(!Number.isNaN(megabytes) && { ok: megabytes < LIMITS.rssMb }),
    note: 'peak since the start, after all the load above',
  };
}

async function reads(url: string, patient: string, effort: Effort): Promise<Row[]> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const time = async (path: string, count: number): Promise<number[]> => {
    const millis: number[] = [];
    for (let n = -Math.ceil(count / 5); n < count; n++) {
      const before = performance.now();
      const status = await get(`${url}${path}`, agent);
      if (status !== 200) throw new Error(`${path.split('?')[0]}: status ${status}`);
      if (n >= 0) millis.push(performance.now() - before);
    }
    return millis;
  };
  const count = effort.quick ? 50 : 1_000;
  const read = await time(`/fhir/${patient}`, count);
  const search = await time(`/fhir/Observation?patient=${patient}&code=http://loinc.org|8480-6&_count=20`, count);
  const encounters = await time(`/fhir/Encounter?patient=${patient}&date=ge2026-07-01&_count=20`, count);
  agent.destroy();
  const row = (name: string, millis: readonly number[], limit?: number): Row => ({
    name: `fhir/${name}`,
    unit: 'ms',
    ours: round(median(millis)),
    ...(limit !== undefined && { limit: `p50 < ${limit}`, ok: median(millis) < limit }),
    p99: round(quantile(millis, 0.99)),
    max: round(Math.max(...millis)),
  });
  return [row('read', read, LIMITS.readMs), row('search-observations-of-patient', search), row('search-encounters-by-date', encounters)];
}
