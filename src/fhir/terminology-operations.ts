import type { Coding, Parameters, ParametersParameter, Resource, ValueSet } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { Concept, Terminology, Validation } from '../terminology/index.ts';
import { type Input, type Kind, readInput } from './parameters.ts';
import type { RawQuery } from './search-query.ts';

interface Operation {
  readonly definition: string;
  readonly kinds: Readonly<Record<string, Kind>>;
  run(terminology: Terminology, input: Input, now: string): Resource;
}

/** Of every operation: the version and date are taken and do not matter; one version of each table is held. */
const VERSION = { version: 'text', date: 'date', displayLanguage: 'text' } as const;
const CODED = { code: 'text', display: 'text', coding: 'Coding', codeableConcept: 'CodeableConcept' } as const;

/**
 * The operations of FHIR R4's terminology service (§4.7) at the level of the type. Beside their R4 parameters they take `module` (use
 * case or FHIR path, for codes that mean different things), and `$validate-code` `gender` and `ageDays` for ICD-10.
 */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  'CodeSystem/$lookup': {
    definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-lookup',
    kinds: { code: 'text', system: 'text', coding: 'Coding', property: 'text', module: 'text', ...VERSION },
    run: lookup,
  },
  'CodeSystem/$validate-code': {
    definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-validate-code',
    kinds: { url: 'text', ...CODED, abstract: 'boolean', module: 'text', gender: 'text', ageDays: 'integer', ...VERSION },
    run: validateInSystem,
  },
  'CodeSystem/$subsumes': {
    definition: 'http://hl7.org/fhir/OperationDefinition/CodeSystem-subsumes',
    kinds: { codeA: 'text', codeB: 'text', system: 'text', version: 'text', codingA: 'Coding', codingB: 'Coding' },
    run: subsumes,
  },
  'ValueSet/$validate-code': {
    definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-validate-code',
    kinds: {
      ...{ url: 'text', context: 'text', valueSetVersion: 'text', system: 'text', systemVersion: 'text', abstract: 'boolean' },
      ...{ ...CODED, module: 'text', gender: 'text', ageDays: 'integer', date: 'date', displayLanguage: 'text' },
    },
    run: validateInSet,
  },
  'ValueSet/$expand': {
    definition: 'http://hl7.org/fhir/OperationDefinition/ValueSet-expand',
    kinds: {
      ...{ url: 'text', valueSetVersion: 'text', filter: 'text', offset: 'integer', count: 'integer', module: 'text', date: 'date' },
      ...{ includeDesignations: 'boolean', activeOnly: 'boolean', excludeNested: 'boolean', displayLanguage: 'text' },
    },
    run: expand,
  },
  'ConceptMap/$translate': {
    definition: 'http://hl7.org/fhir/OperationDefinition/ConceptMap-translate',
    kinds: {
      ...{ url: 'text', conceptMapVersion: 'text', code: 'text', system: 'text', version: 'text', source: 'text', target: 'text' },
      ...{ coding: 'Coding', codeableConcept: 'CodeableConcept', targetsystem: 'text', reverse: 'boolean' },
    },
    run: translate,
  },
};

/** The operation that a path below `/fhir` asks for, `CodeSystem/$lookup`; undefined for every other path. */
export const operationOf = (path: string): string | undefined => /^\/([A-Za-z]+\/(?:\$|%24)[a-z-]+)$/.exec(path)?.[1]?.replace('%24', '$');

/** @throws AppError `not-found` for an operation that is not offered, and what the operation raises */
export function runOperation(name: string, terminology: () => Terminology, query: RawQuery, body: unknown, now: string): Resource {
  const operation = Object.hasOwn(OPERATIONS, name) ? OPERATIONS[name] : undefined;
  if (operation === undefined) throw new AppError('not-found');
  const input = readInput(name, operation.kinds, query, body);
  return operation.run(terminology(), input, now);
}

const answer = (...parameter: (ParametersParameter | undefined)[]): Parameters => ({
  resourceType: 'Parameters',
  parameter: parameter.filter((one) => one !== undefined),
});

