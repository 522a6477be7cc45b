import type { ConceptMap, StructureMap, StructureMapGroup, StructureMapGroupRule, StructureMapGroupRuleTarget } from '@medplum/fhirtypes';
import { type Issue, issue } from '../errors/index.ts';
import type { Feed } from '../store/port.ts';
import type { LocalCodes } from '../terminology/index.ts';
import { ILP_BASE, SYSTEMS } from '../terminology/systems.ts';
import { fail } from './csv.ts';
import { formRule, mapsOf, packMaps } from './pack-map.ts';
import type { Pack, PackForm } from './packs.ts';
import { tableSays } from './table-problems.ts';
import { type MappingTables, type ObservationRow, type PathStep, pathSteps, type TokenCoding } from './tables.ts';
import type { NormalisedRecord } from './types.ts';

/** What the tables of `mappings/` mean for the engine and for intake. */
export interface Catalogue {
  /** One map per feed with rows; group `EncounterCatalogue` or `VillageCatalogue`: `(source src, source ctx, target bundle : Bundle)`. */
  readonly structureMaps: readonly StructureMap[];
  /** What the packs add to them, form by form: only the forms that are used need to be compiled. */
  readonly forms: readonly CatalogueForm[];
  /** By url; maps name them in `translate`. */
  readonly conceptMaps: Readonly<Record<string, ConceptMap>>;
  /**
   * Values outside the bounds of their row (`field-range`), and tokens and codes that no table has (`code-unknown`,
   * `form-unknown`), each with the path of its field. No issue holds a value.
   */
  checkPlausible(feed: Feed, record: NormalisedRecord, codes?: Pick<LocalCodes, 'districtName'>): readonly Issue[];
  /** `send` or `local`; what no row names stays local. */
  decide(feed: Feed, item: string): 'send' | 'local';
}

/** A form of a pack in one feed. */
export interface CatalogueForm {
  readonly feed: Feed;
  readonly form: string;
  /** Name of its pack: all its maps are needed. */
  readonly pack: string;
  /** The map whose one group takes a record's services of this form: `(source src, source ctx, target bundle : Bundle)`. */
  readonly entry: () => StructureMap;
  /** What the rows of the pack mean; the same object for all its forms. */
  readonly rows: () => StructureMap;
}

export const conceptMapUrl = (name: string): string => `${ILP_BASE}/ConceptMap/${name}`;

/** Map with the group `ObservationHead`, which every catalogue imports. */
const OBSERVATION_MAP = `${ILP_BASE}/StructureMap/observation`;
const GROUPS: Readonly<Partial<Record<Feed, string>>> = { encounters: 'EncounterCatalogue', 'village-observations': 'VillageCatalogue' };
/** https://terminology.hl7.org/CodeSystem-observation-category.html */
const CATEGORY_DISPLAY: Readonly<Record<string, string>> = {
  'vital-signs': 'Vital Signs',
  exam: 'Exam',
  survey: 'Survey',
  laboratory: 'Laboratory',
  'social-history': 'Social History',
};

/** @throws AppError `config` when a row cannot become a rule */
export function createCatalogue(tables: MappingTables): Catalogue {
  const policy = new Map(tables.deliveryPolicy.map((row) => [`${row.feed} ${row.item}`, row.decision]));
  const checks = new Map<Feed, RecordCheck>();
  for (const feed of ['encounters', 'village-observations'] as const) checks.set(feed, recordCheck(tables, feed));
  return {
    structureMaps: (Object.keys(GROUPS) as Feed[]).map((feed) => structureMap(feed, tables.observations)),
    forms: tables.packs.flatMap((pack) => {
      let rows: StructureMap | undefined;
      return pack.forms.flatMap((form) =>
        form.feeds.map((feed) => ({
          feed,
          form: form.name,
          pack: pack.name,
          entry: () => formMap(feed, pack, form),
          rows: () => {
            rows ??= packMaps(pack);
            return rows;
          },
        })),
      );
    }),
    conceptMaps: Object.fromEntries(conceptMaps(tables).map((map) => [map.url as string, map])),
    checkPlausible(feed, record, codes) {
      const issues: Issue[] = [];
      checks.get(feed)?.(record, issues, codes);
      return issues;
    },
    decide: (feed, item) => policy.get(`${feed} ${item}`) ?? 'local',
  };
}

