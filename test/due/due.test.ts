import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAssets } from '../../src/config/index.ts';
import { type DueItem, dueFor, factsOf, type PersonFacts, parseDueTables } from '../../src/due/index.ts';

const { mappings } = readAssets();
const tables = parseDueTables(mappings);
const facts = (birthDate: string, sex: string, events: Readonly<Record<string, readonly string[]>> = {}): PersonFacts => ({
  birthDate,
  sex,
  events: new Map(Object.entries(events)),
});
const said = (items: readonly DueItem[], ...keys: readonly string[]) =>
  items
    .filter(({ service }) => keys.some((key) => service.key === key || service.key.startsWith(`${key}.`)))
    .map(({ service, status, from, to }) => `${service.key} ${status} ${from}${to === undefined ? '' : ` – ${to}`}`);

describe('doses', () => {
  const due = (today: string, events = {}) =>
    said(dueFor(facts('2026-01-31', 'male', events), tables, today), 'imunisasi.dpt', 'imunisasi');

  it('are due at their age, and late after it', () => {
    expect(due('2026-01-31')).toEqual([
      'imunisasi.hb0 due 2026-01-31 – 2026-01-31',
      'imunisasi.bcg due 2026-01-31 – 2026-02-27',
      'imunisasi.opv1 due 2026-01-31 – 2026-02-27',
    ]);
    expect(due('2026-02-28')).toContain('imunisasi.bcg overdue 2026-01-31 – 2026-02-27');
    expect(due('2026-03-30')).toContain('imunisasi.dpt1 upcoming 2026-03-31 – 2026-04-29');
    expect(due('2026-03-31')).toContain('imunisasi.dpt1 due 2026-03-31 – 2026-04-29');
    expect(due('2026-04-30')).toContain('imunisasi.dpt1 overdue 2026-03-31 – 2026-04-29');
  });

  it('wait for the dose before them, and for their interval', () => {
    expect(due('2026-07-01').filter((line) => line.startsWith('imunisasi.dpt'))).toEqual([
      'imunisasi.dpt1 overdue 2026-03-31 – 2026-04-29',
    ]);
    const late = { 'vaccine:DPT-HB-Hib:1': ['2026-06-20'] };
    expect(due('2026-07-01', late).filter((line) => line.startsWith('imunisasi.dpt'))).toEqual([
      'imunisasi.dpt1 done 2026-03-31 – 2026-04-29',
      'imunisasi.dpt2 upcoming 2026-07-18 – 2026-07-18',
    ]);
    expect(due('2026-07-19', late)).toContain('imunisasi.dpt2 overdue 2026-07-18 – 2026-07-18');
  });

  it('count though they were given too early, and never after the day that is asked for', () => {
    expect(due('2026-04-10', { 'vaccine:DPT-HB-Hib:1': ['2026-03-20'] })).toContain('imunisasi.dpt1 done 2026-03-31 – 2026-04-29');
    expect(due('2026-04-10', { 'vaccine:DPT-HB-Hib:1': ['2026-04-11'] })).toContain('imunisasi.dpt1 due 2026-03-31 – 2026-04-29');
  });

  it('that are no longer given are not asked for', () => {
    expect(due('2027-02-01').filter((line) => /hb0|bcg|rv/.test(line))).toEqual([]);
    expect(dueFor(facts('1990-01-01', 'male'), tables, '2026-08-01').filter(({ service }) => service.key.startsWith('imunisasi'))).toEqual(
      [],
    );
  });
});

describe('contacts of a state', () => {
  const lmp = { 'value:8665-2': ['2026-01-05'] };
  const anc = (today: string, events: Record<string, readonly string[]> = {}) =>
    said(dueFor(facts('1998-02-28', 'female', { ...lmp, ...events }), tables, today), 'anc', 'nifas');

  it('are asked for in their trimester, as often as the decree wants', () => {
    expect(anc('2026-02-01')).toEqual(['anc.t1 due 2026-01-05 – 2026-04-05']);
    expect(anc('2026-06-29', { 'form:anc': ['2026-02-10', '2026-05-01'] })).toEqual([
      'anc.t1 done 2026-01-05 – 2026-04-05',
      'anc.t2 overdue 2026-04-06 – 2026-06-28',
      'anc.t3 due 2026-06-29 – 2026-10-25',
    ]);
    expect(anc('2026-06-29', { 'form:anc': ['2026-05-01', '2026-06-01'] })).toContain('anc.t2 done 2026-04-06 – 2026-06-28');
  });

  it('end with the birth, which begins the next', () => {
    const birth = { 'form:inc': ['2026-10-10'] };
    expect(anc('2026-10-10', birth)).toEqual([
      'nifas.kf1 due 2026-10-10 – 2026-10-12',
      'nifas.kf2 upcoming 2026-10-13 – 2026-10-17',
      'nifas.kf3 upcoming 2026-10-18 – 2026-11-07',
      'nifas.kf4 upcoming 2026-11-08 – 2026-11-21',
    ]);
    expect(anc('2026-10-14', { ...birth, 'form:pnc': ['2026-10-14'] })).toContain('nifas.kf1 overdue 2026-10-10 – 2026-10-12');
    expect(anc('2026-11-22', birth)).toEqual([]);
  });

  it('end by time when nobody tells of a birth, and begin anew with the next pregnancy', () => {
    expect(anc('2026-11-10')).toEqual([]);
    expect(anc('2028-01-20', { 'value:8665-2': ['2026-01-05', '2028-01-01'], 'form:inc': ['2026-10-10'] })).toEqual([
      'anc.t1 due 2028-01-01 – 2028-03-31',
    ]);
  });

  it('are not asked of others', () => {
    expect(said(dueFor(facts('1990-01-01', 'male', lmp), tables, '2026-02-01'), 'anc')).toEqual([]);
  });
});

