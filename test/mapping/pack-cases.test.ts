import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { MapCase } from '../../src/mapping/tools/index.ts';
import { catalogue, run, tables, validator } from './maps/harness.ts';

const packs = path.join(import.meta.dirname, '../../mappings/packs');
const cases = (pack: string): readonly MapCase[] => {
  const folder = path.join(packs, pack, 'tests');
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(path.join(folder, name, 'input.json'), 'utf8')) as MapCase);
};

describe.each(tables.packs.map(({ name }) => name))('the cases of the pack %s', (name) => {
  it('hold values that can be, and make valid resources of them', () => {
    for (const one of cases(name)) {
      const { record, mapped } = run(one);
      expect(catalogue.checkPlausible(one.feed, record)).toEqual([]);
      for (const { role, resource } of mapped.resources) {
        expect(
          validator.validate(resource).filter(({ severity }) => severity === 'error'),
          role,
        ).toEqual([]);
      }
    }
  });
});
