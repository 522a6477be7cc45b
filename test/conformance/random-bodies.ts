import { readFileSync } from 'node:fs';
import type { StructureDefinition } from '@medplum/fhirtypes';
import type { R4Element, R4Elements } from '../../src/terminology/r4-elements.ts';
import type { Body } from './bodies.ts';
import { pick, type Random } from './mutations.ts';

/**
 * Resources made from the element table by chance: elements that nobody writes by hand, in combinations nobody thinks of. Structure,
 * types and codes are sound; invariants may be broken, which both validators must then say.
 */
type Json = Record<string, unknown>;

const read = <T>(file: string): T => JSON.parse(readFileSync(new URL(`../../profiles/r4/${file}`, import.meta.url), 'utf8')) as T;
const elements: R4Elements = { ...read<R4Elements>('elements.json'), ...read<R4Elements>('other-elements.json') };
const valueSets = read<Record<string, Record<string, string[]>>>('value-sets.json');
const codeSystems = Object.entries(read<Record<string, string>>('code-systems.json'));

/** Bundles and Parameters hold whole resources, which nothing here puts together. */
export const MADE_TYPES: readonly string[] = Object.keys(elements).filter(
  (key) => elements[key]?.kind === 'resource' && key !== 'Bundle' && key !== 'Parameters',
);

const extensions = Object.values(read<Record<string, StructureDefinition>>('extensions.json'));
const HL7 = 'http://hl7.org/fhir/StructureDefinition/';

