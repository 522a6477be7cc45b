import { CODES, REASONS, STATES } from '../errors/index.ts';
import { DECISIONS, DELIVERY_KINDS, DIFFERENCE_KINDS } from '../store/port.ts';

type Json = Record<string, unknown>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });
const json = (schema: object): Json => ({ 'application/json': { schema } });
const text = { type: 'string' };
const nullable = { type: ['string', 'null'] };
const bilingual = { type: 'object', required: ['id', 'en'], properties: { id: text, en: text } };
const oneOrMore = (items: object): Json => ({ oneOf: [items, { type: 'array', items, minItems: 1 }] });

const FIELDS: Readonly<Record<string, { readonly schema: Json; readonly query: Json; readonly description: string }>> = {
  state: { schema: oneOrMore({ enum: STATES }), query: text, description: 'Keadaan, dipisah koma; states, comma list' },
  reason: {
    schema: oneOrMore(text),
    query: text,
    description: 'Sebab atau kode (docs/errors.md), dipisah koma; reasons or codes, comma list',
  },
  rule: { schema: { type: 'integer' }, query: { type: 'integer' }, description: 'Nomor aturan SATUSEHAT; number of a SATUSEHAT rule' },
  kind: { schema: { enum: DELIVERY_KINDS }, query: { enum: DELIVERY_KINDS }, description: 'Jenis kiriman; kind of delivery' },
  owner: { schema: text, query: text, description: 'Kode puskesmas; code of the puskesmas' },
  facility: { schema: text, query: text, description: 'Kode unit mana pun; code of any unit' },
  from: {
    schema: text,
    query: text,
    description: 'Diterima sejak, tanggal atau waktu dengan zona; received since, a date or a time with zone',
  },
  to: { schema: text, query: text, description: 'Diterima sebelum (tanggal: sampai akhir hari itu); received before (a date: to its end)' },
  keys: {
    schema: oneOrMore(text),
    query: text,
    description: 'Kunci kiriman, atau record:<id> untuk data yang berhenti saat diterima; keys, at most 1000',
  },
  submission: { schema: { type: 'string', format: 'uuid' }, query: { type: 'string', format: 'uuid' }, description: 'Submission' },
};

