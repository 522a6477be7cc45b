import { type ErrorCode, type Issue, type Params, render } from '../errors/index.ts';
import { isNearBase64 } from './primitives.ts';

/** Why an element does not fit, Indonesian first. Rows hold no value of the resource. */
const PROBLEMS = {
  'not-object': { id: 'harus berupa objek', en: 'must be an object' },
  'not-list': { id: 'harus berupa daftar', en: 'must be a list' },
  list: { id: 'tidak boleh berupa daftar', en: 'must not be a list' },
  null: { id: 'tidak boleh null', en: 'must not be null' },
  empty: { id: 'kosong', en: 'is empty' },
  choice: { id: 'hanya satu jenis nilai yang boleh ada', en: 'only one type of value is allowed' },
  depth: { id: 'bersarang terlalu dalam', en: 'is nested too deeply' },
  'resource-type': { id: 'jenis sumber daya tidak dikenal', en: 'unknown type of resource' },
  'unknown-element': { id: 'unsur tidak dikenal', en: 'unknown element' },
  'unknown-profile': { id: 'profil tidak dikenal', en: 'unknown profile' },
  'profile-type': { id: 'jenis nilai tidak diizinkan profil', en: 'the profile does not allow this type of value' },
  'profile-range': { id: 'di luar batas menurut profil', en: 'outside the limits of the profile' },
  'profile-closed': { id: 'tidak termasuk irisan yang diizinkan profil', en: 'is in none of the slices the profile allows' },
  'unknown-unit': { id: 'bukan satuan UCUM', en: 'is not a UCUM unit' },
  'unknown-code': { id: 'kode tidak ada dalam sistemnya', en: 'the code is not in its system' },
  'unknown-question': { id: 'enableWhen menanyakan butir yang tidak ada', en: 'enableWhen asks an item that is not there' },
  'profile-order': { id: 'urutan irisan tidak sesuai profil', en: 'is not in the order of slices the profile gives' },
  'extension-context': { id: 'ekstensi ini tidak boleh dipakai di sini', en: 'this extension may not be used here' },
  'relative-url': { id: 'harus URL mutlak', en: 'must be an absolute URL' },
  'full-url': { id: 'fullUrl tidak sesuai dengan id sumber daya', en: 'fullUrl does not fit the id of the resource' },
  'no-full-url': { id: 'fullUrl harus ada pada Bundle jenis ini', en: 'fullUrl must be there in a Bundle of this type' },
  'no-id': { id: 'hasil pencarian harus mempunyai id', en: 'search results must have ids' },
  'value-set': { id: 'system menunjuk kumpulan nilai, bukan sistem kode', en: 'system names a value set, not a code system' },
  size: { id: 'size tidak sama dengan panjang data', en: 'size is not the length of data' },
  'duplicate-id': { id: 'id ini sudah dipakai', en: 'this id is used already' },
  'not-contained': { id: 'tidak ada pada contained', en: 'is not among the contained resources' },
} as const;

export type Problem = keyof typeof PROBLEMS;

/** What breaks R4's form of a primitive, yet HL7's engine lets it pass: nothing but spaces, and base64 with strange signs in it. */
const isLetPass = (type: string, value: string): boolean =>
  NOT_A_NUMBER.test(type) && (value.trim() === '' || (type === 'base64Binary' && isNearBase64(value)));

const NOT_A_NUMBER = /^(?!boolean|decimal|integer|unsignedInt|positiveInt|xhtml)/;

/** A finding stops being useful long before this many; a hostile body must not fill the memory. */
const MOST = 200;

/** Collects what a run of the validator finds. The generated code calls it; `count` counts errors, also those that no longer fit in. */
export class Findings {
  readonly issues: Issue[] = [];
  count = 0;

  structure(expression: string, problem: Problem): void {
    this.#add('structure', expression, { problem: PROBLEMS[problem].id }, { problem: PROBLEMS[problem].en });
  }

  /** Key of an object that its type does not have. A key that is not a name may be anything, so it is not repeated. */
  unknownElement(parent: string, key: string): void {
    this.structure(/^_?[A-Za-z][A-Za-z0-9]{0,63}$/.test(key) ? `${parent}.${key}` : parent, 'unknown-element');
  }

  /** A value that is not of its primitive type. */
  primitive(expression: string, type: string, value: unknown): void {
    if (value === null) this.structure(expression, 'null');
    else if (Array.isArray(value)) this.structure(expression, 'list');
    else if (value === '') this.structure(expression, 'empty');
    else if (typeof value === 'string' && isLetPass(type, value)) this.#warn(() => this.#notA(expression, type));
    else this.#notA(expression, type);
  }

  #notA(expression: string, type: string): void {
    this.#add('structure', expression, { problem: `bukan ${type} yang benar` }, { problem: `not a valid ${type}` });
  }

  /** A value that is in none of the codes to which its element is bound. */
  unboundCode(expression: string, type: string, value: unknown, valueSet: string): void {
    if (typeof value === 'string' && value !== '') this.binding(expression, valueSet);
    else this.primitive(expression, type, value);
  }

  notObject(expression: string, value: unknown): void {
    this.structure(expression, value === null ? 'null' : Array.isArray(value) ? 'list' : 'not-object');
  }

  cardinality(expression: string, min: number, max: number | '*'): void {
    this.#add('cardinality', expression, { min, max });
  }

  binding(expression: string, valueSet: string): void {
    this.#add('binding', expression, { valueSet });
  }

  fixed(expression: string, profile: string): void {
    this.#add('fixed', expression, { profile });
  }

  reference(expression: string, allowed: readonly string[]): void {
    this.#add('reference', expression, { allowed: allowed.length > 0 ? allowed.join(', ') : 'Type/id' });
  }

  /** A reference that looks wrong but breaks no rule of R4. */
  suspiciousReference(expression: string, allowed: readonly string[]): void {
    this.#warn(() => this.reference(expression, allowed));
  }

  suspiciousUnit(expression: string): void {
    this.#warn(() => this.structure(expression, 'unknown-unit'));
  }

  /** What R4 forbids in words but HL7's engine lets pass: a list of primitives without any. */
  emptyValues(expression: string): void {
    this.#warn(() => this.structure(expression, 'empty'));
  }

  invariant(expression: string, key: string): void {
    this.#add('invariant', expression, { key }, { key }, key);
  }

  #warn(add: () => void): void {
    const { count } = this;
    const { length } = this.issues;
    add();
    this.count = count;
    const made = this.issues[length];
    if (made !== undefined) this.issues[length] = { ...made, severity: 'warning' };
  }

  #add(code: ErrorCode, expression: string, id: Params, en: Params = id, rule?: string): void {
    this.count++;
    if (this.issues.length >= MOST) return;
    const text = { id: render(code, { ...id, expression }).id, en: render(code, { ...en, expression }).en };
    this.issues.push({ severity: 'error', code, ...(rule !== undefined && { rule }), expression, text });
  }
}
