import type { Engines } from '../src/engines.ts';
import type { MapContext, NormalisedRecord } from '../src/mapping/types.ts';
import type { Identifiers } from '../src/store/id-key.ts';

export const NOW = '2026-08-19T00:00:00.000Z';

/** A visit as the maps take it. */
export interface Item {
  readonly record: NormalisedRecord;
  readonly context: MapContext;
  readonly recordKey: string;
}

/** Normalises a raw visit, and adds what the registers would tell of it. */
export function itemOf(engines: Pick<Engines, 'normaliser' | 'contexts'>, ids: Identifiers, raw: unknown): Item {
  const { record } = engines.normaliser.normalise('encounters', raw, { timeZone: 'Asia/Jakarta' });
  const facts = { timeZone: 'Asia/Jakarta', birthDate: '1975-05-05', sex: 'male' } as const;
  const context: MapContext = {
    now: NOW,
    timeZone: facts.timeZone,
    puskesmas: 'P1',
    serviceProvider: `Organization/${ids.organizationId('P1')}`,
    serviceProviderName: 'Puskesmas Ukur',
    location: `Location/${ids.locationId('P1')}`,
    locationName: 'Puskesmas Ukur',
    patient: `Patient/${ids.patientId({ sourceKey: 'a|1' })}`,
    birthDate: facts.birthDate,
    sex: facts.sex,
    practitioner: `Practitioner/${ids.practitionerId('1')}`,
    practitionerName: 'dr. Ukur',
    ...engines.contexts.visit('encounters', record, facts).context,
  };
  return { record, context, recordKey: ids.recordKey('a', 'encounters', String(record.sourceId)) };
}
