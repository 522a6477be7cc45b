export interface Icd10Entry {
  readonly code: string;
  /** English display of the list; absent for a code that is known by its category only. */
  readonly display?: string;
  /** False: the list has the three-character category, not this code. */
  readonly listed: boolean;
}

export interface Icd10 {
  /**
   * Looks a code up in the primary-care list. The list is a selection of ICD-10, so a code counts as existing when its
   * three-character category is in the list; a category that no listed code has does not.
   */
  find(code: string): Icd10Entry | undefined;
  readonly size: number;
}

/** @param rows code (with dot) and English display */
export function createIcd10(rows: ReadonlyArray<readonly [code: string, display: string]>): Icd10 {
  const displays = new Map(rows);
  const categories = new Set(rows.map(([code]) => code.slice(0, 3)));
  return {
    size: displays.size,
    find(code) {
      const display = displays.get(code);
      if (display !== undefined) return { code, display, listed: true };
      return /^[A-Z]\d{2}(\.\d{1,2})?$/.test(code) && categories.has(code.slice(0, 3)) ? { code, listed: false } : undefined;
    },
  };
}
