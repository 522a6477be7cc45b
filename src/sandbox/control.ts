import type { Arrivals } from './arrivals.ts';
import type { ClientRegistry, SandboxClient } from './clients.ts';
import type { Reply } from './errors.ts';
import { type FaultOrders, readFaultOrder } from './faults.ts';
import { asObject } from './json.ts';
import { arrivalsPage, startPage } from './pages.ts';
import type { QuotaDesk } from './quota.ts';
import { type SandboxSettings, SettingsError } from './settings.ts';
import type { ResourceStore } from './store.ts';

export const CONTROL_PATH = '/_sandbox';

export interface Controlled {
  readonly orders: FaultOrders;
  readonly arrivals: Arrivals;
  readonly store: ResourceStore;
  readonly clients: ClientRegistry;
  readonly quotas: QuotaDesk;
  readonly settings: () => SandboxSettings;
  /** @throws SettingsError */
  changeSettings(change: unknown): SandboxSettings;
  /** After a client was added or changed: its Organization exists, and the journal knows it. */
  clientChanged(client: SandboxClient): void;
  expireTokens(): void;
  reset(): void;
  now(): number;
}

/** A reply, or one that is sent piece by piece. */
export interface ControlReply extends Reply {
  readonly pieces?: Iterable<string>;
}

interface Asked {
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Last part of the path, where it names something. */
  readonly id: string;
}

const bad = (error: string): Reply => ({ status: 400, body: { error } });

type Page = (sandbox: Controlled, asked: Asked) => ControlReply;

/** `:id` stands for one part of the path. */
const PAGES: Readonly<Record<string, Page>> = {
  'GET ': (sandbox) => html(startPage(overview(sandbox))),
  'GET /requests': (sandbox, { query }) => {
    const found = arrivalsOf(sandbox, query);
    return query.get('format') === 'html' ? html(arrivalsPage(found)) : { status: 200, body: { requests: found } };
  },
  'GET /counts': ({ store, arrivals }) => ({ status: 200, body: { resources: store.counts(), requests: arrivals.report() } }),
  'GET /overview': (sandbox) => ({ status: 200, body: overview(sandbox) }),
  'GET /dump': dump,
  'POST /faults': ({ orders }, { body }) => {
    const order = readFaultOrder(body);
    return typeof order === 'string' ? bad(order) : { status: 201, body: { id: orders.add(order) } };
  },
  'GET /faults': ({ orders }) => ({ status: 200, body: { faults: orders.list() } }),
  'DELETE /faults': ({ orders }) => {
    orders.clear();
    return { status: 204 };
  },
  'GET /settings': ({ settings }) => ({ status: 200, body: settings() }),
  'PUT /settings': (sandbox, { body }) => change(sandbox, body),
  'GET /clients': (sandbox) => ({ status: 200, body: { clients: clientsOf(sandbox) } }),
  'PUT /clients/:id': (sandbox, { id, body }) => {
    const client = sandbox.clients.put(id, body);
    if (typeof client === 'string') return bad(`${client}: missing, unknown or of another form`);
    sandbox.clientChanged(client);
    return { status: 200, body: withoutSecret(client) };
  },
  'DELETE /clients/:id': (sandbox, { id }) => {
    if (!sandbox.clients.revoke(id)) return { status: 404, body: { error: 'no such client' } };
    const client = sandbox.clients.list().find(({ clientId }) => clientId === id);
    if (client !== undefined) sandbox.clientChanged(client);
    return { status: 204 };
  },
  'POST /tokens/expire': (sandbox) => {
    sandbox.expireTokens();
    return { status: 204 };
  },
  'POST /reset': (sandbox) => {
    sandbox.reset();
    return { status: 204 };
  },
  'POST /clock': setClock,
  'PUT /clock': setClock,
  'GET /clock': (sandbox) => ({ status: 200, body: { now: new Date(sandbox.now()).toISOString() } }),
};

/**
 * The sandbox's own pages, without authentication: they exist only where no real patient is.
 *
 * @param path below {@link CONTROL_PATH}: empty, or beginning with a slash
 * @param payload body of the request
 */
