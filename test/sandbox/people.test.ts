import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { maskName } from '../../src/sandbox/masking.ts';
import { SYSTEMS } from '../../src/terminology/systems.ts';
import { type Running, startForTest, storeOutcome } from './support.ts';

let running: Running;
beforeAll(async () => {
  running = await startForTest();
});
afterAll(() => running.sandbox.stop());

const NIK = '9900000000000001';
const by = (system: string, value: string) => `identifier=${encodeURIComponent(`${system}|${value}`)}`;

describe('patients', () => {
  it('found by NIK are masked: no gender, birth date or address', async () => {
    const { status, body } = await running.fhir('GET', `/Patient?${by(SYSTEMS.nik, NIK)}`);
    expect(status).toBe(200);
    expect({ type: body.type, total: body.total, resourceType: body.resourceType }).toEqual({
      type: 'searchset',
      total: 1,
      resourceType: 'Bundle',
    });
    expect(body.entry[0].fullUrl).toBe(`${running.url}/fhir-r4/v1/Patient/P00000000001`);
    expect(body.entry[0].resource).toEqual({
      active: true,
      id: 'P00000000001',
      identifier: [
        { system: SYSTEMS.ihsNumber, use: 'official', value: 'P00000000001' },
        { system: SYSTEMS.nik, use: 'official', value: '################' },
      ],
      meta: { lastUpdated: expect.any(String), versionId: expect.any(String) },
      name: [{ text: 'Sa** An** Ri**', use: 'official' }],
      resourceType: 'Patient',
    });
  });

  it('have links with sorted, encoded parameters and a slash before the question mark', async () => {
    const { body } = await running.fhir('GET', `/Patient?name=Sari+Anjani&${by(SYSTEMS.nik, NIK)}`);
    const url = `${running.url}/fhir-r4/v1/Patient/?identifier=https%3A%2F%2Ffhir.kemkes.go.id%2Fid%2Fnik%7C${NIK}&name=Sari+Anjani`;
    expect(body.link).toEqual(['search', 'first', 'self'].map((relation) => ({ relation, url })));
  });

  it('not known by their NIK are an empty searchset with status 200', async () => {
    const { status, body } = await running.fhir('GET', `/Patient?${by(SYSTEMS.nik, '9900000000000099')}`);
    expect({ status, total: body.total, entry: body.entry }).toEqual({ status: 200, total: 0, entry: [] });
  });

  it('are shown in full to who knows NIK, name and date of birth', async () => {
    const { body } = await running.fhir('GET', `/Patient?${by(SYSTEMS.nik, NIK)}&name=Sari+Anjani+Rizki&birthdate=2001-04-16`);
    const { gender, birthDate, identifier, name } = body.entry[0].resource;
    expect({ gender, birthDate, nik: identifier[1].value, name: name[0].text }).toEqual({
      gender: 'female',
      birthDate: '2001-04-16',
      nik: NIK,
      name: 'Sari Anjani Rizki',
    });
    const wrong = await running.fhir('GET', `/Patient?${by(SYSTEMS.nik, NIK)}&name=Sari+Anjani+Rizki&birthdate=2001-04-17`);
    expect(wrong.body.total).toBe(0);
  });

  it('found by name, birth date and gender have only their NIK masked', async () => {
    const { body } = await running.fhir('GET', '/Patient?name=Sari%20Anjani%20Rizki&birthdate=2001-04-16&gender=female');
    const { identifier, name, gender } = body.entry[0].resource;
    expect({ nik: identifier[1].value, name: name[0].text, gender }).toEqual({
      nik: '################',
      name: 'Sari Anjani Rizki',
      gender: 'female',
    });
    const other = await running.fhir('GET', '/Patient?name=Sari%20Anjani%20Rizki&birthdate=2001-04-16&gender=male');
    expect(other.body.total).toBe(0);
    const missing = await running.fhir('GET', '/Patient?name=Sari&birthdate=2001-04-16');
    expect({ status: missing.status, body: missing.body }).toEqual({
      status: 400,
      body: storeOutcome('value', 'Missing query parameters: gender'),
    });
  });

  it('without NIK are listed under their mother’s, unmasked', async () => {
    const { body } = await running.fhir('GET', `/Patient?${by(SYSTEMS.nikIbu, NIK)}`);
    expect(body.total).toBe(2);
    expect(body.entry[1].resource).toEqual({
      active: true,
      birthDate: '2026-05-09',
      id: 'P00000000003',
      identifier: [
        { system: SYSTEMS.nikIbu, use: 'official', value: NIK },
        { system: SYSTEMS.ihsNumber, use: 'official', value: 'P00000000003' },
      ],
      meta: expect.any(Object),
      multipleBirthInteger: 2,
      name: [{ text: 'By. Ny. Sari', use: 'official' }],
      resourceType: 'Patient',
    });
  });

  it('read by id are masked; an unknown id is the store’s 404', async () => {
    const { status, body } = await running.fhir('GET', '/Patient/P00000000001');
    expect({ status, name: body.name[0].text, gender: body.gender }).toEqual({ status: 200, name: 'Sa** An** Ri**', gender: undefined });
    const unknown = await running.fhir('GET', '/Patient/P99999999999');
    expect({ status: unknown.status, body: unknown.body }).toEqual({
      status: 404,
      body: storeOutcome('no-store', 'storage_error', 'resource not found: Patient/P99999999999'),
    });
  });

  it('cannot be changed by a facility', async () => {
    const put = await running.fhir('PUT', '/Patient/P00000000001', { resourceType: 'Patient', id: 'P00000000001' });
    expect({ status: put.status, text: put.body.issue[0].details.text }).toEqual({
      status: 403,
      text: 'Organization not allowed to edit Patient (RuleNumber: 20016)',
    });
  });
});

describe('practitioners', () => {
  it('found by NIK are not masked', async () => {
    const { body } = await running.fhir('GET', `/Practitioner?${by(SYSTEMS.nik, '9900000000000009')}`);
    expect(body.entry[0].resource).toMatchObject({
      id: '10000000001',
      identifier: [
        { system: SYSTEMS.nakesHisNumber, value: '10000000001' },
        { system: SYSTEMS.nik, use: 'official', value: '9900000000000009' },
      ],
      name: [{ text: 'dr. Contoh', use: 'official' }],
    });
  });

  it('are found by name, gender and year of birth, and read by id', async () => {
    expect((await running.fhir('GET', '/Practitioner?name=Contoh&gender=male&birthdate=1994')).body.total).toBe(1);
    expect((await running.fhir('GET', '/Practitioner?name=Contoh&gender=female&birthdate=1994')).body.total).toBe(0);
    expect((await running.fhir('GET', '/Practitioner/10000000001')).body.resourceType).toBe('Practitioner');
  });
});

describe('maskName', () => {
  it('leaves two letters of a word and one of a title', () => {
    expect(maskName('dr.  Sari Ny. Élodie')).toBe('d** Sa** N** Él**');
  });
});
