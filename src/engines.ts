import { hash } from 'node:crypto';
import type { CodeSystem, NamingSystem, Resource, StructureDefinition, ValueSet } from '@medplum/fhirtypes';
import { type Assets, type AssetTexts, checkedMapVersion, readAssets } from './config/index.ts';
import { type DueTables, parseDueTables } from './due/index.ts';
import type { Issue } from './errors/index.ts';
import { CONTRACTS } from './intake/contracts/index.ts';
import { CONSUMED, type ContractCheck, compileContracts } from './intake/index.ts';
import { type Catalogue, createCatalogue } from './mapping/catalogue.ts';
import { CONTEXT_KEYS, type ContextBuilder, createContextBuilder } from './mapping/context.ts';
import { checkSizes, jsonError, tableError } from './mapping/csv.ts';
import { type CompiledMaps, compileMaps } from './mapping/mapper.ts';
import { createNormaliser, type Normaliser } from './mapping/normalise/index.ts';
import { packMapFile } from './mapping/packs.ts';
import { tableSays } from './mapping/table-problems.ts';
import { parseTables } from './mapping/tables.ts';
import type { Feed } from './store/port.ts';
import type { R4Elements } from './terminology/r4-elements.ts';
import { ILP_BASE } from './terminology/systems.ts';
import {
  type CodeSystemTable,
  compilePlatformRules,
  compileValidator,
  createPreflight,
  type ExpressionTable,
  type PlatformRules,
  type PlatformRuleTable,
  type Preflight,
  type Validator,
  type ValueSets,
} from './validation/index.ts';

/** The pure rooms, compiled from the texts of `mappings/` and `profiles/`. */
export interface Engines {
  readonly normaliser: Normaliser;
  readonly contracts: ContractCheck;
  readonly contexts: ContextBuilder;
  readonly catalogue: Catalogue;
  readonly mapper: CompiledMaps;
  readonly validator: Validator;
  readonly rules: PlatformRules;
  /** When which service is due, and by which CVX code which vaccine is known. */
  readonly due: { readonly tables: DueTables; readonly vaccines: ReadonlyMap<string, string> };
  /** Version of the maps, from their texts; undefined where nothing is stored. */
  readonly mapVersion?: string;
  /** The same of the profiles. */
  readonly profileVersion?: string;
  readonly preflight: (resources: readonly Resource[], issues: readonly Issue[]) => Preflight;
  /** Our own definitions by file, as they were compiled: what stands on disk may be another version by now. */
  readonly ownProfiles: AssetTexts;
}

/**
 * Version of the maps: eight hex digits of the hash over everything they are compiled from, so that a change of any table tells itself apart and
 * nobody has to count.
 */
export const mapVersionOf = (mappings: AssetTexts): string =>
  hash('sha256', JSON.stringify(Object.entries(mappings).sort()), 'hex').slice(0, 8);

/**
 * Reads and compiles everything, with its versions.
 *
 * @param root folder that holds `mappings/` and `profiles/`
 * @param maxRows rows that a table of `mappings/` may have
 * @throws AppError `config`, `map-compile`, `profile-compile` with the place of the first fault
 */
export function loadEngines({ root, maxRows }: { readonly root?: string; readonly maxRows?: number } = {}): Engines {
  const assets = readAssets(root);
  if (maxRows !== undefined) checkSizes(assets.mappings, maxRows);
  const mapVersion = mapVersionOf(assets.mappings);
  const engines = { ...compileEngines(assets), mapVersion, profileVersion: mapVersionOf(assets.profiles) };
  // A mistake in a map of a pack is told before anything is served by it, not by the first record that meets it.
  if (mapVersion !== checkedMapVersion(root)) engines.mapper.checkForms();
  return engines;
}

/** Entry group of each feed. */
const ENTRY: Readonly<Record<Feed, string>> = {
  facilities: 'Facilities',
  persons: 'Persons',
  practitioners: 'Practitioners',
  encounters: 'Encounters',
  'village-observations': 'VillageObservations',
};

/** @throws AppError `config`, `map-compile`, `profile-compile`: a faulty table, map or profile stops the start */
export function compileEngines({ mappings, profiles }: Assets): Engines {
  const tables = parseTables(mappings);
  const catalogue = createCatalogue(tables);
  const texts = new Map(
    Object.entries(mappings)
      .filter(([name]) => name.endsWith('.map'))
      .map(([name, text]) => [name, { name, text }]),
  );
  const ofForms = new Set(catalogue.forms.map(({ pack }) => packMapFile(pack)));
  const elements = json<R4Elements>(profiles, 'r4/elements.json');
  const own = Object.keys(profiles)
    .filter((name) => name.startsWith('ilp/'))
    .map((name) => json<StructureDefinition | ValueSet | CodeSystem | NamingSystem>(profiles, name));
  const platformRules = json<PlatformRuleTable>(profiles, 'platform-rules.json');
  return {
    normaliser: createNormaliser(tables),
    contracts: compileContracts(),
    contexts: createContextBuilder(tables),
    catalogue,
    mapper: compileMaps({
      maps: [...texts.values()].filter(({ name }) => !ofForms.has(name)),
      structureMaps: catalogue.structureMaps,
      forms: catalogue.forms.map(({ feed, form, pack, rows, entry }) => {
        const own = texts.get(packMapFile(pack));
        return { feed, form, maps: own === undefined ? [] : [own], structureMaps: () => [rows()], entry };
      }),
      conceptMaps: catalogue.conceptMaps,
      elements,
      contracts: Object.fromEntries(Object.entries(CONTRACTS).map(([feed, versions]) => [`${ILP_BASE}/contract/${feed}-2`, versions['2']])),
      entry: ENTRY,
      contextKeys: CONTEXT_KEYS,
      consumed: CONSUMED,
    }),
    validator: compileValidator({
      elements,
      otherElements: () => json<R4Elements>(profiles, 'r4/other-elements.json'),
      valueSets: json<ValueSets>(profiles, 'r4/value-sets.json'),
      invariants: () => json<ExpressionTable>(profiles, 'r4/invariants.json'),
      extensions: () => json<Record<string, StructureDefinition>>(profiles, 'r4/extensions.json'),
      codeSystems: () => json<CodeSystemTable>(profiles, 'r4/code-systems.json'),
      profiles: own.filter((one) => one.resourceType === 'StructureDefinition'),
      terminology: own.filter((one) => one.resourceType === 'ValueSet' || one.resourceType === 'CodeSystem'),
    }),
    rules: compilePlatformRules(platformRules),
    due: { tables: parseDueTables(mappings), vaccines: new Map(tables.immunizations.map(({ cvx, token }) => [cvx, token])) },
    preflight: createPreflight(platformRules),
    ownProfiles: Object.fromEntries(Object.entries(profiles).filter(([name]) => name.startsWith('ilp/'))),
  };
}

function json<T>(texts: AssetTexts, name: string): T {
  const text = texts[name];
  if (text === undefined) throw tableError(tableSays('file-missing', { file: `profiles/${name}` }));
  try {
    return JSON.parse(text) as T;
  } catch (cause) {
    throw jsonError(`profiles/${name}`, text, cause);
  }
}
