import type { Resource } from '@medplum/fhirtypes';
import { type Issue, issue, type Reason, type State } from '../errors/index.ts';
import type { MapContext, MappedResource, NormalisedRecord } from '../mapping/types.ts';
import { createSlices } from '../store/engine.ts';
import type { Client, DeliveryWrite, FacilityEntry, Feed, PersonEntry, Submission, SubmissionWrite } from '../store/port.ts';
import { asWrite, createChanges } from './change-set.ts';
import { buildContext } from './contexts.ts';
import { dedupe, holdOf, isError, overlaps, related, sameVerdict } from './findings.ts';
import { fingerprint } from './fingerprint.ts';
import type { Receipt } from './intake.ts';
import { mergePatient, withLink } from './patient-merge.ts';
import { deliveryKey, planDeliveries } from './plan-deliveries.ts';
import { DEFAULT_ZONE, type Prepared, prepare, withSourceSystem } from './prepare.ts';
import { checkTimes, instant } from './record-times.ts';
import { loadRegisters, noNeeds } from './registers.ts';
import { collectNeeds, patientOf, type Resolved, resolveEvent, sexOf, sourceKey, text, unitCode } from './resolve.ts';
import { ALL, createResourceCache } from './resource-cache.ts';
import { isRetired, retire } from './retire.ts';
import { foreignFacility, foreignRecord } from './rights.ts';
import type { BatchItem, BatchOptions, BatchResult, Outcome, Pending } from './types.ts';

type Json = Readonly<Record<string, unknown>>;

type Stored = Resource & { id: string };

/** Reasons of a record whose version before counts no longer, here and on the platform. */
const TAKEN_BACK = new Set<string | null>(['withdrawn', 'duplicate']);

/** Reasons that a re-send of the same content may have overcome: what was missing may be there now. */
const RETRIED = new Set<string | null>([
  'refused',
  'duplicate',
  'time-missing',
  'reason-code-missing',
  'unmapped-code',
  'validation-pending',
]);

/**
 * Takes a group of records through all stages and gathers what must be written. Reads the store, writes nothing. Later records of the
 * group see what earlier ones bring.
 *
 * @param before.pending what the group before brings, while it is being written
 * @param before.anew judge and map a record that is known with this content too, instead of repeating its receipt (for a dry run)
 */
