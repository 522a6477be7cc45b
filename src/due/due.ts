import { dayBefore, plus } from './calendar.ts';
import type { DueService, DueTables, PersonState } from './tables.ts';

/** What is known of a person. Days are `YYYY-MM-DD`. */
export interface PersonFacts {
  readonly birthDate?: string;
  readonly sex?: string;
  /** Days of each event, ascending: `form:anc`, `vaccine:OPV:2`, `observation:8480-6`; of `value:…` the day that was told. */
  readonly events: ReadonlyMap<string, readonly string[]>;
}

export type DueStatus = 'overdue' | 'due' | 'upcoming' | 'done';

export interface DueItem {
  readonly service: DueService;
  readonly status: DueStatus;
  /** First day. */
  readonly from: string;
  /** Last day on which it is in time; there is none for what is only repeated. */
  readonly to?: string;
  /** Days on which it was done, within the time that counts. */
  readonly done: readonly string[];
}

/** How long before it is due something is told. */
const AHEAD = { unit: 'days', count: 30 } as const;

/**
 * What is due for a person on a day: by age, sex, state, and what was done. Services that do not concern the person are left out, and so are
 * those that come later than 30 days from then. What was done after the day does not count.
 *
 * @param today `YYYY-MM-DD`
 */
export function dueFor(facts: PersonFacts, { states, services }: DueTables, today: string): readonly DueItem[] {
  const known = (names: readonly string[]): readonly string[] =>
    [...new Set(names.flatMap((name) => facts.events.get(name) ?? []))].filter((day) => day <= today).sort();
  const begun = new Map(states.flatMap((state) => entry(state.state, beginOf(state, known, today))));
  const items = new Map<string, DueItem>();
  const open = new Set<string>();
  for (const service of services) {
    const item = itemOf(service, facts, begun, known(service.done), items, open, today);
    if (item !== undefined) items.set(service.key, item);
    if (item?.status !== 'done') open.add(service.key);
  }
  return [...items.values()];
}

const entry = (key: string, value: string | undefined): readonly (readonly [string, string])[] =>
  value === undefined ? [] : [[key, value]];

/** The day on which a state began that still holds. */
function beginOf(state: PersonState, known: (names: readonly string[]) => readonly string[], today: string): string | undefined {
  const begin = known(state.starts).at(-1);
  if (begin === undefined) return undefined;
  if (known(state.ends).some((day) => day > begin)) return undefined;
  if (state.days !== undefined && plus(begin, { unit: 'days', count: state.days }) < today) return undefined;
  return begin;
}

function itemOf(
  service: DueService,
  { birthDate, sex }: PersonFacts,
  begun: ReadonlyMap<string, string>,
  done: readonly string[],
  items: ReadonlyMap<string, DueItem>,
  open: ReadonlySet<string>,
  today: string,
): DueItem | undefined {
  if (service.sex !== undefined && service.sex !== sex) return undefined;
  const stateBegin = service.state === undefined ? undefined : begun.get(service.state);
  if (service.state !== undefined && stateBegin === undefined) return undefined;
  const ages = ageSpan(service, birthDate);
  if (ages === undefined) return undefined;
  const window = windowOf(service, { birthDate, begun, done, today, earliest: ages.from ?? stateBegin });
  if (window === undefined) return undefined;
  let { from } = window;
  const { to, counted } = window;
  if (counted.length >= service.times) return { service, status: 'done', from, ...(to !== undefined && { to }), done: counted };
  if (ages.end !== undefined && today >= ages.end) return undefined;
  if (service.after !== undefined) {
    // What must come before is asked for first.
    const before = items.get(service.after);
    if (open.has(service.after) || before === undefined) return undefined;
    const last = before.done.at(-1);
    if (last !== undefined && service.gap !== undefined) from = later(from, plus(last, service.gap));
  }
  if (ages.from !== undefined) from = later(from, ages.from);
  if (from > plus(today, AHEAD)) return undefined;
  // What was asked for later than it should have been still has its time.
  const last = to === undefined ? undefined : later(to, from);
  const status = today < from ? 'upcoming' : last !== undefined && today > last ? 'overdue' : 'due';
  return { service, status, from, ...(last !== undefined && { to: last }), done: counted };
}

interface Window {
  readonly from: string;
  readonly to?: string;
  /** What was done within the time that counts. */
  readonly counted: readonly string[];
}

/** The time in which a service is due, or was due last. */
function windowOf(
  { anchor, from, to, every, months, counts }: DueService,
  given: {
    readonly birthDate: string | undefined;
    readonly begun: ReadonlyMap<string, string>;
    readonly done: readonly string[];
    readonly today: string;
    readonly earliest: string | undefined;
  },
): Window | undefined {
  const { done, today, earliest } = given;
  const begin = anchor === 'birth' ? given.birthDate : anchor === undefined ? undefined : given.begun.get(anchor);
  if (anchor !== undefined && begin === undefined) return undefined;
  if (months.length > 0) {
    // The campaign that is on, else the one to come; a campaign that is over is no longer asked for.
    const [year, month] = [Number(today.slice(0, 4)), Number(today.slice(5, 7))];
    const next = months.find((each) => each >= month);
    const first = `${next === undefined ? year + 1 : year}-${String(next ?? months[0]).padStart(2, '0')}-01`;
    const end = dayBefore(plus(first, { unit: 'months', count: 1 }));
    return { from: first, to: end, counted: done.filter((day) => day >= first) };
  }
  if (every !== undefined) {
    const last = done.at(-1);
    if (last === undefined) return { from: earliest ?? begin ?? today, counted: [] };
    const again = plus(last, every);
    // Late is what is another interval late.
    return again > today ? { from: last, to: dayBefore(again), counted: [last] } : { from: again, to: plus(again, every), counted: [] };
  }
  if (begin === undefined || from === undefined) return undefined;
  const first = plus(begin, from);
  const end = to === undefined ? undefined : plus(begin, to);
  // A visit counts in its own time only: KF1 is not KF2. A dose is itself whenever it was given.
  const since = counts === 'ever' ? begin : first;
  const counted = done.filter((day) => day >= since && (counts !== undefined || end === undefined || day < end));
  return { from: first, ...(end !== undefined && { to: dayBefore(end) }), counted };
}

/** From when to when a person has the age; undefined if the age is not known and matters. */
function ageSpan({ ageFrom, ageTo }: DueService, birthDate: string | undefined): { from?: string; end?: string } | undefined {
  if (ageFrom === undefined && ageTo === undefined) return {};
  if (birthDate === undefined) return undefined;
  return { ...(ageFrom && { from: plus(birthDate, ageFrom) }), ...(ageTo && { end: plus(birthDate, ageTo) }) };
}

const later = (a: string, b: string): string => (a > b ? a : b);
