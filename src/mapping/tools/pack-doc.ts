import type { Item, Pack, PackForm, Question } from '../packs.ts';
import type { TokenCoding } from '../tables.ts';
import { questionsOf } from './template.ts';

/** What is sent and what comes out of a pack, for those who send: text of `docs/packs/<name>.md`. */
export function packDoc(pack: Pack): string {
  const { name, title, cluster, module, sources, forms } = pack;
  return `${[
    `# ${title.id} / ${title.en}`,
    '',
    `Dibuat dari \`mappings/packs/${name}\` (\`npm run generate\`). Made from the tables of the pack.`,
    '',
    `- Klaster: ${cluster}`,
    `- Modul SATUSEHAT / module: ${module ?? 'tidak ada; hanya yang dibawa modul lain dikirim / none; only what another module carries is sent'}`,
    ...sources.map((source) => `- Sumber / source: ${source}`),
    '',
    ...forms.flatMap((form) => formDoc(pack, form)),
  ].join('\n')}\n`;
}

function formDoc(pack: Pack, form: PackForm): string[] {
  const questions = questionsOf(pack, form.name);
  const items = pack.items.filter((item) => item.form === form.name && item.question !== '');
  return [
    `## Formulir / form \`${form.name}\``,
    '',
    `${form.id} / ${form.en}. Dikirim dalam / sent in: ${form.feeds.map((feed) => `\`${feed}\``).join(', ')}.`,
    '',
    '```sh',
    `ilp-fhir template ${pack.name} --form ${form.name} --feed ${form.feeds[0]}`,
    '```',
    '',
    '### Pertanyaan / questions',
    '',
    '| Isian / field | Pertanyaan / question | Jenis / kind | Nilai / values |',
    '|---|---|---|---|',
    ...questions.map((question) => questionRow(pack, question)),
    '',
    '### Hasil / what comes out',
    '',
    '| Isian / field | Bila / when | Sumber daya / resource | Kode / code | Dikirim / sent | Sumber / source |',
    '|---|---|---|---|---|---|',
    ...items.map(itemRow),
    '',
  ];
}

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const row = (...cells: readonly string[]): string => `| ${cells.map(cell).join(' | ')} |`;

function questionRow(pack: Pack, question: Question): string {
  const { name, kind, id, en, required } = question;
  return row(`\`${name}\`${required ? ' (wajib / required)' : ''}`, `${id} / *${en}*`, kind, valuesOf(question, pack.answers));
}

function valuesOf({ answers, unit, min, max }: Question, tables: ReadonlyMap<string, readonly TokenCoding[]>): string {
  if (answers !== undefined) return (tables.get(answers) ?? []).map(({ token }) => `\`${token}\``).join(', ');
  const bounds = min === undefined && max === undefined ? '' : `${min ?? ''}–${max ?? ''}`;
  return [bounds, unit].filter(Boolean).join(' ');
}

function itemRow(item: Item): string {
  const codes = item.codes.map(({ code, display }) => `${code} ${display}`).join('; ');
  const place =
    item.questionnaire === undefined ? '' : `${item.questionnaire.slice(item.questionnaire.lastIndexOf('/') + 1)} ${item.linkId}`;
  return row(
    `\`${item.question}\``,
    item.when.join(' & '),
    item.resource,
    codes || place || 'jawaban / the answer',
    item.decision === 'send' ? 'ya / yes' : 'tidak, lokal / no, local',
    item.source,
  );
}

/** Text of `docs/packs/README.md`. */
export function packsDoc(packs: readonly Pack[]): string {
  return `${[
    '# Paket layanan / service packs',
    '',
    'Satu halaman per paket, dibuat dari tabelnya (`npm run generate`). One page per pack, made from its tables. How a pack is written stands in',
    'the [mapping guide](../mapping-guide.md).',
    '',
    '| Paket / pack | | Klaster | Modul / module | Pertanyaan / questions |',
    '|---|---|---|---|---|',
    ...packs.map(({ name, title, cluster, module, questions }) =>
      row(`[${name}](${name}.md)`, `${title.id} / *${title.en}*`, cluster, module ?? '–', String(questions.length)),
    ),
    '',
    '## Baris yang berkaitan / rows that belong together',
    '',
    '- `Component`: a part of the Observation that the row names in `of`; that is there as soon as one part is.',
    '- `interpretation`: the question that judges a value; the own question of the row, where there is no other value.',
    '- `derivedFrom`, `reference` (in place of an answer): an Observation, as an item of the form or as `vitals.weight:29463-7`, a field of the',
    '  record and its code. A form in two feeds points only to fields that both have.',
    '- `status` `inactive`: a Condition that is over.',
    '- A question may stand in several questionnaires: it calls for the first, and is repeated in the others once they have an answer of their own.',
    '- `of`, `derivedFrom`, `reference` and `status` are columns that a pack may leave out.',
  ].join('\n')}\n`;
}
