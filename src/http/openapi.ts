import { DUE_STATUSES } from '../due/index.ts';
import { CODES, REASONS, STATES } from '../errors/index.ts';
import { CONTRACTS } from '../intake/contracts/index.ts';
import { FEEDS, type Feed } from '../store/port.ts';
import { deliveriesOpenApi } from './deliveries-openapi.ts';

const SUMMARY: Record<Feed, string> = {
  facilities: 'Fasilitas dan jaringannya; facilities and their network',
  persons: 'Penduduk; persons',
  practitioners: 'Tenaga kesehatan dan kader; practitioners and kader',
  encounters: 'Kunjungan klaster; cluster encounters',
  'village-observations': 'Pengamatan di posyandu dan rumah; village observations',
};

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: object) => ({ 'application/json': { schema } });
const pascal = (feed: string) => feed.replace(/(^|-)(\w)/g, (_, __, letter: string) => letter.toUpperCase());

/** OpenAPI 3.1 of `/api/v1`. Records are the contract schemas themselves, so that the paper cannot say anything else than the door. */
export function openApi(version: string): Record<string, unknown> {
  const fault = (description: string) => ({ description, content: json(ref('Error')) });
  const faults = {
    '400': fault('Permintaan tidak dapat dibaca; the request cannot be read'),
    '401': fault(CODES.unauthenticated.en),
    '403': fault('Bukan hak kunci ini; not within the rights of this key'),
  };
  const query = (name: string, schema: object, description: string) => ({ name, in: 'query', schema, description });
  const paths: Record<string, unknown> = {};
  for (const feed of FEEDS) {
    const record = { oneOf: [ref(`${pascal(feed)}2`), ref(`${pascal(feed)}1`)] };
    paths[`/api/v1/${feed}`] = {
      post: {
        operationId: `post${pascal(feed)}`,
        summary: SUMMARY[feed],
        parameters: [
          query('dryRun', { type: 'boolean', default: false }, 'Petakan dan periksa saja; map and check only, store nothing'),
          query('strict', { type: 'boolean', default: false }, 'Tolak isian yang tidak dikenal; refuse unknown fields'),
        ],
        requestBody: {
          required: true,
          content: {
            ...json({ oneOf: [record, { type: 'array', items: record }] }),
            'application/x-ndjson': { schema: { type: 'string', description: 'Satu data per baris; one record a line' } },
            ...(feed === 'facilities' && { 'text/csv': { schema: { type: 'string' } } }),
          },
        },
        responses: {
          '202': { description: 'Sedikitnya satu diterima; at least one accepted', content: json(ref('Receipts')) },
          '422': { description: 'Tidak ada yang diterima; none accepted', content: json(ref('Receipts')) },
          ...faults,
          '413': fault(CODES['body-size'].en),
          '415': fault(CODES['content-type'].en),
        },
      },
    };
  }
  const id = { name: 'id', in: 'path', required: true, schema: { type: 'string', format: 'uuid' } };
  paths['/api/v1/submissions'] = {
    get: {
      operationId: 'listSubmissions',
      summary: 'Perubahan sejak kursor; changes since a cursor',
      parameters: [
        query('after', { type: 'integer' }, 'Kursor `next` sebelumnya; the `next` of the page before'),
        query('facility', { type: 'string' }, 'Kode puskesmas; code of the puskesmas'),
        query('feed', { enum: FEEDS }, 'Feed'),
        query('state', { enum: STATES }, 'State'),
        query('reason', { type: 'string' }, 'Reason'),
        query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Limit'),
      ],
      responses: { '200': { description: 'OK', content: json(ref('SubmissionPage')) }, ...faults },
    },
  };
  paths['/api/v1/submissions/{id}'] = {
    get: {
      operationId: 'getSubmission',
      summary: 'Seluruh riwayat satu data; the whole story of one record',
      parameters: [id],
      responses: { '200': { description: 'OK', content: json(ref('SubmissionStory')) }, ...faults, '404': fault(CODES['not-found'].en) },
    },
  };
  paths['/api/v1/submissions/{id}/validate'] = {
    post: {
      operationId: 'validateSubmission',
      summary: "Pengesahan catatan kader; validation of a kader's record",
      parameters: [id],
      requestBody: {
        required: true,
        content: json({
          type: 'object',
          required: ['validatedBy'],
          properties: { validatedBy: { type: 'object', required: ['nik'], properties: { nik: { type: 'string', pattern: '^\\d{16}$' } } } },
        }),
      },
      responses: { '200': { description: 'OK', content: json(ref('Receipt')) }, ...faults, '404': fault(CODES['not-found'].en) },
    },
  };
  const word = (name: string, description: string) => query(name, { type: 'string' }, description);
  paths['/api/v1/due'] = {
    get: {
      operationId: 'due',
      summary: 'Pelayanan yang jatuh tempo; services that are due',
      description:
        'Untuk satu orang, satu wilayah atau satu posyandu; perlu izin fhir:read. For one person, one region or one posyandu; needs the scope fhir:read',
      parameters: [
        word('person', 'Patient/<id>'),
        word('region', 'Kode Kemendagri 2, 4, 6 atau 10 angka; Kemendagri code'),
        word('posyandu', 'Kode posyandu; code of the posyandu'),
        word('at', 'YYYY-MM-DD; kosong = hari ini; empty = today'),
        word('status', `${DUE_STATUSES.join(', ')}; dipisah koma; comma list`),
        word('service', 'Kunci pelayanan (docs/due.md), dipisah koma; keys of services, comma list'),
        word('summary', 'true: jumlah orang per pelayanan; persons counted by service'),
        word('after', 'Dari halaman sebelumnya; from the page before'),
        word('limit', '1–200 orang; persons'),
      ],
      responses: {
        '200': { description: 'OK', content: { ...json({ type: 'object' }), 'application/fhir+json': { schema: { type: 'object' } } } },
        ...faults,
        '404': fault(CODES['not-found'].en),
      },
    },
  };
  const deliveries = deliveriesOpenApi(faults, fault);
  Object.assign(paths, deliveries.paths);

  const bilingual = { type: 'object', required: ['id', 'en'], properties: { id: { type: 'string' }, en: { type: 'string' } } };
  const receipt = {
    type: 'object',
    required: ['id', 'version', 'sourceId', 'state', 'reason', 'issues'],
    properties: {
      id: { type: ['string', 'null'] },
      version: { type: 'integer' },
      sourceId: { type: ['string', 'null'] },
      state: { enum: STATES },
      reason: {
        type: ['string', 'null'],
        description: `${Object.keys(REASONS).join(', ')}, rule-NNNNN`,
      },
      issues: { type: 'array', items: ref('Issue') },
      duplicateOf: { type: 'string' },
      unused: { type: 'array', items: { type: 'string' } },
    },
  };
  const submission = {
    type: 'object',
    properties: { ...receipt.properties, seq: { type: 'integer' }, feed: { enum: FEEDS }, facility: { type: ['string', 'null'] } },
  };
  const records = Object.fromEntries(
    FEEDS.flatMap((feed) => [
      [`${pascal(feed)}1`, CONTRACTS[feed]['1']],
      [`${pascal(feed)}2`, CONTRACTS[feed]['2']],
    ]),
  );
  return {
    openapi: '3.1.0',
    jsonSchemaDialect: 'https://json-schema.org/draft/2020-12/schema',
    info: { title: 'ILP–FHIR adapter', version, license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    security: [{ bearer: [] }, { apiKey: [] }],
    paths,
    components: {
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        apiKey: { type: 'apiKey', in: 'header', name: 'X-Api-Key' },
      },
      schemas: {
        ...records,
        ...deliveries.schemas,
        Issue: {
          type: 'object',
          required: ['severity', 'code', 'text'],
          properties: {
            severity: { enum: ['error', 'warning', 'information'] },
            code: { enum: Object.keys(CODES) },
            rule: { type: 'string' },
            field: { type: 'string' },
            expression: { type: 'string' },
            text: bilingual,
          },
        },
        Receipt: receipt,
        Receipts: {
          type: 'object',
          required: ['receipts', 'accepted', 'refused', 'duplicates'],
          properties: {
            receipts: { type: 'array', items: ref('Receipt') },
            accepted: { type: 'integer' },
            refused: { type: 'integer' },
            duplicates: { type: 'integer' },
          },
        },
        SubmissionPage: {
          type: 'object',
          properties: { submissions: { type: 'array', items: submission }, next: { type: 'integer' } },
        },
        SubmissionStory: {
          type: 'object',
          properties: {
            ...submission.properties,
            preflight: { type: 'object' },
            story: { type: 'array', items: { type: 'object' } },
            resources: { type: 'array', items: { type: 'object' } },
            patients: { type: 'array', items: { type: 'object' } },
            deliveries: { type: 'array', items: { type: 'object' } },
          },
        },
        Error: {
          type: 'object',
          properties: {
            error: {
              type: 'object',
              properties: {
                code: { enum: Object.keys(CODES) },
                text: bilingual,
                requestId: { type: 'string' },
                issues: { type: 'array', items: ref('Issue') },
              },
            },
          },
        },
      },
    },
  };
}
