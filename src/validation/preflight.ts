import type { Resource } from '@medplum/fhirtypes';
import type { Issue } from '../errors/index.ts';
import { ILP_BASE } from '../terminology/systems.ts';
import { compileCodes } from './platform-codes.ts';
import type { PlatformRuleTable } from './platform-rules.ts';
import { referenceOf } from './references.ts';
import { isObject } from './run.ts';
import type { Preflight, ServerFact } from './types.ts';

type Fact = Omit<ServerFact, 'expressions'>;

const FACTS = {
  reference: {
    fact: 'reference',
    rule: '20007',
    text: { id: 'Apakah yang diacu ada di SATUSEHAT.', en: 'Whether what is referred to is on SATUSEHAT.' },
  },
  code: {
    fact: 'code',
    text: { id: 'Apakah kode ada pada salinan sistem kode SATUSEHAT.', en: 'Whether the code is in SATUSEHAT’s copy of its system.' },
  },
  person: {
    fact: 'person',
    text: { id: 'Apakah orang ini dikenal SATUSEHAT.', en: 'Whether SATUSEHAT knows this person.' },
  },
  episode: {
    fact: 'episode',
    rule: '10109',
    text: {
      id: 'Apakah pasien sudah mempunyai episode aktif sejenis di fasilitas mana pun.',
      en: 'Whether the patient has an active episode of this type at any facility.',
    },
  },
} as const satisfies Record<string, Fact>;

/** Left out of what is sent, as everything below our own base is. */
const NOT_SENT = new Set(['id', 'meta', 'text', 'implicitRules']);

const PERSONS = new Set(['Patient', 'Practitioner', 'RelatedPerson']);

/**
 * The verdict on a record: what was found wrong with it decides; else what the record alone does not tell. Three facts are not named,
 * since they are no matter of the record: the right of the credential (20003, 20004), a copy that is there already (20002), and whether
 * the platform answers at all.
 */
export function createPreflight(table: PlatformRuleTable) {
  const systems = compileCodes(table.codeSystems);

  /** @param issues of the whole record, in the order in which they were found */
  return (resources: readonly Resource[], issues: readonly Issue[]): Preflight => {
    const within = new Set(resources.map(({ resourceType, id }) => `${resourceType}/${id}`));
    const found = new Map<keyof typeof FACTS, Set<string>>();
    const note = (fact: keyof typeof FACTS, expression: string): void => {
      const expressions = found.get(fact) ?? new Set();
      found.set(fact, expressions.add(expression));
    };
    const visit = (value: unknown, expression: string): void => {
      if (Array.isArray(value)) for (const [index, each] of value.entries()) visit(each, `${expression}[${index}]`);
      if (!isObject(value)) return;
      const { system, code, reference, url } = value;
      if ([system, url].some((each) => typeof each === 'string' && each.startsWith(`${ILP_BASE}/`))) return;
      if (typeof reference === 'string' && !within.has(reference) && referenceOf(reference).kind === 'literal') {
        note('reference', `${expression}.reference`);
      }
      if (typeof system === 'string' && typeof code === 'string' && systems.get(system)?.isUnlisted(code))
        note('code', `${expression}.code`);
      for (const [name, inner] of Object.entries(value)) if (typeof inner === 'object') visit(inner, `${expression}.${name}`);
    };
    for (const resource of resources) {
      const { resourceType } = resource;
      if (PERSONS.has(resourceType)) note('person', resourceType);
      if (resource.resourceType === 'EpisodeOfCare' && resource.status === 'active') note('episode', 'EpisodeOfCare.status');
      for (const [name, value] of Object.entries(resource)) if (!NOT_SENT.has(name)) visit(value, `${resourceType}.${name}`);
    }
    const onlyServer = [...found].map(([fact, expressions]) => ({ ...FACTS[fact], expressions: [...expressions] }));
    const errors = issues.filter(({ severity }) => severity === 'error');
    const error = errors.find(({ rule, code }) => rule !== undefined && code.startsWith('rule-')) ?? errors[0];
    if (error === undefined) return { verdict: onlyServer.length > 0 ? 'server' : 'accepted', onlyServer };
    const { rule, code, expression, text } = error;
    return {
      verdict: 'refused',
      refusedBy: { ...(rule !== undefined && { rule }), code, ...(expression !== undefined && { expression }), text },
      onlyServer,
    };
  };
}
