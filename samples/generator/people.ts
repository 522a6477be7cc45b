import { ageInMonths, daysBefore, SAMPLE_DAY } from './calendar.ts';
import type { Network, Puskesmas, Unit, Village } from './network.ts';
import type { Random } from './random.ts';

/** What a generated person is there for; decides age, sex and the visits they may make. */
export type Group = 'bayi' | 'balita' | 'apras' | 'sekolah' | 'bumil' | 'nifas' | 'ibu' | 'dewasa' | 'lansia' | 'resmi';

export interface Person {
  sourceSystem: string;
  sourceId: string;
  nik?: string;
  nikIbu?: string;
  birthOrder?: number;
  noKk?: string;
  name: string;
  birthDate: string;
  sex: 'male' | 'female';
  puskesmas: Puskesmas;
  posyandu: Unit;
  village: Village;
  rt: string;
  rw: string;
  marital?: string;
  education?: string;
  occupation?: string;
  motherName?: string;
  noJkn?: string;
  group: Group;
  /** First day of the last period, for a pregnant woman. */
  lmp?: string;
  /** False for the five in a hundred whom the platform does not know. */
  known: boolean;
  ihsNumber: string;
}

export interface Practitioner {
  sourceSystem: string;
  sourceId: string;
  nik: string;
  name: string;
  profession: string;
  facilityCode: string;
  sip?: string;
  puskesmas: Puskesmas;
  ihsNumber: string;
}

export interface Kader {
  nik: string;
  name: string;
  posyandu: Unit;
}

/** The people of the published sandbox list: for testing only, they stand for nobody. Birth dates and sex as published. */
const OFFICIAL_PATIENTS: ReadonlyArray<readonly [nik: string, name: string, sex: 'male' | 'female', birthDate: string, ihsNumber: string]> =
  [
    ['9271060312000001', 'Ardianto Putra', 'male', '1992-01-09', 'P02478375538'],
    ['9204014804000002', 'Claudia Sintia', 'female', '1989-11-03', 'P03647103112'],
    ['9104224509000003', 'Elizabeth Dior', 'female', '1976-07-07', 'P00805884304'],
    ['9104223107000004', 'Dr. Alan Bagus Prasetya', 'male', '1977-09-03', 'P00912894463'],
    ['9104224606000005', 'Ghina Assyifa', 'female', '2004-08-21', 'P01654557057'],
    ['9104025209000006', 'Salsabilla Anjani Rizki', 'female', '2001-04-16', 'P02280547535'],
    ['9201076001000007', 'Theodore Elisjah', 'female', '1985-09-18', 'P01836748436'],
    ['9201394901000008', 'Sonia Herdianti', 'female', '1996-06-08', 'P00883356749'],
    ['9201076407000009', 'Nancy Wang', 'female', '1955-10-10', 'P01058967035'],
    ['9210060207000010', 'Syarif Muhammad', 'male', '1988-11-02', 'P02428473601'],
  ];

/** Practitioners of the same list. Only one number is published; the others get an invented one. */
const OFFICIAL_PRACTITIONERS: ReadonlyArray<readonly [nik: string, name: string, profession: string, ihsNumber: string]> = [
  ['3313096403900009', 'Sheila Annisa S.Kep', 'perawat', ''],
  ['3217040109800006', 'dr. Olivia Kirana, Sp.OG', 'dokter', ''],
  ['5271002009700008', 'dr. Nathalie Tan, Sp.PK.', 'dokter', ''],
  ['6408130207800005', 'dr. Dito Arifin, Sp.M.', 'dokter', ''],
  ['7209061211900001', 'dr. Alexander', 'dokter', '10009880728'],
];

export const OFFICIAL_NIKS: ReadonlySet<string> = new Set([
  ...OFFICIAL_PATIENTS.map(([nik]) => nik),
  ...OFFICIAL_PRACTITIONERS.map(([nik]) => nik),
]);