export function control(sandbox: Controlled, method: string, path: string, query: URLSearchParams, payload: Buffer): ControlReply {
  const [, first = '', id = ''] = path.split('/');
  const page = PAGES[`${method} ${path}`] ?? (id === '' ? undefined : PAGES[`${method} /${first}/:id`]);
  if (page === undefined) return { status: 404, body: { error: 'no such page' } };
  let body: unknown;
  try {
    body = payload.length === 0 ? undefined : JSON.parse(payload.toString('utf8'));
  } catch {
    return bad('body: not JSON');
  }
  return page(sandbox, { query, body, id: decoded(id) });
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function change(sandbox: Controlled, wanted: unknown): Reply {
  try {
    return { status: 200, body: sandbox.changeSettings(wanted) };
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    return { status: 400, body: { error: error.message, problems: error.problems } };
  }
}

/** By an offset, or to an instant from which it runs on. */
function setClock(sandbox: Controlled, { body }: Asked): Reply {
  const { offsetMs, now } = asObject(body);
  const wanted = typeof now === 'string' ? Date.parse(now) - sandbox.now() + sandbox.settings().clockOffsetMs : offsetMs;
  if (!Number.isSafeInteger(wanted) || Math.abs(wanted as number) > 1e12) {
    return bad('offsetMs: a whole number of milliseconds; or now: an instant');
  }
  sandbox.changeSettings({ clockOffsetMs: wanted });
  return { status: 200, body: { now: new Date(sandbox.now()).toISOString() } };
}

function dump({ store }: Controlled, { query }: Asked): ControlReply {
  const texts = store.texts(query.get('type') ?? undefined);
  return query.get('format') === 'json'
    ? { status: 200, contentType: 'application/json', pieces: asList(texts) }
    : { status: 200, contentType: 'application/x-ndjson', pieces: asLines(texts) };
}

function* asLines(texts: Iterable<string>): Generator<string> {
  for (const text of texts) yield `${text}\n`;
}

function* asList(texts: Iterable<string>): Generator<string> {
  let before = '[';
  for (const text of texts) {
    yield before + text;
    before = ',';
  }
  yield before === '[' ? '[]' : ']';
}

const html = (body: string): Reply => ({ status: 200, body, contentType: 'text/html; charset=utf-8' });

function arrivalsOf({ arrivals }: Controlled, query: URLSearchParams) {
  const limit = Math.min(Math.max(Number.parseInt(query.get('limit') ?? '', 10) || 100, 1), 2_000);
  const wanted = ['client', 'layer', 'method', 'status', 'rule'].flatMap((name) => {
    const value = query.get(name);
    return value === null || value === '' ? [] : [[name, value] as const];
  });
  const path = query.get('path') ?? '';
  return arrivals.list((arrival) => {
    // `status=4` finds every 4xx.
    const fits = wanted.every(([name, value]) => {
      const has = String(arrival[name as 'client'] ?? '');
      return name === 'status' ? has.startsWith(value) : has === value;
    });
    const isRefused = query.get('refused') === null || arrival.layer !== undefined || arrival.status === 'dropped';
    return fits && isRefused && arrival.path.includes(path);
  }, limit);
}

const withoutSecret = ({ clientSecret: _secret, ...client }: SandboxClient) => client;

function clientsOf({ clients, quotas, settings, now }: Controlled) {
  const counts = quotas.counts(now());
  const listed = new Map(clients.list().map((client) => [client.clientId, withoutSecret(client)]));
  // Those of an open sandbox are on no list.
  for (const clientId of Object.keys(counts)) {
    const found = listed.has(clientId) ? undefined : clients.find(clientId);
    if (found !== undefined) listed.set(clientId, withoutSecret(found));
  }
  const { quotas: limits } = settings();
  return [...listed.values()].map((client) => ({
    ...client,
    quota: limits[client.clientId] ?? limits.default ?? null,
    requests: counts[client.clientId] ?? { allowed: null, accepted: 0, refused: 0 },
  }));
}

/** What the start page shows. */
export type Overview = ReturnType<typeof overview>;

function overview(sandbox: Controlled) {
  const { arrivals, store, settings, now } = sandbox;
  return {
    now: new Date(now()).toISOString(),
    resources: store.counts(),
    requests: arrivals.report(),
    refusals: arrivals.reasons(),
    clients: clientsOf(sandbox),
    settings: settings(),
    last: arrivals.list(() => true, 50),
  };
}