const PRIMITIVES: Readonly<Record<string, readonly unknown[]>> = {
  base64Binary: ['aGFsbw==', 'YQ=='],
  boolean: [true, false],
  canonical: [
    'https://example.org/fhir/canonical',
    'https://example.org/fhir/canonical|2.0',
    'urn:uuid:c757873d-ec9a-4326-a141-556f43239520',
  ],
  code: ['a', 'a-b', 'a b', 'A1'],
  date: ['2025', '2025-02', '2024-02-29', '2025-03-04'],
  dateTime: ['2025', '2025-02', '2025-03-04', '2025-03-04T08:00:00+07:00', '2025-03-04T08:00:00.123Z', '2025-03-05T08:00:00-03:30'],
  decimal: [0, 1, 2.5, -1.25, 1e-7, 120],
  id: ['a', 'a-b.c', '0123456789012345678901234567890123456789012345678901234567890123'],
  instant: ['2025-03-04T08:00:00+07:00', '2025-03-04T08:00:00.5Z'],
  integer: [0, 1, -7, 2_147_483_647],
  markdown: ['teks *tebal*', 'dua\nbaris'],
  oid: ['urn:oid:1.2.360.1', 'urn:oid:2.16.840.1.113883'],
  positiveInt: [1, 2, 40],
  string: ['teks', 'dua kata', 'tanda < & "kutip"', 'é 漢', '12'],
  time: ['08:00:00', '23:59:59'],
  unsignedInt: [0, 1, 40],
  uri: ['https://example.org/x', 'urn:oid:1.2.360.1', 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520', 'http://example.org/a#b'],
  url: ['https://example.org/x', 'mailto:a@example.org'],
  uuid: ['urn:uuid:c757873d-ec9a-4326-a141-556f43239520'],
  xhtml: ['<div xmlns="http://www.w3.org/1999/xhtml"><p>teks</p></div>', '<div xmlns="http://www.w3.org/1999/xhtml">a &lt; b<br/></div>'],
};
const SYSTEMS = ['http://loinc.org', 'http://snomed.info/sct', 'http://hl7.org/fhir/sid/icd-10', 'https://example.org/codes'];
const LANGUAGES = ['id', 'id-ID', 'en', 'su'];
const UNITS = ['kg', 'mm[Hg]', '1', 'd', 'h', 'a', '10*3/uL', '{beats}/min'];
const UCUM = 'http://unitsofmeasure.org';
const DEEPEST = 5;

export function randomBody(type: string, random: Random): Body {
  return { resourceType: type, ...node(type, random, 0) } as Body;
}

function node(key: string, random: Random, depth: number): Json {
  const made: Json = {};
  const all = Object.entries(elements[key]?.elements ?? {});
  // A lavish and a frugal resource find different faults.
  const share = depth === 0 ? 0.1 + random() * 0.5 : depth === 1 ? 0.1 + random() * 0.4 : 0.15;
  for (const [name, element] of all)
    if (element.min > 0 || random() < share * weight(name, depth)) give(made, key, name, element, random, depth);
  if (all.length > 0 && Object.keys(made).length === 0) {
    const [name, element] =
      pick(
        all.filter(([each]) => !/^(id|extension|modifierExtension)$/.test(each)),
        random,
      ) ?? [];
    if (name !== undefined && element !== undefined) give(made, key, name, element, random, depth);
  }
  return made;
}

const weight = (name: string, depth: number): number => {
  if (/^(implicitRules|modifierExtension|contained|id|language)$/.test(name)) return 0.1;
  if (name === 'extension') return depth === 0 ? 0.15 : 0.08;
  return depth > DEEPEST ? 0 : 1;
};

function give(made: Json, owner: string, name: string, element: R4Element, random: Random, depth: number): void {
  const { code = 'string' } = pick(element.types, random) ?? {};
  const full = element.choice ? name + code.charAt(0).toUpperCase() + code.slice(1) : name;
  const one = () => value(owner, name, code, element, random, depth);
  if (owner === 'Extension' && name === 'extension') return;
  if (element.max === 1) made[full] = one();
  else made[full] = Array.from({ length: Math.max(element.min, random() < 0.7 ? 1 : 2) }, one);
}

function value(owner: string, name: string, code: string, element: R4Element, random: Random, depth: number): unknown {
  if (element.ref === undefined && code in PRIMITIVES) return primitive(owner, name, code, element, random);
  if (code === 'Reference') return reference(element, random);
  if (code === 'Resource') return { resourceType: 'Basic', id: `c${Math.floor(random() * 90)}`, code: { text: 'teks' } };
  if (code === 'CodeableConcept') return concept(element, random);
  if (code === 'Coding') return coding(element, random);
  if (code === 'Extension') return extension(owner, name, random, depth);
  if (/^(Quantity|Age|Count|Distance|Duration)$/.test(code)) return quantity(code, random);
  if (code === 'Meta')
    return { versionId: '1', lastUpdated: '2025-03-04T08:00:00+07:00', ...(random() < 0.3 && { tag: [coding(element, random)] }) };
  return node(element.ref ?? code, random, depth + 1);
}

function primitive(owner: string, name: string, code: string, { binding, ref }: R4Element, random: Random): unknown {
  if (name === 'language' && code === 'code') return pick(LANGUAGES, random);
  const set = ref === undefined && binding?.strength === 'required' ? valueSets[binding.valueSet] : undefined;
  if (set !== undefined && /^(code|string|uri)$/.test(code)) return pick(Object.values(set).flat(), random);
  if (binding?.valueSet.endsWith('/mimetypes')) return pick(['text/plain', 'image/jpeg', 'application/pdf'], random);
  if (binding?.valueSet.endsWith('/currencies')) return 'IDR';
  if (owner === 'Attachment' && name === 'data') return 'QUJD';
  if (owner === 'Attachment' && name === 'size') return 3;
  if (owner === 'Attachment' && name === 'hash') return 'PAG9uybzWLqyfyZ5JKosmgP8/bg=';
  return pick(PRIMITIVES[code] ?? ['x'], random);
}

function reference({ types }: R4Element, random: Random): Json {
  const targets = types.find(({ code }) => code === 'Reference')?.targets?.filter((each) => each !== 'Resource') ?? [];
  const type = targets.length > 0 ? pick(targets, random) : 'Patient';
  return pick<() => Json>(
    [
      () => ({ reference: `${type}/a1` }),
      () => ({ reference: `${type}/a1`, type, display: 'teks' }),
      () => ({ reference: `https://example.org/fhir/${type}/a1/_history/2` }),
      () => ({ reference: 'urn:uuid:c757873d-ec9a-4326-a141-556f43239520' }),
      () => ({ identifier: { system: 'https://example.org/sid', value: 'x' } }),
      () => ({ type, identifier: { value: 'x' } }),
      () => ({ display: 'teks' }),
    ],
    random,
  )();
}

function coding({ binding }: R4Element, random: Random): Json {
  const set = binding === undefined ? undefined : Object.entries(valueSets[binding.valueSet] ?? {}).filter(([, codes]) => codes.length > 0);
  if (set !== undefined && set.length > 0 && (binding?.strength === 'required' || random() < 0.7)) {
    const [system, codes] = pick(set, random);
    return { system, code: pick(codes, random) };
  }
  if (random() < 0.5) {
    const [system, codes] = pick(codeSystems, random);
    return { system, code: pick(codes.split('\n'), random) };
  }
  return {
    system: pick(SYSTEMS, random),
    code: pick(['A1', '12', 'a-b'], random),
    ...(random() < 0.3 && { display: 'teks', version: '1' }),
  };
}

function concept(element: R4Element, random: Random): Json {
  if (element.binding?.strength !== 'required' && random() < 0.4) return { text: 'teks' };
  return { coding: Array.from({ length: random() < 0.8 ? 1 : 2 }, () => coding(element, random)), ...(random() < 0.3 && { text: 'teks' }) };
}

function quantity(code: string, random: Random): Json {
  const unit = code === 'Age' ? 'a' : code === 'Count' ? '1' : code === 'Duration' ? 'h' : code === 'Distance' ? 'm' : pick(UNITS, random);
  if (code === 'Quantity' && random() < 0.3) return { value: pick([0, 1, 2.5, -1], random), unit: 'buah' };
  return { value: pick(code === 'Count' ? [1, 2] : [1, 2.5, 70], random), unit, system: UCUM, code: unit };
}

function extension(owner: string, name: string, random: Random, depth: number): Json {
  if (name === 'extension' && random() < 0.5) {
    const known = extensions.filter(({ context }) => context?.some(({ expression }) => expression === owner || expression === 'Element'));
    // Not always where it belongs: that, too, both must see.
    if (known.length > 0) return defined(random() < 0.8 ? pick(known, random) : pick(extensions, random), random, depth);
  }
  const url = `https://example.org/ext/${Math.floor(random() * 9)}`;
  if (random() < 0.2)
    return {
      url,
      extension: [
        { url: 'a', valueString: 'x' },
        { url: 'b', valueBoolean: true },
      ],
    };
  const made: Json = { url };
  const choice = elements.Extension?.elements.value;
  if (choice !== undefined) give(made, 'Extension', 'value', choice, random, depth + 1);
  return made;
}

/** One of HL7's extensions, as it is defined. */
function defined({ url, differential }: StructureDefinition, random: Random, depth: number): Json {
  const rules = differential?.element ?? [];
  const valued = (id: string): Json => {
    const rule = rules.find((each) => each.id === `${id}.value[x]`);
    const made: Json = {};
    if (rule?.type === undefined) return { valueString: 'teks' };
    const targets = (code = '') => rule.type?.find((type) => type.code === code)?.targetProfile?.map((each) => each.replace(HL7, ''));
    const types = rule.type.map(({ code = '' }) => ({ code, ...(targets(code) && { targets: targets(code) as string[] }) }));
    const binding = rule.binding as R4Element['binding'];
    give(made, 'Extension', 'value', { min: 1, max: 1, types, choice: true, ...(binding && { binding }) }, random, depth + 1);
    return made;
  };
  const parts = rules.filter(({ id, sliceName }) => sliceName !== undefined && /^Extension\.extension:[^.]+$/.test(id ?? ''));
  if (parts.length === 0) return { url, ...valued('Extension') };
  const chosen = parts.filter(({ min }) => (min ?? 0) > 0 || random() < 0.6);
  return {
    url,
    extension: (chosen.length > 0 ? chosen : parts.slice(0, 1)).map(({ id = '' }) => ({
      url: rules.find((each) => each.id === `${id}.url`)?.fixedUri ?? id.split(':').at(-1),
      ...valued(id),
    })),
  };
}
