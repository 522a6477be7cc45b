import { AppError } from '../../errors/index.ts';
import { asObject, isObject } from '../json.ts';

/** One numbered rule, as the shared table has it; the table's own comment explains every field. */
export interface PlatformRule {
  readonly rule: number;
  /** With the type: `Encounter.participant.type`. */
  readonly path: string;
  /** The element as the dictionary writes it, where it differs from `path`. */
  readonly dictionary?: string;
  readonly type?: string;
  readonly requirement: 'mandatory' | 'conditional' | 'none';
  readonly when?: readonly string[];
  readonly check: string;
  readonly systems?: readonly string[];
  /** Codes of a system that this element allows, separated by blanks, where they are fewer than the system's. */
  readonly codes?: Readonly<Record<string, string>>;
  readonly targets?: readonly string[];
  readonly level?: string;
  readonly after?: string;
  readonly replacedBy?: number;
  readonly source?: readonly string[];
  readonly note?: string;
  /** Why nothing is evaluated. */
  readonly why?: string;
}

/** Codes of one system, either listed or by their form. */
export interface CodeSystem {
  readonly system: string;
  /** Separated by blanks. */
  readonly codes?: string;
  /** The list is what was published; the platform has more. */
  readonly open?: boolean;
  readonly pattern?: string;
  readonly checkDigit?: 'luhn' | 'verhoeff';
}

export interface RuleTable {
  readonly version: string;
  readonly rules: readonly PlatformRule[];
  readonly codeSystems?: readonly CodeSystem[];
  readonly dateWindow: {
    /** `YYYY-MM-DD`, the first day allowed. */
    readonly min: string;
    /** The first day in the platform's older answers, which are worded differently. */
    readonly olderMin?: string;
    readonly noMinimum?: readonly string[];
    readonly futureAllowed: readonly string[];
  };
}

/** @throws AppError `config` when the text is not a rule table */
export function readRuleTable(text: string): RuleTable {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new AppError('config', { detail: 'platform-rules.json: JSON' }, { cause });
  }
  const { rules, dateWindow, codeSystems = [] } = asObject(value);
  const { min, futureAllowed } = asObject(dateWindow);
  const complete =
    Array.isArray(rules) &&
    rules.every((rule) => isObject(rule) && typeof rule.path === 'string' && typeof rule.check === 'string') &&
    Array.isArray(codeSystems) &&
    codeSystems.every((each) => isObject(each) && typeof each.system === 'string') &&
    typeof min === 'string' &&
    Array.isArray(futureAllowed);
  if (!complete) throw new AppError('config', { detail: 'platform-rules.json: rules, codeSystems, dateWindow' });
  return value as RuleTable;
}
