import { AppError } from '../../errors/index.ts';
import type { Feed } from '../../store/port.ts';
import { tableSays } from '../table-problems.ts';

/** One row of a layout file: where a source field goes and how its value is read. */
export interface LayoutField {
  /** Path in the normalised record: `vitals.systolic`, `diagnoses[].code`. */
  readonly to: string;
  /** Kind of value; taken over from the base layout when absent. */
  readonly kind?: string;
  /** Other names of the field; case, blanks and punctuation do not count. */
  readonly from?: readonly string[];
  /** Field whose value is used when this one is empty. */
  readonly orElse?: string;
  /** Values that this name says beside its own: `gds` is glucose, and random. */
  readonly set?: Readonly<Record<string, string>>;
}

export interface Layout {
  readonly name: string;
  readonly extends?: string;
  readonly description: string;
  /** How `05/03/2026` is read; `-warn` reports those that could be read as month first. */
  readonly dates?: 'day-first' | 'day-first-warn';
  readonly feeds: Readonly<Partial<Record<Feed, readonly LayoutField[]>>>;
}

/** Words of `tokens.json`: per table the standard value and the words that mean it. */
export interface TokenTable {
  readonly blank: readonly string[];
  readonly boolean: { readonly true: readonly string[]; readonly false: readonly string[] };
  readonly values: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;
}

export interface ClusterTable {
  readonly clusters: readonly { readonly code: string; readonly id: string; readonly en: string; readonly aliases: readonly string[] }[];
  readonly poli: readonly { readonly name: string; readonly cluster: string; readonly aliases: readonly string[] }[];
}

export interface Target {
  readonly path: string;
  readonly kind: string;
  readonly set?: Readonly<Record<string, string>>;
}

/** A layout with everything it extends, as look-up tables. */
export interface CompiledLayout {
  readonly name: string;
  readonly dates: 'day-first' | 'day-first-warn';
  readonly feeds: ReadonlyMap<Feed, CompiledFeed>;
}

export interface CompiledFeed {
  /** Container path (`''`, `vitals`, `diagnoses[]`) → canonical name → target. */
  readonly scopes: ReadonlyMap<string, ReadonlyMap<string, Target>>;
  readonly orElse: readonly { readonly to: string; readonly from: string }[];
}

/** The form in which names and words are compared: lower case, letters and digits only. */
export function canonical(text: string): string {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}✓✔✗✘]/gu, '');
}

/** Resolves `extends` and builds the look-ups. Raises `config` for an unknown base, a cycle, or a field without kind. */
export function compileLayouts(layouts: readonly Layout[]): ReadonlyMap<string, CompiledLayout> {
  const byName = new Map(layouts.map((layout) => [layout.name, layout]));
  const compiled = new Map<string, CompiledLayout>();
  for (const layout of layouts) compiled.set(layout.name, compile(chainOf(layout, byName)));
  return compiled;
}

/** The layout and its bases, the most general first. */
function chainOf(layout: Layout, byName: ReadonlyMap<string, Layout>): readonly Layout[] {
  const chain: Layout[] = [];
  let current: Layout | undefined = layout;
  while (current) {
    if (chain.includes(current)) throw new AppError('config', { detail: tableSays('layout-itself', { layout: layout.name }) });
    chain.unshift(current);
    if (current.extends === undefined) break;
    const base: Layout | undefined = byName.get(current.extends);
    if (!base) throw new AppError('config', { detail: tableSays('layout-base', { layout: current.name, base: current.extends }) });
    current = base;
  }
  return chain;
}

function compile(chain: readonly Layout[]): CompiledLayout {
  const last = chain[chain.length - 1] as Layout;
  const feeds = new Map<Feed, CompiledFeed>();
  for (const feed of new Set(chain.flatMap((layout) => Object.keys(layout.feeds) as Feed[]))) {
    const kinds = new Map<string, string>();
    const scopes = new Map<string, Map<string, Target>>();
    const orElse: { to: string; from: string }[] = [];
    const put = (scope: string, name: string, target: Target): void => {
      const names = scopes.get(scope) ?? new Map<string, Target>();
      names.set(canonical(name), target);
      scopes.set(scope, names);
    };
    for (const layout of chain) {
      for (const field of layout.feeds[feed] ?? []) {
        const known = kinds.get(field.to) ?? (field.to.includes('answers.') ? 'answer' : undefined);
        const kind = field.kind ?? known;
        if (kind === undefined)
          throw new AppError('config', { detail: tableSays('layout-kind', { layout: layout.name, feed, field: field.to }) });
        const target: Target = { path: field.to, kind, ...(field.set && { set: field.set }) };
        const nested = field.to.slice(0, Math.max(field.to.lastIndexOf('.'), 0));
        if (!kinds.has(field.to) && !field.to.includes('answers.')) put(nested, field.to.slice(field.to.lastIndexOf('.') + 1), target);
        // Only the first layout of a chain describes the nested form; those that build on it give column names.
        for (const name of field.from ?? []) put(layout.extends === undefined ? nested : '', name, target);
        if (field.orElse) orElse.push({ to: field.to, from: field.orElse });
        kinds.set(field.to, kind);
      }
    }
    feeds.set(feed, { scopes, orElse });
  }
  return { name: last.name, dates: [...chain].reverse().find((layout) => layout.dates)?.dates ?? 'day-first-warn', feeds };
}
