import type { Encounter, Immunization, Observation, QuestionnaireResponseItem, Ratio, Resource } from '@medplum/fhirtypes';
import type { Coding, Item, Pack, Target } from '../../src/mapping/packs.ts';
import type { MappingTables, TokenCoding } from '../../src/mapping/tables.ts';
import { subjectsOf } from './compare-bodies.ts';
import type { Field } from './draft.ts';

/** All that a source might have sent for a body, as fields of a record; empty when no table knows it. */
export function candidates(tables: MappingTables, body: Resource): (readonly Field[])[] {
  switch (body.resourceType) {
    case 'Observation':
      return [...catalogueFields(tables, body), ...packFields(tables, body)];
    case 'Condition': {
      const codings = body.code?.coding ?? [];
      const kinds = body.category?.flatMap((each) => each.coding ?? []).map(({ code }) => code) ?? [];
      if (kinds.includes('chief-complaint')) return [[['complaint', body.code?.text ?? codings[0]?.display ?? 'keluhan']]];
      const code = codings.find(({ system }) => system?.includes('icd-10'))?.code;
      return [...packFields(tables, body), ...(code === undefined ? [] : [[['diagnoses[]', { code }] as Field]])];
    }
    case 'Procedure': {
      const topics = tables.education.filter((each) => body.code?.coding?.some(({ code }) => code === each.code));
      return [...packFields(tables, body), ...topics.map(({ token }): Field[] => [['services[form=edukasi].answers.topics[]', token]])];
    }
    case 'ServiceRequest': {
      const codes = body.code?.coding?.map(({ code }) => code) ?? [];
      const note = body.note?.[0]?.text;
      const lab = tables.labRequests.filter(({ code }) => codes.includes(code));
      const kind = codes.includes('3457005') ? 'internal' : codes.includes('737492002') ? 'external' : undefined;
      const reasonCode = body.reasonCode?.[0]?.coding?.[0]?.code;
      const to = body.patientInstruction;
      return [
        ...lab.map(({ token }): Field[] => [['labRequests[]', { code: token, ...(note && { note }) }]]),
        ...(kind === undefined
          ? []
          : [[['referrals[]', { kind, to: to ?? 'RS', ...(reasonCode && { reasonCode }), ...(note && { note }) }] as Field]]),
      ];
    }
    case 'Immunization':
      return vaccineFields(tables, body);
    case 'Encounter':
      return visitFields(body);
    case 'QuestionnaireResponse':
      return [questionnaireFields(tables, body.questionnaire ?? '', body.item ?? [])];
    default:
      return [];
  }
}

const shares = (body: Resource, codes: readonly { readonly code: string }[]): boolean => {
  const subjects = subjectsOf(body);
  return codes.some(({ code }) => subjects.has(code));
};

function catalogueFields(tables: MappingTables, body: Observation): (readonly Field[])[] {
  return tables.observations
    .filter((row) => row.feed === 'encounters' && shares(body, [row]))
    .flatMap((row) => {
      const value = saidValue(body as unknown as Record<string, unknown>, tables.answers.get(row.answers ?? ''));
      if (value === undefined) return [];
      const [, field, token] = /^([\w.]+)=([\w-]+)$/.exec(row.when ?? '') ?? [];
      return [[[row.path, value], ...(field && token ? [[field, token] as Field] : [])] as Field[]];
    });
}

function packFields(tables: MappingTables, body: Resource): (readonly Field[])[] {
  return tables.packs.flatMap((pack) =>
    pack.items
      .filter((item) => item.resource === body.resourceType)
      .flatMap((item) => {
        const question = pack.questions.find((each) => each.form === item.form && each.name === item.question);
        const answers = pack.answers.get(question?.answers ?? '');
        const said = question && saidBy(body, item, answers, question.kind === 'boolean');
        if (said === undefined) return [];
        const several = question?.kind === 'codes' ? '[]' : '';
        const value: Field[] = said === NOTHING ? [] : [[`${formPath(item)}${item.question}${several}`, said]];
        return [
          [...value, ...conditions(item), ...judgement(body, item, pack), ...partFields(body, item, pack), ...originFields(body, item)],
        ];
      }),
  );
}

/** Only judged, or only parts. */
const NOTHING = Symbol('no value');

