/**
 * A field's name as the sender wrote it, made fit for receipts: where a list is keyed by NIK or by name, its names are values of a
 * patient. Runs of digits become `#`; so does a name of several words, unless it is `known` to be a field's. At most 64 characters.
 */
export function fieldName(name: string, known = false): string {
  const cut = name
    .slice(0, 64)
    .replace(/\d{5,}/g, '#')
    .replace(/[\p{C}]/gu, '');
  return known || !/\s/.test(cut.trim()) ? cut : '#';
}
