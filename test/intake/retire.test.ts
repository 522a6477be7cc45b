import type { Resource } from '@medplum/fhirtypes';
import { describe, expect, it } from 'vitest';
import { isRetired, retire } from '../../src/intake/retire.ts';

describe('what an outpatient visit no longer holds', () => {
  it.each([
    ['FamilyMemberHistory', { status: 'completed' }],
    ['NutritionOrder', { status: 'active' }],
    ['RiskAssessment', { status: 'final' }],
    ['Goal', { lifecycleStatus: 'active' }],
    ['AllergyIntolerance', { clinicalStatus: { coding: [{ code: 'active' }] } }],
  ])('%s was entered in error', (resourceType, rest) => {
    const stored = { resourceType, id: 'x', ...rest } as unknown as Resource & { id: string };
    const retired = retire(stored);
    expect(isRetired(stored)).toBe(false);
    expect(retired && isRetired(retired)).toBe(true);
    expect(retired).not.toHaveProperty('clinicalStatus');
  });
});
