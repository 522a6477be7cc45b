import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { AppError } from '../errors/index.ts';
import { Arrivals, refusalOf, withoutNumbers } from './arrivals.ts';
import { type Caller, ClientRegistry, type SandboxClient } from './clients.ts';
import { createClock } from './clock.ts';
import { CONTROL_PATH, type Controlled, control } from './control.ts';
import { chance, FaultDice, FaultOrders } from './faults.ts';
import { createListener } from './http.ts';
import { asObject } from './json.ts';
import { MasterData } from './master-data.ts';
import { People, type PeopleFile } from './people.ts';
import { answer, FHIR_PATH, type Incoming, type Platform, TOKEN_PATH } from './pipeline.ts';
import { isServedType, Processor } from './processor.ts';
import { QuotaDesk } from './quota.ts';
import { createRuleBook, readRuleTable } from './rules.ts';
import { changeSettings, DEFAULT_SETTINGS, type SandboxSettings } from './settings.ts';
import { Journal } from './state.ts';
import { ResourceStore, type StoredResource } from './store.ts';
import { TokenDesk } from './token.ts';

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
  /** A change of {@link DEFAULT_SETTINGS}, in the form of `PUT /_sandbox/settings`. A reset comes back to it. */
  readonly settings?: unknown;
  /** File that keeps what is stored; memory only when absent. */
  readonly state?: string;
  /** As `settings.tokenLifetimeSeconds`. */
  readonly tokenLifetimeSeconds?: number;
  /** As `settings.strictness.bodyBytes`. */
  readonly maxBodyBytes?: number;
  /** As `settings.strictness.episodeUpdate`. */
  readonly episodeUpdate?: boolean;
  /** Milliseconds since the epoch; default the machine's clock. */
  readonly now?: () => number;
}

export interface Sandbox {
  /**
   * Listens. Port 0 takes a free one.
   *
   * @param host default 127.0.0.1
   * @returns the URL under which the platform's paths are served, without a slash at the end
   */
  start(port?: number, host?: string): Promise<string>;
  /** Closes every connection, busy ones too, and the state file. */
  stop(): Promise<void>;
  /** The URL while it listens, else undefined. */
  readonly url: string | undefined;
}

/**
 * A SATUSEHAT simulator: the platform's paths, checks, texts and habits over a store, and `/_sandbox/` to look inside, to change its
 * settings and to order faults. It never logs, and writes no file but its state.
 *
 * @throws AppError `config` when the rule table or the state cannot be read
 * @throws SettingsError when the settings are wrong
 */
