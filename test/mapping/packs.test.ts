import { describe, expect, it } from 'vitest';
import { readAssets } from '../../src/config/assets.ts';
import { compileEngines } from '../../src/engines.ts';
import { parseTables } from '../../src/mapping/tables.ts';
import { tryCase } from '../../src/mapping/tools/index.ts';

const assets = readAssets();
const QUESTIONS = 'form,question,kind,required,unit,min,max,answers,id,en';
const ITEMS =
  'item,form,question,when,resource,category,system,code,display,system2,code2,display2,interpretation,bodySite,questionnaire,linkId,text,delivery,certainty,source';
const COUGH = 'coba.lama,coba,lama,batuk=ya,Observation,survey,loinc,1-8,Duration,,,,,,,,,send,official,test';

/** The shipped mappings with a pack `coba` of these lines. */
function withPack(questions: readonly string[], items: readonly string[], answers: readonly string[] = [], pack: object = {}) {
  const head = {
    name: 'coba',
    title: { id: 'Coba', en: 'Trial' },
    cluster: 'K3',
    module: null,
    sources: [],
    forms: [{ name: 'coba', feeds: ['encounters', 'village-observations'], id: 'Coba', en: 'Trial' }],
    ...pack,
  };
  return {
    ...assets.mappings,
    'packs/coba/pack.json': JSON.stringify(head),
    'packs/coba/questions.csv': [QUESTIONS, ...questions].join('\n'),
    'packs/coba/items.csv': [ITEMS, ...items].join('\n'),
    ...(answers.length > 0 && { 'packs/coba/answers.csv': ['table,token,system,code,display', ...answers].join('\n') }),
  };
}

const QUESTION = ['coba,lama,integer,,d,0,60,,Lama batuk,Days of cough', 'coba,batuk,boolean,yes,,,,,Batuk,Cough'];
const ANSWERS = ['obat,besi,snomed,1,Iron', 'obat,asam-folat,snomed,2,Folic acid'];

const rooms = compileEngines({
  ...assets,
  mappings: withPack(
    [
      'coba,batuk,code,yes,,,,ya,Batuk,Cough',
      'coba,lama,integer,,d,0,60,,Lama batuk,Days of cough',
      'coba,obat,codes,,,,,obat,Obat,Medicines',
      'coba,periksa,boolean,,,,,,Diperiksa,Examined',
      'coba,catatan,text,,,,,,Catatan,Note',
    ],
    [
      COUGH,
      'coba.obat,coba,obat,,Condition,problem-list-item,,,,,,,,,,,,send,official,test',
      'coba.periksa,coba,periksa,,Procedure,diagnostic-procedure,snomed,5,Examination,,,,,,,,,send,official,test',
      'coba.kelompok,coba,,,QuestionnaireResponse,,,,,,,,,,https://fhir.kemkes.go.id/Questionnaire/Q9999,1,Kelompok,send,official,test',
      'coba.catatan,coba,catatan,,QuestionnaireResponse,,,,,,,,,,https://fhir.kemkes.go.id/Questionnaire/Q9999,1/1.1,Catatan,send,official,test',
    ],
    [...ANSWERS, 'ya,ya,snomed,6,Yes', 'ya,tidak,snomed,7,No'],
  ),
});

const map = (answers: object, feed: 'encounters' | 'village-observations' = 'encounters') => {
  const visit =
    feed === 'encounters'
      ? { start: '2026-08-05T08:00:00+07:00', end: '2026-08-05T08:20:00+07:00' }
      : { date: '2026-08-05', context: 'hari_buka' };
  const raw = { sourceSystem: 'uji', sourceId: '1', person: { sourceId: 'RM-1' }, ...visit, services: [{ form: 'coba', answers }] };
  const tried = tryCase(rooms, { feed, raw, birthDate: '1990-01-01', sex: 'male' });
  const resources = tried.mapped.resources.filter(({ role }) => role.includes('coba') || role.includes('Q9999'));
  return { tried, roles: resources.map(({ role }) => role), resources: resources.map(({ resource }) => resource) };
};

