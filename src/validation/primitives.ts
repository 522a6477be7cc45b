import { remembered } from './remembered.ts';
import { isXhtml } from './xhtml.ts';

/**
 * Forms of FHIR R4's primitive types (https://hl7.org/fhir/R4/datatypes.html): each function says whether a JSON value is one.
 * Dates must exist in the calendar, a dateTime with a time needs a zone, and nothing may be empty.
 */
export type PrimitiveTest = (value: unknown) => boolean;

const test =
  (form: RegExp): PrimitiveTest =>
  (value) =>
    typeof value === 'string' && form.test(value);

const inRange =
  (min: number, max: number): PrimitiveTest =>
  (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;

const MAX_INT = 2_147_483_647;
const ZONE = '(?:Z|[+-](?:0\\d|1[0-3]):[0-5]\\d|[+-]14:00)';
const TIME = '(?:[01]\\d|2[0-3]):[0-5]\\d:(?:[0-5]\\d|60)(?:\\.\\d+)?';
const YEAR = '(?!0000)\\d{4}';
const MONTH = '(?:0[1-9]|1[0-2])';
const DAY = '(?:0[1-9]|[12]\\d|3[01])';
const DATE = new RegExp(`^${YEAR}(?:-${MONTH}(?:-${DAY})?)?$`);
const DATE_TIME = new RegExp(`^${YEAR}(?:-${MONTH}(?:-${DAY}(?:T${TIME}${ZONE})?)?)?$`);
const INSTANT = new RegExp(`^${YEAR}-${MONTH}-${DAY}T${TIME}${ZONE}$`);

/** False for 31 April and 30 February; the text must already have the form. */
function dayExists(text: string): boolean {
  if (text.length < 10 || text.charCodeAt(8) < 50 /* 2 */) return true;
  const day = Number(text.slice(8, 10));
  if (day <= 28) return true;
  const month = Number(text.slice(5, 7));
  if (month === 2) {
    const year = Number(text.slice(0, 4));
    return day === 29 && ((year % 4 === 0 && year % 100 !== 0) || year % 400 === 0);
  }
  return day <= 30 || (month !== 4 && month !== 6 && month !== 9 && month !== 11);
}

function calendar(form: RegExp): PrimitiveTest {
  const isTime = remembered((text) => form.test(text) && dayExists(text));
  return (value) => typeof value === 'string' && isTime(value);
}

const UUID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/;

/** HL7's engine takes an OID of a few short arcs for a mistake, but for those of ISO's organisations. */
function isOid(value: unknown): boolean {
  return typeof value === 'string' && OID.test(value) && (value.lastIndexOf('.') >= 13 || value.startsWith('urn:oid:1.3'));
}

/** A UUID or OID in front of a fragment or, in a canonical, of a version. */
function isUriOf(value: string, end: RegExp): boolean {
  if (value.length === 0 || /\s/.test(value)) return false;
  if (!value.startsWith('u') && !value.startsWith('o')) return true;
  if (value.startsWith('urn:uuid:')) return UUID.test(value.replace(end, ''));
  return value.startsWith('urn:oid:') ? isOid(value) : !value.startsWith('oid:') && !value.startsWith('uuid:');
}

function uri(isOne: (value: string) => boolean): PrimitiveTest {
  const isUri = remembered(isOne);
  return (value) => typeof value === 'string' && isUri(value);
}

const isUri = uri((value) => isUriOf(value, /#.*$/));

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && (value.charCodeAt(0) > 32 || /\S/.test(value));
}

function isBase64(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0 || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(value)) return false;
  return value.replace(/\s/g, '').length % 4 === 0;
}

/** As loosely as HL7's engine reads it: letters, digits and signs in fours, whatever stands between them. */
export function isNearBase64(text: string): boolean {
  return text.replace(/[^\p{L}\p{Nd}/=+]/gu, '').length % 4 === 0;
}

/** A scheme, in lower case as HL7's engine wants it, and something after it. */
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:[^\s]/;

export const PRIMITIVES: Readonly<Record<string, PrimitiveTest>> = {
  base64Binary: isBase64,
  boolean: (value) => value === true || value === false,
  canonical: uri((value) => isUriOf(value, /[#|].*$/) && (value.startsWith('#') || ABSOLUTE.test(value))),
  code: test(/^\S+(?: \S+)*$/),
  date: calendar(DATE),
  dateTime: calendar(DATE_TIME),
  decimal: (value) => typeof value === 'number' && Number.isFinite(value),
  id: test(/^[A-Za-z0-9\-.]{1,64}$/),
  instant: calendar(INSTANT),
  integer: inRange(-MAX_INT - 1, MAX_INT),
  markdown: isText,
  oid: isOid,
  positiveInt: inRange(1, MAX_INT),
  string: isText,
  // R4 allows a fraction, HL7's engine does not.
  time: test(new RegExp(`^${TIME.replace('(?:\\.\\d+)?', '')}$`)),
  unsignedInt: inRange(0, MAX_INT),
  uri: isUri,
  url: isUri,
  uuid: test(UUID),
  xhtml: isXhtml,
};

export const hasScheme = (text: string): boolean => ABSOLUTE.test(text);

/** The system of an Identifier or a Coding is absolute, else nobody else can know it. */
export const isAbsoluteUri: PrimitiveTest = uri((value) => isUri(value) && ABSOLUTE.test(value));

/** Milliseconds since the epoch; NaN for what is no time. */
export const timeOf: (text: string) => number = remembered(Date.parse);

/**
 * Order of two dates, dateTimes or instants as FHIRPath has it: times of day are taken to UTC, and undefined where the two agree as far
 * as the coarser of their precisions tells. Both texts must have passed their form.
 */
export function compareDates(a: string, b: string): number | undefined {
  if (a.length > 10 && b.length > 10) return Math.sign(timeOf(a) - timeOf(b)) || 0;
  const left = inUtc(a);
  const right = inUtc(b);
  const length = Math.min(left.length, right.length);
  const [start, end] = [left.slice(0, length), right.slice(0, length)];
  if (start === end) return left.length === right.length ? 0 : undefined;
  return start < end ? -1 : 1;
}

function inUtc(text: string): string {
  const time = text.length > 10 ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? text : new Date(time).toISOString();
}
