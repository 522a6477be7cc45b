import { ageInMonths, ageInYears } from './calendar.ts';
import type { Group, Person } from './people.ts';
import type { Random } from './random.ts';

/** Answers of a service's form: item names of `mappings/observations.csv`, tokens of `mappings/answers.csv`. */
export type Answers = Record<string, unknown>;

/** Antenatal contact. Tetanus status is asked at the first contact, the fetus is weighed by estimate late in pregnancy. */
export function ancAnswers(contact: string, weeks: number, gravida: number, random: Random): Answers {
  return {
    merokok: random.chance(0.95) ? 'tidak' : 'pasif',
    skriningTb: 'negatif',
    ttdTablet: contact === 'K1' ? 30 : random.pick([30, 30, 60]),
    ...(contact === 'K1' && { statusTt: random.pick(['t2', 't3', 't4', 't5']) }),
    ...(gravida > 1 && { jarakKehamilan: random.int(20, 96) }),
    ...(weeks >= 30 && { tbj: 1200 + (weeks - 30) * 210 + random.int(-8, 8) * 10 }),
  };
}

/** MTBS classifications: one for every main symptom, by the diagnosis of the visit. */
export function mtbsAnswers(diagnosis: string, temperature: number, random: Random): Answers {
  return {
    tandaBahayaUmum: 'tidak-ada',
    ...(diagnosis === 'J18.9' && { batuk: 'pneumonia' }),
    ...((diagnosis === 'J06.9' || diagnosis === 'J00') && { batuk: 'batuk-bukan-pneumonia' }),
    diare: diagnosis === 'A09.9' ? (random.chance(0.2) ? 'dehidrasi-ringan-sedang' : 'tanpa-dehidrasi') : 'tidak-diare',
    ...(temperature >= 37.5 && { demam: 'bukan-malaria' }),
    telinga: diagnosis === 'H66.9' ? 'infeksi-akut' : 'tidak-ada-infeksi',
    statusGizi: random.chance(0.85) ? 'gizi-baik' : 'gizi-kurang',
    anemia: 'tidak-anemia',
  };
}

/** Screening for non-communicable disease: behaviour, family history, PUMA from 40 years on, IVA and SADANIS for some women. */
export function ncdAnswers(person: Person, random: Random): Answers {
  const years = ageInYears(person.birthDate);
  const smokes = person.sex === 'male' ? random.chance(0.55) : random.chance(0.03);
  const examined = person.sex === 'female' && years >= 30 && years < 60 && random.chance(0.4);
  return {
    merokok: smokes ? 'aktif' : random.pick(['tidak', 'tidak', 'pasif']),
    aktivitasFisik: random.chance(0.6),
    gulaBerlebih: random.chance(0.35),
    garamBerlebih: random.chance(0.45),
    lemakBerlebih: random.chance(0.4),
    riwayatKeluargaHipertensi: random.chance(0.3),
    riwayatKeluargaDm: random.chance(0.2),
    ...(years >= 40 && { pumaScore: smokes ? random.int(3, 7) : random.int(0, 3) }),
    ...(examined && { iva: random.chance(0.95) ? 'negatif' : 'positif', sadanis: random.chance(0.96) ? 'normal' : 'benjolan' }),
  };
}

/** Geriatric screening: activities of daily living (Barthel, 20 is independent) and the six items of SKILAS. */
export function elderlyAnswers(random: Random): Answers {
  const barthel = random.chance(0.75) ? 20 : random.int(12, 19);
  return {
    barthel,
    skilasKognitif: random.chance(0.15),
    skilasMobilitas: barthel < 20,
    skilasMalnutrisi: random.chance(0.12),
    skilasPenglihatan: random.chance(0.3),
    skilasPendengaran: random.chance(0.2),
    skilasDepresi: random.chance(0.08),
    ...(random.chance(0.4) && { amt: random.int(7, 10), gds4: random.int(0, 2) }),
    ...(random.chance(0.3) && { mnaSf: random.int(9, 14), lingkarBetis: random.decimal(28, 36, 1) }),
  };
}

/** Presumptive tuberculosis; a child gets the paediatric score as well. */
export function tbAnswers(young: boolean, random: Random): Answers {
  return {
    batuk: true,
    demam: random.chance(0.6),
    keringatMalam: random.chance(0.5),
    beratTurun: random.chance(0.5),
    kontakTb: young || random.chance(0.3),
    hasilSkrining: 'terduga',
    ...(young && { skorTbAnak: random.int(4, 7) }),
    statusHiv: random.chance(0.7) ? 'negatif' : 'tidak-diketahui',
    statusDm: random.chance(0.8) ? 'tidak' : 'ya',
  };
}

/** A result that the laboratory wrote into the visit. */
export function laboratoryAnswers(hba1c: number): Answers {
  return { hba1c };
}