function partFields(body: Resource, { item, form }: Item, pack: Pack): Field[] {
  const rows = pack.items.filter((each) => each.of === item && each.form === form);
  return ((body as Observation).component ?? []).flatMap((part) => {
    const codes = new Set(part.code.coding?.map(({ code }) => code));
    return rows
      .filter((row) => row.codes.some(({ code }) => codes.has(code)))
      .flatMap((row): Field[] => {
        const question = pack.questions.find((each) => each.form === form && each.name === row.question);
        const value = saidValue(part as unknown as Record<string, unknown>, pack.answers.get(question?.answers ?? ''));
        return value === undefined ? [] : [[`${formPath({ form })}${row.question}`, value]];
      });
  });
}

/** What the value comes from has been measured: any value. */
const originFields = (body: Resource, { derivedFrom, form }: Item): Field[] =>
  (body as Observation).derivedFrom === undefined ? [] : derivedFrom.map((target) => measured(target, form));

const measured = (target: Target, form: string): Field =>
  'field' in target ? [target.field, target.field === 'vitals.height' ? 150 : 50] : [`${formPath({ form })}${target.question}`, 20];

const formPath = ({ form }: Pick<Item, 'form'>): string => `services[form=${form}].answers.`;

function saidBy(body: Resource, item: Item, answers: readonly TokenCoding[] | undefined, isBoolean: boolean): unknown {
  if (body.resourceType === 'Observation') {
    if (!shares(body, item.codes)) return undefined;
    const isJudged = body.interpretation !== undefined || body.component !== undefined;
    return saidValue(body as unknown as Record<string, unknown>, answers) ?? (isJudged ? NOTHING : undefined);
  }
  if (isBoolean) return shares(body, item.codes) ? (body as { status?: string }).status !== 'not-done' : undefined;
  return answers?.find((each) => shares(body, [each]))?.token;
}

function conditions({ when, form }: Item): Field[] {
  return when.flatMap((part) => {
    const [, field, token] = /^(\w+)=([\w-]+)$/.exec(part) ?? [];
    return field && token ? [[`${formPath({ form })}${field}`, token] as Field] : [];
  });
}

function judgement(body: Resource, { interpretation, form }: Item, pack: Pack): Field[] {
  const question = pack.questions.find((each) => each.form === form && each.name === interpretation);
  const codes = (body as Observation).interpretation?.flatMap((each) => each.coding ?? []) ?? [];
  const token = pack.answers.get(question?.answers ?? '')?.find(({ code }) => codes.some((each) => each.code === code))?.token;
  return token === undefined ? [] : [[`${formPath({ form })}${interpretation}`, token]];
}

/** The value of an element `value[x]`, as a source would write it. */
function saidValue(element: Record<string, unknown>, answers: readonly TokenCoding[] | undefined): unknown {
  const [key, value] = Object.entries(element).find(([name]) => /^value[A-Z]/.test(name)) ?? [];
  if (key === undefined) return undefined;
  if (key === 'valueQuantity') return number((value as { value?: unknown }).value);
  if (key === 'valueDateTime' || key === 'valueDate') return String(value).replace(/T00:00.*/, '');
  if (key === 'valueCodeableConcept' || key === 'valueCoding') {
    const codings = key === 'valueCoding' ? [value as Partial<Coding>] : ((value as { coding?: Partial<Coding>[] }).coding ?? []);
    return answers?.find(({ code }) => codings.some((each) => each.code === code))?.token;
  }
  if (key === 'valueRatio') {
    const { numerator, denominator } = value as Ratio;
    return `${numerator?.value}/${denominator?.value}`;
  }
  return key === 'valueReference' ? undefined : value;
}

/** What is left to the reader (`{{…}}`) is any number. */
const number = (value: unknown): unknown => (typeof value === 'string' ? 20 : value);

