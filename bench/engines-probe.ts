/**
 * The shipped packs alone, in a process that `engines.ts` starts: compiles maps, profiles, rules and tables, then maps, checks and writes visits.
 *
 *     node bench/engines-probe.ts FOLDER VISITS     (FOLDER: URL of dist/ or src/)
 */
import { itemOf, NOW } from './mapped-visit.ts';
import { visits } from './visits.ts';

const begun = performance.now();
const [folder = '', count = '1'] = process.argv.slice(2);
const from = (name: string) => import(new URL(`${name}.${folder.endsWith('/src/') ? 'ts' : 'js'}`, folder).href);
const [{ readAssets }, { compileEngines }, { createIdentifiers }] = (await Promise.all(
  ['config/assets', 'engines', 'store/id-key'].map(from),
)) as [typeof import('../src/config/assets.ts'), typeof import('../src/engines.ts'), typeof import('../src/store/id-key.ts')];
const ids = createIdentifiers('5a'.repeat(32));
const ready = performance.now();

const engines = compileEngines(readAssets());
let characters = work(visits(0, 1));
const first = performance.now();
for (let done = 1; done < Number(count); done += 100) characters += work(visits(done, Math.min(100, Number(count) - done)));
console.log(
  JSON.stringify({
    modulesMs: ready - begun,
    startMs: first - ready,
    // Kilobytes, on every system.
    rssMb: process.resourceUsage().maxRSS / 1024,
    characters,
  }),
);

function work(raws: readonly unknown[]): number {
  let written = 0;
  for (const raw of raws) {
    const item = itemOf(engines, ids, raw);
    const { resources } = engines.mapper.map('encounters', item.record, item.context, (role) => ids.resourceId(item.recordKey, role));
    for (const { resource } of resources) {
      engines.validator.validate(resource);
      engines.rules.check(resource, { now: NOW });
      written += JSON.stringify(resource).length;
    }
  }
  return written;
}
