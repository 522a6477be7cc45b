import type { CodeSystem } from './table.ts';

/** What is known of a system's codes. */
export interface KnownCodes {
  /** Whether the platform has more codes than are known here. */
  readonly open: boolean;
  /** False only for a code that cannot be in the platform's copy; of an open list, also one that was not published when `refuseUnknown`. */
  has(code: string, refuseUnknown: boolean): boolean;
}

/** @returns by system; a system of which nothing is known is absent, and any code of it is accepted */
export function compileCodes(systems: readonly CodeSystem[]): ReadonlyMap<string, KnownCodes> {
  return new Map(systems.map((each) => [each.system, compile(each)]));
}

/** Codes separated by blanks, complete. */
export const listOf = (codes: string): KnownCodes => compile({ system: '', codes });

function compile({ codes, open, pattern, checkDigit }: CodeSystem): KnownCodes {
  const listed = codes === undefined ? undefined : new Set(codes.split(' '));
  const form = pattern === undefined ? undefined : new RegExp(pattern);
  const digit = checkDigit === undefined ? undefined : CHECK_DIGITS[checkDigit];
  return {
    open: open === true,
    has(code, refuseUnknown) {
      if (listed !== undefined && (!open || refuseUnknown) && !listed.has(code)) return false;
      return (form === undefined || form.test(code)) && (digit === undefined || digit(code));
    },
  };
}

/** LOINC: the digit after the hyphen is the Luhn digit of those before it; codes of parts and answers (`LA…`, `LP…`) have another. */
function luhn(code: string): boolean {
  if (!/^\d/.test(code)) return true;
  const digits = code.replace('-', '');
  let sum = 0;
  for (let index = 0; index < digits.length; index++) {
    const digit = Number(digits[digits.length - 1 - index]);
    const doubled = index % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** SNOMED CT: the last digit is Verhoeff's, over the dihedral group D5. */
function verhoeff(code: string): boolean {
  let check = 0;
  for (let index = 0; index < code.length; index++) {
    check = product(check, permuted(Number(code[code.length - 1 - index]), index % 8));
  }
  return check === 0;
}

/** Product in D5: 0 to 4 are turns, 5 to 9 reflections. */
function product(a: number, b: number): number {
  if (a < 5) return b < 5 ? (a + b) % 5 : ((a + b) % 5) + 5;
  return b < 5 ? ((a - b + 5) % 5) + 5 : (a - b + 5) % 5;
}

const PERMUTATION = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4];

function permuted(digit: number, times: number): number {
  let result = digit;
  for (let count = 0; count < times; count++) result = PERMUTATION[result] ?? 0;
  return result;
}

const CHECK_DIGITS = { luhn, verhoeff } as const;
