import { createHash } from 'node:crypto';
import { SYSTEMS } from '../terminology/systems.ts';
import { asList, asObject, asText, type JsonObject } from './json.ts';
import { shown, type View } from './masking.ts';
import type { FacilityEntry, RegionEntry } from './master-data.ts';
import { identifiersOf } from './resources.ts';
import type { StoreView } from './store.ts';

/** Contents of the people file: the population that the simulated master indexes know. */
export interface PeopleFile {
  readonly patients?: readonly PatientEntry[];
  readonly practitioners?: readonly PractitionerEntry[];
  /** The civil register (Dukcapil): people whose NIK exists but who are not in the patient index yet. */
  readonly citizens?: readonly CitizenEntry[];
  /** Root Organizations of facilities without a client here, for example a hospital that patients are referred to. */
  readonly organizations?: readonly FacilityEntry[];
  /** Places that the master data know. */
  readonly regions?: readonly RegionEntry[];
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
  /** Further FHIR elements: address, telecom, contact, link … */
  readonly resource?: JsonObject;
}

export interface CitizenEntry {
  readonly nik: string;
  readonly name: string;
  readonly gender: string;
  /** `YYYY-MM-DD`. */
  readonly birthDate: string;
}

export interface PractitionerEntry {
  readonly nik?: string;
  readonly name: string;
  readonly gender?: string;
  readonly birthDate?: string;
  readonly ihsNumber?: string;
}

type Practitioner = PractitionerEntry & { readonly ihsNumber: string };

/** People do not change in the people file, so they have one version. */
const META = { lastUpdated: '2024-11-14T07:15:02.824423+00:00', versionId: 'MTczMTU2ODUwMjgyNDQyMzAwMA' };

interface Also {
  readonly name?: string | undefined;
  readonly birthdate?: string | undefined;
}

/**
 * The master patient index and the index of health workers. Patients of the people file cannot be lost; those that were created or
 * changed are in the store, under the type Patient, and win.
 */
export class People {
  /** Whole resources by IHS number. */
  readonly #patients = new Map<string, JsonObject>();
  readonly #byIdentifier = new Map<string, string[]>();
  readonly #practitioners = new Map<string, Practitioner>();
  readonly #practitionerByNik = new Map<string, Practitioner>();
  readonly #citizens = new Map<string, CitizenEntry>();

  constructor(file: PeopleFile) {
    for (const entry of file.patients ?? []) {
      const patient = patientOf(entry, entry.ihsNumber || numberOf('P', entry));
      const id = String(patient.id);
      this.#patients.set(id, patient);
      for (const token of identifiersOf(patient)) this.#byIdentifier.set(token, [...(this.#byIdentifier.get(token) ?? []), id]);
    }
    for (const entry of file.practitioners ?? []) {
      const practitioner = { ...entry, ihsNumber: entry.ihsNumber || numberOf('1', entry) };
      this.#practitioners.set(practitioner.ihsNumber, practitioner);
      if (practitioner.nik) this.#practitionerByNik.set(practitioner.nik, practitioner);
    }
    for (const citizen of file.citizens ?? []) this.#citizens.set(citizen.nik, citizen);
  }

  /** Whether the people file knows the person. */
  has(type: string, id: string): boolean {
    if (type === 'Patient') return this.#patients.has(id);
    return type === 'Practitioner' && this.#practitioners.has(id);
  }

  /** A person by platform id as a read shows it: a patient is masked. Undefined for other types too. */
  read(type: string, id: string, store?: StoreView): JsonObject | undefined {
    if (type === 'Patient') {
      const patient = this.patient(id, store);
      return patient && shown(patient, 'masked');
    }
    const practitioner = type === 'Practitioner' ? this.#practitioners.get(id) : undefined;
    return practitioner && practitionerResource(practitioner);
  }

  /** A patient as the index holds it, with nothing masked: not for an answer. */
  patient(id: string, store?: StoreView): JsonObject | undefined {
    return store?.get('Patient', id) ?? this.#patients.get(id);
  }

