import type { Issue, Reason, State } from '../errors/index.ts';
import type { Feed, Submission } from '../store/port.ts';
import { registerFacility, registerPractitioner, resend } from './facility-writes.ts';
import { dedupe, holdOf, isError } from './findings.ts';
import { type Group, putResource } from './group.ts';
import { check, contextFor, idsOf, locate, mapInline } from './judge.ts';
import { putPatient, registerPerson } from './person-writes.ts';
import { plan } from './plan.ts';
import type { Prepared } from './prepare.ts';
import type { Resolved } from './resolve.ts';
import { retireAbsent, stands, takeBack, wasPlanned } from './take-back.ts';
import { refuse, write } from './verdict.ts';
import { saidOtherwise, sentBefore } from './warnings.ts';

/** The sound record: map, check, and plan what is written. */
export async function apply(
  group: Group,
  one: Prepared,
  resolved: Resolved,
  previous: Submission | undefined,
  before: readonly Issue[],
  print?: string,
) {
  const { options } = group;
  const { feed } = one.item.request;
  const built = contextFor(group, feed, one.record, resolved);
  const contextIssues = dedupe([...before, ...built.issues]);
  if (contextIssues.some(isError)) return refuse(group, one, resolved, contextIssues, ['normalised']);
  let idOf = idsOf(group, one);
  let mapped = options.mapper.map(feed, one.record, built.context, idOf);
  const inline = resolved.inline ? mapInline(group, one, resolved, resolved.inline) : undefined;
  const event = feed === 'encounters' || feed === 'village-observations';
  const hold = built.hold ?? holdOf(mapped.issues);
  let sent = event ? mapped.resources.filter(({ item }) => options.catalogue.decide(feed, item) === 'send') : [];
  const local = event && !sent.some(({ resource }) => resource.resourceType === 'Encounter');
  if (local && previous && (await wasPlanned(group, mapped.resources))) {
    // What was sent is taken back under its own ids; what stays here needs others.
    idOf = idsOf(group, one, true);
    mapped = options.mapper.map(feed, one.record, built.context, idOf);
    sent = [];
  }
  const produced = [...(inline?.resources ?? []), ...mapped.resources];
  // What waits or stays in the district is not judged by the platform's rules yet.
  const judged = new Set(hold || local ? [] : sent.map(({ resource }) => resource));
  const findings = check(group, produced, judged);
  const located = findings.length > 0 ? locate(group, one, built.context, idOf, findings) : [];
  const standing = hold && !local && previous && (await stands(group, previous)) ? [sentBefore()] : [];
  const issues = dedupe([...contextIssues, ...mapped.issues, ...(inline?.issues ?? []), ...located, ...standing]);
  const unused = [...mapped.unused, ...(inline?.unused ?? []).map((field) => `person.inline.${field}`)];
  if (issues.some(isError)) return refuse(group, one, resolved, issues, ['normalised', 'mapped'], produced, unused);

  if (inline && resolved.person) await putPatient(group, one, resolved.person, inline.resources);
  let person = resolved.person;
  let told = issues;
  if (feed === 'persons') {
    const registered = await registerPerson(group, one, resolved, mapped.resources);
    person = registered.person;
    // A newborn is told of by name; whoever has a NIK is looked up, never sent.
    if (previous && person?.nikHash === null) await resend(group, mapped.resources);
    const differing = registered.differing.map(({ role, expression }) => ({ role, issue: saidOtherwise(expression) }));
    if (differing.length > 0) told = dedupe([...issues, ...locate(group, one, built.context, idOf, differing)]);
  } else for (const { resource } of mapped.resources) putResource(group, resource, accessOf(feed, resolved), one.id);
  await retireAbsent(group, one, previous, produced);
  if (feed === 'facilities') {
    await registerFacility(group, one, resolved, mapped.resources);
    if (previous) await resend(group, mapped.resources);
  }
  if (feed === 'practitioners') registerPractitioner(group, one, mapped.resources);

  let state: State = 'completed';
  let reason: Reason | null = 'registered';
  if (event) {
    if (local) [state, reason] = ['completed', 'kept-local'];
    else if (hold) [state, reason] = ['on-hold', hold];
    else {
      [state, reason] = ['ready', null];
      await plan(group, one, resolved, person, sent, previous);
    }
    if (previous && state !== 'ready') await takeBack(group, previous, state === 'on-hold' ? 'on-hold' : 'cancelled', reason);
  }
  if (print !== undefined) group.fingerprints.set(print, one.id);
  return write(group, one, resolved, {
    state,
    reason,
    issues: told,
    unused,
    mapped: produced,
    ...(print !== undefined && { print }),
    stages: ['normalised', 'mapped', 'checked'],
  });
}

/** Whose clients may see a resource: its puskesmas; registers of places and health workers are seen by all. */
const accessOf = (feed: Feed, { puskesmas }: Resolved): string | null =>
  feed === 'facilities' || feed === 'practitioners' ? null : (puskesmas?.code ?? null);
