/**
 * The source: a made-up district whose list of records is the first of the three sides that are counted. Everything follows from the
 * seed; the same seed gives the same records in the same order, however many are wanted.
 */
import { seeded } from './seeded.ts';

export const SOURCE_SYSTEM = 'simpus-uji';
export const OWNERS = 5;

export type Fate =
  /** The platform knows the person: the visit has to arrive. */
  | 'known'
  /** The platform does not know the NIK: the visit has to wait, with a reason. */
  | 'unknown'
  /** A child without NIK whom the platform knows by the mother's. */
  | 'newborn'
  /** A child without NIK whom the platform does not know yet. */
  | 'unborn';

export interface Person {
  readonly sourceId: string;
  readonly fate: Fate;
  /** Number on the platform, where it has one. */
  readonly ihsNumber: string | undefined;
  readonly record: Readonly<Record<string, unknown>>;
  /** Line of the platform's people file. */
  readonly onPlatform: Readonly<Record<string, unknown>> | undefined;
  /** Of a child without NIK: she is known to the platform. */
  readonly mother?: Readonly<Record<string, unknown>>;
}

export type Vitals = Readonly<Partial<Record<keyof typeof CODES, number>>>;

/** What a visit measures, and the code under which it must be found on the platform. */
export const CODES = {
  systolic: '8480-6',
  diastolic: '8462-4',
  heartRate: '8867-4',
  respiratoryRate: '9279-1',
  temperature: '8310-5',
  weight: '29463-7',
  height: '8302-2',
  /** SNOMED CT; the others are LOINC. */
  waist: '276361009',
} as const;

/** The current state of one visit, as its source holds it. */
export interface Visit {
  readonly sourceId: string;
  readonly person: Person;
  /** Owner (code of the puskesmas). */
  readonly owner: string;
  readonly facility: string;
  /** Epoch ms; no two visits have the same. */
  readonly start: number;
  readonly vitals: Vitals;
  readonly withdrawn: boolean;
  /** `sourceUpdatedAt` of this state: the order of changes at the source, which no clock of ours disturbs. */
  readonly updatedAt: string;
  readonly version: number;
}

const digits = (value: number, length: number): string => String(value).padStart(length, '0');

export const ownerCode = (n: number): string => `P33299902${digits(n, 2)}`;
export const organizationId = (n: number): string => `1000991${digits(n, 2)}`;
export const clientId = (n: number): string => `client-${ownerCode(n)}`;
export const CLIENT_SECRET = 'rahasia-uji-0123456789';
const MIDWIFE = '9929016808920211';

/** A puskesmas each with two units below it, which are registered on the platform before the first visit there. */
export const facilities = (): Record<string, unknown>[] =>
  Array.from({ length: OWNERS }, (_, n) => [
    {
      sourceSystem: SOURCE_SYSTEM,
      kind: 'puskesmas',
      code: ownerCode(n),
      name: `Puskesmas Uji ${n + 1}`,
      villageCode: `3329${digits(n + 1, 2)}`,
      satusehatOrganizationId: organizationId(n),
    },
    ...[1, 2].map((unit) => ({
      sourceSystem: SOURCE_SYSTEM,
      kind: 'pustu',
      code: `${ownerCode(n)}-${unit}`,
      name: `Pustu Uji ${n + 1}.${unit}`,
      supervisorCode: ownerCode(n),
      villageCode: `3329${digits(n + 1, 2)}200${unit}`,
    })),
  ]).flat();

export const practitioners = (): Record<string, unknown>[] => [
  {
    sourceSystem: SOURCE_SYSTEM,
    sourceId: 'NK-1',
    nik: MIDWIFE,
    name: 'Bidan Uji',
    profession: 'bidan',
    facilityCode: ownerCode(0),
  },
];

export interface Population {
  readonly persons: readonly Person[];
  /** Contents of the sandbox's people file. */
  readonly peopleFile: object;
  /** Contents of the sandbox's clients file. */
  readonly clientsFile: object;
}

