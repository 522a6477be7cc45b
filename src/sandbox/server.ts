import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { AppError } from '../errors/index.ts';
import { transaction } from './bundle.ts';
import { createClock } from './clock.ts';
import { control, type FaultOrder, Faults, Tally } from './control.ts';
import {
  gatewayTimeout,
  internalError,
  issues,
  noHealthyUpstream,
  processorOutcome,
  quotaViolation,
  Refusal,
  type Reply,
  wrongUrl,
} from './errors.ts';
import { isObject, sortKeys } from './json.ts';
import { People, type PeopleFile } from './people.ts';
import { isServedType, Processor } from './processor.ts';
import { createRuleBook, readRuleTable } from './rules.ts';
import { search } from './search.ts';
import { ResourceStore } from './store.ts';
import { type Caller, type SandboxClient, TokenDesk } from './token.ts';

export interface SandboxOptions {
  readonly people?: PeopleFile;
  readonly clients?: readonly SandboxClient[];
  /**
   * Besides the listed clients, accept every client id of the form `sandbox-<organizationId>` with the secret
   * `secret-<organizationId>`. For demonstrations; default false.
   */
  readonly open?: boolean;
  /** Text of `profiles/platform-rules.json`; read from the package when absent. */
  readonly ruleTable?: string;
  /** Default 3599, the platform's. */
  readonly tokenLifetimeSeconds?: number;
  /** Larger bodies get 413. Default 8 MiB; the platform has published no limit. */
  readonly maxBodyBytes?: number;
  /** Accept PUT of an EpisodeOfCare. Default false, as staging answers. */
  readonly episodeUpdate?: boolean;
  /** Milliseconds since the epoch; default the machine's clock. */
  readonly now?: () => number;
}

export interface Sandbox {
  readonly app: Express;
  /**
   * Listens. Port 0 takes a free one.
   *
   * @param host default 127.0.0.1
   * @returns the URL under which the platform's paths are served, without a slash at the end
   */
  start(port?: number, host?: string): Promise<string>;
  /** Closes every connection, busy ones too. */
  stop(): Promise<void>;
  /** The URL while it listens, else undefined. */
  readonly url: string | undefined;
}

const TOKEN_PATH = '/oauth2/v1/accesstoken';
const FHIR_PATH = '/fhir-r4/v1';
const CONTROL_PATH = '/_sandbox/';

interface Incoming {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly payload: Buffer;
  readonly authorization: string | undefined;
  /** Absolute FHIR base as the client sees it. */
  readonly base: string;
}

