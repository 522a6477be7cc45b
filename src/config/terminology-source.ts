import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from './assets.ts';

/** How often the folder of the district is looked at, ms. */
const LOOK_AGAIN_MS = 200;

/**
 * The files behind the terminology service. Nothing is read before it is asked for, and nothing is kept here.
 *
 * @param folder tables of the district; need not exist
 */
export function terminologySource(folder: string, root: string = packageRoot) {
  let stamp = '';
  let names: readonly string[] = [];
  let lookedAt = Number.NEGATIVE_INFINITY;
  const look = () => {
    if (performance.now() - lookedAt < LOOK_AGAIN_MS) return;
    lookedAt = performance.now();
    names = existsSync(folder) ? readdirSync(folder).filter((name) => /^(codes|map)-[a-z0-9-]+\.csv$/i.test(name)) : [];
    stamp = names
      .map((name) => {
        const { mtimeMs, size, ino } = statSync(path.join(folder, name));
        return `${name} ${mtimeMs} ${size} ${ino}`;
      })
      .join('\n');
  };
  return {
    read: (name: string): Uint8Array => readFileSync(path.join(root, name)),
    list: (name: string): readonly string[] => readdirSync(path.join(root, name)).map((file) => `${name}/${file}`),
    regions,
    district: {
      stamp: () => {
        look();
        return stamp;
      },
      names: () => {
        look();
        return names;
      },
      read: (name: string): Uint8Array => readFileSync(path.join(folder, path.basename(name))),
    },
  };
}

function regions(): readonly Uint8Array[] | undefined {
  try {
    const data = path.resolve(path.dirname(fileURLToPath(import.meta.resolve('idn-area-data'))), '../data');
    return ['provinces', 'regencies', 'districts', 'villages'].map((name) => readFileSync(path.join(data, `${name}.csv`)));
  } catch {
    return undefined;
  }
}
