import type { StructureMap, StructureMapGroup } from '@medplum/fhirtypes';
import { ILP_BASE } from '../terminology/systems.ts';
import { questionnaireRules } from './pack-questionnaire.ts';
import {
  and,
  anyOf,
  conditionOf,
  copy,
  id,
  into,
  pointer,
  quantity,
  type Rule,
  type Target,
  text,
  translated,
  whereThere,
} from './pack-rules.ts';
import type { Coding, Item, Pack, PackForm, Question, Range } from './packs.ts';

/*
 * What the rows of `items.csv` mean, as a StructureMap: one group per form, one rule per row. The rows say what is particular; the groups of
 * `statement.map` say what all resources of a type have in common.
 */

export const packMapUrl = (pack: string): string => `${ILP_BASE}/StructureMap/pack-${pack}`;

/** Map with the heads of resources, which every pack imports. */
const STATEMENT_MAP = `${ILP_BASE}/StructureMap/statement`;

/** `tb-terduga` → `ItemsTbTerduga` */
const groupOf = (form: string): string => `Items${form.replace(/(^|-)(\w)/g, (_all, _dash, letter: string) => letter.toUpperCase())}`;

export function packMaps(pack: Pack): StructureMap {
  return {
    resourceType: 'StructureMap',
    url: packMapUrl(pack.name),
    name: `pack-${pack.name}`,
    status: 'active',
    structure: [{ url: 'http://hl7.org/fhir/StructureDefinition/Bundle', mode: 'target', alias: 'Bundle' }],
    import: [STATEMENT_MAP],
    group: pack.forms.map((form) => formGroup(pack, form)),
  };
}

/** Maps that a pack consists of: that of its rows, and its own where it has one. */
export const mapsOf = ({ name, hasMap }: Pack): readonly string[] => [
  packMapUrl(name),
  ...(hasMap ? [`${ILP_BASE}/StructureMap/${name}`] : []),
];

/** Hands each service of a form to the groups that its pack has for it. */
export function formRule({ name, group }: PackForm): Rule {
  return {
    name: `form-${name}`,
    source: [
      { context: 'src', element: 'services', variable: 'service', condition: `form = '${name}'` },
      // The sender's id of a service tells two of a kind apart; the form stands in where there is none.
      { context: 'service', element: 'sourceId', variable: 'origin', defaultValueString: name },
    ],
    dependent: [
      { name: groupOf(name), variable: ['src', 'service', 'ctx', 'bundle', 'origin'] },
      ...(group === undefined ? [] : [{ name: group, variable: ['src', 'service', 'ctx', 'bundle', 'origin'] }]),
    ],
  };
}

function formGroup(pack: Pack, form: PackForm): StructureMapGroup {
  const questions = new Map(pack.questions.filter((question) => question.form === form.name).map((question) => [question.name, question]));
  const items = pack.items.filter((item) => item.form === form.name);
  const rules = items
    .filter(({ resource }) => resource !== 'QuestionnaireResponse' && resource !== 'Component')
    .flatMap((item) => {
      const parts = items.filter(({ of }) => of === item.item);
      return parts.length === 0 ? itemRules(item, questions) : [panelRule(item, parts, questions)];
    });
  const all = [...rules, ...questionnaireRules(items, questions)];
  return {
    name: groupOf(form.name),
    typeMode: 'none',
    input: [
      { name: 'src', mode: 'source' },
      { name: 'service', mode: 'source' },
      { name: 'ctx', mode: 'source' },
      { name: 'bundle', type: 'Bundle', mode: 'target' },
      { name: 'origin', mode: 'source' },
    ],
    rule: [
      {
        name: 'answers',
        source: [{ context: 'service', element: 'answers', variable: 'answers' }],
        // A form whose answers its own map takes has no rows.
        ...(all.length > 0 && { rule: all }),
      },
    ],
  };
}

