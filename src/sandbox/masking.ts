import { SYSTEMS } from '../terminology/systems.ts';
import { asList, asObject, asText, isObject, type JsonObject } from './json.ts';

/**
 * How much of a patient an answer shows; each look-up of the platform has its own. `masked`: by NIK, by number, by id. `nik-masked`: by
 * name, date of birth and gender. `full`: by NIK, name and date of birth. `child`: by the mother's NIK.
 */
export type View = 'masked' | 'nik-masked' | 'full' | 'child';

/** Elements that a view shows; all of them when it has no row. */
const SHOWN: Partial<Record<View, readonly string[]>> = {
  masked: ['active', 'id', 'identifier', 'link', 'meta', 'name', 'resourceType'],
  child: ['active', 'birthDate', 'id', 'identifier', 'meta', 'multipleBirthInteger', 'name', 'resourceType'],
};

/** Numbers that are no secret: the platform's own, and the mother's NIK, which whoever reads it has asked with. */
const READABLE: readonly string[] = [SYSTEMS.ihsNumber, SYSTEMS.nikIbu];

/** A patient as a view shows it. */
export function shown(patient: JsonObject, view: View): JsonObject {
  const elements = SHOWN[view];
  const kept = elements === undefined ? patient : Object.fromEntries(Object.entries(patient).filter(([name]) => elements.includes(name)));
  return {
    ...kept,
    identifier: view === 'full' ? patient.identifier : asList(patient.identifier).map(maskIdentifier),
    ...(view === 'masked' && { name: asList(patient.name).map(maskNameElement) }),
    ...(Array.isArray(kept.address) && { address: kept.address.map((address) => maskAddress(address, view === 'full')) }),
  };
}

/** Two letters of every word and two stars; one letter of a title. The platform's own pattern. */
export const maskName = (name: string): string =>
  name
    .split(/\s+/)
    .filter((word) => word !== '')
    .map((word) => `${[...word].slice(0, [...word].length <= 3 ? 1 : 2).join('')}**`)
    .join(' ');

function maskNameElement(name: unknown): unknown {
  const { text, use } = asObject(name);
  return { ...(typeof text === 'string' && { text: maskName(text) }), ...(use !== undefined && { use }) };
}

function maskIdentifier(identifier: unknown): unknown {
  const { system, value } = asObject(identifier);
  if (!isObject(identifier) || READABLE.includes(asText(system) ?? '')) return identifier;
  return { ...identifier, value: '#'.repeat(String(value ?? '').length) };
}

/** In the order of the recorded answer. */
const AREAS = ['province', 'city', 'district', 'village', 'rw', 'rt'];

/** The area codes lose their values and their common extension; of a line nine letters stay. */
function maskAddress(address: unknown, readable: boolean): unknown {
  if (!isObject(address)) return address;
  const given = asList(address.extension).flatMap((extension) => asList(asObject(extension).extension));
  const areas = AREAS.filter((area) => given.some((extension) => asObject(extension).url === area)).map((url) => ({ url }));
  const line = asList(address.line).map((text) => (readable ? text : `${[...String(text)].slice(0, 9).join('').trimEnd()}***`));
  return { ...address, ...(areas.length > 0 && { extension: areas }), ...(line.length > 0 && { line }) };
}
