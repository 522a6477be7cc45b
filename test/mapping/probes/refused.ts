/** Probes whose map is refused, with line and column, so that nothing is lost in silence; by the reason. One that is met has to leave the list. */
export const refused: Readonly<Record<string, readonly string[]>> = {
  'FHIRPath that is not covered': [
    'conditions/date-literal',
    'conditions/union',
    'conditions/distinct',
    'conditions/hasValue',
    'conditions/extension-function',
    'conditions/comment',
    'sources/default-that-is-an-expression',
  ],
  'a map has no clock': ['conditions/today'],
  'forms of the text that are not read': ['grammar/names-in-double-quotes'],
  'what belongs to the target is not read': ['groups/target-variable-as-source'],
  'a choice in the middle of a path needs a type filter': ['sources/choice-in-the-middle-of-a-dotted-path'],
  'a variable has one name, whichever side it is of': ['groups/source-and-target-variable-of-one-name'],
  'values and types that are not covered': ['types/simple-form-any-resource', 'types/primitive-group-as-in-the-conversion-maps-of-hl7'],
};