// ---- StructureMap

function structureMap(feed: Feed, rows: readonly ObservationRow[]): StructureMap {
  const group = entryGroup(GROUPS[feed] as string);
  // Rows with the same container share the rule that enters it.
  const entered = new Map<string, StructureMapGroupRule[]>();
  for (const row of rows.filter((candidate) => candidate.feed === feed)) {
    const steps = pathSteps(row.path);
    let rules = group.rule;
    let variable = 'src';
    let service = false;
    for (const [depth, step] of steps.slice(0, -1).entries()) {
      const key = JSON.stringify(steps.slice(0, depth + 1));
      const next = entered.get(key) ?? enter(rules, variable, step, depth);
      entered.set(key, next);
      rules = next;
      variable = variableOf(step, depth);
      service ||= step.filter !== undefined;
    }
    rules.push(leaf(row, variable, steps, service));
  }
  return entryMap(feed, `catalogue-${feed}`, [OBSERVATION_MAP], group);
}

const formMap = (feed: Feed, pack: Pack, form: PackForm): StructureMap =>
  entryMap(feed, `form-${feed}-${form.name}`, mapsOf(pack), { ...entryGroup('Form'), rule: [formRule(form)] });

/** A group that takes a whole record. */
const entryGroup = (name: string): StructureMapGroup => ({
  name,
  typeMode: 'none',
  input: [
    { name: 'src', type: 'Record', mode: 'source' },
    { name: 'ctx', mode: 'source' },
    { name: 'bundle', type: 'Bundle', mode: 'target' },
  ],
  rule: [],
});

const entryMap = (feed: Feed, name: string, imports: readonly string[], group: StructureMapGroup): StructureMap => ({
  resourceType: 'StructureMap',
  url: `${ILP_BASE}/StructureMap/${name}`,
  name,
  status: 'active',
  structure: [
    { url: `${ILP_BASE}/contract/${feed}-2`, mode: 'source', alias: 'Record' },
    { url: 'http://hl7.org/fhir/StructureDefinition/Bundle', mode: 'target', alias: 'Bundle' },
  ],
  import: [...imports],
  group: [group],
});

const variableOf = (step: PathStep, depth: number): string => (depth === 0 && step.filter ? 'service' : `${step.name}Of`);

function enter(rules: StructureMapGroupRule[], context: string, step: PathStep, depth: number): StructureMapGroupRule[] {
  const variable = variableOf(step, depth);
  const inner: StructureMapGroupRule[] = [];
  const condition = step.filter && `${step.filter.field} = '${step.filter.value}'`;
  const rule: StructureMapGroupRule = {
    name: step.filter ? `${step.name}-${step.filter.value}` : step.name,
    source: [{ context, element: step.name, variable, ...(condition && { condition }) }],
    rule: inner,
  };
  // The sender's id of a service tells two of a kind apart; the form stands in where there is none.
  if (step.filter) rule.source.push({ context: variable, element: 'sourceId', variable: 'origin', defaultValueString: step.filter.value });
  rules.push(rule);
  return inner;
}

