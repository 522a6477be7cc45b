import { SKIPPED } from './expressions.ts';
import { compareDates } from './primitives.ts';

/**
 * FHIR R4's invariants that are checked, written by hand from their FHIRPath (https://hl7.org/fhir/R4/), by type or backbone element.
 * They run only on nodes whose structure is sound, so that types and cardinalities can be trusted; severities below error are left out.
 * `ele-1`, `ext-1`, `ref-1` and `dom-2` … `dom-5` are built into the structure check, `txt-1` and `txt-2` into the form of xhtml.
 */
// biome-ignore lint/suspicious/noExplicitAny: nodes are sound but untyped JSON, and FHIRPath reads them by name
type Node = any;

export interface Invariant {
  readonly key: string;
  readonly test: (node: Node) => boolean;
}

const has = (value: unknown): boolean => value !== undefined;
const given = (node: Node, name: string): boolean => node[name] !== undefined || node[`_${name}`] !== undefined;
const list = (value: Node): readonly Node[] => value ?? [];

/** Name of the choice element that is there: `valueQuantity` for `value`. */
function choice(node: Node, name: string): string | undefined {
  for (const key in node) {
    const code = key.charCodeAt(name.length);
    if (code >= 65 && code <= 90 && key.startsWith(name) && node[key] !== undefined) return key;
  }
  return undefined;
}
const hasChoice = (node: Node, name: string): boolean => choice(node, name) !== undefined || choice(node, `_${name}`) !== undefined;

const coded = (concept: Node, system: string, codes: readonly string[]): boolean =>
  list(concept?.coding).some((coding) => coding.system === system && codes.includes(coding.code));

/** HL7's engine takes what is not known to be in order for not in order. */
const isNotAfter = (a: string, b: string): boolean => (compareDates(a, b) ?? 1) <= 0;

const distinct = (values: readonly unknown[]): boolean => new Set(values).size === values.length;

const TH = 'http://terminology.hl7.org/CodeSystem/';
const UCUM = 'http://unitsofmeasure.org';
const inUcum = (node: Node): boolean => node.system === undefined || node.system === UCUM;

const all = (...pairs: readonly [key: string, test: (node: Node) => boolean][]): readonly Invariant[] =>
  pairs.map(([key, test]) => ({ key, test }));

