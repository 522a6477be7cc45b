import { describe, expect, it } from 'vitest';
import { fingerprint } from '../../src/intake/fingerprint.ts';

const visit = {
  sourceSystem: 'simpus',
  sourceId: 'K-1',
  facilityCode: 'P1',
  person: { sourceId: 'RM-1' },
  start: '2026-08-19T08:00:00+07:00',
  cluster: 'K3',
  vitals: { systolic: 120, diastolic: 80 },
  labRequests: [{ sourceId: 'K-1-L1', code: 'hb' }],
};

describe('fingerprint', () => {
  it('is equal for the same event under other keys, another name of the person and another offset', () => {
    const again = {
      ...visit,
      sourceSystem: 'epus',
      sourceId: 'X-9',
      person: { nik: '9929000000000001' },
      start: '2026-08-19T01:00:00Z',
      labRequests: [{ sourceId: 'X-9-L1', code: 'hb' }],
    };
    expect(fingerprint('encounters', again, 'Patient/1')).toBe(fingerprint('encounters', visit, 'Patient/1'));
  });

  it('differs for another patient, another finding, another feed', () => {
    const base = fingerprint('encounters', visit, 'Patient/1');
    expect(fingerprint('encounters', visit, 'Patient/2')).not.toBe(base);
    expect(fingerprint('encounters', { ...visit, vitals: { systolic: 121, diastolic: 80 } }, 'Patient/1')).not.toBe(base);
    expect(fingerprint('village-observations', visit, 'Patient/1')).not.toBe(base);
  });

  it('is absent for registers and for records without a known patient', () => {
    expect(fingerprint('persons', visit, 'Patient/1')).toBeUndefined();
    expect(fingerprint('encounters', visit, undefined)).toBeUndefined();
  });
});
