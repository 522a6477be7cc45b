import { describe, expect, test } from 'vitest';
import { compileValidator } from '../../src/validation/index.ts';
import { brief, codeSystems, elements, extensions, invariants, otherElements, r4, valueSets } from './sources.ts';

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
const patient = (change: object) => brief(r4.validate({ resourceType: 'Patient', ...change }));
const of = (name: string, value: object) => ({ url: HL7 + name, ...value });

describe("HL7's own extensions", () => {
  test.each<[what: string, change: object, issues: string[]]>([
    ['where it belongs', { extension: [of('patient-birthPlace', { valueAddress: { city: 'x' } })] }, []],
    [
      'elsewhere',
      { address: [{ city: 'x', extension: [of('patient-birthPlace', { valueAddress: { city: 'x' } })] }] },
      ['structure Patient.address[0].extension[0]'],
    ],
    [
      'below a part of an element',
      {
        address: [
          {
            city: 'x',
            extension: [
              of('geolocation', {
                extension: [
                  { url: 'latitude', valueDecimal: 1 },
                  { url: 'longitude', valueDecimal: 2 },
                ],
              }),
            ],
          },
        ],
      },
      [],
    ],
    [
      'without a part that must be there',
      { address: [{ city: 'x', extension: [of('geolocation', { extension: [{ url: 'latitude', valueDecimal: 1 }] })] }] },
      ['cardinality Patient.address[0].extension[0].extension'],
    ],
    [
      'with a part it does not have',
      {
        extension: [
          of('patient-nationality', {
            extension: [
              { url: 'code', valueCodeableConcept: { text: 'x' } },
              { url: 'x', valueString: 'x' },
            ],
          }),
        ],
      },
      ['structure Patient.extension[0].extension[1]'],
    ],
    [
      'with another type of value',
      { extension: [of('patient-birthPlace', { valueString: 'x' })] },
      ['cardinality Patient.extension[0].value', 'structure Patient.extension[0].valueString'],
    ],
    [
      'with parts instead of a value',
      { extension: [of('patient-birthPlace', { extension: [{ url: 'x', valueString: 'x' }] })] },
      ['cardinality Patient.extension[0].extension', 'cardinality Patient.extension[0].value'],
    ],
    [
      'as a modifier it is not',
      { modifierExtension: [of('patient-birthPlace', { valueAddress: { city: 'x' } })] },
      ['structure Patient.modifierExtension[0]'],
    ],
    ['of any element, beside a primitive', { _birthDate: { extension: [of('data-absent-reason', { valueCode: 'unknown' })] } }, []],
    [
      'with a code outside its value set',
      { _birthDate: { extension: [of('data-absent-reason', { valueCode: 'lupa' })] } },
      ['binding Patient.birthDate.extension[0].valueCode'],
    ],
    ['that is not known', { extension: [of('patient-hobi', { valueString: 'x' })] }, []],
  ])('%s', (_what, change, issues) => expect(patient(change)).toEqual(issues));

  test('every one compiles', () => {
    const validator = compileValidator({
      elements,
      otherElements: () => otherElements,
      valueSets,
      codeSystems,
      invariants,
      profiles: Object.values(extensions()),
    });
    expect(validator.validate({ resourceType: 'Patient', active: true })).toEqual([]);
    expect(Object.keys(extensions()).length).toBeGreaterThan(390);
  });
});

test('a profile of R4 itself is of its own type only', () => {
  expect(patient({ meta: { profile: [`${HL7}Patient`] } })).toEqual([]);
  expect(patient({ meta: { profile: [`${HL7}Basic`] } })).toEqual(['structure Patient.meta.profile[0]']);
});