export async function processBatch(
  options: BatchOptions,
  items: readonly BatchItem[],
  now: string,
  { pending, anew = false }: { pending?: Pending | undefined; anew?: boolean } = {},
): Promise<BatchResult & { readonly pending: Pending }> {
  const { store, ids, environment } = options;
  // Other requests get their turn within a large group.
  const pause = createSlices();
  const prepared: Prepared[] = [];
  const needs = noNeeds();
  for (const item of items) {
    const one = prepare(options, item, now);
    collectNeeds(item.request.feed, one.record, one.sourceSystem, ids, needs);
    prepared.push(one);
    await pause();
  }
  for (const { supervisor, puskesmas } of pending?.changes.facilities ?? []) {
    for (const code of [supervisor, puskesmas]) if (code !== null) needs.facilities.add(code);
  }
  const [registers, current] = await Promise.all([
    loadRegisters(store, needs),
    store.submissionsById(ALL, [...new Set(prepared.map(({ id }) => id))]),
  ]);
  for (const entry of pending?.changes.facilities ?? []) registers.putFacility(entry);
  for (const entry of pending?.changes.persons ?? []) registers.putPerson(entry);
  for (const entry of pending?.changes.practitioners ?? []) registers.putPractitioner(entry);
  const submissions = new Map(current.map((submission) => [submission.id, submission]));
  for (const written of pending?.changes.submissions ?? [])
    submissions.set(written.id, { ...written, seq: 0, updatedAt: written.receivedAt });
  const resources = createResourceCache(store);
  for (const { resource, facility } of pending?.changes.resources ?? []) resources.put(resource, facility);
  const changed = prepared.filter(({ id, contentHash: hash }) => submissions.has(id) && submissions.get(id)?.contentHash !== hash);
  await resources.load(changed.flatMap(({ id }) => submissions.get(id)?.resources ?? []));

  const changes = createChanges();
  const fingerprints = new Map<string, string>();
  const candidates = await loadCandidates();

  /** Another current submission that tells the same event. */
  async function duplicateOf(print: string, id: string): Promise<string | undefined> {
    const near = [fingerprints.get(print), pending?.fingerprints.get(print)].find((other) => other !== undefined && stillTells(other));
    if (near !== undefined) return near;
    // A person who came with this very group makes a fingerprint that could not be looked up before.
    if (!candidates.has(print)) candidates.set(print, await store.submissionsByFingerprint([print]));
    return candidates.get(print)?.find((submission) => stillTells(submission.id))?.id;

    /** This group or the one before may have withdrawn or changed it since. */
    function stillTells(other: string): boolean {
      const written = submissions.get(other);
      return other !== id && (written === undefined || written.fingerprint === print);
    }
  }

  /** One query for the fingerprints of the whole group, as far as they can be told now. */
  async function loadCandidates(): Promise<Map<string, readonly Submission[]>> {
    const prints = new Set<string>();
    for (const one of prepared) {
      const { feed } = one.item.request;
      if (feed !== 'encounters' && feed !== 'village-observations') continue;
      await pause();
      rezone(one);
      const { person } = resolveEvent(one.record, { feed, sourceSystem: one.sourceSystem, ids, registers });
      if (!person) continue;
      one.print = { patient: person.patient, value: fingerprint(feed, one.record, person.patient) };
      if (one.print.value !== undefined) prints.add(one.print.value);
    }
    const found = new Map<string, readonly Submission[]>([...prints].map((print) => [print, []]));
    if (prints.size === 0) return found;
    for (const submission of await store.submissionsByFingerprint([...prints])) {
      const print = submission.fingerprint as string;
      found.set(print, [...(found.get(print) ?? []), submission]);
    }
    return found;
  }

  const outcomes: Outcome[] = [];
  for (const one of prepared) {
    await pause();
    outcomes.push(await processOne(one));
  }
  const done = changes.done(now, outcomes, items);
  return { outcomes, changes: done, pending: { changes: done, fingerprints } };

  async function processOne(one: Prepared): Promise<Outcome> {
    const { item, sourceSystem, id } = one;
    const { feed, client, strict } = item.request;
    rezone(one);
    const resolved: Resolved =
      feed === 'encounters' || feed === 'village-observations'
        ? resolveEvent(one.record, { feed, sourceSystem, ids, registers })
        : resolveMaster(one);
    const previous = submissions.get(id);
    const forbidden = one.forbidden ?? foreignFacility(client, feed, one.record, resolved, registers) ?? foreignRecord(client, previous);
    if (forbidden) return refusedUnstored(one, forbidden);

    if (!anew && previous && isKnown(one, previous) && !(await hasOtherPeople(previous, resolved))) {
      return { receipt: receiptOf(previous), repeated: true, resources: [] };
    }
    const updatedAt = instant(one.record.sourceUpdatedAt);
    if (previous?.sourceUpdatedAt && updatedAt && updatedAt < previous.sourceUpdatedAt) return keepSuperseded(one, resolved, previous);

    const issues = gatherIssues(one, resolved, strict);
    if (one.record.recordStatus === 'withdrawn' && !item.raw.fault) {
      const broken = [...one.issues.filter(isError), ...options.contracts.check(feed, one.record)];
      if (broken.length > 0) return refuse(one, resolved, broken, ['normalised']);
      return withdraw(one, resolved, previous);
    }
    if (issues.some(isError)) return refuse(one, resolved, issues, item.raw.fault ? [] : ['normalised']);

    const { person } = resolved;
    const print = one.print && one.print.patient === person?.patient ? one.print.value : fingerprint(feed, one.record, person?.patient);
    const same = print && (await duplicateOf(print, id));
    if (same) {
      if (previous && !TAKEN_BACK.has(previous.reason)) await retract(one, previous, 'duplicate');
      return write(one, resolved, {
        state: 'cancelled',
        reason: 'duplicate',
        issues: [issue('duplicate')],
        duplicateOf: same,
        stages: ['normalised', 'checked'],
      });
    }
    return apply(one, resolved, previous, issues, print);
  }

  /** A visit that is held because the platform does not know one of its people, who is another one by now: a NIK was mended. */
  async function hasOtherPeople(previous: Submission, { person, practitioner }: Resolved): Promise<boolean> {
    if (previous.reason !== 'identity' && previous.reason !== 'practitioner-identity') return false;
    const encounter = previous.resources.find((reference) => reference.startsWith('Encounter/'));
    const stored = encounter === undefined ? undefined : (await resources.get(encounter))?.resource;
    if (stored?.resourceType !== 'Encounter') return false;
    const who = previous.reason === 'identity' ? person?.patient : practitioner?.practitioner;
    const told = [stored.subject, ...(stored.participant ?? []).map(({ individual }) => individual)];
    return who !== undefined && !told.some((reference) => reference?.reference === who);
  }

  /** The sound record: map, check, and plan what is written. */
  async function apply(one: Prepared, resolved: Resolved, previous: Submission | undefined, before: readonly Issue[], print?: string) {
    const { feed } = one.item.request;
    const built = contextFor(feed, one.record, resolved);
    const contextIssues = dedupe([...before, ...built.issues]);
    if (contextIssues.some(isError)) return refuse(one, resolved, contextIssues, ['normalised']);
    const idOf = idsOf(one);
    const mapped = options.mapper.map(feed, one.record, built.context, idOf);
    const inline = resolved.inline ? mapInline(one, resolved, resolved.inline) : undefined;
    const produced = [...(inline?.resources ?? []), ...mapped.resources];
    const event = feed === 'encounters' || feed === 'village-observations';
    const hold = built.hold ?? holdOf(mapped.issues);
    const sent = event ? mapped.resources.filter(({ item }) => options.catalogue.decide(feed, item) === 'send') : [];
    const local = event && !sent.some(({ resource }) => resource.resourceType === 'Encounter');
    // What waits or stays in the district is not judged by the platform's rules yet.
    const judged = new Set(hold || local ? [] : sent.map(({ resource }) => resource));
    const findings = check(produced, judged);
    const located = findings.length > 0 ? locate(one, built.context, idOf, findings) : [];
    const issues = dedupe([...contextIssues, ...mapped.issues, ...(inline?.issues ?? []), ...located]);
    const unused = [...mapped.unused, ...(inline?.unused ?? []).map((field) => `person.inline.${field}`)];
    if (issues.some(isError)) return refuse(one, resolved, issues, ['normalised', 'mapped'], produced, unused);

    if (inline && resolved.person) await putPatient(one, resolved.person, inline.resources);
    let person = resolved.person;
    if (feed === 'persons') person = await registerPerson(one, resolved, mapped.resources);
    for (const { resource } of mapped.resources) {
      if (feed === 'persons' && resource.resourceType === 'Patient') continue;
      putResource(resource, accessOf(feed, resolved), one.id);
    }
    await retireAbsent(one, previous, produced);
    if (feed === 'facilities') {
      await registerFacility(one, resolved, mapped.resources);
      if (previous) await resend(mapped.resources);
    }
    if (feed === 'practitioners') registerPractitioner(one, mapped.resources);

    let state: State = 'completed';
    let reason: Reason | null = 'registered';
    if (event) {
      if (local) [state, reason] = ['completed', 'kept-local'];
      else if (hold) [state, reason] = ['on-hold', hold];
      else {
        [state, reason] = ['ready', null];
        await plan(one, resolved, person, sent, previous);
      }
      if (previous && state !== 'ready') await takeBack(previous, state === 'on-hold' ? 'on-hold' : 'cancelled', reason);
    }
    if (print !== undefined) fingerprints.set(print, one.id);
    return write(one, resolved, {
      state,
      reason,
      issues,
      unused,
      mapped: produced,
      ...(print !== undefined && { print }),
      stages: ['normalised', 'mapped', 'checked'],
    });
  }

  // ---- stages

  function contextFor(feed: Feed, record: NormalisedRecord, resolved: Resolved) {
    const organizationOf = (code: string) => `Organization/${ids.organizationId(code)}`;
    return buildContext(options.contexts, feed, record, { now, resolved, registers, organizationOf });
  }

  /** Times without offset are read in the zone of the facility, which is known only now. */
  function rezone(one: Prepared): void {
    const { feed } = one.item.request;
    const where = unitCode(feed, one.record);
    const zone = where && registers.facility(where.code)?.timeZone;
    if (!zone || zone === one.zone || one.item.raw.fault || feed === 'facilities') return;
    one.zone = zone;
    delete one.print;
    const again = options.normaliser.normalise(feed, one.item.raw.value, { timeZone: zone, now });
    one.record = withSourceSystem(again.record, one.sourceSystem);
    one.issues = again.issues;
  }

  function resolveMaster(one: Prepared): Resolved {
    const { feed } = one.item.request;
    const { record } = one;
    const issues: Issue[] = [];
    if (feed === 'facilities') {
      const code = text(record.code) ?? '';
      const supervisor = text(record.supervisorCode);
      if (supervisor !== undefined) {
        const chain = registers.chain(supervisor);
        if (supervisor === code || chain.some((entry) => entry.code === code)) {
          issues.push(issue('facility-cycle', {}, { field: 'supervisorCode' }));
        } else if (chain.length === 0) issues.push(issue('facility-unknown', {}, { field: 'supervisorCode' }));
      }
      if (issues.length > 0 || code === '') return { issues };
      const above = supervisor === undefined ? undefined : registers.facility(supervisor);
      const puskesmas = record.kind === 'puskesmas' ? code : (above?.puskesmas ?? null);
      const unit: FacilityEntry = {
        code,
        kind: text(record.kind) ?? '',
        name: text(record.name) ?? '',
        supervisor: supervisor ?? null,
        puskesmas,
        village: text(record.villageCode) ?? null,
        timeZone: text(record.timeZone) ?? above?.timeZone ?? DEFAULT_ZONE,
        organization: `Organization/${ids.organizationId(code)}`,
        location: `Location/${ids.locationId(code)}`,
        active: record.active !== false,
      };
      const head = puskesmas === code ? unit : puskesmas === null ? undefined : registers.facility(puskesmas);
      return { unit, issues, ...(head && { puskesmas: head }) };
    }
    const where = unitCode(feed, record);
    const unit = where && registers.facility(where.code);
    if (where && !unit) issues.push(issue('facility-unknown', {}, { field: where.field }));
    const puskesmas = unit?.puskesmas ? registers.facility(unit.puskesmas) : undefined;
    const posyandu = text(record.posyanduCode);
    if (feed === 'persons' && posyandu && !registers.facility(posyandu)) {
      issues.push(issue('facility-unknown', {}, { field: 'posyanduCode' }));
    }
    const birthDate = text(record.birthDate);
    const person: PersonEntry | undefined =
      feed === 'persons' && birthDate !== undefined
        ? {
            sourceKey: sourceKey(one.sourceSystem, one.sourceId),
            nikHash: text(record.nik) ? ids.nikHash(record.nik as string) : null,
            patient: `Patient/${patientOf(record, sourceKey(one.sourceSystem, one.sourceId), ids)}`,
            birthDate,
            sex: sexOf(record.sex),
            facility: where?.code ?? '',
          }
        : undefined;
    return { issues, ...(unit && { unit }), ...(puskesmas && { puskesmas }), ...(person && { person }) };
  }

  function gatherIssues(one: Prepared, resolved: Resolved, strict: boolean): readonly Issue[] {
    const { feed } = one.item.request;
    if (one.item.raw.fault) return [one.item.raw.fault];
    const read = strict
      ? one.issues.map((found) => (UNKNOWN_FIELD.has(found.code) ? { ...found, severity: 'error' as const } : found))
      : one.issues;
    const faulty = new Set(read.filter(isError).map(({ field }) => field));
    const contract = options.contracts.check(feed, one.record).filter(({ field }) => !faulty.has(field));
    const broken = new Set(contract.map(({ field }) => field));
    // A reference that is not there is a matter of the contract; one that leads nowhere is said here.
    const references = resolved.issues.filter(
      ({ field = '' }) => ![...faulty, ...broken].some((other) => other !== undefined && overlaps(field, other)),
    );
    const plausible = options.catalogue.checkPlausible(feed, one.record).filter(({ field }) => !faulty.has(field) && !broken.has(field));
    const personAbsent = [...read, ...contract].some(({ code }) => code === 'person-missing');
    return dedupe([
      ...read,
      ...contract,
      ...references.filter(({ code }) => !(personAbsent && code === 'person-unknown')),
      ...plausible,
      ...checkTimes(feed, one.record, now),
      ...checkGenerated(one.record),
    ]);
  }

  /** Sample people must never reach the national record. */
  function checkGenerated(record: NormalisedRecord): readonly Issue[] {
    if (environment !== 'production') return [];
    return niksOf(record, '').map((field) => issue('generated-person', {}, { field }));
  }

  function mapInline(one: Prepared, resolved: Resolved, inline: Json) {
    const entry = resolved.person as PersonEntry;
    const own = entry.sourceKey.slice(one.sourceSystem.length + 1);
    const record: NormalisedRecord = { facilityCode: entry.facility, ...inline, sourceSystem: one.sourceSystem, sourceId: own };
    const unit = registers.facility(entry.facility);
    const puskesmas = unit?.puskesmas ? registers.facility(unit.puskesmas) : resolved.puskesmas;
    const found: Resolved = { issues: [], person: entry, ...(unit && { unit }), ...(puskesmas && { puskesmas }) };
    const built = contextFor('persons', record, found);
    const key = ids.recordKey(one.sourceSystem, 'persons', own);
    const patient = entry.patient.slice('Patient/'.length);
    const result = options.mapper.map('persons', record, built.context, (role) =>
      role === 'patient' ? patient : ids.resourceId(role === MOTHER ? patient : key, role),
    );
    const prefixed = [...built.issues, ...result.issues].map((found) =>
      found.field === undefined ? found : { ...found, field: `person.inline.${found.field}` },
    );
    return { resources: result.resources, issues: prefixed, unused: result.unused.filter((field) => !OWN_FIELDS.has(field)) };
  }

  function idsOf(one: Prepared): (role: string) => string {
    const { feed } = one.item.request;
    const code = text(one.record.code) ?? '';
    return (role) => {
      if (feed === 'facilities' && role === 'organization') return ids.organizationId(code);
      if (feed === 'facilities' && role === 'location') return ids.locationId(code);
      if (feed === 'facilities' && role === 'organization:village') return ids.organizationId(text(one.record.parentCode) ?? '');
      if (feed === 'persons' && (role === 'patient' || role === MOTHER)) {
        const patient = patientOf(one.record, sourceKey(one.sourceSystem, one.sourceId), ids);
        return role === 'patient' ? patient : ids.resourceId(patient, role);
      }
      if (feed === 'practitioners' && role === 'practitioner') return ids.practitionerId(text(one.record.nik) ?? '');
      return ids.resourceId(one.recordKey, role);
    };
  }

  interface Finding {
    readonly role: string;
    readonly issue: Issue;
  }

  function check(produced: readonly MappedResource[], judged: ReadonlySet<Resource>): readonly Finding[] {
    return produced.flatMap(({ role, resource }) => {
      const found = [...options.validator.validate(resource), ...(judged.has(resource) ? options.rules.check(resource, { now }) : [])];
      return found.map((one) => ({ role, issue: one }));
    });
  }

  /** Adds the sender's field to each finding, by the traced map. */
  function locate(one: Prepared, context: MapContext, idOf: (role: string) => string, findings: readonly Finding[]): readonly Issue[] {
    const traces = options.mapper.explain(one.item.request.feed, one.record, context, idOf);
    return findings.map(({ role, issue: found }) => {
      if (found.field !== undefined || found.expression === undefined) return found;
      const expression = found.expression;
      let best: { field: string; length: number } | undefined;
      for (const trace of traces) {
        // What comes from the context is no field of the sender's.
        if (trace.role !== role || trace.field.startsWith('%') || !related(expression, trace.expression)) continue;
        const length = Math.min(expression.length, trace.expression.length);
        if (!best || length > best.length) best = { field: trace.field, length };
      }
      return best ? { ...found, field: best.field } : found;
    });
  }

  // ---- writes

  function putResource(resource: Stored, facility: string | null, submission: string): void {
    changes.resources.push({ resource, facility, submission, at: now });
    resources.put(resource, facility);
  }

  /** A Patient that is already here keeps what a shorter record does not say. */
  async function putPatient(one: Prepared, entry: PersonEntry, mapped: readonly MappedResource[]): Promise<void> {
    const known = registers.person(entry.sourceKey);
    for (const { resource } of mapped) {
      const stored = await resources.get(`${resource.resourceType}/${resource.id}`);
      const facility = stored?.facility ?? registers.facility(entry.facility)?.puskesmas ?? null;
      const merged = stored ? mergePatient(stored.resource, resource) : resource;
      putResource(resource.resourceType === 'Patient' ? await linked(one, merged, entry, known) : merged, facility, one.id);
    }
    if (!known || known.patient !== entry.patient || known.nikHash !== entry.nikHash) {
      changes.persons.push(entry);
      registers.putPerson(entry);
    }
  }

  /** A NIK that arrives later makes the Patient of that NIK the person's; the one before is linked, and keeps what points to it. */
  async function registerPerson(one: Prepared, resolved: Resolved, mapped: readonly MappedResource[]): Promise<PersonEntry | undefined> {
    const entry = resolved.person;
    if (!entry) return undefined;
    const before = registers.person(entry.sourceKey);
    const facility = resolved.puskesmas?.code ?? null;
    for (const { resource } of mapped) {
      if (resource.resourceType === 'Patient') putResource(await linked(one, resource, entry, before), facility, one.id);
    }
    changes.persons.push(entry);
    registers.putPerson(entry);
    return entry;
  }

  /** The Patient with a link to the one that was the person's before, if it is another; that one gets the link back. */
  async function linked(one: Prepared, patient: Stored, entry: PersonEntry, before: PersonEntry | undefined): Promise<Stored> {
    const earlier = before && before.patient !== entry.patient ? await resources.get(before.patient) : undefined;
    if (!before || !earlier) return patient;
    const type = before.nikHash === null ? (['replaces', 'replaced-by'] as const) : (['seealso', 'seealso'] as const);
    putResource(withLink(earlier.resource, entry.patient, type[1]), earlier.facility, one.id);
    return withLink(patient, before.patient, type[0]);
  }

  async function registerFacility(one: Prepared, resolved: Resolved, mapped: readonly MappedResource[]): Promise<void> {
    const entry = resolved.unit as FacilityEntry;
    const before = registers.facility(entry.code);
    changes.facilities.push(entry);
    registers.putFacility(entry);
    if (before && before.puskesmas !== entry.puskesmas) await moveUnitsBelow(entry);
    const given: readonly [unknown, string][] = [
      [one.record.satusehatOrganizationId, entry.organization],
      [one.record.satusehatLocationId, entry.location],
    ];
    for (const [platformId, reference] of given) {
      if (typeof platformId !== 'string' || platformId === '') continue;
      changes.platformIds.push({ environment, reference, platformId, platformVersion: null, at: now });
      const own = entry.code === entry.puskesmas && reference === entry.organization;
      if (own || !mapped.some(({ resource }) => `${resource.resourceType}/${resource.id}` === reference)) continue;
      // It is there already: what refers to it need not wait.
      changes.deliveries.push({
        key: deliveryKey(reference),
        environment,
        kind: reference === entry.location ? 'location' : 'organization',
        owner: entry.puskesmas ?? entry.code,
        partition: reference,
        resources: [reference],
        dependsOn: [],
        submission: null,
        submissionVersion: null,
        state: 'completed',
        reason: null,
        dueAt: now,
        replace: true,
      });
    }
  }

  /** The tree below a unit goes with it to another puskesmas. */
  async function moveUnitsBelow(head: FacilityEntry): Promise<void> {
    const all = (await store.facilities()).map(({ code, ...rest }) => registers.facility(code) ?? { code, ...rest });
    const moved = [head.code];
    for (const code of moved) {
      for (const unit of all) {
        if (unit.supervisor !== code || unit.kind === 'puskesmas' || moved.includes(unit.code)) continue;
        moved.push(unit.code);
        const entry = { ...unit, puskesmas: head.puskesmas };
        changes.facilities.push(entry);
        registers.putFacility(entry);
      }
    }
  }

  /** A unit that changed is sent again if it ever was, and if it was refused or held: the change may have mended it. */
  async function resend(
    mapped: readonly MappedResource[],
    states: readonly State[] = ['completed', 'in-progress', 'failed', 'on-hold'],
  ): Promise<void> {
    const keys = mapped.map(({ resource }) => deliveryKey(`${resource.resourceType}/${resource.id}`));
    const planned = new Set(changes.deliveries.map(({ key }) => key));
    for (const delivery of await store.deliveries({ keys, environment })) {
      if (planned.has(delivery.key) || !states.includes(delivery.state)) continue;
      changes.deliveries.push({ ...asWrite(delivery), state: 'ready', reason: null, dueAt: now, replace: true });
    }
  }

  function registerPractitioner(one: Prepared, mapped: readonly MappedResource[]): void {
    const practitioner = mapped.find(({ resource }) => resource.resourceType === 'Practitioner');
    if (!practitioner) return;
    const entry = {
      sourceKey: sourceKey(one.sourceSystem, one.sourceId),
      nikHash: ids.nikHash(text(one.record.nik) ?? ''),
      practitioner: `Practitioner/${practitioner.resource.id}`,
      name: text(one.record.name) ?? '',
      profession: text(one.record.profession) ?? null,
      facility: text(one.record.facilityCode) ?? null,
    };
    changes.practitioners.push(entry);
    registers.putPractitioner(entry);
  }

  /** What the version before held and this one does not was entered in error. */
  async function retireAbsent(one: Prepared, previous: Submission | undefined, produced: readonly MappedResource[]): Promise<void> {
    if (!previous) return;
    const kept = new Set(produced.map(({ resource }) => `${resource.resourceType}/${resource.id}`));
    const absent = previous.resources.filter((reference) => !kept.has(reference) && !isShared(reference));
    await resources.load(absent);
    for (const reference of absent) {
      const stored = await resources.get(reference);
      const retired = stored && retire(stored.resource);
      if (stored && retired) putResource(retired, stored.facility, one.id);
    }
  }

  /**
   * A late older version is kept beside the record, under an id of its own that points to it; the record stays as it is.
   */
  async function keepSuperseded(one: Prepared, resolved: Resolved, applied: Submission): Promise<Outcome> {
    const { feed, client } = one.item.request;
    const id = ids.submissionId(one.sourceSystem, feed, `${one.sourceId}|superseded|${one.contentHash}`);
    const receipt: Receipt = {
      ...receiptOf({ ...applied, unused: [], duplicateOf: null }),
      state: 'cancelled',
      reason: 'superseded',
      issues: [issue('superseded')],
    };
    if (!submissions.has(id)) for (const found of await store.submissionsById(ALL, [id])) submissions.set(id, found);
    if (submissions.has(id)) return { receipt, repeated: true, resources: [] };
    const kept: SubmissionWrite = {
      id,
      version: 1,
      feed,
      sourceSystem: one.sourceSystem,
      sourceId: one.sourceId,
      sourceUpdatedAt: instant(one.record.sourceUpdatedAt) ?? null,
      client: client.id,
      facility: resolved.puskesmas?.code ?? applied.facility,
      contentHash: one.contentHash,
      fingerprint: null,
      duplicateOf: applied.id,
      state: 'cancelled',
      reason: 'superseded',
      issues: receipt.issues,
      unused: [],
      resources: [],
      story: ['received', 'normalised', 'stored'].map((stage) => ({ stage, at: now })),
      receivedAt: now,
      payload: one.item.raw.payload,
    };
    changes.submissions.push(kept);
    submissions.set(id, { ...kept, seq: 0, updatedAt: now });
    return { receipt, repeated: false, resources: [] };
  }

  async function withdraw(one: Prepared, resolved: Resolved, previous: Submission | undefined): Promise<Outcome> {
    if (previous) await retract(one, previous, 'withdrawn');
    return write(one, resolved, { state: 'completed', reason: 'withdrawn', issues: [], stages: ['normalised'] });
  }

  /** All that a record made was entered in error, here and where it was sent. */
  async function retract(one: Prepared, previous: Submission, reason: 'withdrawn' | 'duplicate'): Promise<void> {
    const { feed } = one.item.request;
    // An event's people and places outlive it, and a person outlives one of several sources.
    const keepsShared = feed === 'encounters' || feed === 'village-observations' || (feed === 'persons' && (await isKnownElsewhere(one)));
    const retired: MappedResource[] = [];
    for (const reference of previous.resources) {
      const stored = await resources.get(reference);
      const resource = stored && !(keepsShared && isShared(reference)) ? retire(stored.resource) : undefined;
      if (!stored || !resource) continue;
      putResource(resource, stored.facility, one.id);
      retired.push({ role: '', item: '', resource });
    }
    await takeBack(previous, 'cancelled', reason);
    if (feed === 'facilities') await resend(retired, ['completed', 'in-progress']);
  }

  /** Whether another source has told of the same Patient, and not withdrawn it. */
  async function isKnownElsewhere(one: Prepared): Promise<boolean> {
    const own = registers.person(sourceKey(one.sourceSystem, one.sourceId));
    if (!own?.nikHash) return false;
    const others = (await store.persons({ nikHashes: [own.nikHash] })).filter(
      (other) => other.patient === own.patient && other.sourceKey !== own.sourceKey,
    );
    const tellers = others.map(({ sourceKey: key }) => {
      const cut = key.indexOf('|');
      return ids.submissionId(key.slice(0, cut), 'persons', key.slice(cut + 1));
    });
    const stored = new Map((await store.submissionsById(ALL, tellers)).map((submission) => [submission.id, submission]));
    return tellers.some((id) => (submissions.get(id) ?? stored.get(id))?.reason !== 'withdrawn');
  }

  /**
   * What was planned for the version before is taken back. What reached the platform, or may have, is sent once more as it is now:
   * entered in error.
   */
  async function takeBack(previous: Submission, state: 'cancelled' | 'on-hold', reason: Reason | null): Promise<void> {
    for (const { write, uncertain } of await deliveriesOf(previous.id)) {
      if (write.state === 'cancelled') continue;
      const placed = new Set((await store.platformIds(environment, write.resources)).map(({ reference }) => reference));
      const there = uncertain ? write.resources : write.resources.filter((reference) => placed.has(reference));
      changes.deliveries.push(
        there.length > 0 && TAKEN_BACK.has(reason)
          ? {
              ...write,
              resources: there,
              submission: null,
              submissionVersion: null,
              state: 'ready',
              reason: null,
              dueAt: now,
              replace: true,
            }
          : { ...write, state, reason, dueAt: now, replace: true, ...(TAKEN_BACK.has(reason) && { unlessSent: true }) },
      );
    }
  }

  /** Deliveries of a submission: those stored, overlaid with those that this group or the one before is about to write. */
  async function deliveriesOf(submissionId: string): Promise<readonly { write: DeliveryWrite; uncertain: boolean }[]> {
    const found = new Map<string, { write: DeliveryWrite; uncertain: boolean }>();
    for (const delivery of await store.deliveries({ submissionId, environment })) {
      found.set(delivery.key, { write: asWrite(delivery), uncertain: delivery.sentAt !== null || delivery.state === 'in-progress' });
    }
    for (const write of [...(pending?.changes.deliveries ?? []), ...changes.deliveries]) {
      if (write.submission === submissionId) found.set(write.key, { write, uncertain: found.get(write.key)?.uncertain ?? false });
    }
    return [...found.values()];
  }

  async function plan(
    one: Prepared,
    resolved: Resolved,
    person: PersonEntry | undefined,
    sent: readonly MappedResource[],
    previous?: Submission,
  ) {
    const encounter = sent.filter(({ resource }) => resource.resourceType === 'Encounter');
    const others = sent.filter(({ resource }) => resource.resourceType !== 'Encounter');
    const puskesmas = resolved.puskesmas as FacilityEntry;
    const units = new Set<string>();
    const chain = resolved.unit ? registers.chain(resolved.unit.code) : [];
    for (const entry of [...chain, puskesmas]) units.add(entry.organization).add(entry.location);
    await resources.load([...units]);
    const located = new Map<string, Json>();
    for (const reference of units) {
      const stored = await resources.get(reference);
      if (stored) located.set(reference, stored.resource as unknown as Json);
    }
    const version = (previous?.version ?? 0) + 1;
    const kept = new Set(sent.map(({ resource }) => `${resource.resourceType}/${resource.id}`));
    // What this version, or one before it, no longer holds goes along as entered in error. Whether the platform has it is known when it
    // is sent: the version before may be on its way at this moment.
    const earlier = previous ? (await deliveriesOf(previous.id)).flatMap(({ write }) => write.resources) : [];
    const absent = new Set(
      [...(previous?.resources ?? []), ...earlier].filter((reference) => !kept.has(reference) && !isShared(reference)),
    );
    await resources.load([...absent]);
    const retired: Stored[] = [];
    for (const reference of absent) {
      const found = (await resources.get(reference))?.resource;
      if (found && isRetired(found)) retired.push(found);
    }
    changes.deliveries.push(
      ...planDeliveries(
        {
          environment,
          owner: puskesmas.code,
          patient: person?.patient ?? `Submission/${one.id}`,
          submission: one.id,
          version,
          resources: [...[...encounter, ...others].map(({ resource }) => resource), ...retired] as unknown as (Json & Stored)[],
          at: now,
          replace: previous !== undefined,
        },
        registers,
        located,
      ),
    );
  }

  interface Verdict {
    readonly state: State;
    readonly reason: Reason | null;
    readonly issues: readonly Issue[];
    readonly unused?: readonly string[];
    readonly duplicateOf?: string;
    readonly mapped?: readonly MappedResource[];
    readonly print?: string;
    readonly stages: readonly string[];
  }

  function refuse(
    one: Prepared,
    resolved: Resolved,
    issues: readonly Issue[],
    stages: readonly string[],
    mapped: readonly MappedResource[] = [],
    unused: readonly string[] = [],
  ): Outcome {
    const outcome = write(one, resolved, { state: 'failed', reason: 'refused', issues, stages, unused });
    return { ...outcome, resources: mapped };
  }

  /** Makes the submission's new version, unless it would say exactly what the current one says. */
  function write(one: Prepared, resolved: Resolved, verdict: Verdict): Outcome {
    const previous = submissions.get(one.id);
    const { client, feed } = one.item.request;
    const applied = verdict.mapped ?? [];
    if (previous && previous.contentHash === one.contentHash && sameVerdict(previous, verdict)) {
      return { receipt: receiptOf(previous), repeated: true, resources: applied };
    }
    const stages = ['received', ...verdict.stages, 'stored'];
    const submission: SubmissionWrite = {
      id: one.id,
      version: (previous?.version ?? 0) + 1,
      feed,
      sourceSystem: one.sourceSystem,
      sourceId: one.sourceId,
      sourceUpdatedAt: instant(one.record.sourceUpdatedAt) ?? null,
      client: client.id,
      facility: resolved.puskesmas?.code ?? previous?.facility ?? onlyFacility(client),
      contentHash: one.contentHash,
      fingerprint: verdict.print ?? null,
      duplicateOf: verdict.duplicateOf ?? null,
      state: verdict.state,
      reason: verdict.reason,
      issues: verdict.issues,
      unused: verdict.unused ?? [],
      resources: verdict.mapped
        ? verdict.mapped.map(({ resource }) => `${resource.resourceType}/${resource.id}`)
        : (previous?.resources ?? []),
      story: stages.map((stage) => ({ stage, at: now, ...(stage === 'stored' && verdict.reason !== null && { reason: verdict.reason }) })),
      receivedAt: now,
      payload: one.item.raw.payload,
    };
    changes.submissions.push(submission);
    submissions.set(one.id, { ...submission, seq: 0, updatedAt: now });
    return { receipt: receiptOf(submission), repeated: false, resources: applied };
  }
}

