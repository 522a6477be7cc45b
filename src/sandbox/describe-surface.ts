import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { readSurface, type SurfaceName, shippedText } from './surface.ts';

interface Layer {
  readonly verbs: readonly string[];
  readonly searches: readonly string[];
  readonly patch?: readonly string[];
}

interface SurfaceFile {
  readonly $comment: readonly string[];
  readonly types: Readonly<Record<string, Readonly<Record<SurfaceName, Layer>> & { readonly mandatory?: readonly string[] }>>;
}

const NAMES: readonly SurfaceName[] = ['recorded', 'documented'];

const code = (items: readonly string[]): string => (items.length === 0 ? '–' : items.map((item) => `\`${item}\``).join(' · '));

/** Text of `docs/sandbox-surface.md`: what `profiles/platform-surface.json` says, type by type. */
export function surfaceDoc(text: string): string {
  readSurface(text);
  const { types, $comment } = JSON.parse(text) as SurfaceFile;
  const rows = Object.entries(types).flatMap(([type, facts]) =>
    NAMES.filter((name) => facts[name].verbs.length + facts[name].searches.length + (facts[name].patch ?? []).length > 0).map((name) => {
      const { verbs, searches, patch = [] } = facts[name];
      const sets = searches.map((set) => set.replaceAll(' ', '&'));
      return `| ${type} | ${name} | ${verbs.join(', ') || '–'} | ${code(sets)} | ${code(patch)} |`;
    }),
  );
  return `${[
    '# Permukaan simulator · Surfaces of the sandbox',
    '',
    'Yang ditawarkan antarmuka FHIR platform per jenis sumber daya. Dibuat dari `profiles/platform-surface.json`',
    '(`npx node src/sandbox/describe-surface.ts`).',
    '',
    'What the platform’s FHIR interface offers, type by type. The setting `surface` chooses: `recorded` has the rows of that name only,',
    '`documented` both.',
    '',
    ...$comment.map((line) => `- ${line}`),
    ...Object.entries(types).flatMap(([type, { mandatory = [] }]) =>
      mandatory.length > 0 ? [`- Mandatory for ${type}: ${code(mandatory)}.`] : [],
    ),
    '',
    '| type | surface | verbs | searches | PATCH |',
    '|---|---|---|---|---|',
    ...rows,
  ].join('\n')}\n`;
}

if (import.meta.main) {
  writeFileSync(path.resolve(import.meta.dirname, '../../docs/sandbox-surface.md'), surfaceDoc(shippedText()));
}
