/*
 * An official body beside what we make, leaf by leaf.
 *
 * Aside stand: ids, meta, narrative, displays; of what follows only the presence counts: values of identifiers, ids of references, times,
 * texts, names of units. What a published body leaves to its reader (`{{…}}`) is met by any value. The order of a list does not count.
 */

export type Verdict = 'equal' | 'missing' | 'extra';

export interface Finding {
  readonly verdict: Verdict;
  /** Without indexes: `Observation.code.coding.code`. */
  readonly path: string;
  /** Of an element that is there with another value: what the official body says, and what we say. */
  readonly official?: string;
  readonly ours?: string;
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

const ASIDE = new Set(['resourceType', 'id', 'meta', 'display', 'div', 'fullUrl', 'implicitRules', 'language']);
const ANY = '*';
const PRESENT = '·';
/** Elements of words, whose value is aside. */
const WORDS = new Set(['text', 'title', 'unit', 'patientInstruction']);
const TIME = /^\d{4}-\d{2}-\d{2}/;
/** A programme's visit number is a code that stands in an identifier. */
const VISIT_NUMBER = 'http://terminology.kemkes.go.id/CodeSystem/episodeofcare/';
const OWNED_SYSTEM = /^(http:\/\/sys-ids\.kemkes\.go\.id\/[a-z-]+)\/[^/]+(\/.+)?$/;

/** @returns one finding for each leaf of either, those of the official body first in each object */
export function compareBodies(official: object, ours: object | undefined): Finding[] {
  const [left, right] = [reduced(official as Json), ours && reduced(ours as Json)];
  return compare(left, right, String((official as { resourceType?: unknown }).resourceType ?? ''));
}

/** How much of two bodies is the same: for finding which belong together. */
export const likeness = (findings: readonly Finding[]): number =>
  findings.reduce((sum, { verdict }) => sum + (verdict === 'equal' ? 1 : -1), 0);

/** What a resource is about, by its codes; bodies that share none are not the same thing. Empty: the type alone says it. */
export function subjectsOf(resource: object): ReadonlySet<string> {
  const { code, vaccineCode, type, questionnaire } = resource as Record<string, Json | undefined>;
  const found = new Set<string>();
  for (const concept of [code, vaccineCode, type].flat()) {
    for (const coding of ((concept as { coding?: { code?: string }[] } | undefined)?.coding ?? []) as { code?: string }[])
      if (coding.code !== undefined) found.add(coding.code);
  }
  if (typeof questionnaire === 'string') found.add(questionnaire);
  return found;
}

// ---- what is compared of a value

function reduced(value: Json, key = '', parent?: { readonly [key: string]: Json }, parentKey = ''): Json | undefined {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((each) => reduced(each, key, parent, parentKey) ?? []);
  if (typeof value === 'object' && value !== null) {
    const object = value as { readonly [key: string]: Json };
    const entries = Object.entries(object).flatMap(([name, inner]) => {
      const isNarrative = name === 'text' && typeof inner === 'object';
      const kept = ASIDE.has(name) || isNarrative ? undefined : reduced(inner, name, object, key);
      return kept === undefined ? [] : [[name, kept] as const];
    });
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  if (typeof value !== 'string') return value ?? undefined;
  if (key === 'reference') return /^([A-Z][A-Za-z]+)\//.exec(value)?.[1] ?? ANY;
  if (key === 'system') return value.replace(OWNED_SYSTEM, '$1/{owner}$2');
  if (value.includes('{{')) return ANY;
  if (parentKey === 'identifier' && key === 'value') return String(parent?.system).startsWith(VISIT_NUMBER) ? value : PRESENT;
  if (WORDS.has(key)) return PRESENT;
  if (TIME.test(value)) return key.startsWith('value') || key === 'birthDate' || key === 'expirationDate' ? value.slice(0, 10) : PRESENT;
  return value;
}

// ---- comparison

const isObject = (value: Json | undefined): value is { readonly [key: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function compare(official: Json | undefined, ours: Json | undefined, path: string): Finding[] {
  if (official === undefined) return extras(ours, path);
  if (ours === undefined) return leaves(official, path, 'missing');
  if (Array.isArray(official) || Array.isArray(ours)) return compareLists([official].flat() as Json[], [ours].flat() as Json[], path);
  if (isObject(official) && isObject(ours)) {
    const names = new Set([...Object.keys(official), ...Object.keys(ours)]);
    return [...names].flatMap((name) => compare(official[name], ours[name], `${path}.${name}`));
  }
  if (isObject(official) || isObject(ours)) return [...leaves(official, path, 'missing'), ...extras(ours, path)];
  if (official === ours || official === ANY || ours === ANY) return [{ verdict: 'equal', path }];
  return [{ verdict: 'missing', path, official: String(official), ours: String(ours) }];
}

/** Those that are most alike stand beside each other. */
function compareLists(official: readonly Json[], ours: readonly Json[], path: string): Finding[] {
  const pairs = official.flatMap((left, i) =>
    ours.map((right, j) => ({ i, j, findings: compare(left, right, path) })).filter(({ findings }) => findings.some(isEqual)),
  );
  pairs.sort((a, b) => likeness(b.findings) - likeness(a.findings) || Math.abs(a.i - a.j) - Math.abs(b.i - b.j));
  const [lefts, rights] = [new Set<number>(), new Set<number>()];
  const found: Finding[] = [];
  for (const { i, j, findings } of pairs) {
    if (lefts.has(i) || rights.has(j)) continue;
    lefts.add(i);
    rights.add(j);
    found.push(...findings);
  }
  official.forEach((left, i) => {
    if (!lefts.has(i)) found.push(...leaves(left, path, 'missing'));
  });
  ours.forEach((right, j) => {
    if (!rights.has(j)) found.push(...extras(right, path));
  });
  return found;
}

/** An identifier of the sender's is an id, by which what was sent is found again: one more than the example has says nothing else. */
function extras(value: Json | undefined, path: string): Finding[] {
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((each) => extras(each, path));
  const isOwn = path.endsWith('.identifier') && isObject(value) && String(value.system).endsWith('/{owner}');
  return isOwn ? [] : leaves(value, path, 'extra');
}

const isEqual = ({ verdict }: Finding): boolean => verdict === 'equal';

function leaves(value: Json | undefined, path: string, verdict: Verdict): Finding[] {
  if (value === undefined) return [];
  if (Array.isArray(value)) return (value as readonly Json[]).flatMap((each) => leaves(each, path, verdict));
  if (isObject(value)) return Object.entries(value).flatMap(([name, inner]) => leaves(inner, `${path}.${name}`, verdict));
  return [{ verdict, path, ...(verdict === 'missing' ? { official: String(value) } : { ours: String(value) }) }];
}