function questionnaireFields(tables: MappingTables, url: string, items: readonly QuestionnaireResponseItem[]): Field[] {
  const rows = tables.packs.flatMap((pack) => pack.items.filter((item) => item.questionnaire === url).map((item) => ({ pack, item })));
  const fields: Field[] = [];
  const walk = (list: readonly QuestionnaireResponseItem[], above: string): void => {
    for (const { linkId, item, answer } of list) {
      const where = `${above}${linkId}`;
      const row = rows.find((each) => each.item.linkId === where);
      const question = row?.pack.questions.find((each) => each.form === row.item.form && each.name === row.item.question);
      for (const one of answer ?? []) {
        const value = saidValue(one as Record<string, unknown>, row?.pack.answers.get(question?.answers ?? ''));
        if (row !== undefined && question !== undefined && value !== undefined) {
          fields.push([`${formPath(row.item)}${question.name}${question.kind === 'codes' ? '[]' : ''}`, value], ...conditions(row.item));
        }
        if (row?.item.reference !== undefined && one.valueReference !== undefined) fields.push(measured(row.item.reference, row.item.form));
        walk(one.item ?? [], `${where}/`);
      }
      walk(item ?? [], `${where}/`);
    }
  };
  walk(items, '');
  // Answers to the same questionnaire in one record would come out as one response.
  return fields.length === 0 ? [] : [[`=${url}`, fields], ...fields];
}

function vaccineFields(tables: MappingTables, body: Immunization): (readonly Field[])[] {
  const codes = new Set(body.vaccineCode?.coding?.map(({ code }) => code));
  const dose = body.protocolApplied?.[0]?.doseNumberPositiveInt;
  const reason = body.reasonCode?.[0]?.coding?.[0]?.code;
  return tables.immunizations
    .filter(({ kfa, cvx }) => codes.has(kfa) || codes.has(cvx))
    .map(({ token }) => [
      [
        'immunizations[]',
        {
          vaccine: token,
          ...(dose !== undefined && { dose }),
          ...(body.lotNumber && { lot: body.lotNumber }),
          ...(body.expirationDate && { expiry: body.expirationDate }),
          ...(body.primarySource !== undefined && { primarySource: body.primarySource }),
          ...(reason && { reason }),
          ...given(tables, body),
        },
      ],
    ]);
}

/** Forms that number their visits, by the end of the identifier's system. */
const VISIT_NUMBERS: Readonly<Record<string, string>> = { puerperium: 'pnc', neonate: 'neonatus' };

/** How it was given, or why it was not, and who says so. */
function given(tables: MappingTables, body: Immunization): Record<string, unknown> {
  const tokenOf = (table: string, codings: readonly { readonly code?: string }[] = []): string | undefined =>
    tables.answers.get(table)?.find(({ code }) => codings.some((each) => each.code === code))?.token;
  const product = body.vaccineCode?.coding?.find(({ code }) => code?.startsWith('93'))?.code;
  const said = {
    timing: tokenOf('immunization-timing', body.reasonCode?.[0]?.coding),
    amount: body.doseQuantity?.value,
    notGiven: tokenOf('immunization-not-given', body.statusReason?.coding),
    notGivenNote: body.statusReason?.text,
    origin: tokenOf('immunization-origin', body.reportOrigin?.coding),
    product: body.status === 'completed' ? product : undefined,
    reportedBy: body.performer?.find((each) => each.function?.text)?.function?.text,
  };
  return Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined));
}

function visitFields(body: Encounter): (readonly Field[])[] {
  const isOpen = body.period?.end === undefined;
  const found = Array.from(
    { length: body.diagnosis?.length ?? 0 },
    (_, index): Field => ['diagnoses[]', { code: ['Z00.0', 'Z71.9', 'Z13.9', 'Z01.0'][index] ?? 'Z00.0', rank: index + 1 }],
  );
  for (const { system, value } of body.identifier ?? []) {
    const form = VISIT_NUMBERS[system?.slice(system.lastIndexOf('/') + 1) ?? ''];
    if (form !== undefined && value !== undefined) found.push([`services[form=${form}].answers.kunjunganKe`, value.toLowerCase()]);
  }
  if (body.class?.code === 'IMP' && /\bINC\b/.test(JSON.stringify(body.location)))
    found.push(['services[form=inc].answers.penolong', 'bidan']);
  const marker: Field = ['=encounter', JSON.stringify(body)];
  const ends = ['home', 'referred', 'inpatient', 'left', 'died', 'other'];
  if (isOpen) return [[marker, ['open', true], ...found]];
  return body.hospitalization === undefined
    ? [[marker, ['open', false], ...found]]
    : ends.map((end) => [marker, ['open', false], ['disposition', end], ...found]);
}
