import { remembered } from './remembered.ts';

/** One system of the rule table's `codeSystems`: its codes, or their form. */
export interface PlatformCodeSystem {
  readonly system: string;
  /** Separated by blanks. */
  readonly codes?: string;
  /** The list is what was published; the platform has more. */
  readonly open?: boolean;
  readonly pattern?: string;
  readonly checkDigit?: 'luhn' | 'verhoeff';
}

export interface PlatformCodes {
  /** Whether the list is only what was published. */
  readonly open: boolean;
  /** Whether only the platform's copy tells that a possible code is one: it is not in a list. */
  isUnlisted(code: string): boolean;
  /** False for a code that cannot be in the platform's copy of the system. */
  possible(code: unknown): boolean;
}

/** @returns by system; of a system that is absent any code is possible */
export function compileCodes(systems: readonly PlatformCodeSystem[]): ReadonlyMap<string, PlatformCodes> {
  return new Map(systems.map((each) => [each.system, compile(each)]));
}

/** A complete list of codes, separated by blanks. */
export const closedList = (codes: string): PlatformCodes => compile({ system: '', codes });

function compile({ codes, open = false, pattern, checkDigit }: PlatformCodeSystem): PlatformCodes {
  const listed = codes === undefined ? undefined : new Set(codes.split(' '));
  const form = pattern === undefined ? undefined : new RegExp(pattern);
  const isRight = checkDigit === undefined ? undefined : CHECK_DIGITS[checkDigit];
  const hasForm = remembered((code) => (form?.test(code) ?? true) && (isRight?.(code) ?? true));
  return {
    open,
    isUnlisted: (code) => listed?.has(code) !== true,
    possible(code) {
      if (typeof code !== 'string') return false;
      if (listed !== undefined && !open) return listed.has(code);
      return hasForm(code);
    },
  };
}

/** LOINC: every second digit from the right, after the check digit, counts twice. Codes of parts and answers (`LP…`, `LA…`) have another. */
function luhn(code: string): boolean {
  if (/^\D/.test(code)) return true;
  const digits = [...code.replace('-', '')].reverse().map(Number);
  const sum = digits.reduce((total, digit, at) => total + (at % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2), 0);
  return sum % 10 === 0;
}

/** The dihedral group of the pentagon by its rows, and Verhoeff's permutation of the digits. */
const D5 = [
  '0123456789',
  '1234067895',
  '2340178956',
  '3401289567',
  '4012395678',
  '5987604321',
  '6598710432',
  '7659821043',
  '8765932104',
  '9876543210',
];
const TURN = '1576283094';

/** SNOMED CT: the last digit makes the product of all, each turned as often as its place from the right says, the unit. */
function verhoeff(code: string): boolean {
  let product = 0;
  for (const [at, given] of [...code].reverse().entries()) {
    let digit = Number(given);
    for (let times = at % 8; times > 0; times--) digit = Number(TURN[digit]);
    product = Number(D5[product]?.[digit]);
  }
  return product === 0;
}

const CHECK_DIGITS = { luhn, verhoeff } as const;
