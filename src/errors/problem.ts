import type { Bilingual } from './issue.ts';

/** Names of the placeholders in a text. */
type Names<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<T extends string> = [Names<T>] extends [never] ? [] : [Readonly<Record<Names<T>, string | number | Bilingual | undefined>>];

declare const known: unique symbol;
/** What is wrong with a map, a table or a profile. Only a table of problems makes one, so none is without its text in both languages. */
export interface Problem extends Bilingual {
  readonly [known]: true;
}

/**
 * Makes the function that says what is wrong from a table of kinds: key → texts with `{name}` for what is put in. The names that an English text
 * has must be given; the Indonesian one uses the same.
 */
export const problemsOf =
  <const T extends Readonly<Record<string, Bilingual>>>(table: T) =>
  <K extends keyof T & string>(key: K, ...[values]: Values<T[K]['en']>): Problem => {
    const { id, en } = table[key] as Bilingual;
    return { id: fill(id, values, 'id'), en: fill(en, values, 'en') } as Problem;
  };

/** The same problem with something before it. */
export const within = (where: Bilingual, problem: Problem): Problem =>
  ({ id: `${where.id}: ${problem.id}`, en: `${where.en}: ${problem.en}` }) as Problem;

/** Fills `{name}`. A name without a value stays, so that a test finds it. */
export function fill(
  text: string,
  values: Readonly<Record<string, string | number | Bilingual | undefined>> = {},
  language: keyof Bilingual,
): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = values[name] ?? whole;
    return String(typeof value === 'object' ? value[language] : value);
  });
}
