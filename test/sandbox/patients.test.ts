import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SYSTEMS } from '../../src/terminology/systems.ts';
import { type Body, encounter, location, ORG, outcome, PEOPLE, type Running, startForTest, storeOutcome } from './support.ts';

const MOTHER = '9900000000000001';
const FATHER = '9900000000000005';
const CITIZEN = { nik: '9900000000000021', name: 'Dewi Contoh', gender: 'female', birthDate: '1995-05-05' };
const CHILD_NIK = '9900000000000022';

const administrative = (...areas: string[]): Body => ({
  url: SYSTEMS.administrativeCode,
  extension: areas.map((url) => ({ url, valueCode: '99' })),
});

const people = {
  patients: [
    ...PEOPLE.patients,
    { nik: FATHER, name: 'Adi Contoh', gender: 'male', birthDate: '1990-01-01', ihsNumber: 'P00000000005' },
    {
      nik: '9900000000000006',
      name: 'Rani Alamat',
      gender: 'female',
      birthDate: '1988-08-08',
      ihsNumber: 'P00000000006',
      resource: {
        address: [
          {
            use: 'home',
            line: ['Gd. Dr. Contoh Lt.1'],
            city: 'Contoh',
            extension: [administrative('province', 'city', 'district', 'village', 'rt', 'rw')],
          },
        ],
        link: [{ other: { reference: 'RelatedPerson/1' }, type: 'refer' }],
        telecom: [{ system: 'phone', value: '08000000000' }],
      },
    },
  ],
  practitioners: PEOPLE.practitioners,
  citizens: [CITIZEN, { nik: CHILD_NIK, name: 'Bima Contoh', gender: 'male', birthDate: '2026-08-01' }],
};
const clients = [
  { clientId: 'client-a', clientSecret: 'secret-a', organizationId: ORG },
  { clientId: 'portal', clientSecret: 'secret-p', organizationId: '10000009', patientEdit: true },
];

const baby = (more: Body = {}, nikIbu = MOTHER): Body => ({
  resourceType: 'Patient',
  meta: { profile: ['https://fhir.kemkes.go.id/r4/StructureDefinition/Patient'] },
  identifier: [{ use: 'official', system: SYSTEMS.nikIbu, value: nikIbu }],
  name: [{ use: 'official', text: 'By. Ny. Sari Baru' }],
  gender: 'male',
  birthDate: '2026-08-01',
  multipleBirthInteger: 1,
  ...more,
});

let running: Running;
beforeAll(async () => {
  running = await startForTest({ people, clients });
});
afterAll(() => running.sandbox.stop());

const by = (system: string, value: string): string => `/Patient?identifier=${encodeURIComponent(`${system}|${value}`)}`;
const reply = ({ status, body }: { status: number; body: Body }) => ({ status, body });

