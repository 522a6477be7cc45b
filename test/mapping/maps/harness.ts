import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readAssets } from '../../../src/config/assets.ts';
import { compileEngines } from '../../../src/engines.ts';
import { parseTables } from '../../../src/mapping/tables.ts';
import type { MapContext } from '../../../src/mapping/types.ts';
import type { Feed } from '../../../src/store/port.ts';

/** The pure rooms, as they are shipped. */
const assets = readAssets();
export const { mappings, profiles } = assets;
export const tables = parseTables(mappings);
export const { catalogue, contexts, normaliser, mapper, validator, rules } = compileEngines(assets);

export interface Case {
  readonly feed: Feed;
  readonly raw: unknown;
  readonly birthDate?: string;
  readonly sex?: 'male' | 'female';
  /** Overlays the context; null takes a key away. */
  readonly ctx?: Readonly<Record<string, unknown>>;
}

export const caseFolder = path.join(import.meta.dirname, 'cases');
export const readCase = (name: string): Case => JSON.parse(readFileSync(path.join(caseFolder, name, 'input.json'), 'utf8')) as Case;

export function run({ feed, raw, birthDate, sex, ctx = {} }: Case) {
  const { record, issues } = normaliser.normalise(feed, raw);
  const isVisit = feed === 'encounters' || feed === 'village-observations';
  const visit = isVisit
    ? contexts.visit(feed, record, { timeZone: 'Asia/Jakarta', ...(birthDate && { birthDate }), ...(sex && { sex }) })
    : undefined;
  const given: Record<string, unknown> = {
    now: '2026-08-05T12:00:00.000Z',
    timeZone: 'Asia/Jakarta',
    puskesmas: 'P3329170201',
    serviceProvider: 'Organization/puskesmas',
    serviceProviderName: 'Puskesmas Contoh',
    unit: 'Organization/unit',
    unitName: 'Unit Contoh',
    ...(isVisit && {
      location: 'Location/unit',
      locationName: 'Unit Contoh',
      patient: 'Patient/patient',
      practitioner: 'Practitioner/bidan',
      practitionerName: 'Bidan Contoh',
      ...(birthDate && { birthDate }),
      ...(sex && { sex }),
    }),
    ...visit?.context,
    ...ctx,
  };
  const context = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null)) as unknown as MapContext;
  // The role itself is the id, so that the expected files can be read.
  const mapped = mapper.map(feed, record, context, (role) => role.replace(/[^A-Za-z0-9.-]/g, '-'));
  return { record, issues, visit, context, mapped };
}