export const INVARIANTS: Readonly<Record<string, readonly Invariant[]>> = {
  // datatypes
  Age: all(['age-1', (n) => (given(n, 'code') || !given(n, 'value')) && inUcum(n) && (n.value === undefined || n.value > 0)]),
  Attachment: all(['att-1', (n) => !given(n, 'data') || given(n, 'contentType')]),
  ContactPoint: all(['cpt-2', (n) => !given(n, 'value') || given(n, 'system')]),
  Count: all([
    'cnt-3',
    (n) =>
      (given(n, 'code') || !given(n, 'value')) &&
      inUcum(n) &&
      (n.code === undefined || n.code === '1') &&
      (n.value === undefined || Number.isInteger(n.value)),
  ]),
  Distance: all(['dis-1', (n) => (given(n, 'code') || !given(n, 'value')) && inUcum(n)]),
  Duration: all(['drt-1', (n) => !given(n, 'code') || (n.system === UCUM && given(n, 'value'))]),
  'DataRequirement.codeFilter': all(['drq-1', (n) => given(n, 'path') !== given(n, 'searchParam')]),
  'DataRequirement.dateFilter': all(['drq-2', (n) => given(n, 'path') !== given(n, 'searchParam')]),
  Expression: all(['exp-1', (n) => given(n, 'expression') || given(n, 'reference')]),
  Period: all(['per-1', (n) => n.start === undefined || n.end === undefined || isNotAfter(n.start, n.end)]),
  Quantity: all(['qty-3', (n) => !given(n, 'code') || given(n, 'system')]),
  Range: all([
    'rng-2',
    (n) =>
      // As HL7's engine has it: what cannot be compared is not in order.
      n.low === undefined || n.high === undefined || (n.low.unit === n.high.unit && n.low.value <= n.high.value),
  ]),
  Ratio: all(['rat-1', (n) => has(n.numerator) === has(n.denominator) && (has(n.numerator) || has(n.extension))]),
  'Timing.repeat': all(
    ['tim-1', (n) => !given(n, 'duration') || given(n, 'durationUnit')],
    ['tim-2', (n) => !given(n, 'period') || given(n, 'periodUnit')],
    ['tim-4', (n) => n.duration === undefined || n.duration >= 0],
    ['tim-5', (n) => n.period === undefined || n.period >= 0],
    ['tim-6', (n) => !given(n, 'periodMax') || given(n, 'period')],
    ['tim-7', (n) => !given(n, 'durationMax') || given(n, 'duration')],
    ['tim-8', (n) => !given(n, 'countMax') || given(n, 'count')],
    ['tim-9', (n) => !given(n, 'offset') || (list(n.when).length > 0 && !n.when.some((w: string) => ['C', 'CM', 'CD', 'CV'].includes(w)))],
    ['tim-10', (n) => list(n.timeOfDay).length === 0 || list(n.when).length === 0],
  ),
  TriggerDefinition: all(
    ['trd-1', (n) => !has(n.data) || !hasChoice(n, 'timing')],
    ['trd-2', (n) => !has(n.condition) || has(n.data)],
    [
      'trd-3',
      (n) =>
        (n.type !== 'named-event' || given(n, 'name')) &&
        (n.type !== 'periodic' || hasChoice(n, 'timing')) &&
        (!String(n.type).startsWith('data-') || has(n.data)),
    ],
  ),

  // clinical resources
  AllergyIntolerance: all(
    ['ait-1', (n) => enteredInError(n, 'allergyintolerance-verification') || has(n.clinicalStatus)],
    ['ait-2', (n) => !enteredInError(n, 'allergyintolerance-verification') || !has(n.clinicalStatus)],
  ),
  'CarePlan.activity': all(['cpl-3', (n) => !has(n.detail) || !has(n.reference)]),
  'Composition.section': all(
    ['cmp-1', (n) => has(n.text) || has(n.entry) || has(n.section)],
    ['cmp-2', (n) => !has(n.emptyReason) || !has(n.entry)],
  ),
  Condition: all(
    [
      'con-4',
      (n) => !hasChoice(n, 'abatement') || coded(n.clinicalStatus, `${TH}condition-clinical`, ['resolved', 'remission', 'inactive']),
    ],
    ['con-5', (n) => !enteredInError(n, 'condition-ver-status') || !has(n.clinicalStatus)],
  ),
  'Condition.stage': all(['con-1', (n) => has(n.summary) || has(n.assessment)]),
  'Condition.evidence': all(['con-2', (n) => has(n.code) || has(n.detail)]),
  Consent: all(['ppc-1', (n) => has(n.policy) || has(n.policyRule)]),
  Group: all(['grp-1', (n) => !has(n.member) || n.actual === true]),
  'Immunization.education': all(['imm-1', (n) => given(n, 'documentType') || given(n, 'reference')]),
  MedicationDispense: all([
    'mdd-1',
    (n) => n.whenHandedOver === undefined || n.whenPrepared === undefined || isNotAfter(n.whenPrepared, n.whenHandedOver),
  ]),
  Observation: all(
    ['obs-6', (n) => !has(n.dataAbsentReason) || !hasChoice(n, 'value')],
    [
      'obs-7',
      (n) =>
        n.component === undefined ||
        !hasChoice(n, 'value') ||
        !n.component.some((part: Node) =>
          list(part.code?.coding).some((a) => list(n.code?.coding).some((b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b)))),
        ),
    ],
  ),
  'Observation.referenceRange': all(['obs-3', (n) => has(n.low) || has(n.high) || given(n, 'text')]),
  'Patient.contact': all(['pat-1', (n) => has(n.name) || has(n.telecom) || has(n.address) || has(n.organization)]),
  'Questionnaire.item': all(
    ['que-1', (n) => (n.type !== 'group' || has(n.item)) && (n.type !== 'display' || !has(n.item))],
    ['que-3', (n) => n.type !== 'display' || !has(n.code)],
    ['que-4', (n) => !has(n.answerOption) || !given(n, 'answerValueSet')],
    [
      'que-5',
      (n) =>
        ['choice', 'open-choice', 'decimal', 'integer', 'date', 'dateTime', 'time', 'string', 'quantity'].includes(n.type) ||
        (!has(n.answerOption) && !given(n, 'answerValueSet')),
    ],
    ['que-6', (n) => n.type !== 'display' || (!given(n, 'required') && !given(n, 'repeats'))],
    ['que-8', (n) => (n.type !== 'group' && n.type !== 'display') || !has(n.initial)],
    ['que-9', (n) => n.type !== 'display' || !given(n, 'readOnly')],
    ['que-10', (n) => ['boolean', 'decimal', 'integer', 'string', 'text', 'url', 'open-choice'].includes(n.type) || !given(n, 'maxLength')],
    ['que-11', (n) => !has(n.answerOption) || !has(n.initial)],
    ['que-12', (n) => list(n.enableWhen).length <= 2 || given(n, 'enableBehavior')],
    ['que-13', (n) => n.repeats === true || list(n.initial).length <= 1],
  ),
  'Questionnaire.item.enableWhen': all(['que-7', (n) => n.operator !== 'exists' || n.answerBoolean !== undefined]),
  Questionnaire: all(['que-2', (n) => distinct(linkIds(n.item))]),
  'QuestionnaireResponse.item': all(['qrs-1', (n) => !has(n.answer) || !has(n.item)]),
  ServiceRequest: all(['prr-1', (n) => !has(n.orderDetail) || has(n.code)]),

  // administrative and technical resources
  'AuditEvent.entity': all(['sev-1', (n) => !given(n, 'name') || !given(n, 'query')]),
  Bundle: all(
    ['bdl-1', (n) => !given(n, 'total') || n.type === 'searchset' || n.type === 'history'],
    ['bdl-2', (n) => n.type === 'searchset' || list(n.entry).every((e) => !has(e.search))],
    ['bdl-3', (n) => list(n.entry).every((e) => has(e.request) === ['batch', 'transaction', 'history'].includes(n.type))],
    [
      'bdl-4',
      (n) => list(n.entry).every((e) => has(e.response) === ['batch-response', 'transaction-response', 'history'].includes(n.type)),
    ],
    [
      'bdl-7',
      (n) =>
        n.type === 'history' ||
        distinct(
          list(n.entry)
            .filter((e) => has(e.fullUrl))
            .map((e) => `${e.fullUrl} ${e.resource?.meta?.versionId ?? ''}`),
        ),
    ],
    ['bdl-9', (n) => n.type !== 'document' || (has(n.identifier?.system) && has(n.identifier?.value))],
    ['bdl-10', (n) => n.type !== 'document' || has(n.timestamp)],
    ['bdl-11', (n) => n.type !== 'document' || n.entry?.[0]?.resource?.resourceType === 'Composition'],
    ['bdl-12', (n) => n.type !== 'message' || n.entry?.[0]?.resource?.resourceType === 'MessageHeader'],
  ),
  'Bundle.entry': all(
    ['bdl-5', (n) => has(n.resource) || has(n.request) || has(n.response)],
    ['bdl-8', (n) => n.fullUrl === undefined || !n.fullUrl.includes('/_history/')],
  ),
  CapabilityStatement: all(
    ['cpb-1', (n) => has(n.rest) || has(n.messaging) || has(n.document)],
    ['cpb-2', (n) => given(n, 'description') || has(n.software) || has(n.implementation)],
    ['cpb-3', (n) => n.kind === 'instance' || list(n.messaging).every((m) => !has(m.endpoint))],
    ['cpb-14', (n) => n.kind !== 'instance' || has(n.implementation)],
    ['cpb-15', (n) => n.kind !== 'capability' || (!has(n.implementation) && has(n.software))],
    ['cpb-16', (n) => n.kind !== 'requirements' || (!has(n.implementation) && !has(n.software))],
  ),
  'CapabilityStatement.rest': all(['cpb-9', (n) => distinct(list(n.resource).map((r) => r.type))]),
  'CapabilityStatement.rest.resource': all(['cpb-12', (n) => distinct(list(n.searchParam).map((s) => s.name))]),
  CodeSystem: all(['csd-1', (n) => distinct(conceptCodes(n.concept))]),
  'ConceptMap.group.element.target': all([
    'cmd-1',
    (n) => given(n, 'comment') || (n.equivalence !== 'narrower' && n.equivalence !== 'inexact'),
  ]),
  'ConceptMap.group.unmapped': all(
    ['cmd-2', (n) => n.mode !== 'fixed' || given(n, 'code')],
    ['cmd-3', (n) => n.mode !== 'other-map' || given(n, 'url')],
  ),
  'Measure.group.stratifier': all(['mea-1', (n) => (has(n.code) || given(n, 'description') || has(n.criteria)) !== has(n.component)]),
  MeasureReport: all(['mrp-1', (n) => n.type !== 'data-collection' || !has(n.group)]),
  'MeasureReport.group.stratifier.stratum': all(['mrp-2', (n) => has(n.value) !== has(n.component)]),
  NamingSystem: all(
    ['nsd-1', (n) => n.kind !== 'root' || list(n.uniqueId).every((u) => u.type !== 'uuid')],
    [
      'nsd-2',
      (n) =>
        distinct(
          list(n.uniqueId)
            .filter((u) => u.preferred === true)
            .map((u) => u.type),
        ),
    ],
  ),
  Organization: all(['org-1', (n) => has(n.identifier) || given(n, 'name')]),
  'Parameters.parameter': all([
    'inv-1',
    (n) => (has(n.part) ? !hasChoice(n, 'value') && !has(n.resource) : hasChoice(n, 'value') !== has(n.resource)),
  ]),
  SearchParameter: all(
    ['spd-1', (n) => !given(n, 'xpath') || given(n, 'xpathUsage')],
    ['spd-2', (n) => !has(n.chain) || n.type === 'reference'],
  ),
  StructureDefinition: all(
    ['sdf-4', (n) => n.abstract === true || given(n, 'baseDefinition')],
    ['sdf-5', (n) => n.type !== 'Extension' || n.derivation === 'specialization' || has(n.context)],
    ['sdf-6', (n) => has(n.snapshot) || has(n.differential)],
    ['sdf-14', (n) => [...list(n.snapshot?.element), ...list(n.differential?.element)].every((e) => has(e.id))],
    ['sdf-16', (n) => distinct(list(n.snapshot?.element).map((e) => e.id))],
    ['sdf-17', (n) => distinct(list(n.differential?.element).map((e) => e.id))],
    ['sdf-18', (n) => !has(n.contextInvariant) || n.type === 'Extension'],
  ),
  'StructureDefinition.mapping': all(['sdf-2', (n) => given(n, 'name') || given(n, 'uri')]),
  'StructureMap.group.rule.target': all(
    ['smp-1', (n) => !given(n, 'element') || given(n, 'context')],
    ['smp-2', (n) => !given(n, 'context') || given(n, 'contextType')],
  ),
  'ValueSet.compose.include': all(
    ['vsd-1', (n) => has(n.valueSet) || given(n, 'system')],
    ['vsd-2', (n) => (!has(n.concept) && !has(n.filter)) || given(n, 'system')],
    ['vsd-3', (n) => !has(n.concept) || !has(n.filter)],
  ),
  'ValueSet.expansion.contains': all(
    ['vsd-6', (n) => given(n, 'code') || given(n, 'display')],
    ['vsd-9', (n) => given(n, 'code') || n.abstract === true],
    ['vsd-10', (n) => !given(n, 'code') || given(n, 'system')],
  ),
};

