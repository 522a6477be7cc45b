import { createHash } from 'node:crypto';
import { SYSTEMS } from '../terminology/systems.ts';
import type { JsonObject } from './json.ts';

/** Contents of the people file: the population that the simulated master indexes know. */
export interface PeopleFile {
  readonly patients?: readonly PatientEntry[];
  readonly practitioners?: readonly PractitionerEntry[];
  /** Root Organizations of facilities without a client here, for example a hospital that patients are referred to. */
  readonly organizations?: ReadonlyArray<{ readonly id: string; readonly name?: string }>;
}

export interface PatientEntry {
  readonly nik?: string;
  /** NIK of the mother, for a child that has none of its own. */
  readonly nikIbu?: string;
  /** 0 for a single birth. */
  readonly birthOrder?: number;
  readonly name: string;
  readonly gender: string;
  /** `YYYY-MM-DD`. */
  readonly birthDate: string;
  readonly ihsNumber?: string;
}

export interface PractitionerEntry {
  readonly nik?: string;
  readonly name: string;
  readonly gender?: string;
  readonly birthDate?: string;
  readonly ihsNumber?: string;
}

type Patient = PatientEntry & { readonly ihsNumber: string };
type Practitioner = PractitionerEntry & { readonly ihsNumber: string };

/** How much of a person an answer shows; each look-up of the platform has its own. */
export type View = 'masked' | 'nik-masked' | 'full';

/** People do not change here, so they have one version. */
const META = { lastUpdated: '2024-11-14T07:15:02.824423+00:00', versionId: 'MTczMTU2ODUwMjgyNDQyMzAwMA' };

/** The master patient index and the index of health workers: looked up, never created. */
export class People {
  readonly #patients = new Map<string, Patient>();
  readonly #practitioners = new Map<string, Practitioner>();
  readonly #patientByNik = new Map<string, Patient>();
  readonly #children = new Map<string, Patient[]>();
  readonly #practitionerByNik = new Map<string, Practitioner>();

  constructor(file: PeopleFile) {
    for (const entry of file.patients ?? []) {
      const patient = { ...entry, ihsNumber: entry.ihsNumber || numberOf('P', entry) };
      this.#patients.set(patient.ihsNumber, patient);
      if (patient.nik) this.#patientByNik.set(patient.nik, patient);
      if (patient.nikIbu) this.#children.set(patient.nikIbu, [...(this.#children.get(patient.nikIbu) ?? []), patient]);
    }
    for (const entry of file.practitioners ?? []) {
      const practitioner = { ...entry, ihsNumber: entry.ihsNumber || numberOf('1', entry) };
      this.#practitioners.set(practitioner.ihsNumber, practitioner);
      if (practitioner.nik) this.#practitionerByNik.set(practitioner.nik, practitioner);
    }
  }

  has(type: string, id: string): boolean {
    if (type === 'Patient') return this.#patients.has(id);
    return type === 'Practitioner' && this.#practitioners.has(id);
  }

  /** A person by platform id; a patient is masked. */
  read(type: string, id: string): JsonObject | undefined {
    if (type === 'Patient') {
      const patient = this.#patients.get(id);
      return patient && patientResource(patient, 'masked');
    }
    const practitioner = this.#practitioners.get(id);
    return practitioner && practitionerResource(practitioner);
  }

  /** By NIK alone (or with a name): masked. With name and date of birth, which prove that the caller knows the person: in full. */
  patientsByNik(nik: string, also: { name?: string | undefined; birthdate?: string | undefined }): readonly JsonObject[] {
    const patient = this.#patientByNik.get(nik);
    if (patient === undefined || !matches(patient, also)) return [];
    return [patientResource(patient, also.name !== undefined && also.birthdate !== undefined ? 'full' : 'masked')];
  }

