import { describe, expect, it } from 'vitest';
import { createIcd10 } from '../../src/terminology/icd10.ts';
import { localSid, platformSid, SYSTEMS } from '../../src/terminology/systems.ts';

const icd10 = createIcd10([
  ['J06.9', 'Acute upper respiratory infection, unspecified'],
  ['I10', 'Essential (primary) hypertension'],
]);

describe('ICD-10', () => {
  it('finds a listed code with its name', () => {
    expect(icd10.find('J06.9')).toEqual({ code: 'J06.9', display: 'Acute upper respiratory infection, unspecified', listed: true });
  });
  it('knows a code by its category when the list has a neighbour', () => {
    expect(icd10.find('J06.0')).toEqual({ code: 'J06.0', listed: false });
  });
  it.each(['J07.9', 'j06.9', 'J06.', 'J06.999', '', 'I1'])('does not know %s', (code) => {
    expect(icd10.find(code)).toBeUndefined();
  });
});

describe('systems', () => {
  it('are absolute URLs, each once', () => {
    const urls = Object.values(SYSTEMS);
    expect(new Set(urls).size).toBe(urls.length);
    for (const url of urls) expect(() => new URL(url)).not.toThrow();
  });
  it('name local and platform identifiers', () => {
    expect(localSid('encounter')).toBe('https://fhir.ilp.example/sid/encounter');
    expect(platformSid('encounter', '100000001')).toBe('http://sys-ids.kemkes.go.id/encounter/100000001');
  });
});