  /** Patients with an identifier, unmasked: not for an answer. Last written first, then the people file. */
  patientsWith(system: string, value: string, store: StoreView): readonly JsonObject[] {
    const token = `${system}|${value}`;
    const written = store.withIdentifier('Patient', token);
    const ids = new Set(written.map((patient) => patient.id));
    const filed = (this.#byIdentifier.get(token) ?? []).filter((id) => !ids.has(id)).map((id) => this.patient(id, store) as JsonObject);
    return [...written, ...filed];
  }

  /** By NIK alone, or with a name: masked. With name and date of birth, which prove that the caller knows the person: in full. */
  patientsByNik(nik: string, also: Also, store: StoreView): readonly JsonObject[] {
    const view = also.name !== undefined && also.birthdate !== undefined ? 'full' : 'masked';
    return this.#select(this.patientsWith(SYSTEMS.nik, nik, store), also, view);
  }

  /** Children registered under the mother's NIK, names readable. */
  patientsByMother(nikIbu: string, also: Also, store: StoreView): readonly JsonObject[] {
    return this.#select(this.patientsWith(SYSTEMS.nikIbu, nikIbu, store), also, 'child');
  }

  patientsByNumber(ihsNumber: string, also: Also, store: StoreView): readonly JsonObject[] {
    const patient = this.patient(ihsNumber, store);
    return patient === undefined ? [] : this.#select([patient], also, 'masked');
  }

  /** All three must agree; NIK and address are masked then. */
  patientsByName(name: string, birthdate: string, gender: string, store: StoreView): readonly JsonObject[] {
    const written = store.list('Patient');
    const ids = new Set(written.map((patient) => patient.id));
    const all = [...written, ...[...this.#patients].filter(([id]) => !ids.has(id)).map(([, patient]) => patient)];
    const sameGender = all.filter((patient) => patient.gender === gender);
    return this.#select(sameGender, { name, birthdate }, 'nik-masked');
  }

  /** Who has this NIK in the civil register. */
  citizen(nik: string): CitizenEntry | undefined {
    return this.#citizens.get(nik);
  }

  practitionersByNik(nik: string, also: Also): readonly JsonObject[] {
    const practitioner = this.#practitionerByNik.get(nik);
    return practitioner !== undefined && matches(practitioner.name, practitioner.birthDate, also)
      ? [practitionerResource(practitioner)]
      : [];
  }

  practitionerByNumber(ihsNumber: string): readonly JsonObject[] {
    const practitioner = this.#practitioners.get(ihsNumber);
    return practitioner === undefined ? [] : [practitionerResource(practitioner)];
  }

  /** `birthdate` may be a year only; what the index does not know of a person is not compared. */
  practitionersByName(name: string, gender: string | undefined, birthdate: string | undefined): readonly JsonObject[] {
    return [...this.#practitioners.values()]
      .filter((person) => gender === undefined || person.gender === undefined || person.gender === gender)
      .filter((person) => matches(person.name, person.birthDate, { name, birthdate }))
      .map(practitionerResource);
  }

  #select(patients: readonly JsonObject[], also: Also, view: View): readonly JsonObject[] {
    return patients.filter((patient) => matches(nameOf(patient), asText(patient.birthDate), also)).map((patient) => shown(patient, view));
  }
}

export const nameOf = (patient: JsonObject): string => asText(asObject(asList(patient.name)[0]).text) ?? '';

export const sameName = (one: string, other: string): boolean => normal(one) === normal(other);

const normal = (name: string): string => name.toLocaleLowerCase('id').replace(/\s+/g, ' ').trim();

function matches(name: string, birthDate: string | undefined, also: Also): boolean {
  if (also.name !== undefined && !normal(name).includes(normal(also.name))) return false;
  return also.birthdate === undefined || birthDate === undefined || birthDate.startsWith(also.birthdate);
}

function patientOf(patient: PatientEntry, ihsNumber: string): JsonObject {
  const { nik, nikIbu } = patient;
  const identifier = [
    ...(nikIbu ? [{ system: SYSTEMS.nikIbu, use: 'official', value: nikIbu }] : []),
    { system: SYSTEMS.ihsNumber, use: 'official', value: ihsNumber },
    ...(nik ? [{ system: SYSTEMS.nik, use: 'official', value: nik }] : []),
  ];
  return {
    ...patient.resource,
    active: true,
    birthDate: patient.birthDate,
    gender: patient.gender,
    id: ihsNumber,
    identifier,
    meta: META,
    multipleBirthInteger: patient.birthOrder ?? 0,
    name: [{ text: patient.name, use: 'official' }],
    resourceType: 'Patient',
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
