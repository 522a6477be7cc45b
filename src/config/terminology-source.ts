import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageRoot } from './assets.ts';
import { makeFolder } from './database-place.ts';

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
    names = tableNames(folder);
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

const tableNames = (folder: string): readonly string[] =>
  existsSync(folder) ? readdirSync(folder).filter((name) => /^(codes|map)-[a-z0-9-]+\.csv$/i.test(name)) : [];

/** The tables of the district as files, to be kept and put back. */
export const districtFiles = (folder: string) => ({
  read: () => tableNames(folder).map((name) => ({ name, text: readFileSync(path.join(folder, name), 'utf8') })),
  write(files: readonly { readonly name: string; readonly text: string }[]): void {
    for (const { name, text } of files) writeDistrictTable(folder, name, text);
    for (const name of tableNames(folder)) if (!files.some((one) => one.name === name)) rmSync(path.join(folder, name));
  },
});

/** Beside the table first, so that a service never reads half of it. */
export function writeDistrictTable(folder: string, name: string, text: string): void {
  const place = path.join(folder, path.basename(name));
  makeFolder(folder);
  const draft = openSync(`${place}.new`, 'w', 0o600);
  writeFileSync(draft, text);
  fsyncSync(draft);
  closeSync(draft);
  renameSync(`${place}.new`, place);
}

function regions(): readonly Uint8Array[] | undefined {
  try {
    const data = path.resolve(path.dirname(fileURLToPath(import.meta.resolve('idn-area-data'))), '../data');
    return ['provinces', 'regencies', 'districts', 'villages'].map((name) => readFileSync(path.join(data, `${name}.csv`)));
  } catch {
    return undefined;
  }
}
