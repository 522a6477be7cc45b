import { transaction } from './bundle.ts';
import type { Caller } from './clients.ts';
import type { Clock } from './clock.ts';
import {
  expiredToken,
  forbiddenPage,
  gatewayTimeout,
  internalError,
  noHealthyUpstream,
  noProduct,
  quotaViolation,
  Refusal,
  type Reply,
  wrongUrl,
} from './errors.ts';
import type { Fault } from './faults.ts';
import type { JsonObject } from './json.ts';
import type { People } from './people.ts';
import { refusedPermission } from './permissions.ts';
import { isServedType, type Processor, readPayload } from './processor.ts';
import type { QuotaDesk } from './quota.ts';
import { search } from './search.ts';
import type { SandboxSettings } from './settings.ts';
import type { ResourceStore } from './store.ts';
import type { TokenDesk } from './token.ts';

export const TOKEN_PATH = '/oauth2/v1/accesstoken';
export const FHIR_PATH = '/fhir-r4/v1';

export interface Incoming {
  readonly method: string;
  /** Without query and without a slash at the end. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly payload: Buffer;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Absolute FHIR base as the client sees it. */
  readonly base: string;
}

/** Everything that the layers work with. */
export interface Platform {
  readonly settings: () => SandboxSettings;
  readonly clock: Clock;
  readonly tokens: TokenDesk;
  readonly quotas: QuotaDesk;
  readonly store: ResourceStore;
  readonly people: People;
  readonly processor: Processor;
  /** Draws for a Bundle that is saved in part; undefined when this one is not. */
  readonly partial: (ordered: boolean) => (() => number) | undefined;
}

/** One request on its way through the layers, with what they have found out. */
export interface Exchange {
  readonly request: Incoming;
  readonly fault: Fault | undefined;
  /** What is asked for; undefined until the edge has let it pass, and for a token. */
  target?: Target;
  caller?: Caller;
  resource?: JsonObject;
}

interface Target {
  readonly verb: Verb;
  /** Empty for the base. */
  readonly type: string;
  readonly id: string;
}

interface Layer {
  readonly name: 'edge' | 'gateway' | 'payload' | 'permission' | 'processor and store';
  /** @throws Refusal like an answer */
  answer(platform: Platform, exchange: Exchange): Reply | undefined;
}

/** The first layer that answers has the last word. Each comes to see only what those before it have let pass. */
export const LAYERS: readonly Layer[] = [
  { name: 'edge', answer: edge },
  { name: 'gateway', answer: gateway },
  { name: 'payload', answer: payload },
  { name: 'permission', answer: permission },
  { name: 'processor and store', answer: (platform, exchange) => exchange.target?.verb.answer(platform, exchange, exchange.target) },
];

/** Passes a request through the layers. Nothing in them waits. */
export function answer(platform: Platform, exchange: Exchange): Reply {
  try {
    for (const layer of LAYERS) {
      const reply = layer.answer(platform, exchange);
      if (reply !== undefined) return reply;
    }
    return wrongUrl();
  } catch (error) {
    if (error instanceof Refusal) return error.reply;
    throw error;
  }
}

function edge(_platform: Platform, exchange: Exchange): Reply | undefined {
  const { request, fault } = exchange;
  if (fault?.action === 'html-403' || ATTACK.test(`${request.path}?${request.query}`)) return forbiddenPage();
  if (fault?.action === 'status' && (fault.status ?? 503) === 503) return withRetry(noHealthyUpstream(), fault);
  if (request.path === TOKEN_PATH) return request.method === 'POST' ? undefined : wrongUrl();
  const target = targetOf(request);
  if (target === undefined) return wrongUrl();
  exchange.target = target;
  return undefined;
}

/** What a web firewall takes for an attack, in a path or query. */
const ATTACK = /<script|%3cscript|\.\.%2f|union\+select/i;

function gateway({ tokens, quotas, clock }: Platform, exchange: Exchange): Reply | undefined {
  const { request, fault, target } = exchange;
  if (fault?.action === 'status') return withRetry((GATEWAY_FAULTS[fault.status ?? 0] ?? gatewayTimeout)(), fault);
  if (fault?.action === 'expire-tokens') tokens.expireAll();
  if (target === undefined) return tokens.issue(request.query.get('grant_type'), new URLSearchParams(request.payload.toString('utf8')));
  const authorization = request.headers.authorization as string | undefined;
  if (fault?.action === 'expire-token') tokens.expire(authorization);
  const caller = tokens.authenticate(authorization);
  if (fault?.action === 'expire-token') return expiredToken();
  exchange.caller = caller;
  if (caller.client?.products !== undefined && !caller.client.products.includes(FHIR_PRODUCT)) return noProduct();
  const waitMs = quotas.admit(caller.clientId, clock.now());
  return waitMs === undefined ? undefined : quotaReply(waitMs, quotas.tellsWhen(caller.clientId));
}

