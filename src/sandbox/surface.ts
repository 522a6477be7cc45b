import { readFileSync } from 'node:fs';
import path from 'node:path';
import { AppError } from '../errors/index.ts';
import { asList, asObject, asText, isObject } from './json.ts';

export type SurfaceName = 'recorded' | 'documented';
export type Verb = 'read' | 'search' | 'create' | 'update' | 'patch' | 'everything';

export interface Parameter {
  readonly kind: 'token' | 'reference' | 'string' | 'date';
  /** Dotted paths below the type; several are alternatives. */
  readonly paths: readonly string[];
  /** Types of a reference value that is given as a bare id. */
  readonly target: readonly string[];
}

/** What one surface offers of a type. */
export interface TypeSurface {
  readonly verbs: ReadonlySet<Verb>;
  /** Parameters that are in some set of this surface. Every other is unknown. */
  readonly parameters: ReadonlyMap<string, Parameter>;
  /** `_count`, `_sort`, `_include`, `_revinclude`, `_id`: those that are in some set. */
  readonly controls: ReadonlySet<string>;
  /** Parameters without which a search is refused. */
  readonly mandatory: readonly string[];
  /** `Type:name` → path of the reference that `_include` follows. */
  readonly include: ReadonlyMap<string, string>;
  /** `Type:name` → path of the reference by which `_revinclude` finds others. */
  readonly revinclude: ReadonlyMap<string, string>;
  /** Whether an operation on a JSON pointer is offered. */
  allowsPatch(operation: string, pointer: string): boolean;
}

/** What holds of a type on either surface. */
export interface TypeFacts {
  readonly recorded: TypeSurface;
  readonly documented: TypeSurface;
  /** Whether other organizations read it only with the patient's consent. */
  readonly consent: boolean;
  /** Element of which PATCH must replace the whole, and the rule that says so. */
  readonly patchInstead: { readonly element: string; readonly rule: number } | undefined;
  /** Pointers that stand for another: a recorded request has one with a capital letter. */
  readonly patchAlias: ReadonlyMap<string, string>;
}

export interface PlatformSurface {
  /** Undefined for a type that neither surface has. */
  of(type: string): TypeFacts | undefined;
  readonly types: readonly string[];
  /** Types that have `$everything`. */
  readonly everything: ReadonlySet<string>;
}

const VERBS: readonly Verb[] = ['read', 'search', 'create', 'update', 'patch', 'everything'];

/**
 * @param text contents of `profiles/platform-surface.json`; read from the package when absent
 * @throws AppError `config` when it is missing or has another form; the detail names the type
 */
export function readSurface(text: string = shippedText()): PlatformSurface {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('config', { detail: 'platform-surface.json: JSON' }, { cause });
  }
  const { types, everything, patchInstead } = asObject(value);
  if (!isObject(types) || !Array.isArray(everything)) throw new AppError('config', { detail: 'platform-surface.json: types, everything' });
  const facts = new Map(
    Object.entries(types).map(([type, entry]) => [type, readType(type, asObject(entry), asObject(asObject(patchInstead)[type]))] as const),
  );
  return { of: (type) => facts.get(type), types: [...facts.keys()], everything: new Set(everything.map(String)) };
}

let ours: PlatformSurface | undefined;

/** The surface that comes with the package, read once. */
export function shippedSurface(): PlatformSurface {
  ours ??= readSurface();
  return ours;
}

function readType(type: string, entry: Readonly<Record<string, unknown>>, instead: Readonly<Record<string, unknown>>): TypeFacts {
  const refuse = (what: string): never => {
    throw new AppError('config', { detail: `platform-surface.json: ${type}.${what}` });
  };
  const parameters = new Map(Object.entries(asObject(entry.parameters)).map(([name, text]) => [name, readParameter(text) ?? refuse(name)]));
  const layer = (names: readonly SurfaceName[]): TypeSurface => {
    const lists = (field: string): readonly string[] => names.flatMap((name) => asList(asObject(entry[name])[field]).map(String));
    const verbs = lists('verbs').map((verb) => (VERBS.includes(verb as Verb) ? (verb as Verb) : refuse(`verbs ${verb}`)));
    const offered = new Set(lists('searches').flatMap((set) => set.split(' ')));
    for (const name of offered) if (!name.startsWith('_') && !parameters.has(name)) refuse(`searches ${name}`);
    const patches = lists('patch').map(readPatch);
    return {
      verbs: new Set(verbs),
      parameters: new Map([...parameters].filter(([name]) => offered.has(name))),
      controls: new Set([...offered].filter((name) => name.startsWith('_'))),
      mandatory: asList(entry.mandatory).map(String),
      include: mapOf(entry.include),
      revinclude: mapOf(entry.revinclude),
      allowsPatch: (operation, pointer) => patches.some((fits) => fits(operation, pointer)),
    };
  };
  const element = asText(instead.element);
  return {
    recorded: layer(['recorded']),
    documented: layer(['recorded', 'documented']),
    consent: entry.consent === true,
    patchInstead: element === undefined ? undefined : { element, rule: Number(instead.rule) },
    patchAlias: mapOf(entry.patchAlias),
  };
}

function readParameter(text: unknown): Parameter | undefined {
  const [kind, ...rest] = String(text).split(' ');
  const first = rest[0];
  if (first === undefined) return undefined;
  if (kind === 'reference') return { kind, paths: [first], target: rest.slice(1) };
  return kind === 'token' || kind === 'string' || kind === 'date' ? { kind, paths: rest, target: [] } : undefined;
}

/** `add /activity/*`: a star stands for one step. `*`: every operation on every path. */
function readPatch(text: string): (operation: string, pointer: string) => boolean {
  if (text === '*') return () => true;
  const [operation, pattern = ''] = text.split(' ');
  const steps = pattern.split('/');
  return (given, pointer) => {
    const parts = pointer.split('/');
    return given === operation && parts.length === steps.length && steps.every((step, index) => step === '*' || step === parts[index]);
  };
}

const mapOf = (value: unknown): ReadonlyMap<string, string> =>
  new Map(Object.entries(asObject(value)).map(([key, text]) => [key, String(text)]));

/** @throws AppError `config` when the file is missing */
export function shippedText(): string {
  const file = path.resolve(import.meta.dirname, '../../profiles/platform-surface.json');
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('config', { detail: 'profiles/platform-surface.json' }, { cause });
  }
}
