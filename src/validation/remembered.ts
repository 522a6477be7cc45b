/** Longer texts are asked anew: a hostile body must not fill the memory. */
const LONGEST = 128;
const MOST = 1_000;

/**
 * A pure function of a text that keeps its answers: a record says the same times, references and systems in each of its resources, and
 * records of a day say much the same.
 *
 * @param of must not give undefined
 */
export function remembered<T extends NonNullable<unknown>>(of: (text: string) => T): (text: string) => T {
  const answers = new Map<string, T>();
  return (text) => {
    const known = answers.get(text);
    if (known !== undefined) return known;
    const answer = of(text);
    if (text.length <= LONGEST) {
      if (answers.size >= MOST) answers.clear();
      answers.set(text, answer);
    }
    return answer;
  };
}