/** One coding: as `coding`, or as `code` with `system`. */
function codingOf(input: Input, system: string | undefined): Coding & { code: string } {
  const [coding] = input.codings('coding') ?? [];
  const code = input.text('code');
  if (coding !== undefined && code !== undefined) throw new AppError('parameter', { name: 'coding', expected: 'code | coding' });
  if (coding !== undefined) return { ...coding, code: coding.code as string };
  const display = input.text('display');
  return { code: input.needed('code'), ...(system !== undefined && { system }), ...(display !== undefined && { display }) };
}

function lookup(terminology: Terminology, input: Input): Parameters {
  const { system = input.needed('system'), code } = codingOf(input, input.text('system'));
  const concept = terminology.lookup(system, code, input.text('module'));
  return answer(
    { name: 'name', valueString: terminology.system(system).title },
    { name: 'display', valueString: concept.display },
    ...designations(concept).map(({ language, value }) => ({
      name: 'designation',
      part: [...(language === undefined ? [] : [{ name: 'language', valueCode: language }]), { name: 'value', valueString: value }],
    })),
    ...properties(terminology, system, concept).map(([name, value]) => ({
      name: 'property',
      part: [
        { name: 'code', valueCode: name },
        typeof value === 'boolean' ? { name: 'value', valueBoolean: value } : { name: 'value', valueString: value },
      ],
    })),
  );
}

function designations({ id, display, also }: Concept): { language?: string; value: string }[] {
  return [...(id !== undefined && id !== display ? [{ language: 'id', value: id }] : []), ...also.map((value) => ({ value }))];
}

function properties(terminology: Terminology, system: string, concept: Concept): [name: string, value: string | boolean][] {
  const mark = terminology.mark(system, concept.code);
  return [
    ['inactive', concept.inactive],
    ['origin', concept.origin],
    ...concept.modules.map((module): [string, string] => ['module', module]),
    ...(concept.parent === undefined ? [] : [['parent', concept.parent] as [string, string]]),
    ...(mark === undefined ? [] : [['mark', mark.kind] as [string, string], ...mark.pairs.map((pair): [string, string] => ['pair', pair])]),
    ...Object.entries(concept.properties),
  ];
}

function validateInSystem(terminology: Terminology, input: Input): Parameters {
  const url = input.text('url');
  const codings = input.codings('codeableConcept') ?? [codingOf(input, url)];
  // R4: with a codeableConcept one coding that is right is enough.
  return best(codings, (coding) => {
    const system = coding.system ?? url;
    if (system === undefined) throw new AppError('parameter-missing', { name: 'url' });
    if (url !== undefined && system !== url)
      return [{ result: false, message: { id: 'Kode ini dari sistem lain.', en: 'The code is of another system.' } }, coding];
    return [terminology.validate({ ...coding, code: coding.code as string, system }, input.text('module')), { ...coding, system }];
  })(terminology, input);
}

function validateInSet(terminology: Terminology, input: Input): Parameters {
  const url = input.needed('url');
  const codings = input.codings('codeableConcept') ?? [codingOf(input, input.text('system'))];
  return best(codings, (coding) => [terminology.validateIn(url, { ...coding, code: coding.code as string }, input.text('module')), coding])(
    terminology,
    input,
  );
}

