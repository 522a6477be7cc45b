import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readAssets } from '../../../src/config/assets.ts';
import { compileEngines } from '../../../src/engines.ts';
import { parseTables } from '../../../src/mapping/tables.ts';
import { type MapCase, tryCase } from '../../../src/mapping/tools/index.ts';

/** The pure rooms, as they are shipped. */
const assets = readAssets();
export const { mappings, profiles } = assets;
export const tables = parseTables(mappings);
const rooms = compileEngines(assets);
export const { catalogue, contexts, normaliser, mapper, validator, rules } = rooms;

export const caseFolder = path.join(import.meta.dirname, 'cases');
export const readCase = (name: string): MapCase => JSON.parse(readFileSync(path.join(caseFolder, name, 'input.json'), 'utf8')) as MapCase;

export const run = (one: MapCase) => tryCase(rooms, one);