describe('what is repeated', () => {
  it('is due from the first day on, again after its time, and late after it once more', () => {
    const pressure = (today: string, days: readonly string[] = []) =>
      said(dueFor(facts('1980-05-05', 'male', { 'observation:8480-6': days }), tables, today), 'hipertensi');
    expect(pressure('2026-08-01')).toEqual(['hipertensi due 1995-05-05']);
    expect(pressure('2026-08-01', ['2026-01-10'])).toEqual(['hipertensi done 2026-01-10 – 2027-01-09']);
    expect(pressure('2027-01-10', ['2026-01-10'])).toEqual(['hipertensi due 2027-01-10 – 2028-01-10']);
    expect(pressure('2028-01-11', ['2026-01-10'])).toEqual(['hipertensi overdue 2027-01-10 – 2028-01-10']);
  });

  it('begins with the age, and with the illness', () => {
    expect(said(dueFor(facts('2012-08-20', 'female'), tables, '2027-08-01'), 'hipertensi')).toEqual(['hipertensi upcoming 2027-08-20']);
    const ill = facts('1970-01-01', 'male', { 'condition:I10': ['2026-05-01'], 'observation:8480-6': ['2026-05-01'] });
    expect(said(dueFor(ill, tables, '2026-06-15'), 'kontrol')).toEqual(['kontrol.hipertensi due 2026-06-01 – 2026-07-01']);
    expect(said(dueFor(facts('1970-01-01', 'male'), tables, '2026-06-15'), 'kontrol')).toEqual([]);
  });

  it('in months of the year is asked for in them', () => {
    const vitamin = (today: string, days: readonly string[] = []) =>
      said(dueFor(facts('2025-01-15', 'female', { 'observation:OC000164': days }), tables, today), 'vitamin-a');
    expect(vitamin('2026-02-10')).toEqual(['vitamin-a due 2026-02-01 – 2026-02-28']);
    expect(vitamin('2026-02-10', ['2026-02-03'])).toEqual(['vitamin-a done 2026-02-01 – 2026-02-28']);
    expect(vitamin('2026-04-10', ['2026-02-03'])).toEqual([]);
    expect(vitamin('2026-07-10', ['2026-02-03'])).toEqual(['vitamin-a upcoming 2026-08-01 – 2026-08-31']);
    expect(vitamin('2026-12-10', ['2026-08-03'])).toEqual([]);
  });
});

