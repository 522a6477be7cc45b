import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/index.ts';
import type { Pack, Question } from '../../src/mapping/packs.ts';
import { idOfRole, type MapCase } from '../../src/mapping/tools/index.ts';
import type { Explained } from '../../src/mapping/types.ts';
import { mapper, run, tables } from './maps/harness.ts';

/*
 * Over the cases of all packs, of many answers evenly chosen ones: an answer that is changed, or left out, changes the elements that
 * `--explain` names for it, and no others.
 * What the tables make depend on another answer (`when` in items.csv) comes and goes with that answer.
 */

type Answers = Record<string, unknown>;
interface Raw {
  readonly services: readonly { readonly form: string; readonly answers?: Answers }[];
}

/** How many answers are tried of all packs together: as many as take a few seconds. */
const TRIED = 120;

const folder = path.join(packageRoot, 'mappings/packs');
const cases = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => path.basename(file) === 'input.json')
  .sort()
  .map((file) => ({ name: path.dirname(file), one: JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as MapCase }));

const total = cases.reduce((sum, { one }) => sum + answersOf(one).length, 0);
const step = Math.max(1, Math.ceil(total / TRIED));

describe.each(cases)('$name', ({ one }) => {
  const before = observe(one);
  const answered = answersOf(one);

  it('answers questions of a pack', () => expect(answered.length).toBeGreaterThan(0));

  it.each(answered.filter((_, index) => index % step === 0))('$name', ({ pack, question, service }) => {
    const field = `services[${service}].answers.${question.name}`;
    const conditional = dependants(pack, question);
    const another = anotherValue(pack, question, readAt(before.record, service, question.name));
    const named = before.explained.filter((each) => isOf(each.field, field));

    if (another !== undefined) {
      const after = observe(withAnswer(one, service, question.name, another));
      expect(unnamed(before, after, field, conditional)).toEqual([]);
      expect(unnamed(after, before, field, conditional)).toEqual([]);
      const isSeen = named.some(({ role }) => differs(before.resources.get(role), after.resources.get(role)));
      expect(named.length === 0 || isSeen, 'a changed answer is seen in what it is named for').toBe(true);
    }

    const without = observe(withAnswer(one, service, question.name, undefined));
    expect(unnamed(before, without, field, conditional)).toEqual([]);
    expect(unnamed(without, before, field, conditional)).toEqual([]);
    for (const { role, expression } of named) expect(lostAt(before, without, role, expression), `${role} ${expression}`).toBe(true);
  });
});

// ---- what comes out

interface Seen {
  readonly record: unknown;
  /** Leaves of each resource by role: path without indexes and value. */
  readonly resources: ReadonlyMap<string, readonly string[]>;
  readonly items: ReadonlyMap<string, string>;
  readonly references: ReadonlyMap<string, string>;
  /** Slow: only where it is asked for. */
  readonly explained: readonly Explained[];
}

function observe(one: MapCase): Seen {
  const { record, context, mapped } = run(one);
  let explained: readonly Explained[] | undefined;
  return {
    record,
    resources: new Map(mapped.resources.map(({ role, resource }) => [role, leaves(resource, resource.resourceType)])),
    items: new Map(mapped.resources.map(({ role, item }) => [role, item])),
    references: new Map(mapped.resources.map(({ role, resource }) => [`${resource.resourceType}/${resource.id}`, role])),
    get explained() {
      explained ??= mapper.explain(one.feed, record, context, idOfRole);
      return explained;
    },
  };
}

function leaves(value: unknown, where: string): string[] {
  if (Array.isArray(value)) return value.flatMap((each) => leaves(each, where));
  if (typeof value !== 'object' || value === null) return [`${where} = ${JSON.stringify(value)}`];
  return Object.entries(value).flatMap(([key, inner]) => (key === 'id' || key === 'resourceType' ? [] : leaves(inner, `${where}.${key}`)));
}

const plain = (expression: string): string => expression.replace(/\[\d+\]/g, '');
const isOf = (field: string, changed: string): boolean => field === changed || field.startsWith(`${changed}[`);
/** A questionnaire's own frame stands or falls with its answers as a whole. */
const isAbove = (field: string, changed: string): boolean => field !== '' && changed.startsWith(`${field}.`);
const isAt = (leaf: string, expression: string): boolean => {
  const rest = leaf.startsWith(expression) ? leaf[expression.length] : undefined;
  return rest === '.' || rest === ' ';
};

/** Parts that come and go as one with what is named in them. */
const WHOLE = /^(Observation\.component|QuestionnaireResponse(\.item|\.answer)*\.answer)(?=\.)/;

/**
 * What maps of packs write by conditions over answers: `--explain` names where values come from, not what they depend on. The sections of a
 * summary stand as long as something is in them.
 */