/** A row as rules: mostly one; of a Procedure that is answered with yes or no there is one for each. */
function itemRules(item: Item, questions: ReadonlyMap<string, Question>): Rule[] {
  const question = questions.get(item.question) as Question;
  const conditions = conditionOf(item.when);
  const rule = (suffix: string, more: readonly string[], targets: readonly Target[], head: string): Rule => {
    const inner = [...interpretation(item, 'resource', questions), ...derivedFrom(item)];
    return {
      name: `${item.item}${suffix}`,
      source: [{ context: 'answers', element: item.question, variable: 'value', ...and([...conditions, ...more]) }],
      target: [...headTargets(item, question), ...targets],
      ...(inner.length > 0 && { rule: inner }),
      dependent: [{ name: head, variable: ['ctx', 'resource'] }],
    };
  };
  if (item.resource === 'Observation') return [rule('', [], valueTargets(item, 'resource', question), 'ObservationStatement')];
  const isTrue = question.kind === 'boolean' ? ['$this = true'] : [];
  if (item.resource === 'Condition') return [rule('', isTrue, [], item.inactive ? 'PastConditionStatement' : 'ConditionStatement')];
  const done = rule('', isTrue, [copy('resource', 'status', 'completed')], 'ProcedureStatement');
  if (question.kind !== 'boolean') return [done];
  return [done, rule('-not-done', ['$this = false'], [copy('resource', 'status', 'not-done')], 'ProcedureStatement')];
}

/** An Observation with components: there as soon as one of them is, or its own value. */
function panelRule(item: Item, parts: readonly Item[], questions: ReadonlyMap<string, Question>): Rule {
  const question = questions.get(item.question) as Question;
  const value = valueTargets(item, 'resource', question);
  return {
    name: item.item,
    source: [{ context: 'service', element: 'answers', variable: 'filled', condition: anyOf([item, ...parts]) }],
    target: headTargets(item, question),
    rule: [
      ...(value.length === 0
        ? []
        : [
            {
              name: `${item.item}-value`,
              source: [{ context: 'answers', element: item.question, variable: 'value', ...and(conditionOf(item.when)) }],
              target: value,
            },
          ]),
      ...interpretation(item, 'resource', questions),
      ...derivedFrom(item),
      ...parts.map((part): Rule => {
        const asked = questions.get(part.question) as Question;
        const judged = interpretation(part, 'component', questions);
        return {
          name: part.item,
          source: [{ context: 'answers', element: part.question, variable: 'value', ...and(conditionOf(part.when)) }],
          target: [
            { ...into('resource'), element: 'component', variable: 'component' },
            ...codeTargets('component', part, asked),
            ...valueTargets(part, 'component', asked),
          ],
          ...(judged.length > 0 && { rule: judged }),
        };
      }),
    ],
    dependent: [{ name: 'ObservationStatement', variable: ['ctx', 'resource'] }],
  };
}

const roleOf = ({ resource, item }: Item): string => `role:${resource.toLowerCase()}:${item}`;

/** The entry with its resource, and what that is. */
function headTargets(item: Item, question: Question): Target[] {
  const role = roleOf(item);
  return [
    { ...into('bundle'), element: 'entry', variable: 'entry' },
    {
      ...into('entry'),
      element: 'fullUrl',
      transform: 'append',
      parameter: question.kind === 'codes' ? [text(`${role}-`), id('value'), text('@'), id('origin')] : [text(`${role}@`), id('origin')],
    },
    copy('entry', 'id', item.item),
    { ...into('entry'), element: 'resource', variable: 'resource', transform: 'create', parameter: [text(item.resource)] },
    ...codeTargets('resource', item, question),
    ...(item.category === undefined ? [] : [codingTarget('resource', 'category', item.category, 'cc')]),
    ...(item.bodySite === undefined ? [] : [codingTarget('resource', 'bodySite', item.bodySite, 'cc')]),
    ...item.ranges.flatMap((range, i) => rangeTargets(`range${i + 1}`, range, question.unit)),
  ];
}

function rangeTargets(variable: string, { low, high, text: meaning }: Range, unit = '1'): Target[] {
  const bound = (element: 'low' | 'high', value: number | undefined): Target[] =>
    value === undefined ? [] : [{ ...into(variable), element, ...quantity({ valueDecimal: value }, unit) }];
  return [
    { ...into('resource'), element: 'referenceRange', variable },
    ...bound('low', low),
    ...bound('high', high),
    ...(meaning === undefined ? [] : [copy(variable, 'text', meaning)]),
  ];
}

