/** Probes in which HL7's engine gives another result than the specification demands; by what it does. */
export const differing: Readonly<Record<string, readonly string[]>> = {
  'the list modes first, last and collate of targets are not carried out, and two rules may both be first': [
    'targets/list-mode-first',
    'targets/list-mode-last',
    'targets/list-mode-first-keeps-the-order-of-its-items',
    'targets/list-mode-first-and-last-of-objects',
    'targets/list-mode-first-twice',
    'targets/list-mode-first-twice-under-names',
    'targets/list-mode-last-of-several',
    'targets/collate',
    'targets/collate-takes-the-first-that-is-there',
  ],
  'share gives one object for all items, where R4 has the first n in common': ['targets/share-pairwise'],
  "the text in evaluate(x, 'text') is the result, where R4's grammar has no other place for the expression": ['transforms/evaluate-text'],
  'translate gives a Coding where a CodeableConcept is asked for': ['concept-maps/output-codeable-concept-decides-a-choice'],
  'an object is assigned and not copied, so what is written into one place shows in the other': ['targets/copied-object-is-its-own'],
  'a text of blanks becomes null, an empty text is no value, and \\n leaves its n behind': [
    'transforms/append-keeps-blanks',
    'conditions/empty-text-is-not-empty',
    'errors/texts-that-end-comments-and-lines',
  ],
};