/**
 * A SATUSEHAT simulator: the platform's paths, checks, texts and habits over a store in memory, and `/_sandbox/` to look inside and
 * to order faults. It never logs and never writes a file.
 *
 * @throws AppError `config` when the rule table cannot be read
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const clock = createClock(options.now);
  const store = new ResourceStore(clock);
  const people = new People(options.people ?? {});
  const rules = createRuleBook(readRuleTable(options.ruleTable ?? readShippedRules()));
  const processor = new Processor({ store, people, rules, clock, episodeUpdate: options.episodeUpdate ?? false });
  const faults = new Faults();
  const tally = new Tally();
  const clients = options.clients ?? [];

  /** A facility's root Organization exists without anybody creating it: the ministry registers it. */
  const ensureOrganization = (id: string, name = `Fasilitas ${id}`): void => {
    if (store.get('Organization', id) !== undefined) return;
    const body = { active: true, name };
    store.commit([{ resourceType: 'Organization', id, body }], store.nextVersion());
  };
  const seed = (): void => {
    for (const { organizationId } of clients) ensureOrganization(organizationId);
    for (const { id, name } of options.people?.organizations ?? []) ensureOrganization(id, name);
  };
  seed();

  const tokens = new TokenDesk({
    clients,
    open: options.open ?? false,
    lifetimeSeconds: options.tokenLifetimeSeconds ?? 3599,
    clock,
    onCaller: (caller) => ensureOrganization(caller.organizationId),
  });

  const controlled = {
    faults,
    tally,
    dump: () => store.all(),
    counts: () => store.counts(),
    reset: () => {
      store.clear();
      tokens.reset();
      faults.clear();
      tally.clear();
      clock.offsetMs = 0;
      seed();
    },
    setClock: (offsetMs: number) => {
      clock.offsetMs = offsetMs;
    },
    now: () => clock.now(),
  };

  const answerFhir = (request: Incoming, caller: Caller): Reply => {
    const { method, query, payload, base } = request;
    const [type = '', id, ...more] = request.path.slice(FHIR_PATH.length).split('/').slice(1);
    if (type === '') return method === 'POST' && id === undefined ? transaction(processor, store, base, payload, caller) : wrongUrl();
    if (type === 'metadata' && method === 'GET' && id === undefined) return { status: 200, body: capabilities() };
    if (!isServedType(type) || more.length > 0) return wrongUrl();
    if (id === undefined || id === '') {
      if (method === 'POST') return processor.create(type, payload, caller);
      return method === 'GET' ? { status: 200, body: search({ store, people, base }, type, query) } : wrongUrl();
    }
    if (method === 'GET') return { status: 200, body: processor.read(type, id) };
    return method === 'PUT' ? processor.update(type, id, payload, caller) : wrongUrl();
  };

  const answer = (request: Incoming): Reply => {
    try {
      if (request.path === TOKEN_PATH) {
        if (request.method !== 'POST') return wrongUrl();
        return tokens.issue(request.query.get('grant_type'), new URLSearchParams(request.payload.toString('utf8')));
      }
      if (request.path !== FHIR_PATH && !request.path.startsWith(`${FHIR_PATH}/`)) return wrongUrl();
      return answerFhir(request, tokens.authenticate(request.authorization));
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      throw error;
    }
  };

  const answerControl = (request: Incoming): Reply => {
    try {
      const text = request.payload.toString('utf8');
      return control(controlled, request.method, request.path, request.query, text === '' ? undefined : JSON.parse(text));
    } catch (error) {
      if (error instanceof Refusal) return error.reply;
      if (error instanceof SyntaxError) return { status: 400, body: { error: 'body: not JSON' } };
      throw error;
    }
  };

  const handle = async (request: Request, response: Response): Promise<void> => {
    const incoming = read(request);
    if (incoming === undefined) return send(response, wrongUrl());
    if (incoming.path.startsWith(CONTROL_PATH)) return send(response, answerControl(incoming));
    const route = routeOf(incoming);
    const fault = faults.take(incoming.method, incoming.path);
    const drop = (): void => {
      tally.add(route, 'dropped');
      request.socket.destroy();
    };
    if (fault?.action === 'drop-before') return drop();
    if (fault?.action === 'expire-tokens') tokens.expireAll();
    if (fault?.action === 'delay') await wait(fault.delayMs ?? 0);
    const reply = fault?.action === 'status' ? faultReply(fault) : answer(incoming);
    if (fault?.action === 'drop-after') return drop();
    tally.add(route, String(reply.status));
    send(response, reply);
  };

  const onError: ErrorRequestHandler = (error: unknown, request, response, _next) => {
    if (response.headersSent || request.socket.destroyed) return;
    const type = isObject(error) || error instanceof Error ? String((error as { type?: unknown }).type ?? '') : '';
    const status = type === 'entity.too.large' ? 413 : 400;
    // body-parser names its errors; anything else is a fault of this simulator.
    const reply = type === '' ? internalError() : processorOutcome([issues.unreadable()], status);
    tally.add(`${request.method} body`, String(reply.status));
    send(response, reply);
  };

  const app = express();
  app.disable('x-powered-by');
  app.use(express.raw({ limit: options.maxBodyBytes ?? 8 * 1024 * 1024, type: () => true }));
  app.use(handle);
  app.use(onError);

  let server: Server | undefined;
  let url: string | undefined;
  return {
    app,
    get url() {
      return url;
    },
    async start(port = 0, host = '127.0.0.1') {
      const listening = createServer(app);
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject);
        listening.listen(port, host, resolve);
      });
      server = listening;
      const address = listening.address() as AddressInfo;
      url = `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
      return url;
    },
    async stop() {
      const stopping = server;
      server = undefined;
      url = undefined;
      if (stopping === undefined) return;
      const closed = new Promise<void>((resolve) => stopping.close(() => resolve()));
      stopping.closeAllConnections();
      await closed;
    },
  };
}

export interface StartOptions extends Omit<SandboxOptions, 'people' | 'clients'> {
  /** 0 takes a free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Path of the people file, or its contents. */
  readonly people?: string | PeopleFile;
  /** Path of the clients file, or its clients: a JSON list of `{clientId, clientSecret, organizationId}`, or `{clients: [ … ]}`. */
  readonly clients?: string | readonly SandboxClient[];
}

/**
 * Starts a sandbox from files. Prints nothing.
 *
 * @throws AppError `config` when a file cannot be read or has another form
 */
export async function startSandbox(options: StartOptions = {}): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { port, host, people, clients, ...rest } = options;
  const sandbox = createSandbox({
    ...rest,
    people: typeof people === 'string' ? readPeople(people) : (people ?? {}),
    clients: typeof clients === 'string' ? readClients(clients) : (clients ?? []),
  });
  const url = await sandbox.start(port, host);
  return { url, stop: () => sandbox.stop() };
}

const read = (request: Request): Incoming | undefined => {
  const url = URL.parse(request.url, 'http://sandbox');
  if (url === null) return undefined;
  // The Host header is written back into links, so only a plausible one is taken.
  const host = /^[\w.:[\]-]+$/.test(request.headers.host ?? '') ? request.headers.host : 'sandbox';
  return {
    method: request.method,
    path: url.pathname.length > 1 ? url.pathname.replace(/\/$/, '') : url.pathname,
    query: url.searchParams,
    payload: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    authorization: request.headers.authorization,
    base: `http://${host}${FHIR_PATH}`,
  };
};