function leaf(row: ObservationRow, context: string, steps: readonly PathStep[], service: boolean): StructureMapGroupRule {
  const element = (steps.at(-1) as PathStep).name;
  const condition = row.when === undefined ? undefined : whenCondition(row, context, steps);
  const text = (valueString: string) => ({ valueString });
  const id = (valueId: string) => ({ valueId });
  const into = (name: string): Partial<StructureMapGroupRuleTarget> => ({ context: name, contextType: 'variable' });
  const targets: StructureMapGroupRuleTarget[] = [
    { ...into('bundle'), element: 'entry', variable: 'entry' },
    service
      ? { ...into('entry'), element: 'fullUrl', transform: 'append', parameter: [text(`role:observation:${row.code}@`), id('origin')] }
      : { ...into('entry'), element: 'fullUrl', transform: 'copy', parameter: [text(`role:observation:${row.code}`)] },
    { ...into('entry'), element: 'id', transform: 'copy', parameter: [text(row.item)] },
    { ...into('entry'), element: 'resource', variable: 'observation', transform: 'create', parameter: [text('Observation')] },
    ...valueTargets(row, into, text, id),
  ];
  const category = CATEGORY_DISPLAY[row.category];
  if (category === undefined) fail('observations.csv', row.line, 'category', tableSays('not-category'));
  return {
    name: row.item,
    source: [{ context, element, variable: 'value', ...(condition && { condition }) }],
    target: targets,
    dependent: [
      {
        name: 'ObservationHead',
        variable: ['ctx', 'observation', ...[row.category, category, row.system, row.code, row.display].map(literal)],
      },
    ],
  };
}

function valueTargets(
  row: ObservationRow,
  into: (name: string) => Partial<StructureMapGroupRuleTarget>,
  text: (value: string) => { valueString: string },
  id: (name: string) => { valueId: string },
): StructureMapGroupRuleTarget[] {
  const value = { ...into('observation'), element: 'value' };
  switch (row.kind) {
    case 'quantity':
      return [
        {
          ...value,
          transform: 'qty',
          parameter: [id('value'), text(row.unit ?? (row.ucum as string)), text(SYSTEMS.ucum), text(row.ucum as string)],
        },
      ];
    case 'code':
      return [
        { ...value, transform: 'translate', parameter: [id('value'), text(conceptMapUrl(row.answers as string)), text('CodeableConcept')] },
      ];
    case 'dateTime':
      // The platform wants full precision. Midnight in UTC, as its own examples have it: the same day in each zone of the country
      // and for readers who cut the time off; midnight of the facility would be the day before in UTC.
      return [
        { transform: 'append', parameter: [id('value'), text('T00:00:00+00:00')], variable: 'midnight' },
        { ...value, transform: 'cast', parameter: [id('midnight'), text('dateTime')] },
      ];
    default:
      return [{ ...value, transform: 'cast', parameter: [id('value'), text(row.kind)] }];
  }
}

/** A literal argument as the parser writes it: a FHIRPath string in quotes. */
const literal = (value: string): string => `'${value.replace(/[\\']/g, '\\$&')}'`;

interface When {
  readonly field: string;
  readonly test: 'equals' | 'differs' | 'absent';
  readonly value: string;
}

function parseWhen(row: ObservationRow): When {
  const match = /^(!)?([\w.]+?)(?:(!=|=)([\w-]+))?$/.exec(row.when ?? '');
  if (!match?.[2] || (match[1] === undefined) === (match[3] === undefined)) {
    return fail('observations.csv', row.line, 'when', tableSays('when'));
  }
  return { field: match[2], test: match[1] ? 'absent' : match[3] === '=' ? 'equals' : 'differs', value: match[4] ?? '' };
}

function whenCondition(row: ObservationRow, context: string, steps: readonly PathStep[]): string {
  const when = parseWhen(row);
  const container = steps.slice(0, -1).map((step) => step.name);
  const field = when.field.split('.');
  if (container.length !== field.length - 1 || container.some((name, i) => name !== field[i])) {
    fail('observations.csv', row.line, 'when', tableSays('when-neighbour', { path: row.path }));
  }
  const path = `%${context}.${field.at(-1)}`;
  if (when.test === 'absent') return `${path}.empty()`;
  return when.test === 'equals' ? `${path} = '${when.value}'` : `${path}.where($this = '${when.value}').empty()`;
}

// ---- ConceptMap

