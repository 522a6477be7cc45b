import type { StructureMapGroupRule, StructureMapGroupRuleTarget } from '@medplum/fhirtypes';
import { ILP_BASE, SYSTEMS } from '../terminology/systems.ts';
import { type Item, type Target as Pointed, WHEN } from './packs.ts';

/* Parts of rules that the maps of packs are built from. */

export const answersUrl = (table: string): string => `${ILP_BASE}/ConceptMap/${table}`;

export type Target = StructureMapGroupRuleTarget;
export type Rule = StructureMapGroupRule;

export const text = (valueString: string) => ({ valueString });
export const id = (valueId: string) => ({ valueId });
export const into = (context: string): Pick<Target, 'context' | 'contextType'> => ({ context, contextType: 'variable' });
export const copy = (context: string, element: string, value: string): Target => ({
  ...into(context),
  element,
  transform: 'copy',
  parameter: [text(value)],
});
export const translated = (context: string, element: string, source: string, table: string, output: string): Target => ({
  ...into(context),
  element,
  transform: 'translate',
  parameter: [id(source), text(answersUrl(table)), text(output)],
});

/** The conditions of a row (`a=b`, `a!=b`, `!a`) as FHIRPath. */
export function conditionOf(when: readonly string[]): string[] {
  return when.map((part) => {
    const [, not, field, test, value] = WHEN.exec(part) as unknown as [string, string?, string?, string?, string?];
    if (not) return `%answers.${field}.empty()`;
    return test === '=' ? `%answers.${field} = '${value}'` : `%answers.${field}.where($this = '${value}').empty()`;
  });
}

export const and = (conditions: readonly string[]) => (conditions.length === 0 ? {} : { condition: conditions.join(' and ') });

/** That one of these items has what it is made of. */
export const anyOf = (items: readonly Item[]): string => {
  const there = ({ question, reference, when }: Item): string => {
    const field = reference !== undefined && 'field' in reference ? `%src.${reference.field}` : undefined;
    return [`${field ?? (reference as { question: string } | undefined)?.question ?? question}.exists()`, ...conditionOf(when)].join(
      ' and ',
    );
  };
  return [...new Set(items.map(there))].map((each) => `(${each})`).join(' or ');
};

/** Of an Observation that a row names: the source where it is made, and the reference to it. */
export const whereThere = (one: Pointed): Rule['source'][number] => {
  if ('item' in one) return { context: 'answers', element: one.question, variable: 'pointed' };
  const [container = '', field] = one.field.split('.');
  return { context: 'src', element: container, variable: 'pointed', condition: `${field}.exists()` };
};
export const pointer = (context: string, one: Pointed): Target =>
  'item' in one
    ? {
        ...into(context),
        element: 'reference',
        transform: 'append',
        parameter: [text(`role:observation:${one.item}@`), id('origin')],
      }
    : copy(context, 'reference', `role:observation:${one.code}`);

/** Names of units where they are not their UCUM code. */
const UNIT_NAMES: Readonly<Record<string, string>> = { '{score}': 'score', 'mm[Hg]': 'mmHg', Cel: '°C', 'kg/m2': 'kg/m^2', a: 'years' };
/** @param value a variable, or a number of the table itself */
export const quantity = (value: string | { readonly valueDecimal: number }, unit: string): Pick<Target, 'transform' | 'parameter'> => ({
  transform: 'qty',
  parameter: [typeof value === 'string' ? id(value) : value, text(UNIT_NAMES[unit] ?? unit), text(SYSTEMS.ucum), text(unit)],
});
