import { describe, expect, it } from 'vitest';
import { readAssets } from '../../../src/config/assets.ts';
import { createCatalogue } from '../../../src/mapping/catalogue.ts';
import { compileLayouts } from '../../../src/mapping/normalise/layout.ts';
import { questionnaireItem } from '../../../src/mapping/pack-questionnaire.ts';
import { parseTables, pathSteps } from '../../../src/mapping/tables.ts';

const { mappings, profiles } = readAssets();
const tables = parseTables(mappings);

/** The shipped tables with one cell changed. */
const damaged = (file: string, from: string, to: string): Record<string, string> => {
  const text = mappings[file] as string;
  expect(text).toContain(from);
  return { ...mappings, [file]: text.replace(from, to) };
};

describe('tables – faults name file, line and column', () => {
  it.each([
    ['observations.csv', ',quantity,mmHg', ',quantitty,mmHg', /observations\.csv line 2, column kind/],
    ['observations.csv', 'vital-signs,loinc,8480-6', 'vital-signs,loink,8480-6', /observations\.csv line 2, column system/],
    ['observations.csv', 'mm[Hg],,50,300', 'mm[Hg],,lima,300', /observations\.csv line 2, column min/],
    ['observations.csv', 'consciousness,,,official', 'kesadaran,,,official', /observations\.csv line \d+, column answers/],
    ['delivery-policy.csv', 'encounter,encounters,send', 'encounter,encounters,kirim', /delivery-policy\.csv line 2, column decision/],
    ['visit-reasons.csv', 'Z26.9', 'X99.9', /visit-reasons\.csv line 2, column code/],
    ['answers.csv', 'consciousness,compos-mentis', 'consciousness,sadar', /answers\.csv line 3, column token: stands twice/],
    ['lab-requests.csv', 'token,system', 'tokken,system', /lab-requests\.csv line 1, column token/],
  ])('%s', (file, from, to, message) => {
    expect(() => parseTables(damaged(file, from, to))).toThrow(message);
  });

  it('names a missing file and a broken JSON', () => {
    const { 'answers.csv': _answers, ...rest } = mappings;
    expect(() => parseTables(rest)).toThrow(/answers\.csv is missing/);
    expect(() => parseTables({ ...mappings, 'tokens.json': '{' })).toThrow(/tokens\.json line 1 column \d+: it is not valid JSON/);
  });

  it('refuses a condition that names no neighbour', () => {
    const texts = damaged('observations.csv', 'laboratory.glucoseType=fasting', 'vitals.weight=fasting');
    expect(() => createCatalogue(parseTables(texts))).toThrow(/column when: must name a neighbour/);
  });

  it('reads paths with a filter', () => {
    expect(pathSteps('services[form=tb-terduga].answers.batuk')).toEqual([
      { name: 'services', filter: { field: 'form', value: 'tb-terduga' } },
      { name: 'answers' },
      { name: 'batuk' },
    ]);
    expect(() => pathSteps('services[form].x')).toThrow(/not understood/);
  });
});

describe('tables – what is shipped', () => {
  it('has a policy for every item, and none for items that do not exist', () => {
    const inMaps = Object.entries(mappings)
      .filter(([name]) => name.endsWith('.map'))
      .flatMap(([, text]) => [...text.matchAll(/entry\.id = '([^']+)'/g)].map((match) => match[1]));
    const inPacks = tables.packs.flatMap((pack) =>
      pack.items.map(({ item, questionnaire }) => (questionnaire === undefined ? item : questionnaireItem(questionnaire))),
    );
    const items = new Set([...tables.observations.map((row) => row.item), ...inMaps, ...inPacks]);
    for (const row of tables.deliveryPolicy) expect(items, row.item).toContain(row.item);
    for (const row of tables.observations) {
      expect(
        tables.deliveryPolicy.some((policy) => policy.item === row.item && policy.feed === row.feed),
        row.item,
      ).toBe(true);
    }
  });

  it('keeps local what has a local code', () => {
    const catalogue = createCatalogue(tables);
    for (const row of tables.observations)
      if (row.system.includes('fhir.ilp.example')) expect(catalogue.decide(row.feed, row.item), row.item).toBe('local');
    for (const { item, codes } of tables.packs.flatMap((pack) => pack.items))
      if (codes.some(({ system }) => system.includes('fhir.ilp.example'))) expect(catalogue.decide('encounters', item), item).toBe('local');
    expect(catalogue.decide('encounters', 'tidak-ada')).toBe('local');
  });

  it('publishes every local code in the code system, and the clusters and life stages as they are', () => {
    const codes = (name: string) =>
      new Set(
        (JSON.parse(profiles[`ilp/codesystem-${name}.json`] as string) as { concept: { code: string }[] }).concept.map(({ code }) => code),
      );
    const local = codes('ilp-local-term');
    for (const rows of [tables.observations, ...tables.answers.values(), tables.serviceProcedures]) {
      for (const row of rows) if (row.system.includes('ilp-local-term')) expect(local, row.code).toContain(row.code);
    }
    expect(codes('ilp-klaster')).toEqual(new Set(tables.clusters.clusters.map(({ code }) => code)));
    expect(codes('ilp-life-stage')).toEqual(new Set(tables.lifeStages.bands.map(({ code }) => code)));
  });

  it('defines every extension and profile that a map writes', () => {
    const defined = new Set(
      Object.entries(profiles)
        .filter(([name]) => /^ilp\/(extension|profile)-/.test(name))
        .map(([, text]) => (JSON.parse(text) as { url: string }).url),
    );
    const used = Object.entries(mappings)
      .filter(([name]) => name.endsWith('.map'))
      .flatMap(([, text]) => [...text.matchAll(/https:\/\/fhir\.ilp\.example\/StructureDefinition\/[\w-]+/g)].map(([url]) => url));
    for (const url of used) expect(defined, url).toContain(url);
  });
});

describe('layouts – faults', () => {
  it('refuses an unknown base, a circle, and a field without kind', () => {
    const layout = (name: string, base?: string) => ({ name, description: '', feeds: {}, ...(base && { extends: base }) });
    expect(() => compileLayouts([layout('a', 'b')])).toThrow(/does not exist/);
    expect(() => compileLayouts([layout('a', 'b'), layout('b', 'a')])).toThrow(/extends itself/);
    expect(() => compileLayouts([{ ...layout('a'), feeds: { persons: [{ to: 'x' }] } }])).toThrow(/has no kind/);
  });
});