describe('a newborn', () => {
  it('gets a number, stands under the mother’s NIK, and can be referred to', async () => {
    const { status, body, headers } = await running.fhir('POST', '/Patient', baby());
    expect(status).toBe(201);
    expect(body.id).toMatch(/^P\d{11}$/);
    expect(headers.get('etag')).toBe(`W/"${body.meta.versionId}"`);
    expect(headers.get('location')).toMatch(new RegExp(`/fhir/Patient/${body.id}/_history/${body.meta.versionId}$`));
    const children = await running.fhir('GET', by(SYSTEMS.nikIbu, MOTHER));
    expect(children.body.entry.find((entry: Body) => entry.resource.id === body.id).resource).toEqual({
      active: true,
      birthDate: '2026-08-01',
      id: body.id,
      identifier: [
        { use: 'official', system: SYSTEMS.nikIbu, value: MOTHER },
        { system: SYSTEMS.ihsNumber, use: 'official', value: body.id },
      ],
      meta: { ...body.meta, profile: ['https://fhir.kemkes.go.id/r4/StructureDefinition/Patient'] },
      multipleBirthInteger: 1,
      name: [{ text: 'By. Ny. Sari Baru', use: 'official' }],
      resourceType: 'Patient',
    });
    const read = await running.fhir('GET', `/Patient/${body.id}`);
    expect({ name: read.body.name[0].text, birthDate: read.body.birthDate }).toEqual({ name: 'B** N** Sa** Ba**', birthDate: undefined });
    const place = await running.fhir('POST', '/Location', location('NB-1'));
    const visit = encounter('NB-1', place.body.id as string, { subject: { reference: `Patient/${body.id}` } });
    expect((await running.fhir('POST', '/Encounter', visit)).status).toBe(201);
  });

  it('is a duplicate by name, birth date, gender and order; a twin is none', async () => {
    const first = await running.fhir('POST', '/Patient', baby({ birthDate: '2026-08-02' }));
    const again = await running.fhir('POST', '/Patient', baby({ birthDate: '2026-08-02', name: [{ text: 'by. ny.  SARI baru' }] }));
    expect(first.status).toBe(201);
    expect(reply(again)).toEqual({ status: 400, body: outcome('duplicate', 'Found duplicate: Patient (RuleNumber: 20002)') });
    const twin = await running.fhir('POST', '/Patient', baby({ birthDate: '2026-08-02', multipleBirthInteger: 2 }));
    expect(twin.status).toBe(201);
    expect(twin.body.id).not.toBe(first.body.id);
  });

  it('is answered with what is there already, where the setting has it so', async () => {
    const existing = await startForTest({ people, clients, settings: { strictness: { newbornAgain: 'existing' } } });
    try {
      const first = await existing.fhir('POST', '/Patient', baby());
      const again = await existing.fhir('POST', '/Patient', baby());
      expect({ status: again.status, id: again.body.id }).toEqual({ status: 200, id: first.body.id });
    } finally {
      await existing.sandbox.stop();
    }
  });

  it('needs a mother who is known and female', async () => {
    for (const nik of [FATHER, '0000000000000000']) {
      expect(reply(await running.fhir('POST', '/Patient', baby({}, nik)))).toEqual({
        status: 400,
        body: storeOutcome('exception', 'Patient with nik-ibu is not female'),
      });
    }
  });

  it('needs what the numbered rules need, and an identifier of the right kind', async () => {
    const bare = await running.fhir('POST', '/Patient', baby({ multipleBirthInteger: undefined, name: undefined }));
    const texts = bare.body.issue.map((issue: Body) => issue.details.text);
    expect(bare.status).toBe(400);
    expect(texts).toContain('Element not found: Patient.name.text (RuleNumber: 10168)');
    const passport = await running.fhir(
      'POST',
      '/Patient',
      baby({ identifier: [{ system: 'https://fhir.kemkes.go.id/id/paspor', value: 'A0' }] }),
    );
    expect(reply(passport)).toEqual({
      status: 400,
      body: outcome(
        'value',
        'Invalid identifier system: https://fhir.kemkes.go.id/id/paspor (RuleNumber: 10166)',
        'Patient.identifier[0].system',
      ),
    });
    expect((await running.fhir('POST', '/Patient', { ...baby(), resourceType: 'Location' })).status).toBe(400);
    expect((await running.fhir('POST', '/Patient', baby({ identifier: 'x' }))).status).toBe(400);
  });

  it('is found only after the read lag, and refused as a duplicate at once', async () => {
    const lagging = await startForTest({ people, clients, settings: { readLagMs: 5000 } });
    try {
      const { body } = await lagging.fhir('POST', '/Patient', baby());
      const count = async () => (await lagging.fhir('GET', by(SYSTEMS.nikIbu, MOTHER))).body.total;
      expect({ read: (await lagging.fhir('GET', `/Patient/${body.id}`)).status, found: await count() }).toEqual({ read: 404, found: 2 });
      expect((await lagging.fhir('POST', '/Patient', baby())).status).toBe(400);
      lagging.time.now += 5000;
      expect({ read: (await lagging.fhir('GET', `/Patient/${body.id}`)).status, found: await count() }).toEqual({ read: 200, found: 3 });
    } finally {
      await lagging.sandbox.stop();
    }
  });

  it('is still there after a restart with the same state', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'sandbox-'));
    const state = path.join(folder, 'state');
    try {
      const before = await startForTest({ people, clients, state });
      const { body } = await before.fhir('POST', '/Patient', baby());
      await before.sandbox.stop();
      const after = await startForTest({ people, clients, state });
      expect((await after.fhir('GET', `/Patient/${body.id}`)).status).toBe(200);
      expect((await after.fhir('GET', by(SYSTEMS.nikIbu, MOTHER))).body.total).toBe(3);
      await after.sandbox.stop();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe('a person with a NIK', () => {
  const person = (more: Body = {}): Body => ({
    resourceType: 'Patient',
    identifier: [{ use: 'official', system: SYSTEMS.nik, value: CITIZEN.nik }],
    name: [{ use: 'official', text: CITIZEN.name }],
    gender: CITIZEN.gender,
    birthDate: CITIZEN.birthDate,
    ...more,
  });
  const unknown = { status: 200, body: { success: false, message: 'Citizen Not Exists' } };

  it('is refused with status 200 when the civil register knows nobody like that', async () => {
    for (const change of [
      { identifier: [{ system: SYSTEMS.nik, value: '9900000000000077' }] },
      { name: [{ text: 'Orang Lain' }] },
      { birthDate: '1995-05-06' },
      { gender: 'male' },
    ]) {
      expect(reply(await running.fhir('POST', '/Patient', person(change)))).toEqual(unknown);
    }
  });

  it('is taken into the index once', async () => {
    const { status, body } = await running.fhir('POST', '/Patient', person());
    expect(status).toBe(201);
    const found = await running.fhir('GET', by(SYSTEMS.nik, CITIZEN.nik));
    expect(found.body.entry.map((entry: Body) => entry.resource.id)).toEqual([body.id]);
    expect(found.body.entry[0].resource.identifier[0].value).toBe('################');
    for (const nik of [CITIZEN.nik, MOTHER]) {
      const again = await running.fhir('POST', '/Patient', person({ identifier: [{ system: SYSTEMS.nik, value: nik }] }));
      expect(reply(again)).toEqual({ status: 400, body: outcome('duplicate', 'Found duplicate: Patient (RuleNumber: 20002)') });
    }
  });
});

describe('what a look-up shows of an address', () => {
  const areas = ['province', 'city', 'district', 'village', 'rw', 'rt'].map((url) => ({ url }));

  it('nothing by NIK or id', async () => {
    for (const resource of [
      (await running.fhir('GET', by(SYSTEMS.nik, '9900000000000006'))).body.entry[0].resource,
      (await running.fhir('GET', '/Patient/P00000000006')).body,
    ]) {
      expect(Object.keys(resource)).toEqual(['active', 'id', 'identifier', 'link', 'meta', 'name', 'resourceType']);
    }
  });

  it('a few letters by name, birth date and gender, and areas without their codes', async () => {
    const { body } = await running.fhir('GET', '/Patient?name=Rani%20Alamat&birthdate=1988-08-08&gender=female');
    const { address, telecom, identifier } = body.entry[0].resource;
    expect(address).toEqual([{ city: 'Contoh', extension: areas, line: ['Gd. Dr. C***'], use: 'home' }]);
    expect({ telecom: telecom[0].value, nik: identifier[1].value }).toEqual({ telecom: '08000000000', nik: '################' });
  });

  it('the line by NIK, name and birth date', async () => {
    const { body } = await running.fhir('GET', `${by(SYSTEMS.nik, '9900000000000006')}&name=Rani%20Alamat&birthdate=1988-08-08`);
    const { address, identifier } = body.entry[0].resource;
    expect({ line: address[0].line, extension: address[0].extension, nik: identifier[1].value }).toEqual({
      line: ['Gd. Dr. Contoh Lt.1'],
      extension: areas,
      nik: '9900000000000006',
    });
  });

  it('nobody for a name of two letters', async () => {
    expect((await running.fhir('GET', '/Patient?name=Ra&birthdate=1988-08-08&gender=female')).body.total).toBe(0);
  });
});

describe('PATCH of a patient', () => {
  const facts = [
    { op: 'test', path: '/name', value: [{ text: 'Rani Alamat', use: 'official' }] },
    { op: 'test', path: '/birthDate', value: '1988-08-08' },
    { op: 'test', path: '/gender', value: 'female' },
  ];
  const moved = { op: 'replace', path: '/address', value: [{ use: 'home', line: ['Jalan Lain 2'], city: 'Lain' }] };
  const refused = { status: 403, body: outcome('forbidden', 'Organization not allowed to edit Patient (RuleNumber: 20016)') };

  it('moves them after tests that hold', async () => {
    const { status, body } = await running.patch('/Patient/P00000000006', [...facts, moved]);
    expect({ status, id: body.id, address: body.address }).toEqual({ status: 200, id: 'P00000000006', address: undefined });
    const { body: found } = await running.fhir('GET', `${by(SYSTEMS.nik, '9900000000000006')}&name=Rani%20Alamat&birthdate=1988-08-08`);
    expect(found.entry[0].resource.address[0].line).toEqual(['Jalan Lain 2']);
    expect(found.entry[0].resource.meta.versionId).toBe(body.meta.versionId);
  });

  it('changes nothing when a test fails', async () => {
    const wrong = [
      { op: 'test', path: '/birthDate', value: '1999-01-01' },
      { ...moved, value: [] },
    ];
    expect((await running.patch('/Patient/P00000000006', wrong)).status).toBe(400);
    const { body } = await running.fhir('GET', '/Patient?name=Rani%20Alamat&birthdate=1988-08-08&gender=female');
    expect(body.entry[0].resource.address[0].city).toBe('Lain');
  });

  it('is not a facility’s to do otherwise', async () => {
    const name = { op: 'replace', path: '/name', value: [{ text: 'X' }] };
    expect(reply(await running.patch('/Patient/P00000000006', [name]))).toEqual(refused);
    const put = await running.fhir('PUT', '/Patient/P00000000006', { resourceType: 'Patient', id: 'P00000000006' });
    expect(reply(put)).toEqual(refused);
  });

  it('by the operations portal may change some elements', async () => {
    const token = await running.token('portal', 'secret-p');
    const patch = (operations: unknown) =>
      running.send('PATCH', '/fhir-r4/v1/Patient/P00000000006', { token, body: operations, type: 'application/json-patch+json' });
    expect((await patch([{ op: 'replace', path: '/name/0/text', value: 'Rani Baru' }])).status).toBe(200);
    const other = await patch([
      { op: 'add', path: '/maritalStatus', value: { text: 'M' } },
      { op: 'remove', path: '/telecom' },
    ]);
    expect(reply(other)).toEqual({
      status: 403,
      body: outcome(
        'forbidden',
        'Ops Portal Organization can only edit name, birthdate, gender, address, deceasedBoolean. Please remove attribute: maritalStatus, telecom (RuleNumber: 20015)',
      ),
    });
  });

  it('gives a child the NIK that came later, where the documentation holds', async () => {
    const documented = await startForTest({ people, clients, settings: { surface: 'documented' } });
    try {
      const { body } = await documented.fhir('POST', '/Patient', baby());
      const add = (value: string) => [{ op: 'add', path: '/identifier/-', value: { system: SYSTEMS.nik, use: 'official', value } }];
      expect((await documented.patch(`/Patient/${body.id}`, add(MOTHER))).status).toBe(400);
      expect((await documented.patch(`/Patient/${body.id}`, add('9900000000000099'))).body).toEqual({
        success: false,
        message: 'Citizen Not Exists',
      });
      expect((await documented.patch(`/Patient/${body.id}`, add(CHILD_NIK))).status).toBe(200);
      expect((await documented.fhir('GET', by(SYSTEMS.nik, CHILD_NIK))).body.entry[0].resource.id).toBe(body.id);
    } finally {
      await documented.sandbox.stop();
    }
  });

  it('of an unknown one is 20007', async () => {
    expect((await running.patch('/Patient/P99999999999', [moved])).body.issue[0].details.text).toBe(
      'Resource not found Patient/P99999999999 (RuleNumber: 20007)',
    );
  });
});

describe('people around', () => {
  it('a related person is found by patient and by number', async () => {
    const related = {
      resourceType: 'RelatedPerson',
      identifier: [{ system: SYSTEMS.ihsNumber, value: 'P00000000001' }],
      patient: { reference: 'Patient/P00000000002' },
      name: [{ text: 'Sari' }],
      gender: 'female',
    };
    const { body, status, text } = await running.fhir('POST', '/RelatedPerson', related);
    expect(status, text).toBe(201);
    for (const query of ['patient=P00000000002', `identifier=${SYSTEMS.ihsNumber}|P00000000001`]) {
      expect((await running.fhir('GET', `/RelatedPerson?${query}`)).body.entry[0].resource.id).toBe(body.id);
    }
  });

  it('a practitioner’s role can be made and found where the documentation holds', async () => {
    const documented = await startForTest({ people, clients, settings: { surface: 'documented' } });
    try {
      const role = {
        resourceType: 'PractitionerRole',
        practitioner: { reference: 'Practitioner/10000000001' },
        organization: { reference: `Organization/${ORG}` },
        code: [{ coding: [{ system: SYSTEMS.snomed, code: '158965000' }] }],
      };
      const { body, status, text } = await documented.fhir('POST', '/PractitionerRole', role);
      expect(status, text).toBe(201);
      const found = await documented.fhir('GET', `/PractitionerRole?practitioner=10000000001&organization=${ORG}`);
      expect(found.body.entry[0].resource.id).toBe(body.id);
    } finally {
      await documented.sandbox.stop();
    }
  });
});
