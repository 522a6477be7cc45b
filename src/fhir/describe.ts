import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { SEARCH_PARAMETERS } from '../store/index.ts';
import { INVARIANTS, NOT_CHECKED, type PlatformRuleTable, preflightDoc } from '../validation/index.ts';
import { capabilityStatement } from './capability-statement.ts';

/**
 * Text of `docs/conformance.md`, made from the tables that the service works by.
 *
 * @param rules content of `profiles/platform-rules.json`
 */
export function conformanceDoc(rules: PlatformRuleTable): string {
  const statement = capabilityStatement({ version: '', date: '', url: '' });
  const resources = statement.rest?.[0]?.resource ?? [];
  const types = resources.filter(({ versioning }) => versioning === 'versioned');
  const defined = resources.filter(({ versioning }) => versioning === 'no-version');
  const keys = Object.values(INVARIANTS)
    .flat()
    .map(({ key }) => key);
  const mandatory = rules.rules.filter(({ requirement }) => requirement === 'mandatory').length;
  const ruled = new Set(rules.rules.map((rule) => rule.path.split('.')[0])).size;
  return `${[
    '# Conformance',
    '',
    'What is done and what is not. Made from the tables that the service works by (`npx node src/fhir/describe.ts`); the',
    'CapabilityStatement at `/fhir/metadata` is made from the same ones.',
    '',
    '## FHIR API',
    '',
    `FHIR ${statement.fhirVersion}, JSON. Interactions of every type below: ${(types[0]?.interaction ?? []).map(({ code }) => `\`${code}\``).join(', ')};`,
    'also `POST [type]/_search`, `If-None-Match`, `Prefer: handling=lenient`. A key with `fhir:read` is needed and limits what is seen to its',
    'facilities; an unknown parameter is refused. Errors are OperationOutcomes. Only `metadata` is open.',
    '',
    'Of every type: `_id`, `_lastUpdated`, `_count`, `_sort` (parameters of kind date), `_total`, paging by the links of the answer. Prefixes of',
    'dates: `eq ne gt lt ge le`. Modifiers: `:exact` and `:contains` of strings, `:Type` of references.',
    '',
    '| Type | Search parameters |',
    '|---|---|',
    ...types.map(
      ({ type }) =>
        `| ${type} | ${SEARCH_PARAMETERS.filter((row) => row.type === type)
          .map(({ param }) => `\`${param}\``)
          .join(' ')} |`,
    ),
    '',
    'Profiles, terminology and maps of this service, `read` and search (also `_id`), the same for everybody:',
    '',
    '| Type | Search parameters |',
    '|---|---|',
    ...defined.map(
      ({ type, searchParam = [] }) =>
        `| ${type} | ${searchParam.flatMap(({ name }) => (name?.startsWith('_') ? [] : [`\`${name}\``])).join(' ')} |`,
    ),
    '',
    'The same as a FHIR package for other tools: `npm run package:ig` writes `dist/id.ilp.fhir.r4-<version>.tgz`.',
    '',
    `Operations (GET, or POST of Parameters; see [terminology](terminology.md)): ${resources
      .flatMap(({ type, operation = [] }) => operation.map(({ name }) => `\`${type}/$${name}\``))
      .join(', ')}.`,
    '',
    'Not there: create, update, patch, delete (records come through intake), `history`, batch and transaction, `_include`, `_revinclude`,',
    'chained parameters, `_has`, `_summary`, `_elements`, XML, other operations, Subscription, SMART scopes.',
    '',
    '## Validation',
    '',
    '- Structure, cardinality, primitive types, choice types, references, required bindings and units of FHIR R4, for every one of its types;',
    "  codes of HL7's own systems also where nothing is bound; narratives; HL7's own extensions and where they may stand.",
    '- Profiles in `profiles/ilp`: cardinality, fixed and pattern values, bindings, slices, invariants, extensions.',
    `- ${keys.length} invariants of R4 of severity error written by hand, on ${Object.keys(INVARIANTS).length} types and elements; all others as HL7 wrote them (\`profiles/r4/invariants.json\`).`,
    "- The verdict is meant to be that of HL7's engine: `npm run mutations -- --seed 1 --count 2000` damages resources of every type and asks",
    '  both (needs the command of that engine in `ILP_HL7_VALIDATE`).',
    `- ${rules.rules.length} rules of SATUSEHAT on ${ruled} types, ${mandatory} of them mandatory elements (\`profiles/platform-rules.json\`, version ${rules.version}). A`,
    '  condition that is not published is not enforced.',
    '',
    'Not checked:',
    '',
    ...NOT_CHECKED.map(({ key, en }) => `- ${en} (\`${key}\`)`),
    '',
    '## Delivery',
    '',
    'Done: OAuth2 client credentials per puskesmas, look-up of Patient and Practitioner by NIK, search and registration of Organization and',
    'Location below the puskesmas, one transaction Bundle per visit, PUT of a mended or withdrawn one (entered in error), look-up after a lost',
    'answer, adoption of what is already there (20002). Tried against the simulator of this repository; no run against the platform is claimed.',
    '',
    'Not yet: home visits (no published module), QuestionnaireResponse and MedicationDispense, consent.',
  ].join('\n')}\n`;
}

if (import.meta.main) {
  const root = path.resolve(import.meta.dirname, '../..');
  const rules = JSON.parse(readFileSync(path.join(root, 'profiles/platform-rules.json'), 'utf8')) as PlatformRuleTable;
  writeFileSync(path.join(root, 'docs/conformance.md'), conformanceDoc(rules));
  writeFileSync(path.join(root, 'docs/preflight.md'), preflightDoc(rules));
}
