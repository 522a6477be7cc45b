import { transaction } from './bundle.ts';
import type { Caller } from './clients.ts';
import type { Clock } from './clock.ts';
import { consentApi, consentedRead } from './consent.ts';
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
import { kyc } from './kyc.ts';
import { type MasterData, masterDataOperation } from './master-data.ts';
import { createPatient } from './newborn.ts';
import { patchResource, refuseOldVersion } from './patch.ts';
import type { People } from './people.ts';
import { refusedPermission } from './permissions.ts';
import { isServedType, type Processor, readPayload } from './processor.ts';
import type { QuotaDesk } from './quota.ts';
import type { PlatformRuleBook } from './rules.ts';
import { everything, search } from './search.ts';
import type { SandboxSettings } from './settings.ts';
import type { ResourceStore } from './store.ts';
import { type Verb as Offered, shippedSurface } from './surface.ts';
import type { TokenDesk } from './token.ts';

export const TOKEN_PATH = '/oauth2/v1/accesstoken';
export const FHIR_PATH = '/fhir-r4/v1';
export const CONSENT_PATH = '/consent/v1/Consent';
const KYC_PATH = /^\/kyc\/v1\/(generate-url|challenge-code)$/;

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
  readonly changeSettings: (change: unknown) => void;
  readonly rules: PlatformRuleBook;
  readonly clock: Clock;
  readonly tokens: TokenDesk;
  readonly quotas: QuotaDesk;
  readonly store: ResourceStore;
  readonly people: People;
  readonly masterData: MasterData;
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
  /** Product of the gateway; default FHIR's. */
  readonly product?: string;
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

function edge({ settings }: Platform, exchange: Exchange): Reply | undefined {
  const { request, fault } = exchange;
  if (fault?.action === 'html-403' || ATTACK.test(`${request.path}?${request.query}`)) return forbiddenPage();
  if (fault?.action === 'status' && (fault.status ?? 503) === 503) return withRetry(noHealthyUpstream(), fault);
  if (request.path === TOKEN_PATH) return request.method === 'POST' ? undefined : wrongUrl();
  const target = targetOf(request);
  if (target === undefined || !isOffered(target, settings())) return wrongUrl();
  exchange.target = target;
  return undefined;
}

/** Verbs that a type has by its documentation, although no recorded request shows them: so the setting may have it. */
const TAKEN_ON_TRUST: ReadonlySet<Offered> = new Set(['search', 'update', 'patch']);

/** Whether the surface has this verb for the type. What is asked of no type, and `$everything`, is the processor's to judge. */
function isOffered({ verb, type }: Target, { surface, strictness }: SandboxSettings): boolean {
  const facts = shippedSurface().of(type);
  if (facts === undefined || verb.name === undefined || verb.name === 'everything' || NOT_A_FACILITYS.has(type)) return true;
  const onTrust = strictness.unrecordedVerbs === 'accept' && TAKEN_ON_TRUST.has(verb.name) && facts[surface].verbs.size > 0;
  return facts[onTrust ? 'documented' : surface].verbs.has(verb.name);
}

/** Types whose every verb is answered: the processor tells who may not. */
const NOT_A_FACILITYS = new Set(['Patient', 'Practitioner']);

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
  if (caller.client?.products !== undefined && !caller.client.products.includes(target.product ?? FHIR_PRODUCT)) return noProduct();
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
  /** Its name in the platform's surface. */
  readonly name?: Offered;
  /** Whether the request carries a resource. */
  readonly body?: boolean;
  readonly access?: 'read' | 'write';
  answer(platform: Platform, exchange: Exchange, target: Target): Reply;
}

const callerOf = ({ caller }: Exchange): Caller => caller as Caller;
const resourceOf = ({ resource }: Exchange): JsonObject => resource as JsonObject;

const headerOf = ({ request }: Exchange, name: string): string | undefined => {
  const value = request.headers[name];
  return typeof value === 'string' ? value : undefined;
};