/** Pattern of a request for the tally: ids would make it endless. */
function routeOf({ method, path: at }: Incoming): string {
  if (at === TOKEN_PATH) return `${method} accesstoken`;
  const [type, id] = at.startsWith(FHIR_PATH) ? at.slice(FHIR_PATH.length).split('/').slice(1) : [];
  if (at === FHIR_PATH) return `${method} /`;
  return type !== undefined && isServedType(type) ? `${method} ${type}${id === undefined ? '' : '/{id}'}` : `${method} other`;
}

function faultReply({ status = 503, retryAfter }: FaultOrder): Reply {
  const replies: Readonly<Record<number, () => Reply>> = {
    429: quotaViolation,
    500: internalError,
    502: () => gatewayTimeout(502),
    503: noHealthyUpstream,
    504: gatewayTimeout,
  };
  const reply = (replies[status] ?? noHealthyUpstream)();
  return retryAfter === undefined ? reply : { ...reply, headers: { 'retry-after': String(retryAfter) } };
}

function send(response: Response, reply: Reply): void {
  const { status, body, headers = {} } = reply;
  response.status(status);
  response.setHeader('x-request-id', randomUUID());
  response.setHeader('vary', 'Origin,X-Origin,Referer');
  response.setHeader('via', '1.1 google');
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
  if (body === undefined) {
    response.end();
    return;
  }
  response.setHeader('content-type', reply.contentType ?? 'application/json');
  response.end(typeof body === 'string' ? body : JSON.stringify(sortKeys(body)));
}

const capabilities = () => ({
  resourceType: 'CapabilityStatement',
  status: 'active',
  kind: 'instance',
  date: '2026-01-01',
  fhirVersion: '4.0.1',
  format: ['json'],
  software: { name: 'SATUSEHAT sandbox' },
  rest: [{ mode: 'server', interaction: [{ code: 'transaction' }] }],
});

function readShippedRules(): string {
  const file = path.resolve(import.meta.dirname, '../../profiles/platform-rules.json');
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('config', { detail: 'profiles/platform-rules.json' }, { cause });
  }
}

/** @throws AppError `config` that names the kind of file, never a value in it */
function readJson(file: string, kind: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new AppError('config', { detail: `--${kind}: ${file} is missing or not JSON` }, { cause });
  }
}

/** @throws AppError `config` naming the first entry that has another form */
export function readPeople(file: string): PeopleFile {
  const value = readJson(file, 'people');
  if (!isObject(value)) throw new AppError('config', { detail: 'people: {patients, practitioners}' });
  const lists = {
    patients: ['name', 'gender', 'birthDate'],
    practitioners: ['name'],
    organizations: ['id'],
  };
  for (const [list, needed] of Object.entries(lists)) {
    const entries = value[list] ?? [];
    if (!Array.isArray(entries)) throw new AppError('config', { detail: `people: ${list}` });
    const wrong = entries.findIndex((entry) => !isObject(entry) || needed.some((name) => typeof entry[name] !== 'string'));
    if (wrong >= 0) throw new AppError('config', { detail: `people: ${list}[${wrong}] (${needed.join(', ')})` });
  }
  return value as PeopleFile;
}

/** @throws AppError `config` naming the first entry that has another form */
export function readClients(file: string): readonly SandboxClient[] {
  const content = readJson(file, 'clients');
  const value = isObject(content) ? content.clients : content;
  const needed = ['clientId', 'clientSecret', 'organizationId'];
  if (!Array.isArray(value)) throw new AppError('config', { detail: `clients: [{${needed.join(', ')}}]` });
  const wrong = value.findIndex((entry) => !isObject(entry) || needed.some((name) => typeof entry[name] !== 'string'));
  if (wrong >= 0) throw new AppError('config', { detail: `clients: [${wrong}] (${needed.join(', ')})` });
  return value as readonly SandboxClient[];
}
