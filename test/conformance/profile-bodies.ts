import { visitByName } from '../validation/visit.ts';
import type { Body } from './bodies.ts';

/** Resources that carry our profiles and extensions, so that damage to them meets our rules as well as those of R4. */
const ILP = 'https://fhir.ilp.example/StructureDefinition/';
const CODES = 'https://fhir.ilp.example/CodeSystem/';

const simple = (name: string, value: Record<string, unknown>) => ({ url: `${ILP}${name}`, ...value });
const complex = (name: string, parts: Record<string, Record<string, unknown>>) => ({
  url: `${ILP}${name}`,
  extension: Object.entries(parts).map(([url, value]) => ({ url, ...value })),
});
const klaster = { valueCoding: { system: `${CODES}ilp-klaster`, code: 'K3' } };
const lifeStage = complex('ilp-life-stage', {
  stage: { valueCoding: { system: `${CODES}ilp-life-stage`, code: 'balita' } },
  scheme: { valueCode: 'ilp-2023' },
  ageMonths: { valueInteger: 30 },
});
const service = complex('ilp-service', { form: { valueCode: 'balita' }, cluster: klaster });

export function profileBodies(): Body[] {
  const { encounter, organization, location, patient } = visitByName();
  return structuredClone([
    {
      ...encounter,
      meta: { profile: [`${ILP}ilp-encounter`] },
      extension: [simple('ilp-klaster', klaster), lifeStage, simple('ilp-visit-type', { valueCode: 'baru' }), service],
    },
    {
      ...encounter,
      meta: { profile: [`${ILP}ilp-village-encounter`] },
      extension: [
        complex('ilp-kader-validation', {
          kader: { valueReference: { reference: 'Practitioner/k1' } },
          validatedBy: { valueReference: { reference: 'Practitioner/n1' } },
          validatedAt: { valueDateTime: '2025-03-04T09:00:00+07:00' },
        }),
        lifeStage,
        simple('ilp-local-programme', { valueString: 'Contoh' }),
      ],
    },
    {
      ...organization,
      meta: { profile: [`${ILP}ilp-organization`] },
      extension: [
        complex('ilp-facility', {
          kind: { valueCode: 'posyandu' },
          start: { valueDate: '2020-01-01' },
          kaderCount: { valueUnsignedInt: 5 },
          inpatient: { valueBoolean: false },
        }),
      ],
    },
    { ...location, extension: [simple('ilp-location-category', { valueCode: 'terpencil' })] },
    {
      ...patient,
      extension: [
        simple('ilp-occupation', { valueString: 'petani' }),
        simple('ilp-education', { valueString: 'SMA' }),
        simple('ilp-posyandu', { valueReference: { reference: 'Organization/p1' } }),
      ],
    },
  ]) as unknown as Body[];
}