function conceptMaps(tables: MappingTables): readonly ConceptMap[] {
  const kfa: TokenCoding[] = tables.immunizations.map((row) => ({
    token: row.token,
    system: SYSTEMS.kfa,
    code: row.kfa,
    display: row.kfaDisplay,
  }));
  const cvx: TokenCoding[] = tables.immunizations.map((row) => ({
    token: row.token,
    system: SYSTEMS.cvx,
    code: row.cvx,
    display: row.cvxDisplay,
  }));
  const route: TokenCoding[] = tables.immunizations.map((row) => ({
    token: row.token,
    system: SYSTEMS.atc,
    code: row.route,
    display: row.routeDisplay,
  }));
  const cluster: TokenCoding[] = tables.clusters.clusters.map((row) => ({
    token: row.code,
    system: SYSTEMS.klaster,
    code: row.code,
    display: row.id,
  }));
  return [
    ...[...tables.answers].map(([name, rows]) => conceptMap(name, rows)),
    conceptMap('education', tables.education),
    conceptMap('service-procedure', tables.serviceProcedures),
    conceptMap('vaccine-kfa', kfa),
    conceptMap('vaccine-cvx', cvx),
    conceptMap('vaccine-route', route),
    conceptMap('lab-request', tables.labRequests),
    conceptMap('cluster', cluster),
  ];
}

function conceptMap(name: string, rows: readonly TokenCoding[]): ConceptMap {
  const systems = [...new Set(rows.map((row) => row.system))];
  return {
    resourceType: 'ConceptMap',
    url: conceptMapUrl(name),
    name,
    status: 'active',
    group: systems.map((system) => ({
      target: system,
      element: rows
        .filter((row) => row.system === system)
        .map((row) => ({ code: row.token, target: [{ code: row.code, display: row.display, equivalence: 'equivalent' as const }] })),
    })),
  };
}

// ---- checks

type RecordCheck = (record: NormalisedRecord, issues: Issue[], codes?: Pick<LocalCodes, 'districtName'>) => void;

function recordCheck(tables: MappingTables, feed: Feed): RecordCheck {
  const rows = checkedFields(tables, feed);
  const required = requiredAnswers(tables, feed);
  const tokens = (list: readonly { readonly token: string }[]): ReadonlySet<string> => new Set(list.map((one) => one.token));
  const answers = new Map([...tables.answers].map(([name, list]) => [name, tokens(list)]));
  const vaccines = tokens(tables.immunizations);
  const labs = tokens(tables.labRequests);
  const education = tokens(tables.education);
  const reasons = answers.get('immunization-reason') ?? new Set<string>();
  const dangers = answers.get('danger-signs') ?? new Set<string>();
  const forms = new Set(tables.forms.filter((form) => form.feed === feed).map((form) => form.name));
  return (record, issues, codes) => {
    const seen = new Set<string>();
    const report = (found: Issue): void => {
      const key = `${found.code} ${found.field}`;
      if (!seen.has(key)) issues.push(found);
      seen.add(key);
    };
    const inTable = (value: unknown, table: ReadonlySet<string>, field: string, system: string): void => {
      if (typeof value === 'string' && !table.has(value)) report(issue('code-unknown', { field, system }, { field }));
    };
    const icd10 = (code: unknown, field: string): void => {
      const known = typeof code !== 'string' || tables.icd10.find(code) || codes?.districtName(SYSTEMS.icd10, code) !== undefined;
      if (!known) report(issue('code-unknown', { field, system: 'ICD-10' }, { field }));
    };
    for (const { steps, ...row } of rows) {
      each(record, steps, '', (value, field) => {
        if (row.answers !== undefined) inTable(value, answers.get(row.answers) ?? new Set(), field, `answers.csv (${row.answers})`);
        const { min, max } = row;
        if (typeof value !== 'number' || (min === undefined && max === undefined)) return;
        if (value < (min ?? value) || value > (max ?? value)) {
          report(issue('field-range', { field, min: min ?? '', max: max ?? '', unit: row.unit ?? '' }, { field }));
        }
      });
    }
    each(record, [{ name: 'services' }], '', (service, field) => {
      const { form, answers: given } = (service ?? {}) as { form?: unknown; answers?: Record<string, unknown> };
      for (const question of required.get(form as string) ?? []) {
        const place = `${field}.answers.${question}`;
        if (given?.[question] === undefined) report(issue('field-required', { field: place }, { field: place }));
      }
    });
    each(record, [{ name: 'diagnoses' }, { name: 'code' }], '', icd10);
    each(record, [{ name: 'referrals' }, { name: 'reasonCode' }], '', icd10);
    each(record, [{ name: 'immunizations' }, { name: 'vaccine' }], '', (token, field) =>
      inTable(token, vaccines, field, 'immunizations.csv'),
    );
    each(record, [{ name: 'immunizations' }, { name: 'reason' }], '', (token, field) =>
      inTable(token, reasons, field, 'answers.csv (immunization-reason)'),
    );
    each(record, [{ name: 'labRequests' }, { name: 'code' }], '', (token, field) => inTable(token, labs, field, 'lab-requests.csv'));
    each(record, [{ name: 'dangerSigns' }], '', (token, field) => inTable(token, dangers, field, 'answers.csv (danger-signs)'));
    for (const name of ['topics', 'konseling']) {
      each(record, [{ name: 'services' }, { name: 'answers' }, { name }], '', (token, field) =>
        inTable(token, education, field, 'procedures.csv (education)'),
      );
    }
    each(record, [{ name: 'services' }, { name: 'form' }], '', (form, field) => {
      if (typeof form === 'string' && !forms.has(form)) report(issue('form-unknown', { field }, { field }));
    });
  };
}