const FHIR_PRODUCT = FHIR_PATH.split('/')[1] as string;

const GATEWAY_FAULTS: Readonly<Record<number, () => Reply>> = {
  429: quotaViolation,
  500: internalError,
  502: () => gatewayTimeout(502),
  504: gatewayTimeout,
};

const withRetry = (reply: Reply, { retryAfter }: Fault): Reply =>
  retryAfter === undefined ? reply : { ...reply, headers: { 'retry-after': String(retryAfter) } };

const quotaReply = (waitMs: number, tellsWhen: boolean): Reply =>
  tellsWhen ? { ...quotaViolation(), headers: { 'retry-after': String(Math.max(1, Math.ceil(waitMs / 1000))) } } : quotaViolation();

function payload(_platform: Platform, exchange: Exchange): undefined {
  if (exchange.target?.verb.body) exchange.resource = readPayload(exchange.request.payload);
}

function permission({ processor }: Platform, { target, caller }: Exchange): undefined {
  // A Bundle has a type for each of its entries and asks for each of them.
  if (target?.verb.access === undefined || caller === undefined || target.type === '') return;
  processor.refuseIfAny(refusedPermission(caller, target.type, target.verb.access));
}

interface Verb {
  /** Whether the request carries a resource. */
  readonly body?: boolean;
  readonly access?: 'read' | 'write';
  answer(platform: Platform, exchange: Exchange, target: Target): Reply;
}

const callerOf = ({ caller }: Exchange): Caller => caller as Caller;
const resourceOf = ({ resource }: Exchange): JsonObject => resource as JsonObject;

/** Method and form of the path → what is done. Whatever is not here is a wrong URL. */
const VERBS: Readonly<Record<string, Verb>> = {
  'POST base': {
    body: true,
    access: 'write',
    answer: ({ processor, store, settings, partial }, exchange) => {
      const context = { processor, store, settings, base: exchange.request.base, partial: partial(exchange.fault?.action === 'partial') };
      return transaction(context, resourceOf(exchange), callerOf(exchange));
    },
  },
  'GET metadata': { answer: () => ({ status: 200, body: CAPABILITIES }) },
  'GET type': {
    access: 'read',
    answer: ({ store, people, settings }, { request }, { type }) => ({
      status: 200,
      body: search({ store: store.lagging(settings().readLagMs), people, base: request.base }, type, request.query),
    }),
  },
  'POST type': {
    body: true,
    access: 'write',
    answer: ({ processor }, exchange, { type }) => {
      const condition = exchange.request.headers['if-none-exist'];
      return processor.create(type, resourceOf(exchange), callerOf(exchange), typeof condition === 'string' ? condition : undefined);
    },
  },
  'GET instance': { access: 'read', answer: ({ processor }, _exchange, { type, id }) => ({ status: 200, body: processor.read(type, id) }) },
  'PUT instance': {
    body: true,
    access: 'write',
    answer: ({ processor }, exchange, { type, id }) => processor.update(type, id, resourceOf(exchange), callerOf(exchange)),
  },
};

function targetOf({ method, path }: Incoming): Target | undefined {
  if (path !== FHIR_PATH && !path.startsWith(`${FHIR_PATH}/`)) return undefined;
  const [type = '', id = '', ...more] = path.slice(FHIR_PATH.length + 1).split('/');
  if (more.length > 0) return undefined;
  const form = type === '' ? 'base' : type === 'metadata' && id === '' ? type : !isServedType(type) ? '' : id === '' ? 'type' : 'instance';
  const verb = VERBS[`${method} ${form}`];
  return verb === undefined ? undefined : { verb, type: form === 'metadata' ? '' : type, id };
}

const CAPABILITIES = {
  resourceType: 'CapabilityStatement',
  status: 'active',
  kind: 'instance',
  date: '2026-01-01',
  fhirVersion: '4.0.1',
  format: ['json'],
  software: { name: 'SATUSEHAT sandbox' },
  rest: [{ mode: 'server', interaction: [{ code: 'transaction' }] }],
};
