import { randomInt } from 'node:crypto';
import { SYSTEMS } from '../terminology/systems.ts';
import type { Caller } from './clients.ts';
import type { Clock } from './clock.ts';
import { citizenNotExists, internalError, issues, motherNotFemale, processorIssue, Refusal, type Reply } from './errors.ts';
import { asList, asObject, asText, type JsonObject } from './json.ts';
import { nameOf, type People, sameName } from './people.ts';
import { type Processor, versionHeaders } from './processor.ts';
import type { PlatformRuleBook } from './rules.ts';
import type { SandboxSettings } from './settings.ts';
import { wrongKind } from './shapes.ts';
import type { ResourceStore } from './store.ts';

export interface PatientDesk {
  readonly store: ResourceStore;
  readonly people: People;
  readonly rules: PlatformRuleBook;
  readonly processor: Processor;
  readonly clock: Clock;
  readonly settings: () => SandboxSettings;
}

/**
 * `POST {base}/Patient`: a newborn under the mother's NIK, or a person whom the civil register knows.
 *
 * @returns 201 with the resource and its new IHS number; 200 with a newborn that is there already, where the setting has it so; 200 with
 *   `success: false` when the civil register does not know the person
 * @throws Refusal for broken element rules, a mother who is unknown or not female, a person who is in the index already (20002)
 */
export function createPatient(desk: PatientDesk, resource: JsonObject, caller: Caller): Reply {
  const { processor, people, store, settings } = desk;
  const wrong = wrongKind(resource, 'Patient');
  if (wrong !== undefined) processor.refuseIfAny([issues.unmarshal(wrong)]);
  processor.refuseIfAny(desk.rules.check(resource, 'Patient', { organizationId: caller.organizationId, now: desk.clock.now() }));
  const nik = identifierOf(resource, SYSTEMS.nik);
  const nikIbu = identifierOf(resource, SYSTEMS.nikIbu);
  if (nik === undefined && nikIbu === undefined) {
    const system = asText(asObject(asList(resource.identifier)[0]).system) ?? '';
    const text = `Invalid identifier system: ${system.slice(0, 200)} (RuleNumber: 10166)`;
    processor.refuseIfAny([processorIssue('value', text, 'Patient.identifier[0].system')]);
  }
  const person = { name: nameOf(resource), gender: String(resource.gender), birthDate: String(resource.birthDate) };
  if (nik !== undefined) {
    if (people.patientsWith(SYSTEMS.nik, nik, store).length > 0) processor.refuseIfAny([issues.duplicate('Patient')]);
    const citizen = people.citizen(nik);
    // A person whose data differ is refused too; the register's words for that were never published.
    const agrees = citizen !== undefined && sameName(citizen.name, person.name) && citizen.gender === person.gender;
    if (!agrees || citizen.birthDate !== person.birthDate) return citizenNotExists();
  } else if (nikIbu !== undefined) {
    if (settings().strictness.newbornError) throw new Refusal(internalError());
    const mothers = people.patientsWith(SYSTEMS.nik, nikIbu, store);
    if (!mothers.some((mother) => mother.gender === 'female')) throw new Refusal(motherNotFemale());
    const order = resource.multipleBirthInteger ?? 0;
    const known = people
      .patientsWith(SYSTEMS.nikIbu, nikIbu, store)
      .find(
        (child) =>
          sameName(nameOf(child), person.name) &&
          child.gender === person.gender &&
          child.birthDate === person.birthDate &&
          (child.multipleBirthInteger ?? 0) === order,
      );
    if (known !== undefined && settings().strictness.newbornAgain === 'existing') return { status: 200, body: known };
    if (known !== undefined) processor.refuseIfAny([issues.duplicate('Patient')]);
  }
  const id = newNumber(desk);
  const given = asList(resource.identifier).filter((identifier) => asObject(identifier).system !== SYSTEMS.ihsNumber);
  const identifier = [...given, { system: SYSTEMS.ihsNumber, use: 'official', value: id }];
  return writePatient(store, id, { ...resource, active: resource.active ?? true, identifier }, 201);
}

/** Stores a patient as it is. */
export function writePatient(store: ResourceStore, id: string, body: JsonObject, status: number): Reply {
  const version = store.nextVersion();
  const draft = { resourceType: 'Patient', id, body };
  const [stored] = store.commit([draft], version);
  return { status, body: stored, headers: versionHeaders(draft, version) };
}

/** Value of the first identifier of a system. */
export const identifierOf = (resource: JsonObject, system: string): string | undefined =>
  asList(resource.identifier)
    .map(asObject)
    .filter((identifier) => identifier.system === system)
    .map((identifier) => asText(identifier.value))
    .find((value) => value !== undefined && value !== '');

/** `P` and eleven digits that nobody has. */
function newNumber({ people, store }: PatientDesk): string {
  for (;;) {
    const id = `P${String(randomInt(0, 100_000)).padStart(5, '0')}${String(randomInt(0, 1_000_000)).padStart(6, '0')}`;
    if (people.patient(id, store) === undefined) return id;
  }
}
