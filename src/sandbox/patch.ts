import { applyPatch, type Operation } from 'rfc6902';
import { SYSTEMS } from '../terminology/systems.ts';
import type { Caller } from './clients.ts';
import {
  businessRule,
  citizenNotExists,
  invalidHeaders,
  issues,
  notAllowed,
  patchFailed,
  processorIssue,
  processorOutcome,
  Refusal,
  type Reply,
  versionConflict,
} from './errors.ts';
import { asText, isObject, isTooDeep, type JsonObject } from './json.ts';
import { shown } from './masking.ts';
import { identifierOf, type PatientDesk, writePatient } from './newborn.ts';
import { nothingStaged, versionHeaders } from './processor.ts';
import { ownerOf, withCreator } from './resources.ts';
import type { SandboxSettings } from './settings.ts';
import { shippedSurface, type TypeFacts } from './surface.ts';

export interface PatchRequest {
  readonly payload: Buffer;
  readonly contentType: string;
  readonly ifMatch: string | undefined;
}

type Given = Operation & { readonly op: string; readonly path: string };

const OPERATIONS = ['replace', 'add', 'remove', 'test'];
const NEEDS_VALUE = ['replace', 'add', 'test'];
const MAX_OPERATIONS = 1000;

/**
 * `PATCH {base}/{type}/{id}` with a JSON Patch.
 *
 * @returns 200 with the whole resource; a patient is masked in it
 * @throws Refusal `invalid_headers` for another content type, 20005 to 20008 for the payload, 20015 and 20016 for a patient, 10171 style
 *   where a whole element must be replaced, and whatever the rules say of the result; nothing is changed then
 */
export function patchResource(desk: PatientDesk, type: string, id: string, request: PatchRequest, caller: Caller): Reply {
  const { store, people, processor, settings } = desk;
  const isPatch = /^application\/json-patch\+json\b/i.test(request.contentType);
  if (settings().strictness.patchContentType && !isPatch) throw new Refusal(invalidHeaders());
  const facts = shippedSurface().of(type);
  const operations = readOperations(request.payload, facts);
  if (type === 'Practitioner') processor.refuseIfAny([issues.accessClass(type)]);
  const current = type === 'Patient' ? people.patient(id, store) : store.get(type, id);
  if (current === undefined || facts === undefined) {
    processor.refuseIfAny([issues.resourceNotFound(`${type}/${id}`)]);
    throw new Refusal(notAllowed());
  }
  refuseOldVersion(current, request.ifMatch, settings());
  if (type === 'Patient') return patchPatient(desk, current, operations, caller, facts);

  if (ownerOf(current) !== caller.organizationId)
    throw new Refusal({ ...businessRule(), status: settings().strictness.organizationStatus });
  refuseParts(operations, type, facts);
  refuseUnoffered(operations, facts, settings());
  if (type === 'EpisodeOfCare' && settings().strictness.episodePatchPatient && !operations.some(replacesPatient)) {
    const text = 'Reference is mandatory : EpisodeOfCare.patient (RuleNumber: 10157)';
    processor.refuseIfAny([processorIssue('value', text, 'EpisodeOfCare.patient')]);
  }
  const patched = apply(current, operations);
  processor.refuseIfAny(processor.examine(patched, type, caller, nothingStaged(), id));
  const version = store.nextVersion();
  const draft = { resourceType: type, id, body: withCreator(patched, type, caller.organizationId) };
  const [stored] = store.commit([draft], version);
  return { status: 200, body: stored, headers: versionHeaders(draft, version) };
}

