import type { Feed } from '../../store/port.ts';
import type { Pack, Question } from '../packs.ts';

/** What a sender fills in beside the answers, by feed: fields of the contract, as columns of a table. */
const ENVELOPE: Readonly<Partial<Record<Feed, readonly string[]>>> = {
  encounters: ['layout', 'sourceSystem', 'sourceId', 'facilityCode', 'person_nik', 'practitioner_nik', 'start', 'end', 'cluster', 'icd10'],
  'village-observations': ['layout', 'sourceSystem', 'sourceId', 'posyanduCode', 'person_nik', 'practitioner_nik', 'date', 'context'],
};

/** An empty form of a pack, one per form and feed that it has. */
export interface Template {
  readonly form: string;
  readonly feed: Feed;
  /** Header of a table that can be pushed when its rows are filled in. */
  readonly columns: readonly string[];
  /** A record with every answer left open (null). */
  readonly record: object;
}

export function templatesOf(pack: Pack): readonly Template[] {
  return pack.forms.flatMap(({ name, feeds }) => feeds.map((feed) => templateOf(name, feed, questionsOf(pack, name))));
}

export const questionsOf = (pack: Pack, form: string): readonly Question[] => pack.questions.filter((question) => question.form === form);

function templateOf(form: string, feed: Feed, questions: readonly Question[]): Template {
  const columns = ENVELOPE[feed] ?? [];
  const record: Record<string, unknown> = {};
  for (const name of columns) {
    const [outer = '', inner] = name.split('_');
    if (inner !== undefined) record[outer] = { [inner]: null };
    else if (name === 'icd10') record.diagnoses = [{ code: null }];
    else if (name !== 'layout') record[name] = null;
  }
  record.services = [{ form, sourceId: null, answers: Object.fromEntries(questions.map(({ name }) => [name, null])) }];
  return { form, feed, columns: [...columns, ...questions.map(({ name }) => `${form}.${name}`)], record };
}
