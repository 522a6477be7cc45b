import { remembered } from './remembered.ts';

/** What a literal reference points to, as far as its text tells. */
export type Reference =
  | { readonly kind: 'literal'; readonly type: string }
  | { readonly kind: 'contained' | 'bundle' | 'external' | 'malformed' };

const LITERAL = /^(?:https?:\/\/\S+\/)?([A-Z][A-Za-z]{1,40})\/[A-Za-z0-9\-.]{1,64}(?:\/_history\/[A-Za-z0-9\-.]{1,64})?$/;

/**
 * `Type/id` (also as a whole URL, also with a version), `#id`, `urn:uuid:…`, any other absolute URL, or malformed.
 * Relative texts of another form are malformed (https://hl7.org/fhir/R4/references.html#literal).
 */
export const referenceOf: (text: string) => Reference = remembered((text) => {
  const match = LITERAL.exec(text);
  if (match) return { kind: 'literal', type: match[1] as string };
  if (text.startsWith('#')) return { kind: 'contained' };
  if (text.startsWith('urn:uuid:') || text.startsWith('urn:oid:')) return { kind: 'bundle' };
  return /^[A-Za-z][A-Za-z0-9+.-]*:\S+$/.test(text) ? { kind: 'external' } : { kind: 'malformed' };
});
