/** Compiles all maps and notes their version, and writes `docs/packs` and `docs/due.md`: run by `npm run generate`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { checkedFile, packageRoot, readAssets } from './config/index.ts';
import { dueDoc } from './due/index.ts';
import { compileEngines, mapVersionOf } from './engines.ts';
import { parsePacks } from './mapping/packs.ts';
import { packDoc, packsDoc } from './mapping/tools/index.ts';

const assets = readAssets();
const engines = compileEngines(assets);
engines.mapper.checkForms();
writeFileSync(checkedFile(), `${mapVersionOf(assets.mappings)}\n`);

const folder = path.join(packageRoot, 'docs/packs');
const packs = parsePacks(assets.mappings);
mkdirSync(folder, { recursive: true });
for (const pack of packs) writeFileSync(path.join(folder, `${pack.name}.md`), packDoc(pack));
writeFileSync(path.join(folder, 'README.md'), packsDoc(packs));
writeFileSync(path.join(packageRoot, 'docs/due.md'), dueDoc(engines.due.tables));
