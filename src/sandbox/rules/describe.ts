import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Account, accountOf, type Certainty, CHECK_CLASSES } from './account.ts';
import { type PlatformRule, type RuleTable, readRuleTable } from './table.ts';

const CERTAINTY: Readonly<Record<Certainty, string>> = {
  published: 'published',
  live: 'seen on staging',
  class: 'class published, wording ours',
  none: 'wording ours',
};

const STATES: readonly Account['state'][] = ['evaluated', 'elsewhere', 'replaced', 'not evaluated'];

/** Text of `docs/sandbox-rules.md`: what becomes of every rule of `profiles/platform-rules.json`. */
export function sandboxRulesDoc(table: RuleTable): string {
  const accounts = table.rules.map((rule) => ({ rule, ...accountOf(rule) }));
  const inDictionary = accounts.filter(({ rule }) => rule.source?.includes('dictionary'));
  const count = (list: readonly Account[], state: Account['state']): number => list.filter((each) => each.state === state).length;
  const closed = (table.codeSystems ?? []).filter(({ codes, open }) => codes !== undefined && !open).length;
  const published = (table.codeSystems ?? []).filter(({ open }) => open).length;
  const formed = (table.codeSystems ?? []).filter(({ pattern }) => pattern !== undefined).map(({ system }) => `\`${system}\``);
  return `${[
    '# Aturan simulator · Rules of the sandbox',
    '',
    'Setiap aturan bernomor SATUSEHAT dan apa yang dilakukan simulator dengannya. Dibuat dari `profiles/platform-rules.json`',
    '(`npx node src/sandbox/rules/describe.ts`); setiap baris yang dinilai diuji dengan nilai yang benar dan yang salah.',
    '',
    'Every numbered rule of SATUSEHAT, and what the simulator does with it. Made from `profiles/platform-rules.json`; each row that is evaluated is',
    'tested with a good value and with bad ones (`test/sandbox/rules-table.test.ts`). The service judges by the same table with code of its own.',
    '',
    '| | Kamus · dictionary | Tabel · whole table |',
    '|---|---|---|',
    ...STATES.map((state) => `| ${state} | ${count(inDictionary, state)} | ${count(accounts, state)} |`),
    `| total | ${inDictionary.length} | ${accounts.length} |`,
    '',
    'The dictionary is the platform’s list of rule numbers. The table has more rows: rules of the newer published table, and a few that recorded',
    'answers show. A finding names its rule as `(RuleNumber: n)`; several findings are answered together (`strictness.issues`).',
    '',
    '## Pemeriksaan · Checks',
    '',
    '| Check | Meaning | Answer | Certainty of the text |',
    '|---|---|---|---|',
    ...CHECK_CLASSES.flatMap(({ check, meaning, answers }) =>
      answers.map(({ text, certainty }, index) => row(index === 0 ? [check, meaning] : ['', ''], `\`${text}\``, CERTAINTY[certainty])),
    ),
    '',
    `Codes: ${closed} systems have a complete list, and another code is refused. ${published} have the codes that were published; others are accepted unless`,
    `\`strictness.unknownCodes=refuse\`. By their form, with the check digit of LOINC and SNOMED CT: ${formed.join(', ')}.`,
    'Of every other system any code is accepted: the platform is stricter there, and its copies are not published.',
    '',
    '## Aturan · Rules',
    '',
    '| Rule | Element | State | What is judged, or why not | Source |',
    '|---|---|---|---|---|',
    ...accounts.map(({ rule, state, detail }) =>
      row([String(rule.rule), elementOf(rule)], state, [detail, rule.note].filter(Boolean).join('; '), (rule.source ?? []).join(', ')),
    ),
  ].join('\n')}\n`;
}

const row = (first: readonly string[], ...rest: readonly string[]): string => `| ${[...first, ...rest].join(' | ')} |`;

const elementOf = ({ path: at, dictionary }: PlatformRule): string =>
  dictionary === undefined ? `\`${at}\`` : `\`${at}\` (in the dictionary \`${dictionary}\`)`;

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '../../..');
  const table = readRuleTable(readFileSync(path.join(root, 'profiles/platform-rules.json'), 'utf8'));
  writeFileSync(path.join(root, 'docs/sandbox-rules.md'), sandboxRulesDoc(table));
}