describe('whatever the history is', () => {
  const names = [
    ...new Set([...tables.services.flatMap(({ done }) => done), ...tables.states.flatMap(({ starts, ends }) => [...starts, ...ends])]),
  ];
  const day = fc
    .date({ min: new Date('2020-01-01'), max: new Date('2027-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString().slice(0, 10));
  const history = fc.dictionary(
    fc.constantFrom(...names),
    fc.array(day, { minLength: 1, maxLength: 4 }).map((days) => days.sort()),
    { maxKeys: 8 },
  );

  it('a service is said once, with days of the calendar, and what is done is done within what was told', () => {
    fc.assert(
      fc.property(day, fc.constantFrom('female', 'male', undefined), history, day, (birth, sex, events, today) => {
        const items = dueFor({ birthDate: birth, ...(sex && { sex }), events: new Map(Object.entries(events)) }, tables, today);
        expect(new Set(items.map(({ service }) => service.key)).size).toBe(items.length);
        for (const { service, status, from, to, done } of items) {
          expect(from).toMatch(/^\d{4}-\d\d-\d\d$/);
          if (to !== undefined) expect(to >= from).toBe(true);
          if (status === 'due') expect(from <= today && (to === undefined || today <= to)).toBe(true);
          if (status === 'overdue') expect((to as string) < today).toBe(true);
          if (status === 'done') expect(done.length).toBeGreaterThanOrEqual(service.times);
          for (const each of done) expect(service.done.some((name) => events[name]?.includes(each)) && each <= today).toBe(true);
          if (service.sex !== undefined) expect(sex).toBe(service.sex);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('without a birth date only what has no age is said', () => {
    const items = dueFor({ events: new Map([['condition:E11', ['2026-01-01']]]) }, tables, '2026-06-01');
    expect(items.map(({ service }) => service.key)).toEqual(['kontrol.diabetes']);
  });
});

describe('what counts as done', () => {
  const vaccines = new Map([['198', 'DPT-HB-Hib']]);
  const dose = (at: string, more: object = {}) => ({
    resourceType: 'Immunization' as const,
    status: 'completed' as const,
    vaccineCode: { coding: [{ system: 'http://hl7.org/fhir/sid/cvx', code: '198' }] },
    patient: {},
    occurrenceDateTime: at,
    ...more,
  });
  const numbered = (dose: number) => ({ protocolApplied: [{ doseNumberPositiveInt: dose }] });
  const told = (history: Parameters<typeof factsOf>[1]) =>
    Object.fromEntries(
      factsOf(
        { resourceType: 'Patient' },
        history,
        new Set(['vaccine:DPT-HB-Hib:1', 'vaccine:DPT-HB-Hib:2', 'vaccine:DPT-HB-Hib:3', 'observation:1-8', 'condition:I11', 'form:anc']),
        vaccines,
      ).events,
    );

  it('doses without a number take the numbers that are free', () => {
    expect(
      told([dose('2026-05-01T00:00:00+07:00'), dose('2026-03-01T00:00:00+07:00'), dose('2026-04-01T00:00:00+07:00', numbered(2))]),
    ).toEqual({
      'vaccine:DPT-HB-Hib:1': ['2026-03-01'],
      'vaccine:DPT-HB-Hib:2': ['2026-04-01'],
      'vaccine:DPT-HB-Hib:3': ['2026-05-01'],
    });
    expect(told([dose('2026-03-01', { status: 'not-done' })])).toEqual({});
  });

  it('not what was answered with no, cancelled or refuted', () => {
    const observation = (more: object) => ({
      resourceType: 'Observation' as const,
      status: 'final' as const,
      code: { coding: [{ code: '1-8' }] },
      effectiveDateTime: '2026-08-05T23:30:00+09:00',
      ...more,
    });
    expect(told([observation({ valueBoolean: true })])).toEqual({ 'observation:1-8': ['2026-08-05'] });
    expect(told([observation({ valueBoolean: false })])).toEqual({});
    expect(told([observation({ valueCodeableConcept: { coding: [{ code: '373067005' }] } })])).toEqual({});
    expect(told([observation({ status: 'cancelled' })])).toEqual({});
    const condition = (code: string, more: object = {}) => ({
      resourceType: 'Condition' as const,
      subject: {},
      code: { coding: [{ system: 'http://hl7.org/fhir/sid/icd-10', code }] },
      recordedDate: '2026-08-05',
      ...more,
    });
    expect(told([condition('I11.9')])).toEqual({ 'condition:I11': ['2026-08-05'] });
    expect(told([condition('I11.9', { verificationStatus: { coding: [{ code: 'refuted' }] } })])).toEqual({});
  });
});

describe('tables that say nothing that can be done', () => {
  const SERVICES = 'due/services.csv';
  const read = (from: string | RegExp, to: string) =>
    parseDueTables({ ...mappings, [SERVICES]: (mappings[SERVICES] as string).replace(from, to) });

  it.each<[string, string | RegExp, string, RegExp]>([
    ['a key twice', 'pkat,', 'shk,', /line \d+, column key/],
    ['a span without unit', ',6m,7m,', ',6,7m,', /column from/],
    ['no such month', ',2 8,', ',2 13,', /column months/],
    ['a state that is none', 'hamil,0w', 'hamill,0w', /column anchor/],
    ['a service after a later one', 'imunisasi.opv1,28d', 'imunisasi.opv3,28d', /column after/],
    ['an event of no kind', 'form:pkat', 'formulir:pkat', /column done/],
    ['a unit of no kind', 'vaccine:BCG:1,ever,puskesmas', 'vaccine:BCG:1,ever,klinik', /column units/],
    ['never due', ',,,,,12m,,6a,', ',,,,,,,6a,', /column anchor/],
  ])('%s', (_name, from, to, wanted) => {
    expect(() => read(from, to)).toThrow(expect.objectContaining({ code: 'config' }));
    try {
      read(from, to);
    } catch (error) {
      expect(JSON.stringify((error as { params: unknown }).params)).toMatch(wanted);
    }
  });
});