/** What a source sends again as it was. Some reasons may have gone meanwhile; a validation of an older content is no news either. */
function isKnown(one: Prepared, previous: Submission): boolean {
  if (previous.contentHash === one.contentHash) return !RETRIED.has(previous.reason);
  return one.item.raw.contentHash !== undefined;
}

function refusedUnstored(one: Prepared, found: Issue): Outcome {
  const receipt: Receipt = {
    id: null,
    version: 0,
    sourceId: one.keyed ? one.sourceId : null,
    state: 'failed',
    reason: 'refused',
    issues: [found],
  };
  return { receipt, repeated: false, resources: [], forbidden: found };
}

/** A child has one mother, whichever source tells of her. */
const MOTHER = 'relatedperson:mother';

const UNKNOWN_FIELD = new Set(['field-unknown', 'field-unused']);

const OWN_FIELDS = new Set(['sourceSystem', 'sourceId', 'facilityCode']);

const onlyFacility = ({ facilities }: Client): string | null =>
  facilities !== 'all' && facilities.length === 1 ? (facilities[0] as string) : null;

/** Whose clients may see a resource: its puskesmas; registers of places and health workers are seen by all. */
const accessOf = (feed: Feed, { puskesmas }: Resolved): string | null =>
  feed === 'facilities' || feed === 'practitioners' ? null : (puskesmas?.code ?? null);

/** People and places are shared between records and do not vanish with one of them. */
const isShared = (reference: string): boolean => /^(Patient|RelatedPerson|Practitioner|Organization|Location)\//.test(reference);

/** Fields that hold a NIK of the series for samples. */
function niksOf(value: unknown, path: string): string[] {
  if (Array.isArray(value)) return value.flatMap((inner, index) => niksOf(inner, `${path}[${index}]`));
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => {
    const field = path === '' ? name : `${path}.${name}`;
    if ((name === 'nik' || name === 'nikIbu') && typeof inner === 'string') return /^99\d{14}$/.test(inner) ? [field] : [];
    return niksOf(inner, field);
  });
}

export function receiptOf(submission: Omit<Submission, 'seq' | 'updatedAt'>): Receipt {
  const { id, version, sourceId, state, reason, issues, duplicateOf, unused } = submission;
  return {
    id,
    version,
    sourceId: sourceId.startsWith('~') ? null : sourceId,
    state,
    reason,
    issues,
    ...(duplicateOf !== null && { duplicateOf }),
    ...(unused.length > 0 && { unused }),
  };
}