/** Paths and schemas of `/api/v1/deliveries`. */
export function deliveriesOpenApi(faults: Json, fault: (description: string) => Json): { readonly paths: Json; readonly schemas: Json } {
  const query = (name: string, schema: object, description: string) => ({ name, in: 'query', schema, description });
  const selection = Object.fromEntries(Object.entries(FIELDS).map(([name, { schema, description }]) => [name, { ...schema, description }]));
  const act = (operationId: string, summary: string, more: Json = {}): Json => ({
    post: {
      operationId,
      summary,
      description: 'Perlu izin admin; needs the scope admin',
      requestBody: {
        required: true,
        content: json({
          type: 'object',
          minProperties: 1,
          ...(Object.keys(more).length > 0 && { required: Object.keys(more) }),
          additionalProperties: false,
          properties: { ...selection, ...more, dryRun: { type: 'boolean', default: false }, note: { type: 'string', maxLength: 200 } },
        }),
      },
      responses: {
        '200': { description: 'Setiap yang terpilih disebut; each selected is accounted for', content: json(ref('DeliveryActResult')) },
        ...faults,
        '413': fault(CODES['body-size'].en),
      },
    },
  });
  const delivery = {
    key: text,
    kind: { enum: DELIVERY_KINDS },
    owner: text,
    state: { enum: STATES },
    reason: { ...nullable, description: `${Object.keys(REASONS).join(', ')}, rule-NNNNN` },
    reasonText: bilingual,
    rule: { type: 'integer' },
    attempts: { type: 'integer' },
    dueAt: text,
    receivedAt: text,
    submission: nullable,
    resources: { type: 'array', items: text },
    dependsOn: { type: 'array', items: text },
    issues: { type: 'array', items: ref('Issue') },
    updatedAt: text,
  };
  const event = {
    at: text,
    actor: text,
    action: text,
    fromState: nullable,
    toState: text,
    reason: nullable,
    rule: { type: ['integer', 'null'] },
  };
  const group = { what: { enum: ['record', 'delivery'] }, state: { enum: STATES }, reason: nullable, rule: { type: ['integer', 'null'] } };
  const list = (properties: object) => ({ type: 'array', items: { type: 'object', properties } });
  return {
    paths: {
      '/api/v1/deliveries': {
        get: {
          operationId: 'listDeliveries',
          summary: 'Antrean kirim; the delivery queue',
          parameters: [
            ...Object.entries(FIELDS).map(([name, field]) => query(name, field.query, field.description)),
            query('after', { type: 'integer' }, 'Kursor `next` sebelumnya; the `next` of the page before'),
            query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Limit'),
          ],
          responses: { '200': { description: 'OK', content: json(ref('DeliveryPage')) }, ...faults },
        },
      },
      '/api/v1/differences': {
        get: {
          operationId: 'listDifferences',
          summary: 'Selisih antara yang terkirim dan isi SATUSEHAT; what reconciliation found',
          description: 'Perlu izin admin; needs the scope admin',
          parameters: [
            query('owner', text, 'Kode puskesmas; code of the puskesmas'),
            query('kind', text, `${DIFFERENCE_KINDS.join(', ')}; dipisah koma, comma list`),
            query('state', { enum: ['open', 'resolved', 'all'], default: 'open' }, 'Terbuka atau selesai; open or resolved'),
            query('after', text, 'Kursor `next` sebelumnya; the `next` of the page before'),
            query('limit', { type: 'integer', minimum: 1, maximum: 1000, default: 100 }, 'Limit'),
          ],
          responses: { '200': { description: 'OK', content: json(ref('DifferencePage')) }, ...faults },
        },
      },
      '/api/v1/deliveries/groups': {
        get: {
          operationId: 'listDeliveryGroups',
          summary: 'Yang berhenti menurut sebab, dan sisa antrean; what stopped by cause, and the backlog',
          responses: { '200': { description: 'OK', content: json(ref('DeliveryOverview')) }, ...faults },
        },
      },
      '/api/v1/deliveries/retry': act('retryDeliveries', 'Kirim ulang yang terpilih; send the selected again'),
      '/api/v1/deliveries/cancel': act('cancelDeliveries', 'Batalkan yang terpilih; give up the selected'),
      '/api/v1/deliveries/decide': act(
        'decideDeliveries',
        'Putuskan yang menunggu orang: konflik, atau yang tidak dapat dicari; settle conflicts, and what cannot be looked up',
        { decision: { enum: DECISIONS } },
      ),
      '/api/v1/deliveries/fix': act(
        'fixDeliveries',
        'Proses ulang data asal yang terpilih; take the records of the selected through again',
      ),
      '/api/v1/deliveries/{key}': {
        get: {
          operationId: 'getDelivery',
          summary: 'Seluruh riwayat satu kiriman; the whole story of one delivery',
          parameters: [
            { name: 'key', in: 'path', required: true, schema: text, description: 'encounter%3AEncounter%2F<id>, record:<id>, <id>' },
          ],
          responses: { '200': { description: 'OK', content: json(ref('DeliveryStory')) }, ...faults, '404': fault(CODES['not-found'].en) },
        },
      },
    },
    schemas: {
      Delivery: { type: 'object', properties: delivery },
      DeliveryPage: {
        type: 'object',
        required: ['deliveries'],
        properties: { deliveries: { type: 'array', items: ref('Delivery') }, next: { type: 'integer' } },
      },
      DifferencePage: {
        type: 'object',
        required: ['differences'],
        properties: {
          differences: list({
            reference: text,
            kind: { enum: DIFFERENCE_KINDS },
            owner: nullable,
            platformId: nullable,
            foundAt: text,
            resolvedAt: nullable,
            run: text,
            environment: text,
            meaning: bilingual,
            todo: bilingual,
          }),
          next: text,
        },
      },
      DeliveryStory: {
        type: 'object',
        properties: {
          ...delivery,
          trail: list({ ...event, note: nullable }),
          resources: list({ reference: text, platformId: nullable, platformVersion: nullable, changedByOthers: { const: true } }),
          stoppedBy: list({ key: text, state: text, reason: nullable, as: { enum: ['dependency', 'earlier'] } }),
          meaning: bilingual,
          todo: bilingual,
        },
      },
      DeliveryOverview: {
        type: 'object',
        required: ['backlog', 'groups'],
        properties: {
          backlog: {
            type: 'object',
            properties: {
              waiting: { type: 'integer' },
              onHold: { type: 'integer' },
              oldest: { type: 'object', properties: { ready: nullable, onHold: nullable } },
              ageSeconds: { type: 'integer' },
              completedLastHour: { type: 'integer' },
              expectedFinish: nullable,
            },
          },
          groups: list({
            ...group,
            kind: text,
            owner: nullable,
            count: { type: 'integer' },
            oldest: text,
            meaning: bilingual,
            todo: bilingual,
            act: { enum: ['retry', 'fix', 'decide', 'wait'] },
          }),
        },
      },
      DeliveryActResult: {
        type: 'object',
        required: ['selected', 'released', 'left', 'dryRun'],
        description: 'selected = released + left',
        properties: {
          selected: { type: 'integer' },
          released: { type: 'integer' },
          left: list({
            key: text,
            state: nullable,
            why: {
              enum: [
                ...['in-progress', 'outcome-unknown', 'completed', 'cancelled', 'withdrawn', 'needs-mending', 'nothing-to-decide'],
                ...['not-found', 'no-record', 'unreadable', 'moved'],
              ],
            },
            reason: nullable,
            issues: { type: 'array', items: ref('Issue') },
          }),
          dryRun: { type: 'boolean' },
        },
      },
    },
  };
}
