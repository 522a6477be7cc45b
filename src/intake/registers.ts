import type { FacilityEntry, PersonEntry, PractitionerEntry, Store } from '../store/port.ts';

/** What the records of a batch name. */
export interface Needs {
  readonly facilities: Set<string>;
  /** `<source system>|<source id>` */
  readonly persons: Set<string>;
  readonly personNiks: Set<string>;
  readonly practitioners: Set<string>;
  readonly practitionerNiks: Set<string>;
}

export const noNeeds = (): Needs => ({
  facilities: new Set(),
  persons: new Set(),
  personNiks: new Set(),
  practitioners: new Set(),
  practitionerNiks: new Set(),
});

/** Master data that a batch may refer to: what the store had, overlaid with what earlier records of the batch bring. */
export interface Registers {
  facility(code: string): FacilityEntry | undefined;
  /** Unit, its supervisor, and so on to the top. Ends at an unknown or repeated code. */
  chain(code: string): readonly FacilityEntry[];
  facilityOf(reference: string): FacilityEntry | undefined;
  person(sourceKey: string): PersonEntry | undefined;
  personByNik(nikHash: string): PersonEntry | undefined;
  practitioner(sourceKey: string): PractitionerEntry | undefined;
  practitionerByNik(nikHash: string): PractitionerEntry | undefined;
  putFacility(entry: FacilityEntry): void;
  putPerson(entry: PersonEntry): void;
  putPractitioner(entry: PractitionerEntry): void;
}

/** One query per kind; facilities one more for each level of the tree above. */
export async function loadRegisters(store: Pick<Store, 'facilities' | 'persons' | 'practitioners'>, needs: Needs): Promise<Registers> {
  const [persons, practitioners, facilities] = await Promise.all([
    needs.persons.size + needs.personNiks.size > 0
      ? store.persons({ sourceKeys: [...needs.persons], nikHashes: [...needs.personNiks] })
      : [],
    needs.practitioners.size + needs.practitionerNiks.size > 0
      ? store.practitioners({ sourceKeys: [...needs.practitioners], nikHashes: [...needs.practitionerNiks] })
      : [],
    loadFacilities(store, needs.facilities),
  ]);
  const byCode = new Map(facilities.map((entry) => [entry.code, entry]));
  const byReference = new Map(facilities.flatMap((entry) => [[entry.organization, entry] as const, [entry.location, entry] as const]));
  const bySource = new Map(persons.map((entry) => [entry.sourceKey, entry]));
  const byNik = new Map(persons.flatMap((entry) => (entry.nikHash === null ? [] : [[entry.nikHash, entry] as const])));
  const practitionerBySource = new Map(practitioners.map((entry) => [entry.sourceKey, entry]));
  const practitionerByNik = new Map(practitioners.map((entry) => [entry.nikHash, entry]));

  return {
    facility: (code) => byCode.get(code),
    chain(code) {
      const chain: FacilityEntry[] = [];
      for (let entry = byCode.get(code); entry && !chain.includes(entry); ) {
        chain.push(entry);
        entry = entry.supervisor === null ? undefined : byCode.get(entry.supervisor);
      }
      return chain;
    },
    facilityOf: (reference) => byReference.get(reference),
    person: (key) => bySource.get(key),
    personByNik: (hash) => byNik.get(hash),
    practitioner: (key) => practitionerBySource.get(key),
    practitionerByNik: (hash) => practitionerByNik.get(hash),
    putFacility(entry) {
      byCode.set(entry.code, entry);
      byReference.set(entry.organization, entry).set(entry.location, entry);
    },
    putPerson(entry) {
      bySource.set(entry.sourceKey, entry);
      if (entry.nikHash !== null) byNik.set(entry.nikHash, entry);
    },
    putPractitioner(entry) {
      practitionerBySource.set(entry.sourceKey, entry);
      practitionerByNik.set(entry.nikHash, entry);
    },
  };
}

/** The named units and all above them. */
async function loadFacilities(store: Pick<Store, 'facilities'>, codes: ReadonlySet<string>): Promise<readonly FacilityEntry[]> {
  const found: FacilityEntry[] = [];
  const asked = new Set<string>();
  let wanted = [...codes];
  while (wanted.length > 0) {
    for (const code of wanted) asked.add(code);
    const entries = await store.facilities(wanted);
    found.push(...entries);
    const above = entries.flatMap(({ supervisor, puskesmas }) => [supervisor, puskesmas]);
    wanted = [...new Set(above)].filter((code): code is string => code !== null && !asked.has(code));
  }
  return found;
}