function enteredInError(node: Node, system: string): boolean {
  return coded(node.verificationStatus, TH + system, ['entered-in-error']);
}

function sorted(coding: Node): unknown {
  return Object.entries(coding).sort(([a], [b]) => (a < b ? -1 : 1));
}

function linkIds(items: Node): string[] {
  return list(items).flatMap((item) => [item.linkId, ...linkIds(item.item)]);
}

function conceptCodes(concepts: Node): string[] {
  return list(concepts).flatMap((concept) => [concept.code, ...conceptCodes(concept.concept)]);
}

/** What FHIR R4 and its profiles can say and this validator does not check yet, for the documents; Indonesian first. */
export const NOT_CHECKED: readonly { readonly key: string; readonly id: string; readonly en: string }[] = [
  {
    key: 'terminology',
    id: 'Ikatan extensible dan preferred (mesin HL7 hanya memperingatkan); kode SNOMED CT, LOINC, ICD-10 dan sistem luar lain',
    en: "Extensible and preferred bindings (of which HL7's engine only warns); codes of SNOMED CT, LOINC, ICD-10 and other external systems",
  },
  { key: 'media-types', id: 'Kumpulan nilai BCP 13 (jenis media)', en: 'Value set of BCP 13 (media types)' },
  {
    key: 'vital-signs',
    id: 'Profil tanda vital HL7, yang tidak dipenuhi payload SATUSEHAT sendiri',
    en: "HL7's vital signs profiles, which SATUSEHAT's own payloads do not meet",
  },
  { key: 'extension-contexts', id: 'Konteks ekstensi bertipe fhirpath', en: 'Contexts of extensions of type fhirpath' },
  { key: 'attachment-hash', id: 'hash pada Attachment', en: 'Hashes of attachments' },
  {
    key: 'documents',
    id: 'Entri Bundle dokumen dan pesan yang tidak terjangkau',
    en: 'Entries of documents and messages that nothing leads to',
  },
  {
    key: 'definitions',
    id: 'Isi ungkapan dan keterkaitan pada sumber daya definisi (SearchParameter, ImplementationGuide, …)',
    en: 'Expressions and links inside definitions (SearchParameter, ImplementationGuide, …)',
  },
  { key: 'reference-content', id: 'Keberadaan sumber daya yang dirujuk', en: 'Whether a referenced resource exists' },
  ...Object.entries(SKIPPED).map(([key, { id, en }]) => ({ key, id, en })),
];
