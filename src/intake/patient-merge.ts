import type { Resource } from '@medplum/fhirtypes';

import { canonicalJson } from '../store/canonical.ts';

type Json = Readonly<Record<string, unknown>>;
type Stored = Resource & { id: string };

/** A person told of in full by a visit: what it does not say stays. */
export function mergePatient(stored: Stored, incoming: Stored): Stored {
  const { meta: _, ...kept } = stored as Stored & { identifier?: readonly Json[] };
  const own = (incoming as { identifier?: readonly Json[] }).identifier ?? [];
  const systems = new Set(own.map(({ system }) => system));
  const identifier = [...own, ...(kept.identifier ?? []).filter(({ system }) => !systems.has(system))];
  return { ...kept, ...incoming, ...(identifier.length > 0 && { identifier }) } as Stored;
}

export function withLink(patient: Stored, other: string, type: string): Stored {
  const { meta: _, ...rest } = patient as Stored & { link?: readonly { other: { reference?: string }; type: string }[] };
  if (rest.link?.some((link) => link.other.reference === other)) return rest as Stored;
  return { ...rest, link: [...(rest.link ?? []), { other: { reference: other }, type }] } as Stored;
}

/** What a person's resource says, by statement: elements, identifiers by system, extensions by URL. */
type Statements = Map<string, { readonly value: unknown; readonly expression: string }>;

/** Not said by one source: identity, what we keep ourselves, and where each source has the person registered. */
const NOT_SAID = new Set(['resourceType', 'id', 'meta', 'link', 'active', 'managingOrganization', 'patient']);

function statementsOf(resource: Stored): Statements {
  const found: Statements = new Map();
  for (const [name, value] of Object.entries(resource)) {
    if (NOT_SAID.has(name)) continue;
    if (name === 'identifier' || name === 'extension') {
      (value as readonly Json[]).forEach((part, index) => {
        found.set(`${name}|${part.system ?? part.url}`, { value: part, expression: `${resource.resourceType}.${name}[${index}]` });
      });
    } else found.set(name, { value, expression: `${resource.resourceType}.${name}` });
  }
  return found;
}

export interface Said {
  /** What the source says now. */
  readonly now: Stored;
  /** What the same source said before, if it did. */
  readonly before: Stored | undefined;
  /** What other sources say; asked for only where the source takes back a statement that it made. */
  readonly others: () => Promise<readonly Stored[]>;
}

/**
 * A person of several sources. What a source newly says holds, also that it no longer says something; what it repeats changes nothing,
 * and what only others said stays.
 *
 * @returns with the expressions at which another source says otherwise
 */
export async function mergeSources(stored: Stored, said: Said): Promise<{ merged: Stored; differing: readonly string[] }> {
  const known = statementsOf(stored);
  const now = statementsOf(said.now);
  const before: Statements = said.before ? statementsOf(said.before) : new Map();
  const same = (a: { value: unknown } | undefined, b: { value: unknown } | undefined): boolean =>
    a !== undefined && b !== undefined && canonicalJson(a.value) === canonicalJson(b.value);
  const result = new Map([...known].map(([name, { value }]) => [name, value]));
  const differing: string[] = [];
  for (const [name, statement] of now) {
    const current = known.get(name);
    if (same(current, statement)) continue;
    const own = before.get(name);
    const repeated = current !== undefined && same(own, statement);
    if (!repeated) result.set(name, statement.value);
    if (current !== undefined && !same(current, own)) differing.push(statement.expression);
  }
  const gone = [...before.keys()].filter((name) => !now.has(name) && same(known.get(name), before.get(name)));
  if (gone.length > 0) {
    const others = (await said.others()).map(statementsOf);
    for (const name of gone) {
      const other = others.find((statements) => statements.has(name));
      if (other) result.set(name, other.get(name)?.value);
      else result.delete(name);
    }
  }
  const { link } = stored as { link?: unknown };
  const kept = Object.fromEntries(Object.entries(said.now).filter(([name]) => NOT_SAID.has(name)));
  const listed = (name: string) => [...result].filter(([key]) => key.startsWith(`${name}|`)).map(([, value]) => value);
  const [identifier, extension] = [listed('identifier'), listed('extension')];
  const merged = {
    ...kept,
    ...(identifier.length > 0 && { identifier }),
    ...(extension.length > 0 && { extension }),
    ...Object.fromEntries([...result].filter(([name]) => !name.includes('|'))),
    ...(link !== undefined && { link }),
  };
  return { merged: merged as unknown as Stored, differing };
}
