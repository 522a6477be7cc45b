/**
 * Probes that are not met, by the reason. A probe that is met again has to leave these lists.
 *
 * `refused`: the map is refused with line and column, so nothing is lost in silence.
 */
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
  'forms of the text that are not read': [
    'grammar/line-of-slashes',
    'grammar/names-in-double-quotes',
    'transforms/create-in-double-quotes',
    'transforms/literals-in-double-quotes',
    'grammar/first-group-without-types',
  ],
  'what belongs to the target is not read': ['groups/target-variable-as-source'],
  'a choice in the middle of a path needs a type filter': ['sources/choice-in-the-middle-of-a-dotted-path'],
  'a variable has one name, whichever side it is of': ['groups/source-and-target-variable-of-one-name'],
  'values and types that are not covered': [
    'types/simple-form-any-resource',
    'types/primitive-group-as-in-the-conversion-maps-of-hl7',
    'concept-maps/source-coding-decides-between-groups',
  ],
};

/** `wrong`: another result than the specification demands, or a mistake of a map that is not found. */
export const wrong: Readonly<Record<string, readonly string[]>> = {
  'a choice is taken for as many elements as it has types': [
    'sources/choice-with-cardinality',
    'sources/choice-with-cardinality-that-is-not-there',
  ],
  'a rule that makes no sense for the type of a choice is reported, though its condition does not hold': [
    'sources/choice-with-where-that-another-type-does-not-know',
  ],
  'what stands beside a primitive (_birthDate) is lost': ['types/simple-form-primitive-with-an-extension'],
  'a blank or empty text in an expression is taken for nothing': [
    'transforms/evaluate-a-full-name',
    'transforms/evaluate-join-with-a-blank',
    'conditions/blank-in-contains',
    'conditions/blank-in-replace',
    'conditions/empty-text-is-not-empty',
    'conditions/startsWith-empty-text',
  ],
  'an integer may have more than 32 bits': ['transforms/cast-too-large-to-integer'],
  'a choice that is written with two types keeps both': [
    'targets/choice-written-twice-with-different-types',
    'targets/choice-text-then-object',
    'targets/choice-object-then-object',
  ],
  'an item that stays empty is counted': ['targets/list-mode-first-after-an-empty-one'],
  'a number without a type is no text': ['transforms/append-numbers-of-plain-json', 'transforms/id-of-a-number'],
  'a code is looked for without its system': ['concept-maps/source-coding-listed-for-another-system-only'],
};