/** NIKs begin with 99, which is no province. Of a hundred two are unknown to the platform, two are newborns that it knows, one it does not. */
export function createPopulation(count: number): Population {
  const persons = Array.from({ length: count }, (_, n): Person => {
    const [day, month, year] = [1 + (n % 28), 1 + (n % 12), 1960 + (n % 40)];
    const nik = `992901${digits(day, 2)}${digits(month, 2)}${digits(year % 100, 2)}${digits(n % 10_000, 4)}`;
    const fate: Fate = ({ 17: 'unknown', 43: 'newborn', 61: 'unborn', 67: 'unknown', 93: 'newborn' } as const)[n % 100] ?? 'known';
    const child = fate === 'newborn' || fate === 'unborn';
    const name = child ? `By Ny Uji ${n}` : `Warga Uji ${n}`;
    const birthDate = child ? `2026-05-${digits(day, 2)}` : `${year}-${digits(month, 2)}-${digits(day, 2)}`;
    const identity = child ? { nikIbu: nik, birthOrder: 1 } : { nik };
    const ihsNumber = fate === 'known' || fate === 'newborn' ? `P${digits(20_000_000_000 + n, 11)}` : undefined;
    return {
      sourceId: `RM-${n}`,
      fate,
      ihsNumber,
      record: {
        sourceSystem: SOURCE_SYSTEM,
        sourceId: `RM-${n}`,
        ...identity,
        name,
        birthDate,
        sex: 'male',
        facilityCode: ownerCode(n % OWNERS),
      },
      onPlatform: ihsNumber === undefined ? undefined : { ...identity, name, birthDate, gender: 'male', ihsNumber },
      ...(child && {
        mother: {
          nik,
          name: `Ny Uji ${n}`,
          birthDate: `1995-02-${digits(day, 2)}`,
          gender: 'female',
          ihsNumber: `P${digits(30_000_000_000 + n, 11)}`,
        },
      }),
    };
  });
  return {
    persons,
    peopleFile: {
      patients: persons.flatMap(({ onPlatform, mother }) => [onPlatform, mother].filter((each) => each !== undefined)),
      practitioners: [{ nik: MIDWIFE, name: 'Bidan Uji', gender: 'female', ihsNumber: '10009880728' }],
    },
    clientsFile: {
      clients: Array.from({ length: OWNERS }, (_, n) => ({
        clientId: clientId(n),
        clientSecret: CLIENT_SECRET,
        organizationId: organizationId(n),
      })),
    },
  };
}

/** Shares of what a source does next. */
export interface Mix {
  /** A new version of an earlier visit. */
  readonly correction: number;
  readonly withdrawal: number;
  /** Of the corrections: those that add a measurement, which is then sent alone. */
  readonly adding: number;
  /** Corrections touch one of the last so many visits: some wait, some are on the wire, some have arrived. */
  readonly recent: number;
  /** Largest share of the possible measurements that a visit has besides the weight. */
  readonly measured: number;
}

export const USUAL: Mix = { correction: 0.12, withdrawal: 0.02, adding: 0.4, recent: 250, measured: 1 };

const BASE = Date.parse('2026-06-01T00:00:00Z');
const FIRST_CHANGE = Date.parse('2026-10-01T00:00:00Z');
const MINUTE = 60_000;

export interface Workload {
  /** Current state by source id. */
  readonly visits: ReadonlyMap<string, Visit>;
  /** The next so many records, to be sent in this order. */
  next(count: number): Record<string, unknown>[];
}

