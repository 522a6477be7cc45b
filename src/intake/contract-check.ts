import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { fieldName, type Issue, issue } from '../errors/index.ts';
import type { NormalisedRecord } from '../mapping/types.ts';
import type { Feed } from '../store/port.ts';
import { CONTRACTS, WITHDRAWAL_CONTRACT } from './contracts/index.ts';

export interface ContractCheck {
  /** Every way in which a normalised record breaks its contract. No issue holds a value. */
  check(feed: Feed, record: NormalisedRecord): readonly Issue[];
}

/** Units by the last part of a field's path, for the texts of ranges. */
const UNITS: Readonly<Record<string, string>> = {
  systolic: 'mmHg',
  diastolic: 'mmHg',
  heartRate: '/menit',
  respiratoryRate: '/menit',
  temperature: '°C',
  weight: 'kg',
  height: 'cm',
  waist: 'cm',
  lila: 'cm',
  headCircumference: 'cm',
  spo2: '%',
  hb: 'g/dL',
  glucose: 'mg/dL',
  cholesterol: 'mg/dL',
  uricAcid: 'mg/dL',
  fundalHeight: 'cm',
  fetalHeartRate: '/menit',
  gestationalAgeWeeks: 'minggu',
};

/** Compiles each contract when the first record comes for it: about 20 ms each, which the start need not wait for. */
export function compileContracts(): ContractCheck {
  // The contracts themselves are checked by their test; that, and polishing code that V8 polishes anyway, would double the time.
  const ajv = new Ajv2020({ allErrors: true, strict: false, verbose: true, validateSchema: false, code: { optimize: false } });
  addFormats.default(ajv);
  const validators = new Map<object, ValidateFunction>();
  const validatorOf = (contract: object): ValidateFunction => {
    const known = validators.get(contract) ?? ajv.compile(contract);
    validators.set(contract, known);
    return known;
  };
  return {
    check(feed, record) {
      const validate = validatorOf(record.recordStatus === 'withdrawn' ? WITHDRAWAL_CONTRACT : CONTRACTS[feed]['2']);
      if (validate(record)) return [];
      const found = new Map<string, Issue>();
      for (const error of validate.errors ?? []) {
        const one = toIssue(error);
        // One finding per field: a value of the wrong type breaks its pattern and range as well.
        if (one && !found.has(one.field ?? '')) found.set(one.field ?? '', one);
      }
      return [...found.values()];
    },
  };
}

function toIssue(error: ErrorObject): Issue | undefined {
  const path = fieldOf(error.instancePath);
  const { params, keyword } = error;
  const schema = error.parentSchema as { minimum?: number; maximum?: number; enum?: unknown[]; description?: string } | undefined;
  switch (keyword) {
    case 'required': {
      const field = path === '' ? String(params.missingProperty) : `${path}.${params.missingProperty}`;
      return field === 'person' ? issue('person-missing', {}, { field }) : issue('field-required', { field }, { field });
    }
    case 'minProperties':
      return path === 'person' ? issue('person-missing', {}, { field: path }) : issue('field-required', { field: path }, { field: path });
    case 'type':
      return issue('field-type', { field: path, expected: String(params.type) }, { field: path });
    case 'enum':
    case 'const': {
      const allowed = keyword === 'const' ? [error.schema] : (schema?.enum ?? []);
      return issue('field-value', { field: path, allowed: allowed.join(', ') }, { field: path });
    }
    case 'minimum':
    case 'maximum':
    case 'exclusiveMinimum':
    case 'exclusiveMaximum': {
      const name = path.slice(path.lastIndexOf('.') + 1);
      return issue(
        'field-range',
        { field: path, min: schema?.minimum ?? '', max: schema?.maximum ?? '', unit: UNITS[name] ?? '' },
        { field: path },
      );
    }
    case 'pattern':
    case 'format':
    case 'minLength':
    case 'maxLength': {
      if (/(^|\.)nik(Ibu)?$/.test(path)) return issue('nik-length', { field: path }, { field: path });
      return issue('field-format', { field: path, expected: expectedOf(keyword, error, schema?.description) }, { field: path });
    }
    case 'maxItems':
    case 'maxProperties':
      return issue('field-format', { field: path, expected: `≤ ${params.limit}` }, { field: path });
    // The branches have their own findings.
    case 'anyOf':
    case 'oneOf':
    case 'if':
      return undefined;
    default:
      return issue('field-format', { field: path, expected: keyword }, { field: path });
  }
}

function expectedOf(keyword: string, error: ErrorObject, description: string | undefined): string {
  if (keyword === 'minLength') return `≥ ${error.params.limit}`;
  if (keyword === 'maxLength') return `≤ ${error.params.limit}`;
  return description?.split(';', 1)[0] ?? String(error.params.format ?? error.params.pattern);
}

/** `/services/1/answers/dose` → `services[1].answers.dose`. */
function fieldOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .reduce(
      (path, part) => (/^\d{1,4}$/.test(part) ? `${path}[${part}]` : path === '' ? fieldName(part) : `${path}.${fieldName(part)}`),
      '',
    );
}