const MALE = [
  'Agus',
  'Ahmad',
  'Andi',
  'Arif',
  'Bagus',
  'Bambang',
  'Budi',
  'Cahyo',
  'Dedi',
  'Dimas',
  'Eko',
  'Fajar',
  'Galih',
  'Gunawan',
  'Hadi',
  'Hendra',
  'Ilham',
  'Imam',
  'Joko',
  'Karyo',
  'Lukman',
  'Mulyono',
  'Nanang',
  'Nur',
  'Panji',
  'Prasetyo',
  'Rahmat',
  'Ridwan',
  'Rizal',
  'Sarif',
  'Slamet',
  'Sugeng',
  'Suparman',
  'Taufik',
  'Teguh',
  'Tono',
  'Wahyu',
  'Warsito',
  'Yusuf',
  'Zaenal',
];
const FEMALE = [
  'Aisyah',
  'Ani',
  'Atik',
  'Ayu',
  'Citra',
  'Dewi',
  'Dian',
  'Endang',
  'Eni',
  'Fatimah',
  'Fitri',
  'Hesti',
  'Ida',
  'Indah',
  'Kartini',
  'Khotimah',
  'Laras',
  'Lestari',
  'Lilis',
  'Maryam',
  'Murni',
  'Nia',
  'Ningsih',
  'Nurul',
  'Puji',
  'Ratna',
  'Rini',
  'Rohmah',
  'Sari',
  'Siti',
  'Sri',
  'Sulastri',
  'Suryani',
  'Tuti',
  'Umi',
  'Wahyuni',
  'Wati',
  'Winarti',
  'Yanti',
  'Yuliana',
];
const FAMILY = [
  'Adiputra',
  'Anggraeni',
  'Ardiansyah',
  'Basuki',
  'Cahyani',
  'Darmawan',
  'Erlangga',
  'Firmansyah',
  'Handayani',
  'Hartono',
  'Hidayat',
  'Iskandar',
  'Kurniawan',
  'Kusuma',
  'Lesmana',
  'Maulana',
  'Nugroho',
  'Permata',
  'Pranoto',
  'Purnama',
  'Rahayu',
  'Ramadhan',
  'Saputra',
  'Santoso',
  'Setiawan',
  'Subekti',
  'Sudrajat',
  'Susanto',
  'Utami',
  'Wibowo',
  'Wijaya',
  'Wulandari',
  'Yulianto',
  'Zulkarnain',
];

/** How many of each group one locus has, and the age in days they are drawn from. */
const GROUPS: ReadonlyArray<
  readonly [group: Exclude<Group, 'ibu' | 'resmi'>, count: number, minDays: number, maxDays: number, sex: 'any' | 'female']
> = [
  ['bayi', 24, 8, 350, 'any'],
  ['balita', 32, 372, 1815, 'any'],
  ['apras', 6, 1835, 2175, 'any'],
  ['sekolah', 18, 2240, 6530, 'any'],
  ['bumil', 18, 19 * 366, 40 * 365, 'female'],
  ['nifas', 2, 20 * 366, 38 * 365, 'female'],
  ['dewasa', 40, 19 * 366, 59 * 365, 'any'],
  ['lansia', 24, 61 * 366, 84 * 365, 'any'],
];

const EDUCATION = ['tamat SD', 'SLTP', 'SLTA', 'D III', 'S1'];
const OCCUPATION = ['petani', 'buruh tani', 'pedagang', 'nelayan', 'karyawan swasta', 'buruh harian lepas', 'wiraswasta'];

/** Source system of the registration and visit records of a puskesmas: three vendors in Brebes, one in Buton Tengah. */
export const SYSTEM_OF: Readonly<Record<string, string>> = {
  P3329170201: 'simpus-brebes',
  P3329130203: 'simpus-brebes',
  P3329030101: 'epus-bumiayu',
  P3329050101: 'epus-bumiayu',
  P3329100102: 'simpus-bojongsari',
  P7414010101: 'simpus-lakudo',
};

/** Where the posyandu records of a puskesmas's area come from: an app, or the cards typed into a workbook. */
export const VILLAGE_SYSTEM_OF: Readonly<Record<string, string>> = {
  P3329170201: 'posyandu-app',
  P3329130203: 'posyandu-app',
  P3329030101: 'kartu-posyandu',
  P3329050101: 'kartu-posyandu',
  P3329100102: 'posyandu-app',
  P7414010101: 'posyandu-app',
};

export interface People {
  persons: Person[];
  practitioners: Practitioner[];
  kader: Kader[];
}

/**
 * NIK with prefix 99 (no province has it, so it can be nobody's): kabupaten and kecamatan digits, birth date (women day + 40), and a
 * serial that never ends in 0, because a sixteen-digit number that does is what Excel makes of a damaged one.
 */
function createNikMaker(): (kecamatan: string, birthDate: string, sex: 'male' | 'female') => string {
  let serial = 0;
  return (kecamatan, birthDate, sex) => {
    serial++;
    if (serial % 10 === 0) serial++;
    const [year, month, day] = birthDate.split('-') as [string, string, string];
    const dayPart = String(Number(day) + (sex === 'female' ? 40 : 0)).padStart(2, '0');
    return `99${kecamatan.replaceAll('.', '').slice(2, 6)}${dayPart}${month}${year.slice(2)}${String(serial).padStart(4, '0')}`;
  };
}

