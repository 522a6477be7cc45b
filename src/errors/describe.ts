import { CODES } from './codes.ts';
import { REASONS } from './states.ts';

const HEADINGS = {
  request: 'Permintaan · The request',
  security: 'Izin · Permission',
  record: 'Data · The record',
  platform: 'SATUSEHAT',
  configuration: 'Pengaturan · Set-up',
  internal: 'Layanan · The service',
} as const;

/** Text of `docs/errors.md`: every code and every reason, in the order of the tables. */
export function errorsDoc(): string {
  const lines = [
    '# Kode kesalahan dan sebab · Error codes and reasons',
    '',
    'Setiap kode adalah janji: tidak pernah diganti namanya. Teks tidak pernah memuat nilai milik pasien.',
    'Dibuat dari `src/errors` (`npx node src/config/describe.ts`).',
    '',
    'Each code is a promise: it is never renamed. Its text never holds a value of a patient.',
  ];
  for (const [category, heading] of Object.entries(HEADINGS)) {
    lines.push('', `## ${heading}`, '', '| Kode · Code | HTTP | FHIR | Arti · Meaning |', '|---|---|---|---|');
    for (const [code, row] of Object.entries(CODES)) {
      if (row.category === category) lines.push(`| \`${code}\` | ${row.status} | ${row.fhir} | ${cell(row.id)}<br>*${cell(row.en)}* |`);
    }
  }
  lines.push(
    '',
    '## Sebab · Reasons',
    '',
    'Keadaan (`state`) memakai kode FHIR Task; sebabnya di `reason`. Aturan platform: `rule-NNNNN`.',
    '',
  );
  lines.push('| Sebab · Reason | Keadaan · State | Arti · Meaning |', '|---|---|---|');
  for (const [reason, row] of Object.entries(REASONS))
    lines.push(`| \`${reason}\` | ${row.states.join(', ')} | ${row.id}<br>*${row.en}* |`);
  return `${lines.join('\n')}\n`;
}

const cell = (text: string): string => text.replaceAll('|', '\\|');
