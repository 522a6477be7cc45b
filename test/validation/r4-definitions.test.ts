import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { generate, RESOURCE_TYPES } from '../../profiles/r4/generate.ts';
import { elements as inUse, otherElements, valueSets } from './sources.ts';

const elements = { ...inUse, ...otherElements };

test('the committed files are what the generator makes', () => {
  for (const [file, text] of Object.entries(generate())) {
    const committed = readFileSync(new URL(`../../profiles/r4/${file}`, import.meta.url), 'utf8');
    expect(committed === text, `${file} differs: run npx node profiles/r4/generate.ts`).toBe(true);
  }
});

test('every type an element names has a table, and every reference to a table leads somewhere', () => {
  for (const [key, type] of Object.entries(elements)) {
    for (const [name, element] of Object.entries(type.elements)) {
      for (const { code } of element.types) {
        const isKnown = /^[a-z]/.test(code) || code === 'Resource' || code in elements || element.ref !== undefined;
        expect(isKnown, `${key}.${name}: ${code}`).toBe(true);
      }
      if (element.ref !== undefined) expect(elements, `${key}.${name}`).toHaveProperty([element.ref]);
    }
  }
  for (const type of RESOURCE_TYPES) expect(inUse[type]?.kind).toBe('resource');
  expect(Object.values(elements).filter(({ kind }) => kind === 'resource')).toHaveLength(146);
});

test("what Medplum's package adds to R4 is not in the tables", () => {
  expect(Object.keys(elements.Meta?.elements ?? {}).join(' ')).toBe('id extension versionId lastUpdated source profile security tag');
  for (const [type, name] of ['Binary.url', 'HealthcareService.offeredIn', 'DeviceDefinition.classification', 'ResearchStudy.region'].map(
    (each) => each.split('.'),
  ))
    expect(elements[type as string]?.elements).not.toHaveProperty(name as string);
});

test('value sets with filters and parts are expanded', () => {
  const status = valueSets['http://hl7.org/fhir/ValueSet/observation-status'];
  expect(status).toEqual({
    'http://hl7.org/fhir/observation-status': [
      'amended',
      'cancelled',
      'corrected',
      'entered-in-error',
      'final',
      'preliminary',
      'registered',
      'unknown',
    ],
  });
  expect(Object.keys(valueSets['http://hl7.org/fhir/ValueSet/all-types'] ?? {})).toHaveLength(3);
  for (const [url, systems] of Object.entries(valueSets)) {
    expect(Object.values(systems).flat().length, url).toBeGreaterThan(0);
  }
});
