import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { SAMPLE_DAY } from './generator/calendar.ts';
import { type Entry, type Expected, expectations, ndjson, withFaults } from './generator/day.ts';
import { dressPerson, dressPractitioner, dressVillageRecord, dressVisit, type Raw } from './generator/habits.ts';
import { brebesNetwork, butonTengahNetwork, facilitiesCsv } from './generator/network.ts';
import { createPeople, openPosyandu, platformPeople } from './generator/people.ts';
import { villageDay } from './generator/posyandu-day.ts';
import { createRandom } from './generator/random.ts';
import { clusterVisits, createPool } from './generator/visits.ts';

const SEED = 20260819;

/**
 * Every sample file by name. Pure: the same seed gives the same bytes. Each part draws from its own generator, so that a change in one
 * does not stir the others.
 */
export async function generate(): Promise<ReadonlyMap<string, Buffer>> {
  const brebes = await brebesNetwork(createRandom(SEED));
  const butonTengah = await butonTengahNetwork(createRandom(SEED + 1));
  const people = createPeople(brebes, butonTengah, createRandom(SEED + 2));

  const visitEntries: Entry[] = [];
  const villageEntries: Entry[] = [];
  const regions = [
    ...brebes.loci.map((locus) => ({ locus, network: brebes })),
    ...butonTengah.loci.map((locus) => ({ locus, network: butonTengah })),
  ];
  regions.forEach(({ locus, network }, index) => {
    const random = createRandom(SEED + 10 + index);
    const habits = createRandom(SEED + 30 + index);
    const pool = createPool(
      people.persons.filter((person) => person.puskesmas.code === locus.code),
      random,
    );
    const staff = people.practitioners.filter((item) => item.puskesmas.code === locus.code);
    const pustu = network.units.filter((unit) => unit.kind === 'pustu' && unit.supervisorCode === locus.code);
    const size = locus.locus ? 'full' : 'small';
    for (const visit of clusterVisits(locus, pustu, staff, pool, random, size)) {
      visitEntries.push({
        feed: 'encounters',
        sourceSystem: visit.sourceSystem,
        sourceId: visit.sourceId,
        raw: dressVisit(visit, habits),
        minute: visit.start,
        offsetHours: locus.offsetHours,
        nik: visit.person.nik,
        personKnown: visit.person.known,
        homeVisit: false,
      });
    }
    for (const record of villageDay(locus, staff, people.kader, pool, random, size)) {
      villageEntries.push({
        feed: 'village-observations',
        sourceSystem: record.sourceSystem,
        sourceId: record.sourceId,
        raw: dressVillageRecord(record, habits),
        minute: record.time ?? record.sessionStart ?? 0,
        offsetHours: locus.offsetHours,
        nik: record.person.nik,
        personKnown: record.person.known,
        homeVisit: record.context === 'kunjungan_rumah',
      });
    }
  });

  const visits = withFaults('encounters', visitEntries, createRandom(SEED + 50));
  const village = withFaults('village-observations', villageEntries, createRandom(SEED + 51));
  const expected = [...expectations('encounters', visits), ...expectations('village-observations', village)];

  const lines = (rows: readonly Raw[]): Buffer => Buffer.from(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return new Map<string, Buffer>([
    ['facilities-brebes.csv', Buffer.from(facilitiesCsv(brebes.units))],
    ['facilities-buton-tengah.csv', Buffer.from(facilitiesCsv(butonTengah.units))],
    ['persons.ndjson', lines(people.persons.map(dressPerson))],
    ['practitioners.ndjson', lines(people.practitioners.map(dressPractitioner))],
    ['platform-people.json', json(platformPeople(people))],
    ['platform-clients.json', json(platformClients([...brebes.loci, ...butonTengah.loci]))],
    ['encounters.ndjson', ndjson(visits)],
    ['village-observations.ndjson', ndjson(village)],
    ['expected.json', expectedJson(expected)],
    ['first-encounter.json', json(firstEncounter())],
    [
      'first-posyandu.json',
      json(
        firstPosyandu(openPosyandu(brebes.loci.find((locus) => locus.name === 'Brebes') as (typeof brebes.loci)[number])[0]?.code ?? ''),
      ),
    ],
  ]);
}

const json = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** One platform client per Organization. The secrets are not secret: only the simulated platform takes them. */
function platformClients(loci: ReadonlyArray<{ name: string; organizationId: string }>): object {
  return {
    note: 'Only for the simulated platform; these are not real credentials.',
    clients: loci.map(({ name, organizationId }) => ({
      clientId: `sample-client-${name.toLowerCase()}`,
      clientSecret: `sample-secret-${name.toLowerCase()}-not-a-real-one`,
      organizationId,
    })),
  };
}

/** One row a line, so that a difference is seen where it is. */
function expectedJson(records: readonly Expected[]): Buffer {
  const totals: Record<string, number> = {};
  for (const { expect } of records) totals[expect] = (totals[expect] ?? 0) + 1;
  const head = {
    day: SAMPLE_DAY,
    totals: { received: records.length, ...totals },
    repeatsInSource: 0,
  };
  const rows = records.map((row) => `    ${JSON.stringify(row)}`).join(',\n');
  return Buffer.from(`${JSON.stringify(head, null, 2).slice(0, -2)},\n  "records": [\n${rows}\n  ]\n}\n`);
}

/** Two records for a first try by hand, of official sandbox people, whole in themselves but for facility and practitioner. */
function firstEncounter(): object {
  return {
    sourceSystem: 'simpus-brebes',
    sourceId: 'COBA-0001',
    facilityCode: 'P3329170201',
    person: {
      inline: { nik: '9271060312000001', name: 'Ardianto Putra', birthDate: '1992-01-09', sex: 'L', facilityCode: 'P3329170201' },
    },
    practitioner: { nik: '7209061211900001' },
    start: `${SAMPLE_DAY}T08:15:00+07:00`,
    end: `${SAMPLE_DAY}T08:40:00+07:00`,
    cluster: 'kluster 3',
    poli: 'UMUM',
    visitType: 'baru',
    complaint: 'skrining kesehatan',
    vitals: {
      bloodPressure: '146/92',
      weight: '71,5',
      height: 168,
      waist: 93,
      heartRate: 84,
      respiratoryRate: 18,
      temperature: 36.6,
      spo2: '-',
    },
    diagnoses: [{ code: 'I10', rank: 1 }],
    laboratory: { glucose: 112, glucoseType: 'sewaktu' },
    services: [{ cluster: 'K3', form: 'ptm', answers: { merokok: 'tidak', aktivitasFisik: false, garamBerlebih: true } }],
    disposition: 'pulang',
  };
}

function firstPosyandu(posyanduCode: string): object {
  return {
    sourceSystem: 'posyandu-app',
    sourceId: 'COBA-0001',
    person: {
      inline: { nik: '9204014804000002', name: 'Claudia Sintia', birthDate: '03/11/1989', sex: '2', facilityCode: 'P3329170201' },
    },
    posyanduCode,
    date: SAMPLE_DAY,
    sessionStart: '08:00',
    sessionEnd: '11:30',
    context: 'hari buka',
    formCode: 'kartu-dewasa',
    measurements: { weight: '58,2', height: 155, waist: 82, bloodPressure: '118/76', glucose: 104, glucoseType: 'random' },
    services: [{ form: 'edukasi', answers: { topics: ['gizi-seimbang'] } }],
    referred: false,
    validatedBy: { nik: '7209061211900001' },
    validatedAt: `${SAMPLE_DAY}T14:30:00+07:00`,
  };
}

if (process.argv[1] !== undefined && fileURLToPath(import.meta.url) === path.resolve(process.argv[1])) {
  const folder = process.argv[2] ?? path.dirname(fileURLToPath(import.meta.url));
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of await generate()) {
    writeFileSync(path.join(folder, name), content);
    process.stdout.write(`${name} ${content.length}\n`);
  }
}