function codeTargets(context: string, { codes, resource }: Item, question: Question): Target[] {
  if (codes.length === 0) return [translated(context, 'code', 'value', question.answers as string, 'CodeableConcept')];
  return [
    { ...into(context), element: 'code', variable: 'concept' },
    ...codes.map((coding) => codingTarget('concept', 'coding', coding, 'c')),
    // A procedure that is chosen is said by the answer, beside what kind of thing it is.
    ...(resource === 'Procedure' && question.answers !== undefined
      ? [translated('concept', 'coding', 'value', question.answers, 'Coding')]
      : []),
  ];
}

const codingTarget = (context: string, element: string, { system, code, display }: Coding, transform: 'c' | 'cc'): Target => ({
  ...into(context),
  element,
  transform,
  parameter: [text(system), text(code), text(display)],
});

function interpretation({ interpretation: question }: Item, context: string, questions: ReadonlyMap<string, Question>): Rule[] {
  if (question === undefined) return [];
  const table = questions.get(question)?.answers as string;
  return [
    {
      name: `interpretation-${question}`,
      source: [{ context: 'answers', element: question, variable: 'judged' }],
      target: [translated(context, 'interpretation', 'judged', table, 'CodeableConcept')],
    },
  ];
}

const derivedFrom = ({ derivedFrom: pointed }: Item): Rule[] =>
  pointed.map((one, i) => ({
    name: `derived-from-${i + 1}`,
    source: [whereThere(one)],
    target: [{ ...into('resource'), element: 'derivedFrom', variable: 'origin-of' }, pointer('origin-of', one)],
  }));

/** The value of an Observation or a component, by the kind of the question. */
function valueTargets(item: Item, context: string, question: Question): Target[] {
  if (item.interpretation === item.question) return [];
  const value = { ...into(context), element: 'value' };
  switch (question.kind) {
    case 'code':
    case 'codes':
      return [translated(context, 'value', 'value', question.answers as string, 'CodeableConcept')];
    case 'number':
    case 'integer': {
      const { unit } = question;
      return [
        unit === undefined
          ? { ...value, transform: 'cast', parameter: [id('value'), text('integer')] }
          : { ...value, ...quantity('value', unit) },
      ];
    }
    case 'ratio': {
      const part = (variable: string, expression: string): Target[] => [
        { transform: 'evaluate', parameter: [id('value'), text(expression)], variable: `${variable}Text` },
        { transform: 'cast', parameter: [id(`${variable}Text`), text('decimal')], variable },
      ];
      const unit = question.unit ?? '1';
      return [
        ...part('over', "$this.substring(0, $this.indexOf('/'))"),
        ...part('under', "$this.substring($this.indexOf('/') + 1)"),
        { ...value, transform: 'create', parameter: [text('Ratio')], variable: 'ratio' },
        { ...into('ratio'), element: 'numerator', ...quantity('over', unit) },
        { ...into('ratio'), element: 'denominator', ...quantity('under', unit) },
      ];
    }
    case 'date':
      return midnight(value);
    case 'dateTime':
      return moment(value);
    case 'time':
      return clock(value);
    default:
      return [{ ...value, transform: 'cast', parameter: [id('value'), text(question.kind === 'boolean' ? 'boolean' : 'string')] }];
  }
}

/** The platform wants full precision; midnight in UTC, as its own examples have it, is the same day for readers in each zone. */
const midnight = (value: Partial<Target>): Target[] => [
  { transform: 'append', parameter: [id('value'), text('T00:00:00+00:00')], variable: 'midnight' },
  { ...value, transform: 'cast', parameter: [id('midnight'), text('dateTime')] },
];

/** A clock without seconds, or an instant of which only the clock is asked; FHIR wants the seconds. */
const clock = (value: Partial<Target>): Target[] => [
  { transform: 'evaluate', parameter: [id('value'), text("$this.substring($this.indexOf('T') + 1, 5)")], variable: 'minutes' },
  { transform: 'append', parameter: [id('minutes'), text(':00')], variable: 'clock' },
  { ...value, transform: 'cast', parameter: [id('clock'), text('time')] },
];

/** An instant; a day alone becomes its midnight as a date does: of the rest nothing is left where there is a `T`. */
const moment = (value: Partial<Target>): Target[] => [
  {
    transform: 'evaluate',
    parameter: [id('value'), text("$this & 'T00:00:00+00:00'.substring(2 * ($this.indexOf('T') + 1))")],
    variable: 'moment',
  },
  { ...value, transform: 'cast', parameter: [id('moment'), text('dateTime')] },
];