/** What this caller sees of the store. */
const viewOf = ({ store, people, settings }: Platform, exchange: Exchange) => ({
  store: store.lagging(settings().readLagMs),
  people,
  base: exchange.request.base,
  settings,
  caller: callerOf(exchange),
});

function consent(platform: Platform, exchange: Exchange): Reply {
  const { store, people, settings, clock } = platform;
  const change = (patientId: string, state: string): void => platform.changeSettings({ consent: { patients: { [patientId]: state } } });
  const desk = { people, store, settings, change, now: () => clock.now() };
  return consentApi(desk, exchange.request.method, exchange.request.query, exchange.resource, callerOf(exchange));
}

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
    name: 'search',
    access: 'read',
    answer: (platform, exchange, { type }) => ({ status: 200, body: search(viewOf(platform, exchange), type, exchange.request.query) }),
  },
  'POST type': {
    name: 'create',
    body: true,
    access: 'write',
    answer: (platform, exchange, { type }) => {
      if (type === 'Patient') return createPatient(platform, resourceOf(exchange), callerOf(exchange));
      return platform.processor.create(type, resourceOf(exchange), callerOf(exchange), headerOf(exchange, 'if-none-exist'));
    },
  },
  'GET instance': {
    name: 'read',
    access: 'read',
    answer: ({ processor, settings }, exchange, { type, id }) => consentedRead(processor.read(type, id), callerOf(exchange), settings()),
  },
  'PUT instance': {
    name: 'update',
    body: true,
    access: 'write',
    answer: ({ processor, store, settings }, exchange, { type, id }) => {
      refuseOldVersion(store.get(type, id) ?? {}, headerOf(exchange, 'if-match'), settings());
      return processor.update(type, id, resourceOf(exchange), callerOf(exchange));
    },
  },
  'PATCH instance': {
    name: 'patch',
    access: 'write',
    answer: (platform, exchange, { type, id }) => {
      const { payload } = exchange.request;
      const contentType = headerOf(exchange, 'content-type') ?? '';
      return patchResource(platform, type, id, { payload, contentType, ifMatch: headerOf(exchange, 'if-match') }, callerOf(exchange));
    },
  },
  'GET everything': {
    name: 'everything',
    access: 'read',
    answer: (platform, exchange, { type, id }) => ({
      status: 200,
      body: everything(viewOf(platform, exchange), type, id, exchange.request.query),
    }),
  },
  'GET consent': { answer: consent },
  'POST consent': { body: true, answer: consent },
  'GET masterdata': { answer: ({ masterData }, { request }, { id }) => masterData.answer(id, request.query) },
  'POST kyc': { answer: (_platform, { request }, { id }) => kyc(id, request.payload) },
};

function targetOf({ method, path }: Incoming): Target | undefined {
  if (path === CONSENT_PATH) {
    const verb = VERBS[`${method} consent`];
    return verb && { verb, type: '', id: '', product: 'consent' };
  }
  const operation = KYC_PATH.exec(path)?.[1];
  if (operation !== undefined) {
    const verb = VERBS[`${method} kyc`];
    return verb && { verb, type: '', id: operation, product: 'kyc' };
  }
  const list = masterDataOperation(path);
  if (list !== undefined) {
    const verb = VERBS[`${method} masterdata`];
    return verb && { verb, type: '', id: list, product: 'masterdata' };
  }
  if (path !== FHIR_PATH && !path.startsWith(`${FHIR_PATH}/`)) return undefined;
  const [type = '', id = '', step, ...more] = path.slice(FHIR_PATH.length + 1).split('/');
  if (more.length > 0 || (step !== undefined && step !== '$everything')) return undefined;
  const served = isServedType(type) ? (step === undefined ? 'instance' : 'everything') : '';
  const form = type === '' ? 'base' : type === 'metadata' && id === '' ? type : served !== '' && id === '' ? 'type' : served;
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
