import { compileCheck } from './platform-checks.ts';
import { compileCodes } from './platform-codes.ts';
import type { PlatformRule, PlatformRuleTable } from './platform-rules.ts';

/** Who tells whether a body keeps a rule. */
export interface Decision {
  readonly rule: PlatformRule;
  readonly state: 'decided locally' | 'only the server' | 'replaced' | 'not decidable';
  /** What is decided, what is left to the server, or why nothing can be. */
  readonly detail: string;
}

/** What the server alone knows of a check that is decided here as far as it can be. */
const LEFT: Readonly<Record<string, string>> = {
  system: 'a code that is in no published list',
  'kfa-one-code': 'that the product is in KFA',
  reference: 'that it exists (20007)',
  'sender-organization': 'that the credential is that of the organization',
  'episode-active': 'another active episode of the patient (10109)',
  'immunization-performer': 'a code that is in no published list',
  'address-parent': 'that the area exists',
  questionnaire: 'that the questionnaire exists',
};

/** Every row of the table, in its order. */
export function decisionsOf(table: PlatformRuleTable): readonly Decision[] {
  const context = { dateWindow: table.dateWindow, codes: compileCodes(table.codeSystems) };
  return table.rules.map((rule): Decision => {
    if (rule.replacedBy !== undefined) return { rule, state: 'replaced', detail: `by ${rule.replacedBy}, of the same element` };
    const isRequired = rule.requirement === 'mandatory' || (rule.requirement === 'conditional' && rule.when !== undefined);
    const parts = [...(isRequired ? ['mandatory'] : [])];
    const leadsAnywhere = rule.check === 'reference' && rule.targets === undefined;
    if (!leadsAnywhere && compileCheck(rule, context) !== undefined) parts.push(rule.check);
    const left = LEFT[rule.check];
    if (parts.length > 0)
      return { rule, state: 'decided locally', detail: `${parts.join(', ')}${left ? `; left to the server: ${left}` : ''}` };
    if (rule.check === 'patch-path')
      return { rule, state: 'not decidable', detail: 'it judges a PATCH, and what is sent is a whole resource' };
    if (rule.why !== undefined) return { rule, state: 'not decidable', detail: rule.why };
    return { rule, state: 'only the server', detail: left ?? 'which codes it has' };
  });
}

const STATES: readonly Decision['state'][] = ['decided locally', 'only the server', 'replaced', 'not decidable'];

/** Text of `docs/preflight.md`. */
export function preflightDoc(table: PlatformRuleTable): string {
  const decisions = decisionsOf(table);
  const inDictionary = decisions.filter(({ rule }) => rule.source?.includes('dictionary'));
  const count = (list: readonly Decision[], state: Decision['state']): number => list.filter((each) => each.state === state).length;
  return `${[
    '# Pemeriksaan sebelum kirim · Pre-flight',
    '',
    'Sebelum masuk antrean, setiap data mendapat putusan: **accepted** (akan diterima), **refused** (akan ditolak oleh aturan bernomor, dengan',
    'alasannya), atau **server** (hanya SATUSEHAT yang tahu, dengan fakta apa). Putusan ada pada jawaban `?dryRun=true` dan, selama SATUSEHAT',
    'belum menjawab, `GET /api/v1/submissions/{id}` (`preflight`), dan pada `ilp-fhir validate FILE…`. Tabel ini dibuat dari `profiles/platform-rules.json` (`npm run generate`).',
    '',
    'Before it is queued, each record gets a verdict: **accepted**, **refused** (by a numbered rule, and why), or **server** (only SATUSEHAT can',
    'know, and which facts). It is in the answer of `?dryRun=true` and, until the platform has answered, of `GET /api/v1/submissions/{id}`',
    '(`preflight`), and of `ilp-fhir validate FILE…`. The rules are judged on what would be sent: what stays here (identifiers, codings and extensions of our own) does not count, and own identifier systems count as the',
    'platform’s; a test holds that what is stored and its projection are judged alike. Each rule that is decided is tested with bodies that break it.',
    '',
    'Facts that are named as the server’s: that a reference exists (20007), that a code is in its copy of a system that is not published whole,',
    'that it knows a person, that no other active episode is there (10109). Not named, as they are no matter of the record: the right of the',
    'credential (20003, 20004), a copy that is there already (20002), and that the platform answers.',
    '',
    '| | Kamus · dictionary | Tabel · whole table |',
    '|---|---|---|',
    ...STATES.map((state) => `| ${state} | ${count(inDictionary, state)} | ${count(decisions, state)} |`),
    `| total | ${inDictionary.length} | ${decisions.length} |`,
    '',
    '| Rule | Element | Decided | What, or why not |',
    '|---|---|---|---|',
    ...decisions.map(({ rule: { rule, path, dictionary }, state, detail }) => {
      const element = dictionary === undefined ? `\`${path}\`` : `\`${path}\` (in the dictionary \`${dictionary}\`)`;
      return `| ${rule} | ${element} | ${state} | ${detail} |`;
    }),
  ].join('\n')}\n`;
}
