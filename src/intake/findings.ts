import type { Issue, Reason, State } from '../errors/index.ts';
import type { Submission } from '../store/port.ts';

export const isError = ({ severity }: Issue): boolean => severity === 'error';

export function holdOf(issues: readonly Issue[]): Reason | undefined {
  const codes = new Set(issues.filter(({ severity }) => severity !== 'error').map(({ code }) => code));
  return (['validation-pending', 'time-missing', 'reason-code-missing'] as const).find((code) => codes.has(code));
}

export function sameVerdict(previous: Submission, verdict: { state: State; reason: Reason | null; issues: readonly Issue[] }): boolean {
  const shape = (issues: readonly Issue[]) =>
    JSON.stringify(issues.map(({ code, field, expression, rule }) => [code, field, expression, rule]).sort());
  return previous.state === verdict.state && previous.reason === verdict.reason && shape(previous.issues) === shape(verdict.issues);
}

/** Two findings with one code at one place are one. */
export function dedupe(issues: readonly Issue[]): readonly Issue[] {
  const seen = new Map<string, Issue>();
  for (const found of issues) {
    const key = JSON.stringify([found.code, found.field, found.expression, found.rule]);
    if (!seen.has(key)) seen.set(key, found);
  }
  return [...seen.values()];
}

export const overlaps = (a: string, b: string): boolean => a === b || a.startsWith(`${b}.`) || b.startsWith(`${a}.`);

/** One expression lies within the other, on the border of an element. */
export function related(a: string, b: string): boolean {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return long.startsWith(short) && (long.length === short.length || long[short.length] === '.' || long[short.length] === '[');
}
