import type { Caller } from './clients.ts';
import { consentForbidden, consentSuppressed, notStored, Refusal, type Reply, suppressedOutcome, wrongUrl } from './errors.ts';
import { asObject, asText, type JsonObject } from './json.ts';
import type { People } from './people.ts';
import { ownerOf } from './resources.ts';
import type { ConsentState, SandboxSettings } from './settings.ts';
import type { StoreView } from './store.ts';
import { shippedSurface } from './surface.ts';

const stateOf = (patientId: string, { consent }: SandboxSettings): ConsentState =>
  (Object.hasOwn(consent.patients, patientId) ? consent.patients[patientId] : undefined) ?? consent.default;

/** Why a caller may not see a resource; undefined when it may. Own data, and data without a patient, are always seen. */
function withheld(resource: JsonObject, caller: Caller | undefined, settings: SandboxSettings): 'optout' | 'none' | undefined {
  if (!settings.consent.filter || caller === undefined) return undefined;
  if (shippedSurface().of(String(resource.resourceType))?.consent !== true) return undefined;
  if (ownerOf(resource) === caller.organizationId) return undefined;
  const reference = asText(asObject(resource.subject).reference) ?? asText(asObject(resource.patient).reference) ?? '';
  const patientId = /^Patient\/(.+)$/.exec(reference)?.[1];
  if (patientId === undefined) return undefined;
  const state = stateOf(patientId, settings);
  return state === 'optin' ? undefined : state;
}

/**
 * The consent filter on a read: the last layer. The answer is the resource, or 200 without data.
 *
 * @throws Refusal 400 for a patient who has not opted in
 */
export function consentedRead(resource: JsonObject, caller: Caller | undefined, settings: SandboxSettings): Reply {
  const why = withheld(resource, caller, settings);
  if (why === undefined) return { status: 200, body: resource, headers: readHeaders(resource) };
  if (why === 'none') throw new Refusal(consentForbidden());
  const reference = `${String(resource.resourceType)}/${String(resource.id)}`;
  return consentSuppressed(settings.consent.answer === 'error' ? reference : undefined);
}

/** The consent filter on an entry of a searchset: what is withheld is replaced by an outcome without `fullUrl`, and still counted. */
export function consentedEntry(resource: JsonObject, caller: Caller | undefined, settings: SandboxSettings, base: string): JsonObject {
  const reference = `${String(resource.resourceType)}/${String(resource.id)}`;
  if (withheld(resource, caller, settings) === undefined) return { fullUrl: `${base}/${reference}`, resource };
  return { resource: suppressedOutcome('information', reference) };
}

/** As recorded: version and time, but no location. */
function readHeaders({ meta }: JsonObject): Record<string, string> {
  const { versionId, lastUpdated } = asObject(meta);
  const at = new Date(asText(lastUpdated) ?? Number.NaN);
  return {
    ...(typeof versionId === 'string' && { etag: `W/"${versionId}"` }),
    ...(!Number.isNaN(at.getTime()) && { 'last-modified': at.toUTCString().replace('GMT', 'UTC') }),
  };
}

export interface ConsentDesk {
  readonly people: People;
  readonly store: StoreView;
  readonly settings: () => SandboxSettings;
  /** Takes over a changed state of one patient. */
  change(patientId: string, state: ConsentState): void;
  /** Milliseconds since the epoch. */
  now(): number;
}

const ACTIONS: Readonly<Record<string, ConsentState>> = { OPTIN: 'optin', OPTOUT: 'optout' };

const bad = (text: string): Reply => ({
  status: 400,
  body: { resourceType: 'OperationOutcome', issue: [{ severity: 'error', code: 'value', details: { text } }] },
});

/**
 * `GET /consent/v1/Consent?patient_id=…` and `POST` of `{patient_id, action: OPTIN | OPTOUT, agent}`. The layout of the Consent is
 * documented in part only.
 *
 * @param body parsed JSON of a POST
 */
export function consentApi(desk: ConsentDesk, method: string, query: URLSearchParams, body: unknown, caller: Caller): Reply {
  const given = asObject(body);
  const patientId = method === 'POST' ? (asText(given.patient_id) ?? '') : (query.get('patient_id') ?? '');
  if (method !== 'GET' && method !== 'POST') return wrongUrl();
  if (patientId === '') return bad('Missing parameters: patient_id');
  if (desk.people.patient(patientId, desk.store) === undefined) return notStored('Patient', patientId);
  if (method === 'POST') {
    const state = ACTIONS[asText(given.action) ?? ''];
    if (state === undefined) return bad('Invalid action: OPTIN or OPTOUT');
    if (!asText(given.agent)) return bad('Missing parameters: agent');
    desk.change(patientId, state);
  }
  const state = stateOf(patientId, desk.settings());
  if (state === 'none') return notStored('Consent', patientId);
  return { status: 200, body: consentOf(patientId, state, caller.organizationId, desk.now()) };
}

function consentOf(patientId: string, state: ConsentState, organizationId: string, now: number): JsonObject {
  const permitted = state === 'optin';
  return {
    resourceType: 'Consent',
    id: `consent-${patientId}`,
    status: 'active',
    scope: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/consentscope', code: 'patient-privacy' }] },
    category: [{ coding: [{ system: 'http://loinc.org', code: '59284-0' }] }],
    patient: { reference: `Patient/${patientId}` },
    dateTime: `${new Date(now).toISOString().slice(0, 19)}+00:00`,
    organization: [{ reference: `Organization/${organizationId}` }],
    policyRule: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: permitted ? 'OPTIN' : 'OPTOUT' }] },
    provision: { type: permitted ? 'permit' : 'deny' },
  };
}