/** @throws Refusal 412 when `If-Match` names another version and the setting says that anybody looks */
export function refuseOldVersion(current: JsonObject, ifMatch: string | undefined, { strictness }: SandboxSettings): void {
  if (ifMatch === undefined || strictness.ifMatch === 'ignore') return;
  const version = isObject(current.meta) ? asText(current.meta.versionId) : undefined;
  if (ifMatch.replace(/^W\//, '').replaceAll('"', '') !== version) throw new Refusal(versionConflict());
}

function readOperations(payload: Buffer, facts: TypeFacts | undefined): readonly Given[] {
  const refuse = (issue: ReturnType<typeof issues.notJson>): never => {
    throw new Refusal(processorOutcome([issue]));
  };
  let value: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(payload);
    if (text.trim() === '') refuse(issues.unreadable());
    value = JSON.parse(text);
  } catch (error) {
    if (error instanceof Refusal) throw error;
    refuse(error instanceof SyntaxError ? issues.notJson() : issues.unreadable());
  }
  if (!Array.isArray(value) || value.length === 0 || value.length > MAX_OPERATIONS || isTooDeep(value)) return refuse(issues.unmarshal());
  return value.map((operation: unknown) => {
    if (!isObject(operation) || typeof operation.op !== 'string' || !isPointer(operation.path)) return refuse(issues.unmarshal());
    if (NEEDS_VALUE.includes(operation.op) && operation.value === undefined) return refuse(issues.unmarshal());
    return { ...operation, path: facts?.patchAlias.get(operation.path) ?? operation.path } as unknown as Given;
  });
}

/** Below an element that has a name; not into the prototype of anything. */
const isPointer = (value: unknown): value is string =>
  typeof value === 'string' && /^(\/[^/]+)+$/.test(value) && !/\/(__proto__|prototype|constructor)(\/|$)/.test(value);

const rootOf = ({ path }: Given): string => path.split('/')[1] ?? '';

const replacesPatient = ({ op, path }: Given): boolean => op === 'replace' && path === '/patient';

/** What belongs to the platform. */
const ITS_OWN = ['id', 'resourceType', 'meta'];

function refuseUnoffered(operations: readonly Given[], facts: TypeFacts, { surface, strictness }: SandboxSettings): void {
  const offered = facts[surface];
  // Where the whole verb is not recorded there are no paths to compare with.
  const anyPath = !offered.verbs.has('patch');
  const allowed = operations.every(
    (operation) =>
      OPERATIONS.includes(operation.op) &&
      (strictness.patchOperations === 'all' || operation.op === 'replace') &&
      !ITS_OWN.includes(rootOf(operation)) &&
      (anyPath || operation.op === 'test' || offered.allowsPatch(operation.op, operation.path)),
  );
  if (!allowed) throw new Refusal(notAllowed());
}

/** Rule 10171 and its like: an element that is replaced as a whole or not at all. */
function refuseParts(operations: readonly Given[], type: string, facts: TypeFacts): void {
  const { patchInstead } = facts;
  if (patchInstead === undefined) return;
  const parts = operations.filter(({ path }) => path.startsWith(`${patchInstead.element}/`));
  const found = parts.map(({ path }) => issues.patchWhole(type, patchInstead.element, path, patchInstead.rule));
  if (found.length > 0) throw new Refusal(processorOutcome(found));
}

/** @throws Refusal when an operation finds nothing at its path, or another value than it tests for */
function apply(current: JsonObject, operations: readonly Given[]): JsonObject {
  const copy = structuredClone(current) as Record<string, unknown>;
  for (const operation of operations) {
    if (!applies(copy, operation)) throw new Refusal(patchFailed(`${operation.op} operation does not apply: ${operation.path}`));
  }
  if (isTooDeep(copy)) throw new Refusal(processorOutcome([issues.unmarshal()]));
  return copy;
}

function applies(copy: Record<string, unknown>, operation: Given): boolean {
  try {
    return applyPatch(copy, [operation]).every((failure) => failure === null);
  } catch (error) {
    // A step below a text or a number.
    if (error instanceof TypeError) return false;
    throw error;
  }
}

/** Elements that the operations portal may change. */
const PORTAL_ELEMENTS = ['name', 'birthDate', 'gender', 'address', 'deceasedBoolean'];

/** A facility changes an address, after tests of name, gender and date of birth; the portal a few elements more. */
function patchPatient(desk: PatientDesk, current: JsonObject, operations: readonly Given[], caller: Caller, facts: TypeFacts): Reply {
  const { store, people, processor, settings } = desk;
  const changes = operations.filter(({ op }) => op !== 'test');
  const { permissionStatus } = settings().strictness;
  if (caller.client?.patientEdit === true) {
    const others = [...new Set(changes.map(rootOf).filter((name) => !PORTAL_ELEMENTS.includes(name)))];
    if (others.length > 0) throw new Refusal(processorOutcome([issues.portalEdit(others)], permissionStatus));
  } else {
    const offered = facts[settings().surface];
    const allowed = operations.every(({ op, path }) => offered.allowsPatch(op, path));
    if (!allowed) throw new Refusal(processorOutcome([issues.patientEdit()], permissionStatus));
  }
  if (!operations.every(({ op }) => OPERATIONS.includes(op))) throw new Refusal(notAllowed());
  const patched = apply(current, operations);
  const nik = identifierOf(patched, SYSTEMS.nik);
  if (nik !== undefined && nik !== identifierOf(current, SYSTEMS.nik)) {
    if (people.patientsWith(SYSTEMS.nik, nik, store).length > 0) processor.refuseIfAny([issues.duplicate('Patient')]);
    const citizen = people.citizen(nik);
    if (citizen === undefined || citizen.gender !== patched.gender || citizen.birthDate !== patched.birthDate) return citizenNotExists();
  }
  const context = { organizationId: caller.organizationId, now: desk.clock.now() };
  processor.refuseIfAny(desk.rules.check(patched, 'Patient', context));
  const reply = writePatient(store, String(current.id), patched, 200);
  return { ...reply, body: shown(reply.body as JsonObject, 'masked') };
}
