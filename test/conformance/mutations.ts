/** Random damage to resources, the same for the same seed. A mutation changes one place and leaves the rest as it was. */
type Json = Record<string, unknown>;

export type Random = () => number;

/** Numbers in [0, 1) from a seed (mulberry32). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const pick = <T>(items: readonly T[], random: Random): T => items[Math.floor(random() * items.length)] as T;

interface Place {
  readonly holder: Json | unknown[];
  readonly key: string | number;
  readonly value: unknown;
  readonly path: string;
}

export interface Mutation {
  readonly kind: string;
  /** Where, as a FHIRPath expression: `Patient.name[0].family`. */
  readonly path: string;
  readonly resource: Json;
}

const isObject = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

function places(resource: Json): Place[] {
  const found: Place[] = [];
  const walk = (holder: Json | unknown[], path: string): void => {
    for (const [key, value] of Object.entries(holder)) {
      if (key === 'resourceType') continue;
      const at = Array.isArray(holder) ? `${path}[${key}]` : `${path}.${key}`;
      found.push({ holder, key: Array.isArray(holder) ? Number(key) : key, value, path: at });
      if (typeof value === 'object' && value !== null) walk(value as Json, at);
    }
  };
  walk(resource, resource.resourceType as string);
  return found;
}

const put = (place: Place, value: unknown): void => {
  (place.holder as Json)[place.key as string] = value;
};

const CHOICE = /^(value|effective|onset|abatement|performed|occurrence|deceased|multipleBirth|medication|timing|scheduled|answer)[A-Z]/;
const OTHER_CHOICES = ['String', 'Quantity', 'DateTime', 'Boolean', 'CodeableConcept', 'Period', 'Reference', 'Coding', 'Integer'];
const BAD_TIMES = [
  '2024-02-30',
  '2024-13-01',
  '2024-02-30T10:00:00Z',
  '2024-05-01T10:00:00',
  '2024-05-01T25:00:00Z',
  '2024-5-1',
  '01-05-2024',
];
const BAD_TARGETS = ['Organization/1', 'Patient/1', 'Nothing/1', '#missing', 'Observation/1', 'x', 'Patient/ ', 'urn:uuid:not-a-uuid'];
const RETYPED: readonly unknown[] = ['text', 7, -3, 1.5, true, { text: 'x' }, [], ['x']];

/** Each changes the place and says whether it did; a place it does not fit is left alone. */
const KINDS: Readonly<Record<string, (place: Place, random: Random) => boolean>> = {
  delete: ({ holder, key }) => {
    if (Array.isArray(holder)) holder.splice(key as number, 1);
    else delete holder[key];
    return true;
  },
  retype: (place, random) => {
    const other = pick(RETYPED, random);
    if (typeof other === typeof place.value && Array.isArray(other) === Array.isArray(place.value)) return false;
    put(place, structuredClone(other));
    return true;
  },
  wrap: (place) => {
    put(place, Array.isArray(place.value) ? place.value[0] : [place.value]);
    return true;
  },
  empty: (place) => {
    if (typeof place.value !== 'string' && typeof place.value !== 'object') return false;
    put(place, typeof place.value === 'string' ? '' : Array.isArray(place.value) ? [] : {});
    return true;
  },
  null: (place) => {
    put(place, null);
    return true;
  },
  'unknown-key': ({ value }, random) => {
    if (!isObject(value)) return false;
    value[pick(['unknownThing', 'Status', 'valueNothing', 'extensions', '_unknown'], random)] = pick(['x', 1, { a: 1 }], random);
    return true;
  },
  'wrong-code': (place, random) => {
    if (typeof place.value !== 'string') return false;
    put(place, pick([`${place.value}-x`, 'not-a-code', place.value.toUpperCase(), ` ${place.value}`, 'a  b'], random));
    return true;
  },
  'wrong-slice': (place, random) => {
    const { holder, key, value } = place;
    if (Array.isArray(holder)) {
      holder.push(structuredClone(value));
      return true;
    }
    if (typeof key === 'string' && CHOICE.test(key)) {
      const name = key.replace(/(^[a-z]+)[A-Z].*/, (_, base: string) => base) + pick(OTHER_CHOICES, random);
      if (name === key) return false;
      if (random() < 0.5) delete holder[key];
      holder[name] = value;
      return true;
    }
    if (key !== 'url' && key !== 'system') return false;
    put(
      place,
      pick(
        ['https://fhir.ilp.example/other', 'relative', 'http://unitsofmeasure.org', 'http://hl7.org/fhir/administrative-gender'],
        random,
      ),
    );
    return true;
  },
  'wrong-time': (place, random) => {
    if (typeof place.value !== 'string' || !/^\d{4}-\d\d/.test(place.value)) return false;
    put(place, pick(BAD_TIMES, random));
    return true;
  },
  'wrong-target': (place, random) => {
    if (place.key !== 'reference' || typeof place.value !== 'string') return false;
    put(place, pick(BAD_TARGETS, random));
    return true;
  },
  'wrong-unit': (place, random) => {
    if (!isObject(place.value) || typeof place.value.value !== 'number') return false;
    place.value.code = pick(['kgg', 'mm[Hg', 'Kg', 'beats', '{score}', 'cel', '10*9/L', 'mg/dl', 'm//s', 'kg.', '%', '1'], random);
    place.value.system = 'http://unitsofmeasure.org';
    return true;
  },
};

export function mutate(body: Json, random: Random): Mutation {
  const names = Object.keys(KINDS);
  for (;;) {
    const resource = structuredClone(body);
    const kind = pick(names, random);
    const all = places(resource);
    const fitting = kind === 'wrong-unit' || kind === 'wrong-target' || kind === 'wrong-time' ? all : [pick(all, random)];
    const start = Math.floor(random() * fitting.length);
    for (let i = 0; i < fitting.length; i++) {
      const place = fitting[(start + i) % fitting.length] as Place;
      if (KINDS[kind]?.(place, random)) return { kind, path: place.path, resource };
    }
  }
}
