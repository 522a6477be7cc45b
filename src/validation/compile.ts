import type { CodeSystem, CodeSystemConcept, StructureDefinition, ValueSet } from '@medplum/fhirtypes';
import { AppError } from '../errors/index.ts';
import type { R4Elements } from '../terminology/r4-elements.ts';
import { ILP_BASE } from '../terminology/systems.ts';
import type { ValueSets } from './code-set.ts';
import { CodeSystems, type CodeSystemTable } from './code-systems.ts';
import type { ExpressionTable } from './expressions.ts';
import { Findings } from './findings.ts';
import { compileProfile, type ProfileCheck } from './profile.ts';
import { profileSays } from './profile-problems.ts';
import { isObject, type Json, Run } from './run.ts';
import { type ExtensionUse, StructureCompiler } from './structure.ts';
import type { Validator } from './types.ts';

export interface ValidatorSources {
  /** `profiles/r4/elements.json`. */
  readonly elements: R4Elements;
  /** Reads `profiles/r4/other-elements.json`, when a type is met that is not in `elements`; without it that type is unknown. */
  readonly otherElements?: () => R4Elements;
  /** `profiles/r4/value-sets.json`. */
  readonly valueSets: ValueSets;
  /** Reads `profiles/r4/code-systems.json`, when the first code is looked up; without it only value sets are known. */
  readonly codeSystems?: () => CodeSystemTable;
  /** Reads `profiles/r4/invariants.json`, when a type is first needed; without it those written by hand are checked. */
  readonly invariants?: () => ExpressionTable;
  /** Reads `profiles/r4/extensions.json`, when one of HL7's extensions is first met; without it they are not checked. */
  readonly extensions?: () => Readonly<Record<string, StructureDefinition>>;
  /** Our profiles and extensions; logical models among them are left out. */
  readonly profiles: readonly StructureDefinition[];
  /** Our own value sets and code systems, to which the profiles bind. */
  readonly terminology?: readonly (ValueSet | CodeSystem)[];
}

/**
 * Makes a validator: one JavaScript function for each type of R4, generated when a resource first needs it, and one for each profile,
 * generated at once so that a profile we cannot check stops the start.
 *
 * @throws AppError `profile-compile` when a profile says something that is not covered
 */
export function compileValidator(sources: ValidatorSources): Validator {
  const profiles = new Map<string, StructureDefinition>();
  for (const profile of sources.profiles) if (profile.kind !== 'logical') profiles.set(profile.url ?? '', profile);
  const valueSets = { ...sources.valueSets, ...expandOwn(sources.terminology ?? []) };
  const checks = new Map<string, ProfileCheck>();
  let ofHl7: Readonly<Record<string, StructureDefinition>> | undefined;
  const definitionOf = (url: string): StructureDefinition | undefined => {
    if (!url.startsWith(HL7_BASE)) return profiles.get(url);
    ofHl7 ??= sources.extensions?.() ?? {};
    return Object.hasOwn(ofHl7, url) ? ofHl7[url] : undefined;
  };
  const checkOfHl7 = (url: string): ProfileCheck | undefined => {
    const definition = url.startsWith(HL7_BASE) ? definitionOf(url) : undefined;
    if (definition === undefined) return undefined;
    const check = compileProfile(definition, context);
    checks.set(url, check);
    return check;
  };
  const structure = new StructureCompiler(
    sources.elements,
    sources.otherElements ?? (() => ({})),
    (url) => useOf(definitionOf(url)),
    valueSets,
    sources.invariants ?? (() => ({})),
    new CodeSystems(sources.codeSystems ?? (() => ({}))),
    (node, path, run) => (checks.get(node.url as string) ?? checkOfHl7(node.url as string))?.(node, path, run),
    (node, path, run) => checkProfiles(node, path, run),
  );
  const context = {
    elements: sources.elements,
    profiles,
    codeSet: (url: string) => structure.codeSet(url),
    check: (url: string) => checks.get(url),
  };
  for (const [url, profile] of profiles) checks.set(url, compileProfile(profile, context));

  const checkProfiles = (node: Json, path: string, run: Run): void => {
    const named = (node.meta as Json).profile;
    if (!Array.isArray(named)) return;
    for (let i = 0; i < named.length; i++) {
      const url = typeof named[i] === 'string' ? (named[i] as string).replace(/\|.*$/, '') : '';
      const check = checks.get(url);
      if (check === undefined) {
        const core = url.startsWith(HL7_BASE) ? url.slice(HL7_BASE.length) : '';
        if (core !== node.resourceType && structure.isResource(core)) run.f.structure(`${path}.meta.profile[${i}]`, 'profile-type');
        else if (url.startsWith(`${ILP_BASE}/`)) run.f.structure(`${path}.meta.profile[${i}]`, 'unknown-profile');
      } else if (profiles.get(url)?.type !== node.resourceType) {
        run.f.structure(`${path}.meta.profile[${i}]`, 'profile-type');
      } else {
        check(node, path, run);
      }
    }
  };

  return {
    validate(resource) {
      const findings = new Findings();
      if (!isObject(resource)) {
        findings.notObject('$this', resource);
      } else {
        const type = structure.isResource(resource.resourceType) ? resource.resourceType : 'Resource';
        structure.resource(resource, type, new Run(findings, resource), 0, false);
      }
      return findings.issues;
    },
  };
}

const HL7_BASE = 'http://hl7.org/fhir/StructureDefinition/';

function useOf(definition: StructureDefinition | undefined): ExtensionUse | undefined {
  if (definition?.type !== 'Extension') return undefined;
  const isModifier = definition.differential?.element?.some(({ id, isModifier }) => id === 'Extension' && isModifier === true) === true;
  return { contexts: definition.context, isModifier };
}

/**
 * Codes of our own value sets: listed codes, and whole code systems of ours. Sets with filters or of foreign systems are left out;
 * a profile that binds to one does not compile.
 *
 * @throws AppError `profile-compile` when a value set excludes codes
 */
function expandOwn(resources: readonly (ValueSet | CodeSystem)[]): ValueSets {
  const systems = new Map<string, CodeSystem>();
  for (const resource of resources) if (resource.resourceType === 'CodeSystem') systems.set(resource.url ?? '', resource);
  const sets: Record<string, Record<string, string[]>> = {};
  for (const set of resources) {
    if (set.resourceType !== 'ValueSet') continue;
    if (set.compose?.exclude) throw new AppError('profile-compile', { profile: set.url ?? '?', problem: profileSays('exclude') });
    const includes = set.compose?.include ?? [];
    const parts = includes.map((include) => {
      const concepts = include.concept ?? (include.filter || include.valueSet ? undefined : systems.get(include.system ?? '')?.concept);
      return concepts === undefined ? undefined : ([include.system ?? '', codesOf(concepts)] as const);
    });
    if (parts.length === 0 || parts.includes(undefined)) continue;
    const expanded: Record<string, string[]> = {};
    for (const part of parts) if (part) expanded[part[0]] = [...(expanded[part[0]] ?? []), ...part[1]];
    sets[set.url ?? ''] = expanded;
  }
  return sets;
}

function codesOf(concepts: readonly Pick<CodeSystemConcept, 'code' | 'concept'>[]): string[] {
  return concepts.flatMap((concept) => [concept.code ?? '', ...codesOf(concept.concept ?? [])]);
}
