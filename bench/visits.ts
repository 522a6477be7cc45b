/**
 * Made-up input: a few puskesmas, their people, and as many different visits as wanted, each of 8 to 10 resources. No random number
 * is used, so every run has the same input.
 */
import type { RawRecord } from '../src/intake/index.ts';
import type { Client } from '../src/store/index.ts';

export const SOURCE_SYSTEM = 'simpus-ukur';

export const CLIENT: Client = {
  id: 'bench',
  name: 'bench',
  keyHash: '',
  scopes: ['intake:write', 'intake:read', 'fhir:read'],
  sourceSystems: [SOURCE_SYSTEM],
  facilities: 'all',
  createdAt: '2026-01-01T00:00:00.000Z',
  revokedAt: null,
};

const FACILITIES = 5;
export const PERSONS = 400;
const PRACTITIONERS = 10;

const digits = (value: number, length: number): string => String(value).padStart(length, '0');
const facilityCode = (n: number): string => `P33299901${digits(n % FACILITIES, 2)}`;
const practitionerNik = (n: number): string => `992901100180${digits(n % PRACTITIONERS, 4)}`;

export const facilities = (): Record<string, unknown>[] =>
  Array.from({ length: FACILITIES }, (_, n) => ({
    sourceSystem: SOURCE_SYSTEM,
    kind: 'puskesmas',
    code: facilityCode(n),
    name: `Puskesmas Ukur ${n + 1}`,
    villageCode: '332901',
    satusehatOrganizationId: `1000990${digits(n, 2)}`,
  }));

export const practitioners = (): Record<string, unknown>[] =>
  Array.from({ length: PRACTITIONERS }, (_, n) => ({
    sourceSystem: SOURCE_SYSTEM,
    sourceId: `NK-${n}`,
    nik: practitionerNik(n),
    name: `dr. Ukur ${n + 1}`,
    profession: 'dokter',
    facilityCode: facilityCode(n),
  }));

export const persons = (): Record<string, unknown>[] =>
  Array.from({ length: PERSONS }, (_, n) => {
    const [day, month, year] = [1 + (n % 28), 1 + (n % 12), 1960 + (n % 40)];
    return {
      sourceSystem: SOURCE_SYSTEM,
      sourceId: `RM-${n}`,
      nik: `992901${digits(day, 2)}${digits(month, 2)}${digits(year % 100, 2)}${digits(n, 4)}`,
      name: `Warga Ukur ${n + 1}`,
      birthDate: `${year}-${digits(month, 2)}-${digits(day, 2)}`,
      sex: 'male',
      facilityCode: facilityCode(n),
    };
  });

/** The n-th visit: Encounter, Condition, and 6 to 8 Observations. */
export function visit(n: number): Record<string, unknown> {
  const minute = n % (14 * 60);
  const day = 1 + (Math.floor(n / (14 * 60)) % 28);
  const start = Date.UTC(2026, 6, day, 0, minute);
  const local = (time: number) => `${new Date(time + 7 * 3_600_000).toISOString().slice(0, 19)}+07:00`;
  return {
    sourceSystem: SOURCE_SYSTEM,
    sourceId: `KJ-${n}`,
    facilityCode: facilityCode(n),
    person: { sourceId: `RM-${n % PERSONS}` },
    practitioner: { nik: practitionerNik(n) },
    start: local(start),
    end: local(start + 20 * 60_000),
    cluster: 'K3',
    visitType: n % 3 === 0 ? 'baru' : 'lama',
    vitals: {
      bloodPressure: `${110 + (n % 60)}/${70 + (n % 30)}`,
      heartRate: 60 + (n % 40),
      respiratoryRate: 16 + (n % 6),
      temperature: `36,${n % 10}`,
      weight: 45 + (n % 400) / 10,
      ...(n % 3 !== 0 && { height: 145 + (n % 40) }),
      ...(n % 3 === 2 && { waist: 70 + (n % 45) }),
    },
    diagnoses: [{ code: 'I10', rank: 1 }],
    disposition: 'pulang',
  };
}

export const visits = (from: number, count: number): Record<string, unknown>[] =>
  Array.from({ length: count }, (_, index) => visit(from + index));

export const asRaw = (values: readonly Record<string, unknown>[]): RawRecord[] =>
  values.map((value, index) => ({ line: index + 1, payload: JSON.stringify(value), value }));
