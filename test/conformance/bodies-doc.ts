import { type Count, equalPct, type Judged } from './regenerate.ts';

/** docs/conformance-bodies.md: what `npm run conformance -- --write` came to. */
export function bodiesDoc(
  judged: readonly Judged[],
  modules: ReadonlyMap<string, Count>,
  skipped: Readonly<Record<string, number>>,
  sum: { readonly bodies: number; readonly elements: number; readonly equalPct: number; readonly hl7Errors: number | null },
): string {
  const rows = [...modules].map(([name, count]) => {
    const { bodies, elements, equal, missing, extra, deliberate } = count;
    return `| ${[name, bodies, elements, equal, missing, extra, deliberate, `${equalPct(count)} %`].join(' | ')} |`;
  });
  const left = Object.entries(skipped)
    .sort()
    .map(([reason, count]) => `${reason} ${count}`)
    .join(', ');
  const sections = [...modules.keys()].flatMap((name) =>
    moduleSection(
      name,
      judged.filter(({ body }) => body.module === name),
    ),
  );
  return [
    '# Official bodies, regenerated',
    '',
    'Records in our input contract (`test/conformance/records`) are mapped by the shipped maps, written as they are sent, and compared with the',
    'bodies that SATUSEHAT has published for each module, leaf by leaf. Made by `npm run conformance -- --bodies DIR --write`; `--details` names every',
    'difference. Aside stand ids, meta and displays; of identifiers, references, times, texts and names of units only that they are there counts.',
    '',
    `**${sum.bodies} bodies, ${sum.elements} elements, ${sum.equalPct} % equal**; errors of HL7's validator over all that was made: ${sum.hl7Errors ?? 'not run'}.`,
    '',
    '- *elements*: leaves of the official bodies; *missing*: not there, or there with another value; *extra*: ours only;',
    '- *deliberate*: differences that `test/conformance/deliberate.csv` gives a reason for; the percentage is of the other elements.',
    '',
    '| Module | Bodies | Elements | Equal | Missing | Extra | Deliberate | Equal |',
    '|---|---:|---:|---:|---:|---:|---:|---:|',
    ...rows,
    '',
    `Left out: ${left}. An entry of a Bundle counts as a body.`,
    '',
    '## What is not the same',
    '',
    ...sections,
  ].join('\n');
}

/** By type of resource: what nothing corresponds to, and which elements differ how often. */
function moduleSection(name: string, judged: readonly Judged[]): string[] {
  const absent = new Map<string, number>();
  const paths = new Map<string, number>();
  const count = (map: Map<string, number>, key: string): unknown => map.set(key, (map.get(key) ?? 0) + 1);
  for (const { body, from, findings } of judged) {
    if (from === undefined) count(absent, body.resource.resourceType);
    else for (const { verdict, path, reason } of findings) if (verdict === 'missing' && reason === undefined) count(paths, path);
  }
  if (absent.size + paths.size === 0) return [];
  const list = (map: ReadonlyMap<string, number>): string =>
    [...map]
      .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
      .map(([key, times]) => `${key}${times > 1 ? ` (${times})` : ''}`)
      .join(', ');
  return [
    `### ${name}`,
    '',
    ...(absent.size > 0 ? [`- no such resource is made: ${list(absent)}`] : []),
    ...(paths.size > 0 ? [`- elements: ${list(paths)}`] : []),
    '',
  ];
}
