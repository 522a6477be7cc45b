import type { Feed } from '../../store/port.ts';
import encounters1 from './encounters-1.schema.json' with { type: 'json' };
import encounters2 from './encounters-2.schema.json' with { type: 'json' };
import facilities1 from './facilities-1.schema.json' with { type: 'json' };
import facilities2 from './facilities-2.schema.json' with { type: 'json' };
import persons1 from './persons-1.schema.json' with { type: 'json' };
import persons2 from './persons-2.schema.json' with { type: 'json' };
import practitioners1 from './practitioners-1.schema.json' with { type: 'json' };
import practitioners2 from './practitioners-2.schema.json' with { type: 'json' };
import village1 from './village-observations-1.schema.json' with { type: 'json' };
import village2 from './village-observations-2.schema.json' with { type: 'json' };
import withdrawal from './withdrawal-2.schema.json' with { type: 'json' };

export type ContractVersion = '1' | '2';
export type ContractSchema = Readonly<Record<string, unknown>>;

/**
 * JSON Schema 2020-12 of every feed. Version 2 is what a normalised record must satisfy; version 1 documents the flat
 * snake_case form, which the layout `contract-1` turns into version 2 before it is checked.
 */
export const CONTRACTS: Readonly<Record<Feed, Readonly<Record<ContractVersion, ContractSchema>>>> = {
  facilities: { '1': facilities1, '2': facilities2 },
  persons: { '1': persons1, '2': persons2 },
  practitioners: { '1': practitioners1, '2': practitioners2 },
  encounters: { '1': encounters1, '2': encounters2 },
  'village-observations': { '1': village1, '2': village2 },
};

/** Contract of a record with `recordStatus: withdrawn`, in whichever feed: its key and nothing else is needed. */
export const WITHDRAWAL_CONTRACT: ContractSchema = withdrawal;

/** Contract 1 is recognised by `source_id`; any other record is read as contract 2. */
export function detectContract(raw: Readonly<Record<string, unknown>>): ContractVersion {
  return 'source_id' in raw && !('sourceId' in raw) ? '1' : '2';
}

export type {
  EncounterRecord,
  FacilityRecord,
  InlinePerson,
  PersonRecord,
  PractitionerRecord,
  VillageObservationRecord,
} from './types.ts';