export function createSandbox(options: SandboxOptions = {}): Sandbox {
  const clock = createClock(options.now);
  const initial = changeSettings(settingsOf(options), options.settings ?? {});
  let current: SandboxSettings = initial;
  const settings = (): SandboxSettings => current;
  const put = (changed: SandboxSettings): SandboxSettings => {
    current = changed;
    clock.offsetMs = changed.clockOffsetMs;
    return changed;
  };
  put(initial);

  const store = new ResourceStore(clock);
  const people = new People(options.people ?? {});
  const clients = new ClientRegistry(options.clients ?? [], options.open ?? false);
  const rules = createRuleBook(readRuleTable(options.ruleTable ?? readShippedRules()));
  const processor = new Processor({ store, people, rules, clock, settings });
  const quotas = new QuotaDesk((clientId) => current.quotas[clientId] ?? current.quotas.default);
  const dice = new FaultDice(() => current.faults);
  const orders = new FaultOrders();
  const arrivals = new Arrivals();
  let bundles = 0;

  const journal = options.state === undefined ? undefined : openJournal(options.state, store, clients);
  if (journal !== undefined) {
    store.onCommit = (created, lines) => journal.append('stored', `{"at":${created},"resources":[${lines.join(',')}]}`);
  }

  /** A facility's root Organization exists without anybody creating it: the ministry registers it. */
  const ensureOrganization = (id: string, name = `Fasilitas ${id}`): void => {
    if (store.has('Organization', id)) return;
    store.commit([{ resourceType: 'Organization', id, body: { active: true, name } }], store.nextVersion());
  };
  const seed = (): void => {
    for (const { organizationId } of clients.list()) ensureOrganization(organizationId);
    for (const { id, name } of options.people?.organizations ?? []) ensureOrganization(id, name);
  };
  seed();

  const tokens = new TokenDesk({ clients, settings, clock, onCaller: (caller: Caller) => ensureOrganization(caller.organizationId) });
  const partial: Platform['partial'] = (ordered) => {
    const { rate, seed: partSeed } = current.partialBundles;
    const bundle = bundles++;
    let draws = 0;
    return ordered || chance(partSeed, bundle) < rate ? () => chance(partSeed, bundle, ++draws) : undefined;
  };
  const platform: Platform = {
    settings,
    changeSettings: (change) => put(changeSettings(current, change)),
    rules,
    masterData: new MasterData(options.people?.regions ?? [], options.people?.organizations ?? []),
    clock,
    tokens,
    quotas,
    store,
    people,
    processor,
    partial,
  };

  const controlled: Controlled = {
    orders,
    arrivals,
    store,
    clients,
    quotas,
    settings,
    changeSettings: (change) => put(changeSettings(current, change)),
    clientChanged: (client) => {
      journal?.append('client', JSON.stringify(client));
      ensureOrganization(client.organizationId);
    },
    expireTokens: () => tokens.expireAll(),
    reset: () => {
      put(initial);
      journal?.clear();
      for (const part of [store, orders, arrivals]) part.clear();
      for (const part of [clients, tokens, quotas, dice]) part.reset();
      bundles = 0;
      seed();
    },
    now: () => clock.now(),
  };

  const listener = createListener({
    bodyLimit: () => current.strictness.bodyBytes,
    control: (incoming) => control(controlled, incoming.method, incoming.path.slice(CONTROL_PATH.length), incoming.query, incoming.payload),
    fault: ({ method, path: at }) => orders.take(method, at) ?? dice.draw(clock.now(), at === TOKEN_PATH),
    answer: (exchange) => answer(platform, exchange),
    arrived: ({ request, caller, fault }, reply, failure) => {
      const { method, path: at } = request;
      const isToken = at === TOKEN_PATH;
      const client = caller?.clientId ?? (isToken ? new URLSearchParams(request.payload.toString('utf8')).get('client_id') : null);
      arrivals.add(routeOf(request), {
        at: new Date(clock.now()).toISOString(),
        method,
        path: withoutNumbers(`${at}${request.query.size === 0 ? '' : `?${[...new Set(request.query.keys())].join('&')}`}`),
        ...(client && { client: withoutNumbers(client) }),
        status: reply === undefined ? 'dropped' : String(reply.status),
        ...(reply !== undefined && refusalOf(reply, isToken)),
        ...(failure !== undefined && { why: `simulator: ${failure}`.slice(0, 200) }),
        ...(fault !== undefined && { fault: fault.action }),
      });
    },
    latencyMs: () => current.latencyMs,
  });

  let server: Server | undefined;
  let url: string | undefined;
  return {
    get url() {
      return url;
    },
    async start(port = 0, host = '127.0.0.1') {
      const listening = createServer(listener.handle);
      // The gateway keeps idle connections longer than most clients do.
      listening.keepAliveTimeout = 65_000;
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
      listener.stop();
      stopping.closeAllConnections();
      await closed;
      store.onCommit = undefined;
      journal?.close();
    },
  };
}

function settingsOf({ tokenLifetimeSeconds, maxBodyBytes, episodeUpdate }: SandboxOptions): SandboxSettings {
  return changeSettings(DEFAULT_SETTINGS, {
    ...(tokenLifetimeSeconds !== undefined && { tokenLifetimeSeconds }),
    strictness: {
      ...(maxBodyBytes !== undefined && { bodyBytes: maxBodyBytes }),
      ...(episodeUpdate !== undefined && { episodeUpdate }),
    },
  });
}

const openJournal = (file: string, store: ResourceStore, clients: ClientRegistry): Journal =>
  new Journal(file, {
    stored: (value) => {
      const { at, resources } = asObject(value);
      store.restore(Number(at), resources as StoredResource[]);
    },
    client: (value) => {
      clients.put(String(asObject(value).clientId), value);
    },
  });

function readShippedRules(): string {
  const file = path.resolve(import.meta.dirname, '../../profiles/platform-rules.json');
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('config', { detail: 'profiles/platform-rules.json' }, { cause });
  }
}

/** Pattern of a request for the counts: ids would make it endless. */
function routeOf({ method, path: at }: Incoming): string {
  if (at === TOKEN_PATH) return `${method} accesstoken`;
  if (at === FHIR_PATH) return `${method} /`;
  const [type, id] = at.startsWith(`${FHIR_PATH}/`) ? at.slice(FHIR_PATH.length + 1).split('/') : [];
  return type !== undefined && isServedType(type) ? `${method} ${type}${id === undefined ? '' : '/{id}'}` : `${method} other`;
}
