import type { Feed } from '../store/port.ts';
import type { R4Elements } from '../terminology/r4-elements.ts';
import { ILP_BASE } from '../terminology/systems.ts';
import type { Catalogue } from './catalogue.ts';
import type { JsonSchema } from './compile/index.ts';
import { CONTEXT_KEYS } from './context.ts';
import type { MapSet } from './mapper.ts';

/** Entry group of every feed. */
const ENTRY: Readonly<Record<Feed, string>> = {
  facilities: 'Facilities',
  persons: 'Persons',
  practitioners: 'Practitioners',
  encounters: 'Encounters',
  'village-observations': 'VillageObservations',
};

const ENVELOPE = ['sourceSystem', 'sourceId', 'sourceUpdatedAt', 'recordStatus', 'withdrawnReason', 'layout'];

/** Read by intake or by the context, not by a map. */
const CONSUMED: Readonly<Record<Feed, readonly string[]>> = {
  facilities: [...ENVELOPE, 'supervisorCode', 'timeZone', 'satusehatOrganizationId', 'satusehatLocationId'],
  persons: [...ENVELOPE, 'facilityCode', 'posyanduCode'],
  practitioners: [...ENVELOPE, 'facilityCode'],
  encounters: [
    ...ENVELOPE,
    'facilityCode',
    'person',
    'practitioner',
    'start',
    'end',
    'poli',
    'laboratory.glucoseType',
    'pregnancy.contact',
  ],
  'village-observations': [
    ...ENVELOPE,
    'person',
    'posyanduCode',
    'facilityCode',
    'date',
    'sessionStart',
    'sessionEnd',
    'kader',
    'practitioner',
    'validatedBy',
    'measurements.posture',
    'measurements.glucoseType',
  ],
};

/**
 * The maps of `mappings/` as the compiler wants them.
 *
 * @param texts files below `mappings/`; those ending in `.map` are FML
 * @param contracts schema of contract 2 by feed
 */
export function mapSet(
  texts: Readonly<Record<string, string>>,
  catalogue: Pick<Catalogue, 'structureMaps' | 'conceptMaps'>,
  elements: R4Elements,
  contracts: Readonly<Record<Feed, JsonSchema>>,
): MapSet {
  return {
    maps: Object.entries(texts)
      .filter(([name]) => name.endsWith('.map'))
      .map(([name, text]) => ({ name, text })),
    structureMaps: catalogue.structureMaps,
    conceptMaps: catalogue.conceptMaps,
    elements,
    contracts: Object.fromEntries(Object.entries(contracts).map(([feed, schema]) => [`${ILP_BASE}/contract/${feed}-2`, schema])),
    entry: ENTRY,
    contextKeys: CONTEXT_KEYS,
    consumed: CONSUMED,
  };
}