const TOPICS: Readonly<Record<Group | 'ptm', readonly string[]>> = {
  bayi: ['asi-eksklusif', 'bayi-baru-lahir', 'gizi'],
  balita: ['gizi-seimbang', 'cuci-tangan', 'phbs'],
  apras: ['gizi-seimbang', 'cuci-tangan'],
  sekolah: ['rokok', 'gizi-seimbang', 'phbs'],
  bumil: ['tanda-bahaya', 'gizi', 'asi-eksklusif'],
  nifas: ['kb', 'asi-eksklusif', 'tanda-bahaya'],
  ibu: ['kb', 'gizi-seimbang', 'phbs'],
  dewasa: ['diet-rendah-garam', 'latihan-fisik', 'rokok'],
  lansia: ['diet-rendah-garam', 'latihan-fisik', 'obat'],
  resmi: ['phbs'],
  ptm: ['diet-rendah-garam', 'latihan-fisik', 'penyakit'],
};

export function educationAnswers(group: Group | 'ptm', random: Random): Answers {
  const topics = random.shuffle(TOPICS[group]);
  return { topics: topics.slice(0, random.chance(0.25) ? 2 : 1) };
}

/** A blue capsule (100,000 IU) from 6 to 11 months. The red one from 12 months has no published code, so its colour is not given. */
export function vitaminAAnswers(months: number): Answers | undefined {
  return months < 12 ? { capsule: 'biru' } : undefined;
}

export function ironAnswers(group: 'remaja' | 'bumil'): Answers {
  return { tablets: group === 'bumil' ? 30 : 4 };
}

const noTuberculosis = (random: Random): Answers => ({
  tbBatuk: random.chance(0.04),
  tbDemam: false,
  tbBeratTurun: false,
  tbKontak: random.chance(0.02),
});

/** What the card of the open day asks beside the measurements. */
export function openDayAnswers(person: Person, random: Random): Answers {
  const months = ageInMonths(person.birthDate);
  switch (person.group) {
    case 'bayi':
    case 'balita':
    case 'apras':
      return {
        bukuKia: random.chance(0.95),
        ...(months < 60 && { kenaikanBerat: random.pick(['N', 'N', 'N', 'T', 'O', 'B']) }),
        ...(months < 6 && { asiEksklusif: random.chance(0.75) }),
        ...(months >= 6 && months < 24 && { mpasi: random.chance(0.8) }),
        imunisasiLengkap: random.chance(0.85),
        ...noTuberculosis(random),
      };
    case 'bumil':
      return {
        bukuKia: true,
        kelasIbu: random.chance(0.6),
        ancTerpenuhi: random.chance(0.85),
        ttdDiminum: random.chance(0.7),
        ...noTuberculosis(random),
      };
    case 'sekolah':
      return { isiPiringku: random.chance(0.6), ...noTuberculosis(random) };
    default:
      return { merokok: person.sex === 'male' && random.chance(0.5), ...noTuberculosis(random) };
  }
}

const DANGER: Readonly<Partial<Record<Group, readonly string[]>>> = {
  bumil: ['sakit-kepala-hebat', 'bengkak', 'pandangan-kabur', 'gerakan-janin-berkurang'],
  nifas: ['perdarahan', 'lokhia-berbau', 'payudara-bengkak'],
  bayi: ['tidak-mau-menyusu', 'lemah', 'kulit-biru-kuning'],
  balita: ['napas-cepat', 'diare', 'muntah'],
  dewasa: ['batuk-menetap', 'demam-2-minggu', 'berat-turun'],
  lansia: ['sesak-napas', 'lemah'],
};

/** The checklist of a home visit, and the danger signs seen. */
export function homeVisitAnswers(group: Group, danger: boolean, random: Random): { answers: Answers; dangerSigns: string[] } {
  const answers: Answers = { edukasiDiberikan: true, dilaporkanKeNakes: danger };
  if (group === 'bumil') {
    Object.assign(answers, {
      bukuKia: true,
      ancTerpenuhi: random.chance(0.7),
      isiPiringku: random.chance(0.6),
      ttdTersedia: true,
      ttdDiminum: random.chance(0.7),
      kelasIbu: random.chance(0.5),
    });
  } else if (group === 'nifas') {
    Object.assign(answers, { kunjunganNifas: true, vitaminA: true, asiEksklusif: true, kbPascaSalin: random.chance(0.5) });
  } else if (group === 'bayi' || group === 'balita') {
    Object.assign(answers, {
      bukuKia: true,
      trenBerat: random.pick(['naik', 'naik', 'tetap', 'turun']),
      imunisasiLengkap: random.chance(0.8),
      vitaminA: random.chance(0.8),
    });
  } else {
    Object.assign(answers, {
      tdDiperiksa: random.chance(0.8),
      gdDiperiksa: random.chance(0.6),
      obatTersedia: random.chance(0.7),
      obatDiminum: random.chance(0.6),
      merokok: random.chance(0.3),
      ...(group === 'lansia' && { aksDilakukan: random.chance(0.7), skilasDilakukan: random.chance(0.7) }),
    });
  }
  const signs = DANGER[group] ?? ['lainnya'];
  return { answers, dangerSigns: danger ? random.shuffle(signs).slice(0, random.int(1, 2)) : [] };
}