/** People of the loci, and of the puskesmas in Buton Tengah at a sixth of the size. */
export function createPeople(brebes: Network, butonTengah: Network, random: Random): People {
  const makeNik = createNikMaker();
  const persons: Person[] = [];
  const practitioners: Practitioner[] = [];
  const kader: Kader[] = [];
  const usedIhs = new Set<string>([...OFFICIAL_PATIENTS.map((row) => row[4]), ...OFFICIAL_PRACTITIONERS.map((row) => row[3])]);
  const ihs = (prefix: string, digits: number): string => {
    for (;;) {
      let text = prefix;
      while (text.length < digits) text += String(random.int(0, 9));
      if (!usedIhs.has(text)) {
        usedIhs.add(text);
        return text;
      }
    }
  };
  const nameOf = (sex: 'male' | 'female'): string => {
    const first = random.pick(sex === 'male' ? MALE : FEMALE);
    return `${first} ${random.pick(FAMILY)}`;
  };

  let kkSerial = 0;
  let firstTwin: { baby: Person; mother: Person } | undefined;
  let personSerial = 0;

  const addPerson = (puskesmas: Puskesmas, group: Group, birthDate: string, sex: 'male' | 'female'): Person => {
    personSerial++;
    kkSerial++;
    // Most live in the two villages whose posyandu opens on the sample day.
    const posyandu = random.chance(0.75) ? (openPosyandu(puskesmas)[random.int(0, 1)] as Unit) : random.pick(puskesmas.posyandu);
    const village = puskesmas.villages.find((item) => item.code === posyandu.villageCode) as Village;
    const months = ageInMonths(birthDate);
    const person: Person = {
      sourceSystem: SYSTEM_OF[puskesmas.code] as string,
      sourceId: `RM-${String(personSerial).padStart(6, '0')}`,
      nik: makeNik(puskesmas.kecamatan, birthDate, sex),
      noKk: `99${puskesmas.kecamatan.replaceAll('.', '').slice(2, 6)}010120${String(kkSerial).padStart(4, '0')}`,
      name: nameOf(sex),
      birthDate,
      sex,
      puskesmas,
      posyandu,
      village,
      rt: String(random.int(1, 9)).padStart(3, '0'),
      rw: String(random.int(1, 6)).padStart(3, '0'),
      group,
      known: true,
      ihsNumber: ihs('P9', 12),
    };
    if (months >= 228) {
      person.education = random.pick(EDUCATION);
      person.occupation = sex === 'female' && random.chance(0.6) ? 'mengurus rumah tangga' : random.pick(OCCUPATION);
      person.marital = months >= 720 && random.chance(0.3) ? 'cerai_mati' : months < 288 && random.chance(0.5) ? 'belum_kawin' : 'kawin';
    }
    if (random.chance(0.4)) person.noJkn = `00099${String(personSerial).padStart(8, '0')}`;
    persons.push(person);
    return person;
  };

  for (const puskesmas of [...brebes.loci, ...butonTengah.loci]) {
    const scale = puskesmas.locus ? 1 : 1 / 6;
    for (const [group, fullCount, minDays, maxDays, sexRule] of GROUPS) {
      const count = Math.max(1, Math.round(fullCount * scale));
      for (let index = 0; index < count; index++) {
        const sex = sexRule === 'female' ? 'female' : random.chance(0.5) ? 'male' : 'female';
        // Ages are spread evenly over the band, so that every month of the first year is there.
        const days = Math.round(minDays + ((index + random.next()) / count) * (maxDays - minDays));
        const person = addPerson(puskesmas, group, daysBefore(days), sex);
        if (group === 'bumil') {
          person.lmp = daysBefore(7 * random.int(7, 38) + random.int(0, 6));
          person.marital = 'kawin';
        }
        if (group === 'nifas') person.marital = 'kawin';
        if (group === 'bayi') {
          const twin = puskesmas.code === TWINS_AT && index === 1 ? firstTwin : undefined;
          const mother = twin?.mother ?? addPerson(puskesmas, 'ibu', daysBefore(random.int(20 * 366, 38 * 365)), 'female');
          mother.marital = 'kawin';
          mother.posyandu = person.posyandu;
          mother.village = person.village;
          mother.rt = person.rt;
          mother.rw = person.rw;
          person.noKk = mother.noKk as string;
          person.motherName = mother.name;
          // A baby of less than three months often has no NIK yet: it is known by its mother's, birth order and birth date.
          if (days < 95) {
            delete person.nik;
            delete person.noJkn;
            person.nikIbu = mother.nik as string;
            person.birthOrder = 0;
            person.name = `By. Ny. ${mother.name}`;
          }
          if (puskesmas.code === TWINS_AT && index === 0) firstTwin = { baby: person, mother };
          if (twin) {
            twin.baby.birthOrder = 1;
            person.birthOrder = 2;
            person.birthDate = twin.baby.birthDate;
            person.posyandu = twin.baby.posyandu;
            person.village = twin.baby.village;
          }
        }
      }
    }

    const facility = puskesmas.code;
    const staff: ReadonlyArray<readonly [profession: string, prefix: string, suffix: string, sex: 'male' | 'female' | 'any']> =
      puskesmas.locus
        ? [
            ['dokter', 'dr. ', '', 'any'],
            ['dokter', 'dr. ', '', 'any'],
            ['bidan', '', ', A.Md.Keb', 'female'],
            ['bidan', '', ', S.Tr.Keb', 'female'],
            ['perawat', '', ', S.Kep., Ns.', 'any'],
            ['perawat', '', ', A.Md.Kep', 'any'],
            ['gizi', '', ', A.Md.Gz', 'any'],
            ['lab', '', ', A.Md.AK', 'any'],
          ]
        : [
            ['dokter', 'dr. ', '', 'any'],
            ['bidan', '', ', A.Md.Keb', 'female'],
            ['perawat', '', ', S.Kep., Ns.', 'any'],
          ];
    for (const [profession, prefix, suffix, sexRule] of staff) {
      const sex = sexRule === 'any' ? (random.chance(0.5) ? 'male' : 'female') : sexRule;
      const birthDate = daysBefore(random.int(26 * 366, 54 * 365));
      practitioners.push({
        sourceSystem: SYSTEM_OF[facility] as string,
        sourceId: `NK-${String(practitioners.length + 1).padStart(4, '0')}`,
        nik: makeNik(puskesmas.kecamatan, birthDate, sex),
        name: `${prefix}${nameOf(sex)}${suffix}`,
        profession,
        facilityCode: facility,
        sip: `SIP.99/${String(practitioners.length + 1).padStart(4, '0')}/${SAMPLE_DAY.slice(0, 4)}`,
        puskesmas,
        ihsNumber: ihs('109', 11),
      });
    }
    for (const posyandu of openPosyandu(puskesmas)) {
      for (let index = 0; index < 5; index++) {
        const birthDate = daysBefore(random.int(28 * 366, 55 * 365));
        kader.push({ nik: makeNik(puskesmas.kecamatan, birthDate, 'female'), name: nameOf('female'), posyandu });
      }
    }
  }

  // Five in a hundred are not on the platform. Never a mother whose baby is looked up by her number.
  const mothers = new Set(persons.map((person) => person.nikIbu).filter((nik) => nik !== undefined));
  const candidates = random.shuffle(persons.filter((person) => person.nik !== undefined && !mothers.has(person.nik)));
  for (const person of candidates.slice(0, Math.round((persons.length + OFFICIAL_PATIENTS.length) * 0.05))) person.known = false;

  OFFICIAL_PATIENTS.forEach(([nik, name, sex, birthDate, ihsNumber], index) => {
    const puskesmas = brebes.loci[index % brebes.loci.length] as Puskesmas;
    const person = addPerson(puskesmas, 'resmi', birthDate, sex);
    person.nik = nik;
    person.name = name;
    person.ihsNumber = ihsNumber;
    delete person.noKk;
    delete person.noJkn;
  });
  OFFICIAL_PRACTITIONERS.forEach(([nik, name, profession, ihsNumber], index) => {
    const puskesmas = brebes.loci[index % brebes.loci.length] as Puskesmas;
    practitioners.push({
      sourceSystem: SYSTEM_OF[puskesmas.code] as string,
      sourceId: `NK-${String(practitioners.length + 1).padStart(4, '0')}`,
      nik,
      name,
      profession,
      facilityCode: puskesmas.code,
      puskesmas,
      ihsNumber: ihsNumber === '' ? ihs('109', 11) : ihsNumber,
    });
  });
  return { persons, practitioners, kader };
}

/** Where the pair of twins lives: two babies of one mother and one birth date, told apart by birth order alone. */
const TWINS_AT = 'P3329170201';

/** The two posyandu of a puskesmas whose open day is the sample day, in two different villages. */
export function openPosyandu(puskesmas: Puskesmas): Unit[] {
  const first = puskesmas.posyandu[0] as Unit;
  const second = puskesmas.posyandu.find((unit) => unit.villageCode !== first.villageCode) as Unit;
  return [first, second];
}

/** For the sandbox's `--people`: whom the platform knows, and by which number. */
export function platformPeople(people: People): object {
  return {
    note: 'IHS numbers of the official sandbox people are the published ones; all others are invented.',
    patients: people.persons
      .filter((person) => person.known)
      .map((person) => ({
        ...(person.nik !== undefined && { nik: person.nik }),
        ...(person.nikIbu !== undefined && { nikIbu: person.nikIbu, birthOrder: person.birthOrder }),
        name: person.name,
        gender: person.sex,
        birthDate: person.birthDate,
        ihsNumber: person.ihsNumber,
      })),
    practitioners: people.practitioners.map(({ nik, name, ihsNumber }) => ({ nik, name, ihsNumber })),
  };
}