const CONDITIONS: Readonly<Record<string, RegExp>> = {
  sejak: /^condition:riwayat-penyakit/,
  dikerjakan: /^procedure:tindakan/,
  diminta: /^servicerequest:tindakan/,
};
const SUMMARY = /^composition:/;

/** Leaves of the first that the second does not have, each as often as it is missing. */
function lost(first: readonly string[] = [], second: readonly string[] = []): string[] {
  const rest = [...second];
  return first.filter((leaf) => {
    const index = rest.indexOf(leaf);
    if (index >= 0) rest.splice(index, 1);
    return index < 0;
  });
}

const differs = (first?: readonly string[], second?: readonly string[]): boolean =>
  lost(first, second).length + lost(second, first).length > 0;

/** What the first has and the second has not, though nothing says that it comes of the field. */
function unnamed(first: Seen, second: Seen, field: string, conditional: ReadonlySet<string>): string[] {
  return [...first.resources].flatMap(([role, all]) => {
    const isConditional =
      conditional.has(first.items.get(role) ?? '') || CONDITIONS[field.replace(/^services\[\d+\]\.answers\./, '')]?.test(role);
    const gone = isConditional || SUMMARY.test(role) ? [] : lost(all, second.resources.get(role)).filter(isOfOther);
    if (gone.length === 0) return [];
    const named = first.explained.filter((each) => each.role === role && (isOf(each.field, field) || isAbove(each.field, field)));
    // A resource that is there for this answer goes with all it has, and so do a component and what stands below an answer.
    if (!second.resources.has(role) && named.length > 0) return [];
    const places = named.flatMap(({ expression }) => [plain(expression), ...(WHOLE.exec(plain(expression))?.slice(0, 1) ?? [])]);
    return gone.filter((leaf) => !places.some((place) => isAt(leaf, place))).map((leaf) => `${role} ${leaf}`);
  });

  /** A reference to what is not there any more is not kept. */
  function isOfOther(leaf: string): boolean {
    const target = first.references.get(/\.reference = "(.+)"$/.exec(leaf)?.[1] ?? '');
    return target === undefined || second.resources.has(target);
  }
}

function lostAt(first: Seen, second: Seen, role: string, expression: string): boolean {
  return lost(first.resources.get(role), second.resources.get(role)).some((leaf) => isAt(leaf, plain(expression)));
}

// ---- answers

/** The answers of a case to questions of packs. */
function answersOf(one: MapCase): { pack: Pack; question: Question; service: number; name: string }[] {
  return (one.raw as Raw).services.flatMap(({ form, answers = {} }, service) =>
    Object.keys(answers).flatMap((name) => {
      const pack = tables.packs.find((each) => each.questions.some((question) => question.form === form && question.name === name));
      const question = pack?.questions.find((each) => each.form === form && each.name === name);
      return pack === undefined || question === undefined ? [] : [{ pack, question, service, name: `${form}.${name}` }];
    }),
  );
}

/** Items whose condition asks for this answer, as keys of the delivery policy. */
function dependants(pack: Pack, { form, name }: Question): ReadonlySet<string> {
  const items = pack.items.filter((item) => item.form === form && item.when.some((part) => new RegExp(`^!?${name}(!?=|$)`).test(part)));
  return new Set(
    items.map(({ item, questionnaire }) => (questionnaire === undefined ? item : `${pack.name}.${questionnaire.split('/').at(-1)}`)),
  );
}

function withAnswer(one: MapCase, service: number, name: string, value: unknown): MapCase {
  const raw = structuredClone(one.raw) as { services: { answers: Answers }[] };
  const answers = raw.services[service]?.answers as Answers;
  if (value === undefined) delete answers[name];
  else answers[name] = value;
  return { ...one, raw };
}

const readAt = (record: unknown, service: number, name: string): unknown => (record as Raw).services[service]?.answers?.[name];

/** An answer that is possible too, and stands for something else; undefined when there is only one. */
function anotherValue(pack: Pack, question: Question, value: unknown): unknown {
  const { kind, min = 0, max = 1000 } = question;
  switch (kind) {
    case 'number':
    case 'integer': {
      const middle = Math.floor((min + max) / 2);
      return [middle, middle + 1].find((each) => each !== value && each <= max);
    }
    case 'boolean':
      return value !== true;
    case 'date':
      return value === '2026-07-01' ? '2026-07-02' : '2026-07-01';
    case 'text':
      return `${value} lagi`;
    default: {
      const table = pack.answers.get(question.answers ?? '') ?? [];
      const given = [value].flat();
      const codes = table.filter(({ token }) => given.includes(token)).map(({ code }) => code);
      const token = table.find(({ code }) => !codes.includes(code))?.token;
      return kind === 'codes' && token !== undefined ? [token] : token;
    }
  }
}