  /** Children registered under the mother's NIK, names readable. */
  patientsByMother(nikIbu: string, also: { name?: string | undefined; birthdate?: string | undefined }): readonly JsonObject[] {
    return (this.#children.get(nikIbu) ?? []).filter((child) => matches(child, also)).map((child) => patientResource(child, 'full'));
  }

  patientByNumber(ihsNumber: string): readonly JsonObject[] {
    const patient = this.#patients.get(ihsNumber);
    return patient === undefined ? [] : [patientResource(patient, 'masked')];
  }

  /** All three must agree; only the NIK is masked then. */
  patientsByName(name: string, birthdate: string, gender: string): readonly JsonObject[] {
    return [...this.#patients.values()]
      .filter((patient) => patient.gender === gender && matches(patient, { name, birthdate }))
      .map((patient) => patientResource(patient, 'nik-masked'));
  }

  practitionersByNik(nik: string, also: { name?: string | undefined }): readonly JsonObject[] {
    const practitioner = this.#practitionerByNik.get(nik);
    return practitioner !== undefined && matches(practitioner, also) ? [practitionerResource(practitioner)] : [];
  }

  practitionerByNumber(ihsNumber: string): readonly JsonObject[] {
    const practitioner = this.#practitioners.get(ihsNumber);
    return practitioner === undefined ? [] : [practitionerResource(practitioner)];
  }

  /** `birthdate` may be a year only; what the index does not know of a person is not compared. */
  practitionersByName(name: string, gender: string | undefined, birthdate: string | undefined): readonly JsonObject[] {
    return [...this.#practitioners.values()]
      .filter((person) => gender === undefined || person.gender === undefined || person.gender === gender)
      .filter((person) => matches(person, { name, birthdate: person.birthDate === undefined ? undefined : birthdate }))
      .map(practitionerResource);
  }
}

const normal = (name: string): string => name.toLocaleLowerCase('id').replace(/\s+/g, ' ').trim();

function matches(
  person: { readonly name: string; readonly birthDate?: string },
  also: { name?: string | undefined; birthdate?: string | undefined },
): boolean {
  if (also.name !== undefined && !normal(person.name).includes(normal(also.name))) return false;
  return also.birthdate === undefined || (person.birthDate ?? '').startsWith(also.birthdate);
}

/** Two letters of every word and two stars; one letter of a title. The platform's own pattern. */
export const maskName = (name: string): string =>
  name
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => `${[...word].slice(0, [...word].length <= 3 ? 1 : 2).join('')}**`)
    .join(' ');

function patientResource(patient: Patient, view: View): JsonObject {
  const nik = patient.nik && {
    system: SYSTEMS.nik,
    use: 'official',
    value: view === 'full' ? patient.nik : '#'.repeat(patient.nik.length),
  };
  const nikIbu = patient.nikIbu && { system: SYSTEMS.nikIbu, use: 'official', value: patient.nikIbu };
  const identifier = [nikIbu, { system: SYSTEMS.ihsNumber, use: 'official', value: patient.ihsNumber }, nik].filter(Boolean);
  const name = [{ text: view === 'masked' ? maskName(patient.name) : patient.name, use: 'official' }];
  const resource = { active: true, id: patient.ihsNumber, identifier, meta: META, name, resourceType: 'Patient' };
  if (view === 'masked') return resource;
  return {
    ...resource,
    birthDate: patient.birthDate,
    // The platform leaves the gender out of the list of babies.
    ...(!patient.nikIbu && { gender: patient.gender }),
    multipleBirthInteger: patient.birthOrder ?? 0,
  };
}

/** Health workers are not masked. */
function practitionerResource(person: Practitioner): JsonObject {
  return {
    ...(person.birthDate !== undefined && { birthDate: person.birthDate }),
    ...(person.gender !== undefined && { gender: person.gender }),
    id: person.ihsNumber,
    identifier: [
      { system: SYSTEMS.nakesHisNumber, value: person.ihsNumber },
      ...(person.nik ? [{ system: SYSTEMS.nik, use: 'official', value: person.nik }] : []),
    ],
    meta: META,
    name: [{ text: person.name, use: 'official' }],
    resourceType: 'Practitioner',
  };
}

/** A number for an entry that came without one: the same for the same entry in every run. */
function numberOf(prefix: string, entry: PatientEntry | PractitionerEntry): string {
  const digest = createHash('sha256').update(JSON.stringify(entry)).digest();
  const digits = prefix === 'P' ? 11 : 10;
  return prefix + String(digest.readBigUInt64BE() % 10n ** BigInt(digits)).padStart(digits, '0');
}