export function createWorkload(seed: number, persons: readonly Person[], mix: Mix = USUAL): Workload {
  const random = seeded(seed);
  const pick = (count: number): number => Math.floor(random() * count);
  const visits = new Map<string, Visit>();
  const order: string[] = [];
  let changes = 0;

  const measure = (share: number): Vitals => {
    const vitals: Partial<Record<keyof typeof CODES, number>> = {};
    for (const name of Object.keys(CODES) as (keyof typeof CODES)[]) if (random() < share) vitals[name] = amountOf(name, random);
    // Blood pressure is two numbers.
    if ((vitals.systolic === undefined) !== (vitals.diastolic === undefined)) {
      delete vitals.systolic;
      delete vitals.diastolic;
    }
    return vitals;
  };

  function first(): Visit {
    const n = order.length;
    const person = persons[pick(persons.length)] as Person;
    const owner = pick(OWNERS);
    const unit = pick(3);
    const visit: Visit = {
      sourceId: `KJ-${n}`,
      person,
      owner: ownerCode(owner),
      facility: unit === 0 ? ownerCode(owner) : `${ownerCode(owner)}-${unit}`,
      start: BASE + n * MINUTE,
      vitals: { weight: amountOf('weight', random), ...measure(random() * mix.measured) },
      withdrawn: false,
      updatedAt: '',
      version: 1,
    };
    order.push(visit.sourceId);
    return visit;
  }

  function corrected(visit: Visit): Visit {
    const vitals: Partial<Record<keyof typeof CODES, number>> = { ...visit.vitals };
    const has = Object.keys(vitals) as (keyof typeof CODES)[];
    const lacks = (Object.keys(CODES) as (keyof typeof CODES)[]).filter(
      (name) => vitals[name] === undefined && name !== 'systolic' && name !== 'diastolic',
    );
    if (lacks.length > 0 && random() < mix.adding) {
      const added = lacks[pick(lacks.length)] as keyof typeof CODES;
      vitals[added] = amountOf(added, random);
    } else {
      const changed = has[pick(has.length)] as keyof typeof CODES;
      if (has.length > 3 && random() < 0.2 && changed !== 'systolic' && changed !== 'diastolic') delete vitals[changed];
      else vitals[changed] = otherThan(vitals[changed] as number, changed, random);
    }
    return { ...visit, vitals, version: visit.version + 1 };
  }

  function step(): Visit {
    const dice = random();
    const recent = order.slice(-mix.recent);
    const earlier = visits.get(recent[pick(recent.length)] ?? '');
    // What is withdrawn stays so.
    if (earlier !== undefined && !earlier.withdrawn && order.length > 10) {
      if (dice < mix.correction) return corrected(earlier);
      if (dice < mix.correction + mix.withdrawal) return { ...earlier, withdrawn: true, version: earlier.version + 1 };
    }
    return first();
  }

  return {
    visits,
    next(count) {
      return Array.from({ length: count }, () => {
        changes += 1;
        const visit = { ...step(), updatedAt: new Date(FIRST_CHANGE + changes * 1000).toISOString() };
        visits.set(visit.sourceId, visit);
        return recordOf(visit);
      });
    },
  };
}

const RANGES: Readonly<Record<keyof typeof CODES, readonly [low: number, steps: number, step: number]>> = {
  systolic: [100, 40, 1],
  diastolic: [60, 30, 1],
  heartRate: [60, 40, 1],
  respiratoryRate: [14, 10, 1],
  temperature: [36, 15, 0.1],
  weight: [45, 300, 0.1],
  height: [145, 40, 1],
  waist: [70, 40, 1],
};

function amountOf(name: keyof typeof CODES, random: () => number): number {
  const [low, steps, step] = RANGES[name];
  return Math.round((low + Math.floor(random() * steps) * step) * 10) / 10;
}

function otherThan(value: number, name: keyof typeof CODES, random: () => number): number {
  for (;;) {
    const other = amountOf(name, random);
    if (other !== value) return other;
  }
}

function recordOf(visit: Visit): Record<string, unknown> {
  const identity = { sourceSystem: SOURCE_SYSTEM, sourceId: visit.sourceId, sourceUpdatedAt: visit.updatedAt };
  if (visit.withdrawn) return { ...identity, recordStatus: 'withdrawn', withdrawnReason: 'salah catat' };
  const local = (time: number) => `${new Date(time + 7 * 3_600_000).toISOString().slice(0, 19)}+07:00`;
  return {
    ...identity,
    facilityCode: visit.facility,
    person: { sourceId: visit.person.sourceId },
    practitioner: { nik: MIDWIFE },
    start: local(visit.start),
    end: local(visit.start + 10 * MINUTE),
    cluster: 'K3',
    visitType: 'baru',
    vitals: visit.vitals,
    diagnoses: [{ code: 'I10', rank: 1 }],
    disposition: 'pulang',
  };
}
