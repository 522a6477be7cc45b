import { AppError } from '../errors/index.ts';
import { compileTest, type Test } from './fhirpath/compile.ts';
import { FhirPathError } from './fhirpath/parse.ts';
import { profileSays } from './profile-problems.ts';

/** Invariants of R4 as HL7 wrote them, by type or backbone element: `profiles/r4/invariants.json`. */
export type ExpressionTable = Readonly<Record<string, readonly WrittenInvariant[]>>;

export interface WrittenInvariant {
  readonly key: string;
  readonly expression: string;
  /** Name of the element below the type on which it stands, where it is not the type itself. */
  readonly on?: string;
}

/** Keys that are built into the structure check or written by hand, so that they cost nothing where they hold. */
export const BUILT_IN: readonly string[] = ['dom-2', 'dom-3', 'dom-4', 'dom-5', 'ele-1', 'ext-1', 'ref-1', 'txt-1', 'txt-2'];

/** Invariants of the types in use that are not run, and why; Indonesian first. */
export const SKIPPED: Readonly<Record<string, { readonly id: string; readonly en: string }>> = {
  'eld-19': {
    id: 'eld-19: polanya mengulang kelompok yang berulang, sehingga teks pendek dapat membuatnya tidak selesai',
    en: 'eld-19: its pattern repeats a group that repeats, which a short hostile text can make run for ever',
  },
  'ctm-1': {
    id: 'ctm-1: mengikuti rujukan ke sumber daya lain yang tidak tersedia di sini',
    en: 'ctm-1: follows a reference to another resource, which is not at hand',
  },
};

/** @throws AppError `profile-compile` for an expression that is no FHIRPath or not compiled */
export function compileInvariant(owner: string, { key, expression }: WrittenInvariant): Test {
  try {
    return compileTest(expression);
  } catch (error) {
    if (!(error instanceof FhirPathError)) throw error;
    throw new AppError('profile-compile', {
      profile: owner,
      problem: profileSays('expression', { key, problem: error.problem, at: error.at + 1 }),
    });
  }
}
