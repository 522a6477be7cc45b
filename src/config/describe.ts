import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { errorsDoc } from '../errors/describe.ts';
import { VARIABLES, type Variable } from './variables.ts';

/** Text of `.env.example`. Every variable is there, commented out with its default. */
export function envExample(): string {
  const lines = ['# Dibuat dari src/config/variables.ts; made from src/config/variables.ts', '# npx node src/config/describe.ts'];
  for (const [group, variables] of groups()) {
    lines.push('', `# --- ${group}`);
    for (const variable of variables) {
      lines.push(`# ${variable.text.id}`, `# ${variable.text.en}`);
      if (variable.secret) lines.push(`# Atau nama berkas / or the name of a file: ${variable.name}_FILE`);
      lines.push(`#${variable.name}=${variable.fallback ?? ''}`, '');
    }
    lines.pop();
  }
  return `${lines.join('\n')}\n`;
}

/** Text of `docs/configuration.md`. */
export function configurationDoc(): string {
  const lines = [
    '# Konfigurasi · Configuration',
    '',
    'Semua pengaturan berasal dari variabel lingkungan `ILP_…`; yang rahasia dapat juga diberikan sebagai berkas lewat `<NAMA>_FILE`.',
    'Semua kesalahan dilaporkan sekaligus saat mulai, dengan nama variabel dan cara memperbaikinya. Nama yang tidak dikenal ditolak.',
    '',
    'All settings come from environment variables `ILP_…`; secrets may also be given as a file by `<NAME>_FILE`. All mistakes are reported at once at',
    'the start, each with its variable and the fix. Unknown names are refused. This page is made from `src/config/variables.ts`',
    '(`npx node src/config/describe.ts`).',
  ];
  for (const [group, variables] of groups()) {
    lines.push('', `## ${group}`, '', '| Variabel | Bawaan · Default | Arti · Meaning | Sejak · Since |', '|---|---|---|---|');
    for (const variable of variables) {
      const name = variable.secret ? `\`${variable.name}\`, \`${variable.name}_FILE\`` : `\`${variable.name}\``;
      const limits = [
        variable.choices?.map((choice) => `\`${choice}\``).join(' '),
        variable.minimum !== undefined && `${variable.minimum}–${variable.maximum}`,
      ].filter(Boolean);
      const meaning = [variable.text.id, `*${variable.text.en}*`, ...limits].join('<br>');
      lines.push(`| ${name} | ${variable.fallback === undefined ? '–' : `\`${variable.fallback}\``} | ${meaning} | ${variable.since} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function groups(): Map<string, Variable[]> {
  return Map.groupBy(VARIABLES, ({ group }) => group);
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '../..');
  writeFileSync(path.join(root, '.env.example'), envExample());
  writeFileSync(path.join(root, 'docs/configuration.md'), configurationDoc());
  writeFileSync(path.join(root, 'docs/errors.md'), errorsDoc());
}