describe('a pack', () => {
  it.each(['encounters', 'village-observations'] as const)('makes of %s what its rows say', (feed) => {
    const { roles, resources } = map({ batuk: 'ya', lama: '14', obat: 'besi, asam folat', periksa: 'tidak', catatan: 'sesak' }, feed);
    expect(roles).toEqual([
      'observation:coba.lama@coba',
      'condition:coba.obat-besi@coba',
      'condition:coba.obat-asam-folat@coba',
      'procedure:coba.periksa@coba',
      'questionnaireresponse:Q9999@coba',
    ]);
    expect(resources[0]).toMatchObject({ valueQuantity: { value: 14, code: 'd' }, status: 'final' });
    expect(resources[2]).toMatchObject({ code: { coding: [{ code: '2' }] } });
    expect(resources[3]).toMatchObject({ status: 'not-done' });
    expect(resources[4]).toMatchObject({
      status: 'completed',
      item: [{ linkId: '1', text: 'Kelompok', item: [{ linkId: '1.1', answer: [{ valueString: 'sesak' }] }] }],
    });
    for (const resource of resources) expect(rooms.validator.validate(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
  });

  it('makes nothing of what a condition leaves out, nor an empty questionnaire', () => {
    expect(map({ batuk: 'tidak', lama: 14 }).roles).toEqual([]);
  });

  it('asks for what is required, and for values that can be', () => {
    const check = (answers: object) => {
      const { record } = map(answers).tried;
      return rooms.catalogue.checkPlausible('encounters', record).map(({ code, field }) => `${code} ${field}`);
    };
    expect(check({ lama: 14 })).toEqual(['field-required services[0].answers.batuk']);
    expect(check({ batuk: 'ya', lama: 61 })).toEqual(['field-range services[0].answers.lama']);
    expect(check({ batuk: 'mungkin' })).toEqual(['code-unknown services[0].answers.batuk']);
    expect(check({ batuk: 'ya', obat: ['besi', 'jamu'] })).toEqual(['code-unknown services[0].answers.obat[1]']);
  });
});

describe('the maps of a pack', () => {
  const visit = { start: '2026-08-05T08:00:00+07:00', end: '2026-08-05T08:20:00+07:00' };
  const attempt = (engines: ReturnType<typeof compileEngines>, services: readonly object[]) =>
    tryCase(engines, {
      feed: 'encounters',
      raw: { sourceSystem: 'uji', sourceId: '1', person: { sourceId: 'RM-1' }, ...visit, services },
      birthDate: '1990-01-01',
      sex: 'female',
    });

  it('are compiled when a record has its form, or when they are checked', () => {
    const url = 'https://fhir.ilp.example/StructureMap/coba';
    const forms = [{ name: 'coba', feeds: ['encounters'], id: 'Coba', en: 'Trial', group: 'Lebih' }];
    const map = (target: string) => `map "${url}" = "coba"
      uses "http://hl7.org/fhir/StructureDefinition/Bundle" alias Bundle as target
      group Lebih(source src, source service, source ctx, target bundle : Bundle, source origin) { ${target} }
      group Sendiri(source src, target bundle : Bundle) { src -> bundle.tipe = 'x'; }`;
    const wrong = { ...withPack(QUESTION, [COUGH], [], { forms }), 'packs/coba/coba.map': map("src -> bundle.jenis = 'x';") };
    const engines = compileEngines({ ...assets, mappings: wrong });
    expect(attempt(engines, [{ form: 'anc', answers: { gravida: 2 } }]).mapped.resources.length).toBeGreaterThan(1);
    expect(() => attempt(engines, [{ form: 'coba', answers: { lama: 2 } }])).toThrow(/coba\.map.*jenis/s);
    expect(() => engines.mapper.checkForms()).toThrow(/coba\.map.*jenis/s);

    // A group that nobody calls is tried too, but only there.
    const unreached = compileEngines({ ...assets, mappings: { ...wrong, 'packs/coba/coba.map': map('') } });
    expect(attempt(unreached, [{ form: 'coba', answers: { lama: 2 } }]).mapped.resources.length).toBeGreaterThan(0);
    expect(() => unreached.mapper.checkForms()).toThrow(/coba\.map.*tipe/s);
  });

  it('do not hide that nobody reads an answer', () => {
    const engines = compileEngines({ ...assets, mappings: withPack(QUESTION, [COUGH]) });
    const gravida = { form: 'coba', answers: { gravida: 2 } };
    expect(attempt(engines, [gravida]).mapped.unused).toEqual(['services[0].answers.gravida']);
    attempt(engines, [{ form: 'anc', answers: { gravida: 2 } }]);
    expect(attempt(engines, [gravida]).mapped.unused).toEqual(['services[0].answers.gravida']);
  });

  it('run each once, however often their form stands in a record', () => {
    const engines = compileEngines({ ...assets, mappings: withPack(QUESTION, [COUGH.replace('batuk=ya', '')]) });
    const one = (sourceId: string) => ({ form: 'coba', sourceId, answers: { batuk: 'ya', lama: 3 } });
    const { resources } = attempt(engines, [one('A'), { form: 'anc', answers: { gravida: 2 } }, one('B')]).mapped;
    expect(resources.filter(({ item }) => item === 'coba.lama').map(({ role }) => role)).toEqual([
      'observation:coba.lama@A',
      'observation:coba.lama@B',
    ]);
  });
});

describe('rows that belong together', () => {
  const WIDE =
    'item,form,question,when,resource,of,category,system,code,display,system2,code2,display2,interpretation,bodySite,derivedFrom,status,questionnaire,linkId,text,reference,delivery,certainty,source,ranges';
  const TAIL = 'send,official,test,';
  const URL = 'https://fhir.kemkes.go.id/Questionnaire';
  const questions = [
    'coba,nilai,number,,{score},0,10,,Nilai,Score',
    'coba,kategori,code,,,,,kategori,Kategori,Category',
    'coba,visus,ratio,,m,,,,Visus,Acuity',
    'coba,hasil,code,,,,,kategori,Hasil,Result',
    'coba,riwayat,codes,,,,,kategori,Riwayat,History',
    'coba,merokok,boolean,,,,,,Merokok,Smokes',
    'coba,batuk,boolean,,,,,,Batuk,Cough',
    'coba,lama,integer,,,,,,Lama,Days',
    'coba,mulai,dateTime,,,,,,Mulai,Onset',
    'coba,jam,time,,,,,,Jam,Time',
    'coba,kadar,number,,m[IU]/L,0,100,,Kadar,Level',
  ];
  const items = [
    `coba.panel,coba,nilai,,Observation,,exam,loinc,1-8,Panel,,,,kategori,,vitals.weight:29463-7,,,,,,${TAIL}`,
    `coba.visus,coba,visus,,Component,coba.panel,,loinc,2-6,Acuity,,,,kategori,,,,,,,,${TAIL}`,
    `coba.hasil,coba,hasil,,Observation,,exam,loinc,3-4,Result,,,,hasil,,,,,,,,${TAIL}`,
    `coba.mulai,coba,mulai,,Observation,,exam,loinc,5-9,Onset,,,,,,,,,,,,${TAIL}`,
    `coba.kadar,coba,kadar,,Observation,,exam,loinc,7-5,Level,,,,,,,,,,,,${TAIL}..-0.5 Rendah | 0..19.9 Normal | 20.. | Lihat usia`,
    `coba.jam,coba,jam,,Observation,,exam,loinc,6-7,Time,,,,,,,,,,,,${TAIL}`,
    `coba.riwayat,coba,riwayat,,Condition,,problem-list-item,,,,,,,,,,inactive,,,,,${TAIL}`,
    `coba.a1,coba,merokok,,QuestionnaireResponse,,,,,,,,,,,,,${URL}/Q1,1,Merokok?,,${TAIL}`,
    `coba.b1,coba,merokok,,QuestionnaireResponse,,,,,,,,,,,,,${URL}/Q2,1,Merokok?,,${TAIL}`,
    `coba.b2,coba,batuk,,QuestionnaireResponse,,,,,,,,,,,,,${URL}/Q2,2,Batuk?,,${TAIL}`,
    `coba.b21,coba,lama,,QuestionnaireResponse,,,,,,,,,,,,,${URL}/Q2,2/2.1,Lama,,${TAIL}`,
    `coba.b3,coba,,,QuestionnaireResponse,,,,,,,,,,,,,${URL}/Q2,3,Panel,coba.panel,${TAIL}`,
    `coba.b4,coba,,,QuestionnaireResponse,,,,,,,,,,,,,${URL}/Q2,4,Berat,vitals.weight:29463-7,${TAIL}`,
  ];
  const wide = (rows: readonly string[]) => ({
    ...withPack(questions, [], ['kategori,baik,snomed,1,Good', 'kategori,buruk,snomed,2,Bad'], {
      forms: [{ name: 'coba', feeds: ['encounters'], id: 'Coba', en: 'Trial' }],
    }),
    'packs/coba/items.csv': [WIDE, ...rows].join('\n'),
  });
  const engines = compileEngines({ ...assets, mappings: wide(items) });
  const made = (answers: object, vitals: object = {}) => {
    const visit = { start: '2026-08-05T08:00:00+07:00', end: '2026-08-05T08:20:00+07:00', vitals };
    const raw = { sourceSystem: 'uji', sourceId: '1', person: { sourceId: 'RM-1' }, ...visit, services: [{ form: 'coba', answers }] };
    const tried = tryCase(engines, { feed: 'encounters', raw, birthDate: '1990-01-01', sex: 'male' });
    const resources = tried.mapped.resources.filter(({ role }) => role.includes('@coba'));
    for (const { resource } of tried.issues.length > 0 ? [] : resources) {
      expect(engines.validator.validate(resource).filter(({ severity }) => severity === 'error')).toEqual([]);
    }
    return { issues: tried.issues, of: new Map(resources.map(({ role, resource }) => [role.replace('@coba', ''), resource])) };
  };

  it('make one Observation with components, also without a value of its own', () => {
    const panel = made({ nilai: '4', visus: '6 / 7,5', kategori: 'baik' }, { weight: 60 }).of.get('observation:coba.panel');
    expect(panel).toMatchObject({
      valueQuantity: { value: 4, unit: 'score', code: '{score}' },
      interpretation: [{ coding: [{ code: '1' }] }],
      derivedFrom: [{ reference: 'Observation/observation-29463-7' }],
      component: [{ code: { coding: [{ code: '2-6' }] }, valueRatio: { numerator: { value: 6, code: 'm' }, denominator: { value: 7.5 } } }],
    });
    const parts = made({ visus: '6/12' }).of.get('observation:coba.panel');
    expect(parts).toMatchObject({ component: [{ valueRatio: { denominator: { value: 12 } } }] });
    expect(parts).not.toHaveProperty('valueQuantity');
    expect(parts).not.toHaveProperty('derivedFrom');
  });

  it('make an Observation that only is judged, and a Condition that is over', () => {
    const { of } = made({ hasil: 'buruk', riwayat: ['baik'] });
    expect(of.get('observation:coba.hasil')).toMatchObject({ interpretation: [{ coding: [{ code: '2' }] }] });
    expect(of.get('observation:coba.hasil')).not.toHaveProperty('valueCodeableConcept');
    expect(of.get('condition:coba.riwayat-baik')).toMatchObject({ clinicalStatus: { coding: [{ code: 'inactive' }] } });
  });

  it('share an answer between questionnaires, of which it calls for the first', () => {
    expect([...made({ merokok: 'ya' }).of.keys()]).toEqual(['questionnaireresponse:Q1']);
    expect([...made({ nilai: 3 }, { weight: 60 }).of.keys()]).toEqual(['observation:coba.panel']);
    expect(made({ merokok: 'ya', batuk: 'ya', lama: 3, nilai: 3 }, { weight: 60 }).of.get('questionnaireresponse:Q2')).toMatchObject({
      item: [
        { linkId: '1', answer: [{ valueBoolean: true }] },
        { linkId: '2', answer: [{ valueBoolean: true, item: [{ linkId: '2.1', answer: [{ valueInteger: 3 }] }] }] },
        { linkId: '3', answer: [{ valueReference: { reference: 'Observation/observation-coba.panel-coba' } }] },
        { linkId: '4', answer: [{ valueReference: { reference: 'Observation/observation-29463-7' } }] },
      ],
    });
  });

  it.each(['baik', '6/0', '6/12/3', 12, `6/${'1'.repeat(99)}`])('refuse a ratio that is none: %s', (visus) => {
    expect(made({ visus }).issues.map(({ code, field }) => `${code} ${field}`)).toContain('field-format services[0].answers.visus');
  });

  it('hold a value against ranges', () => {
    const unit = { unit: 'm[IU]/L', system: 'http://unitsofmeasure.org', code: 'm[IU]/L' };
    expect(made({ kadar: 30 }).of.get('observation:coba.kadar')).toMatchObject({
      referenceRange: [
        { high: { value: -0.5, ...unit }, text: 'Rendah' },
        { low: { value: 0, ...unit }, high: { value: 19.9, ...unit }, text: 'Normal' },
        { low: { value: 20, ...unit } },
        { text: 'Lihat usia' },
      ],
    });
  });

  it('tell the moment and the clock of a day', () => {
    const { of } = made({ mulai: '05/08/2026 07.50', jam: '8.05' });
    expect(of.get('observation:coba.mulai')).toMatchObject({ valueDateTime: '2026-08-05T07:50:00+07:00' });
    expect(of.get('observation:coba.jam')).toMatchObject({ valueTime: '08:05:00' });
    expect(made({ mulai: '05/08/2026' }).of.get('observation:coba.mulai')).toMatchObject({ valueDateTime: '2026-08-05T00:00:00+00:00' });
    expect(made({ mulai: '2026-08-05T00:50:00Z' }).of.get('observation:coba.mulai')).toMatchObject({
      valueDateTime: '2026-08-05T00:50:00Z',
    });
    expect(made({ jam: '2026-08-05T06:12:30+07:00' }).of.get('observation:coba.jam')).toMatchObject({ valueTime: '06:12:00' });
  });

  it.each([
    ['mulai', 'tadi pagi'],
    ['jam', '24:10'],
    ['jam', 'subuh'],
  ])('refuse what is no moment or clock: %s %s', (question, answer) => {
    expect(made({ [question]: answer }).issues.map(({ code, field }) => `${code} ${field}`)).toContain(
      `field-format services[0].answers.${question}`,
    );
  });

  it.each<[string, RegExp, string]>([
    ['a component of nothing', /column of: coba\.lain is no Observation/, (items[1] as string).replace('coba.panel', 'coba.lain')],
    ['a component without its Observation', /column of: is for components/, (items[1] as string).replace('coba.panel', '')],
    ['a reference to nothing', /column reference: coba\.lain is no Observation/, (items[11] as string).replace('coba.panel', 'coba.lain')],
    ['ranges without a unit', /column ranges: need a question/, `${items[5]}1..2`],
    ['ranges of what is not measured', /column ranges: are for an Observation/, `${items[6]}Normal`],
    ['a status that is none', /column status: is for a Condition/, (items[6] as string).replace('inactive', 'over')],
  ])('fail with %s', (_title, message, row) => {
    expect(() => parseTables(wide([items[0] as string, row]))).toThrow(message);
  });
});

describe('a fault of a pack names file, line and column', () => {
  it.each<[string, RegExp, Record<string, string>]>([
    ['a form that is none', /packs\/coba\/questions\.csv line 2, column form/, withPack(['lain,batuk,boolean,,,,,,B,C'], [])],
    ['a name with blanks', /column question: must be a name/, withPack(['coba,lama batuk,integer,,,,,,B,C'], [])],
    [
      'a question twice',
      /line 3, column question: stands twice/,
      withPack(['coba,lama,integer,,,,,,B,C', 'coba,lama,integer,,,,,,B,C'], []),
    ],
    ['an unknown kind', /column kind: must be one of/, withPack(['coba,lama,tanggal,,,,,,B,C'], [])],
    ['a code without its answers', /column answers: is needed for a code/, withPack(['coba,lama,code,,,,,,B,C'], [])],
    ['answers of a number', /column answers: is only for codes/, withPack(['coba,lama,number,,,,,obat,B,C'], [], ANSWERS)],
    ['a bound that is no number', /column min: must be a number/, withPack(['coba,lama,number,,,nol,,,B,C'], [])],
    ['only one language', /column en: is empty/, withPack(['coba,lama,number,,,,,,B,'], [])],
    ['an item of no question', /items\.csv line 2, column question: is no question/, withPack([], [COUGH])],
    ['an item twice', /line 3, column item: stands twice/, withPack(QUESTION, [COUGH, COUGH])],
    ['a condition on no question', /column when: sesak is no question/, withPack(QUESTION, [COUGH.replace('batuk=ya', 'sesak=ya')])],
    ['a condition in another form', /column when: write a=b/, withPack(QUESTION, [COUGH.replace('batuk=ya', 'batuk>3')])],
    ['an unknown resource', /column resource: must be one of/, withPack(QUESTION, [COUGH.replace('Observation', 'Obs')])],
    ['an unknown category', /column category: is not in codings\.csv/, withPack(QUESTION, [COUGH.replace(',survey,', ',survei,')])],
    ['an unknown system', /column system: is not a name/, withPack(QUESTION, [COUGH.replace('loinc', 'loink')])],
    ['no code', /column code: is empty/, withPack(QUESTION, [COUGH.replace('loinc,1-8,Duration', ',,')])],
    ['a delivery that is none', /column delivery: must be send or local/, withPack(QUESTION, [COUGH.replace(',send,', ',ya,')])],
    ['answers that nobody asks for', /no question uses table coba\.obat/, withPack(QUESTION, [COUGH], ANSWERS)],
    ['a token with blanks', /answers\.csv line 2, column token/, withPack(QUESTION, [COUGH], ['obat,asam folat,snomed,2,Folic acid'])],
    ['another name than its folder', /name must be coba/, withPack(QUESTION, [COUGH], [], { name: 'lain' })],
    [
      'a form of another pack',
      /form anc is in anc too/,
      withPack([], [], [], { forms: [{ name: 'anc', feeds: ['encounters'], id: 'A', en: 'A' }] }),
    ],
  ])('%s', (_title, message, texts) => {
    expect(() => parseTables(texts)).toThrow(message);
  });
});