interface CheckedField {
  readonly steps: readonly PathStep[];
  readonly answers?: string | undefined;
  readonly min?: number | undefined;
  readonly max?: number | undefined;
  readonly unit?: string | undefined;
}

/** Fields with bounds or an answer table, of the catalogue and of the packs. */
function checkedFields({ observations, packs }: MappingTables, feed: Feed): readonly CheckedField[] {
  const rows = observations
    .filter((row) => row.feed === feed)
    .map(({ path, kind, answers, min, max, unit }) => ({ steps: pathSteps(path), ...(kind === 'code' && { answers }), min, max, unit }));
  const questions = packs.flatMap((pack) => {
    const here = new Set(pack.forms.filter(({ feeds }) => feeds.includes(feed)).map(({ name }) => name));
    return pack.questions.filter(({ form }) => here.has(form));
  });
  return [
    ...rows,
    ...questions.map(({ form, name, answers, min, max, unit }) => ({
      steps: [{ name: 'services', filter: { field: 'form', value: form } }, { name: 'answers' }, { name }],
      ...{ answers, min, max, unit },
    })),
  ];
}

/** Form → questions without whose answers it means nothing. */
function requiredAnswers({ packs }: MappingTables, feed: Feed): ReadonlyMap<string, readonly string[]> {
  return new Map(
    packs.flatMap(({ forms, questions }) =>
      forms
        .filter(({ feeds }) => feeds.includes(feed))
        .map(
          ({ name }) =>
            [name, questions.filter(({ form, required }) => form === name && required).map((question) => question.name)] as const,
        ),
    ),
  );
}

/** Calls `visit` for every value at the path, with its place (`services[1].answers.tbj`). */
function each(node: unknown, steps: readonly PathStep[], place: string, visit: (value: unknown, field: string) => void): void {
  const [step, ...rest] = steps;
  if (step === undefined) {
    if (Array.isArray(node)) for (const [i, item] of node.entries()) visit(item, `${place}[${i}]`);
    else if (node !== undefined && node !== null) visit(node, place);
    return;
  }
  if (Array.isArray(node)) {
    for (const [i, item] of node.entries()) each(item, steps, `${place}[${i}]`, visit);
    return;
  }
  if (typeof node !== 'object' || node === null || !Object.hasOwn(node, step.name)) return;
  const child = (node as Record<string, unknown>)[step.name];
  const next = place === '' ? step.name : `${place}.${step.name}`;
  const { filter } = step;
  if (filter === undefined) {
    each(child, rest, next, visit);
    return;
  }
  for (const [i, item] of (Array.isArray(child) ? child : []).entries()) {
    if (typeof item === 'object' && item !== null && item[filter.field] === filter.value) each(item, rest, `${next}[${i}]`, visit);
  }
}
