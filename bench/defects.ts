import type { Resource } from '@medplum/fhirtypes';
import { type Visit, visitByName } from '../test/validation/visit.ts';

/** A sound resource with one thing wrong. */
export interface Defect {
  readonly kind: string;
  readonly resource: Resource;
}

type Name = keyof Visit;
/** Where, and what is written there; `undefined` takes it away. */
type Edit = readonly [resource: Name, path: string, value: unknown];

const loop = { reference: 'Medication/1' };

/** Five of each kind: what sources, vendors and hand-written maps get wrong. R4 says why each is an error. */
const EDITS: Readonly<Record<string, readonly Edit[]>> = {
  'missing element': [
    ['weight', 'status', undefined],
    ['weight', 'code', undefined],
    ['condition', 'subject', undefined],
    ['encounter', 'class', undefined],
    ['procedure', 'subject', undefined],
  ],
  'wrong type': [
    ['weight', 'valueQuantity.value', '52.4'],
    ['condition', 'code', 'Z00.0'],
    ['encounter', 'period', '2025-03-04'],
    ['patient', 'active', 'true'],
    ['immunization', 'protocolApplied.0.doseNumberPositiveInt', 1.5],
  ],
  'code outside a required binding': [
    ['weight', 'status', 'done'],
    ['patient', 'gender', 'F'],
    ['condition', 'clinicalStatus.coding.0.code', 'ongoing'],
    ['request', 'intent', 'wish'],
    ['encounter', 'statusHistory.0.status', 'gone'],
  ],
  'bad date': [
    ['patient', 'birthDate', '1990-02-30'],
    ['weight', 'effectiveDateTime', '2025-03-04T08:05:00'],
    ['encounter', 'period.start', '04-03-2025'],
    ['immunization', 'expirationDate', '2026-13-01'],
    ['weight', 'issued', '2025-03-04'],
  ],
  'reference to another type': [
    ['weight', 'subject', loop],
    ['condition', 'encounter', { reference: 'Observation/1' }],
    ['encounter', 'serviceProvider', { reference: 'Patient/1' }],
    ['procedure', 'subject', loop],
    ['immunization', 'location', { reference: 'Patient/1' }],
  ],
  'broken invariant': [
    ['weight', 'dataAbsentReason', { text: 'unknown' }],
    ['encounter', 'period', { start: '2025-03-04T08:30:00+07:00', end: '2025-03-04T08:00:00+07:00' }],
    ['glucose', 'referenceRange', [{ type: { text: 'normal' } }]],
    ['weight', 'valueQuantity', { value: 1, code: 'kg' }],
    ['patient', 'contact', [{ gender: 'female' }]],
  ],
  'unknown element': [
    ['weight', 'valeu', 1],
    ['patient', 'name.0.first', 'A'],
    ['condition', 'code.coding.0.name', 'x'],
    ['encounter', 'statushistory', []],
    ['glucose', 'valueQuantity.uom', 'mg/dL'],
  ],
  'one for many, many for one': [
    ['weight', 'category', { text: 'x' }],
    ['encounter', 'class', [{ code: 'AMB' }]],
    ['patient', 'name', { text: 'Contoh' }],
    ['condition', 'code', [{ text: 'x' }]],
    ['encounter', 'participant', { individual: { reference: 'Practitioner/1' } }],
  ],
  'bad UCUM unit': [
    ['weight', 'valueQuantity.code', 'kilo'],
    ['glucose', 'valueQuantity.code', 'mgdL'],
    ['immunization', 'doseQuantity.code', 'cc'],
    ['glucose', 'referenceRange.0.high.code', 'mg/dl/'],
    ['weight', 'valueQuantity.code', 'Kg'],
  ],
  empty: [
    ['weight', 'category', []],
    ['patient', 'name.0.text', ''],
    ['condition', 'subject', {}],
    ['encounter', 'period', null],
    ['glucose', 'identifier', [{}]],
  ],
};

/** All of them, the same at every run. */
export function defects(): readonly Defect[] {
  return Object.entries(EDITS).flatMap(([kind, edits]) =>
    edits.map(([name, where, value]): Defect => {
      const resource = visitByName()[name] as unknown as Record<string, unknown>;
      const steps = where.split('.');
      let node: Record<string, unknown> = resource;
      for (const step of steps.slice(0, -1)) node = node[step] as Record<string, unknown>;
      const last = steps.at(-1) as string;
      if (value === undefined) delete node[last];
      else node[last] = value;
      return { kind, resource: resource as unknown as Resource };
    }),
  );
}
