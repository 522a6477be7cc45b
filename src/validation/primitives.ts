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

const calendar =
  (form: RegExp): PrimitiveTest =>
  (value) =>
    typeof value === 'string' && form.test(value) && dayExists(value);

const UUID = /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const OID = /^urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+$/;

function isUri(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0 || /\s/.test(value)) return false;
  if (!value.startsWith('urn:')) return true;
  return value.startsWith('urn:uuid:') ? UUID.test(value.toLowerCase()) : !value.startsWith('urn:oid:') || OID.test(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value.length > 0 && (value.charCodeAt(0) > 32 || /\S/.test(value));
}

function isBase64(value: unknown): boolean {
  if (typeof value !== 'string' || value.length === 0 || !/^[A-Za-z0-9+/\s]+={0,2}\s*$/.test(value)) return false;
  return value.replace(/\s/g, '').length % 4 === 0;
}

/** Rule txt-1 in part and txt-2: one `div` of XHTML with content and without anything active. */
function isXhtml(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  const text = value.trim();
  if (!text.startsWith('<div') || !text.endsWith('</div>') || !text.includes('xmlns="http://www.w3.org/1999/xhtml"')) return false;
  if (/<(?:script|object|iframe|form|input|base|link|embed|head|body)\b|\son\w+\s*=|javascript:/i.test(text)) return false;
  return /[^\s<>]/.test(text.replace(/<(?!img)[^>]*>/g, ''));
}

/** A scheme, in lower case as HL7's engine wants it, and something after it. */
const ABSOLUTE = /^[a-z][a-z0-9+.-]*:[^\s]/;

export const PRIMITIVES: Readonly<Record<string, PrimitiveTest>> = {
  base64Binary: isBase64,
  boolean: (value) => value === true || value === false,
  canonical: (value) => isUri(value) && ((value as string).startsWith('#') || ABSOLUTE.test(value as string)),
  code: test(/^\S+(?:\s\S+)*$/),
  date: calendar(DATE),
  dateTime: calendar(DATE_TIME),
  decimal: (value) => typeof value === 'number' && Number.isFinite(value),
  id: test(/^[A-Za-z0-9\-.]{1,64}$/),
  instant: calendar(INSTANT),
  integer: inRange(-MAX_INT - 1, MAX_INT),
  markdown: isText,
  oid: test(OID),
  positiveInt: inRange(1, MAX_INT),
  string: isText,
  time: test(new RegExp(`^${TIME}$`)),
  unsignedInt: inRange(0, MAX_INT),
  uri: isUri,
  url: isUri,
  uuid: test(UUID),
  xhtml: isXhtml,
};

/** The system of an Identifier or a Coding is absolute, else nobody else can know it. */
export const isAbsoluteUri: PrimitiveTest = (value) => isUri(value) && ABSOLUTE.test(value as string);

/**
 * Order of two dates, dateTimes or instants; 0 when their precisions do not allow to tell them apart.
 * Both texts must have passed their form.
 */
export function compareDates(a: string, b: string): number {
  if (a.length > 10 && b.length > 10) return Math.sign(Date.parse(a) - Date.parse(b)) || 0;
  const length = Math.min(a.length, b.length, 10);
  const left = a.slice(0, length);
  const right = b.slice(0, length);
  // A day beside an instant may be the neighbouring day in the other's zone.
  if (length === 10 && a.length !== b.length && Math.abs(Date.parse(left) - Date.parse(right)) <= 86_400_000) return 0;
  return left < right ? -1 : left > right ? 1 : 0;
}
