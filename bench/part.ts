/** One part of the benchmark, in a process of its own that `run.ts` starts: its rows go back as a message. */
import { readAssets } from '../src/config/index.ts';
import { compileEngines, mapVersionOf } from '../src/engines.ts';
import { benchClaims } from './claims.ts';
import { benchDelivery } from './delivery.ts';
import { benchEngines } from './engines.ts';
import { benchIntake } from './intake.ts';
import { benchMapping } from './mapping.ts';
import type { Effort, Row } from './measure.ts';
import type { Part } from './parts.ts';
import { benchServer } from './server.ts';
import { benchTerminology } from './terminology.ts';
import { benchValidation } from './validation.ts';

const [part, mode] = process.argv.slice(2);
const quick = mode === '--quick';
const effort: Effort = quick ? { quick, runs: 1, seconds: 0.05 } : { quick, runs: 7, seconds: 0.5 };
const assets = readAssets();
const engines = { ...compileEngines(assets), mapVersion: mapVersionOf(assets.mappings) };
const parts: Readonly<Record<Part, () => Row[] | Promise<Row[]>>> = {
  mapping: () => benchMapping(engines, assets, effort),
  validation: () => benchValidation(engines, effort),
  intake: () => benchIntake(engines, effort),
  server: () => benchServer(engines, { ...effort, runs: quick ? 1 : 5 }),
  delivery: () => benchDelivery(engines, effort),
  engines: () => benchEngines(effort),
  claims: () => benchClaims(effort),
  terminology: () => benchTerminology(effort),
};
process.send?.(await parts[part as Part]());
process.disconnect();