/** The answer for the first coding that is right, else for the first one. */
const best =
  (codings: readonly Coding[], check: (coding: Coding) => [Validation, Coding]) =>
  (terminology: Terminology, input: Input): Parameters => {
    const all = codings.map(check);
    const [validation, coding] = all.find(([{ result }]) => result) ?? (all[0] as [Validation, Coding]);
    const gender = input.text('gender');
    if (gender !== undefined && gender !== 'male' && gender !== 'female')
      throw new AppError('parameter', { name: 'gender', expected: 'male | female' });
    const ageDays = input.integer('ageDays');
    const against = terminology.implausible(coding.system ?? '', coding.code ?? '', {
      ...(gender !== undefined && { sex: gender }),
      ...(ageDays !== undefined && { ageDays }),
    });
    const messages = [
      ...(validation.message ? [`${validation.message.id} / ${validation.message.en}`] : []),
      ...against.map(({ id, en }) => `${id} / ${en}`),
    ];
    return answer(
      { name: 'result', valueBoolean: validation.result },
      messages.length === 0 ? undefined : { name: 'message', valueString: messages.join('; ') },
      validation.display === undefined ? undefined : { name: 'display', valueString: validation.display },
      gender === undefined && ageDays === undefined ? undefined : { name: 'plausible', valueBoolean: against.length === 0 },
    );
  };

function subsumes(terminology: Terminology, input: Input): Parameters {
  const [codingA] = input.codings('codingA') ?? [];
  const [codingB] = input.codings('codingB') ?? [];
  const system = codingA?.system ?? codingB?.system ?? input.needed('system');
  for (const other of [codingA?.system, codingB?.system, input.text('system')])
    if (other !== undefined && other !== system) throw new AppError('parameter', { name: 'system', expected: '1' });
  const codeA = codingA?.code ?? input.needed('codeA');
  const codeB = codingB?.code ?? input.needed('codeB');
  return answer({ name: 'outcome', valueCode: terminology.subsumes(system, codeA, codeB) });
}

function expand(terminology: Terminology, input: Input, now: string): ValueSet {
  const url = input.needed('url');
  const [filter, module] = [input.text('filter'), input.text('module')];
  const [offset, count] = [input.integer('offset'), input.integer('count')];
  const options = {
    ...(filter !== undefined && { filter }),
    ...(module !== undefined && { module }),
    ...(offset !== undefined && { offset }),
    ...(count !== undefined && { count }),
  };
  const activeOnly = input.flag('activeOnly');
  const { total, contains } = terminology.expand(url, { ...options, activeOnly });
  const withDesignations = input.flag('includeDesignations');
  return {
    resourceType: 'ValueSet',
    url,
    status: 'active',
    expansion: {
      timestamp: now,
      total,
      ...((offset !== undefined || count !== undefined) && { offset: offset ?? 0 }),
      parameter: Object.entries({ ...options, ...(activeOnly && { activeOnly }) }).map(([name, value]) =>
        typeof value === 'number'
          ? { name, valueInteger: value }
          : typeof value === 'boolean'
            ? { name, valueBoolean: value }
            : { name, valueString: value },
      ),
      contains: contains.map((concept) => ({
        system: concept.system,
        code: concept.code,
        display: concept.display,
        ...(concept.inactive && { inactive: true }),
        ...(withDesignations && designations(concept).length > 0 && { designation: designations(concept) }),
      })),
    },
  };
}

function translate(terminology: Terminology, input: Input): Parameters {
  const map = input.text('url');
  const codings = input.codings('codeableConcept') ?? [codingOf(input, input.text('system'))];
  const targetSystem = input.text('targetsystem');
  const matches = codings.flatMap((coding) =>
    terminology.translate({
      ...(map !== undefined && { map }),
      coding: { ...coding, code: coding.code as string },
      ...(targetSystem !== undefined && { targetSystem }),
      reverse: input.flag('reverse'),
    }),
  );
  // R4: true only if a match is more than `unmatched` or `disjoint`.
  const result = matches.some(({ equivalence }) => equivalence !== 'unmatched' && equivalence !== 'disjoint');
  return answer(
    { name: 'result', valueBoolean: result },
    result ? undefined : { name: 'message', valueString: 'Tidak ada padanan. / There is no match.' },
    ...matches.map(({ equivalence, system, code, display, map: source }) => ({
      name: 'match',
      part: [
        { name: 'equivalence', valueCode: equivalence },
        ...(code === '' ? [] : [{ name: 'concept', valueCoding: { system, code, ...(display !== undefined && { display }) } }]),
        { name: 'source', valueUri: source },
      ],
    })),
  );
}
