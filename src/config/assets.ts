import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** Text files by their path below the folder, `/` between: `observations.csv`, `layouts/default.json`. */
export type AssetTexts = Readonly<Record<string, string>>;

export interface Assets {
  readonly mappings: AssetTexts;
  readonly profiles: AssetTexts;
}

/** Folder of package.json: two levels up both from `src/config` and from `dist/config`. */
export const packageRoot: string = path.resolve(import.meta.dirname, '../..');

/** Reads everything a district may change without touching code, but the code tables. Pure rooms get the text passed in and never read files. */
export function readAssets(root: string = packageRoot): Assets {
  return { mappings: readMappings(path.join(root, 'mappings')), profiles: readFolder(path.join(root, 'profiles')) };
}

/** What maps are compiled from: without the code tables, which are read when a code is asked for, and without the examples. */
export const readMappings = (folder: string): AssetTexts => readFolder(folder, 'codes', 'tests');

/**
 * Every text file below `folder`, sorted by path so that the order never depends on the file system.
 *
 * @param without names of folders that are left out, wherever they are
 */
export function readFolder(folder: string, ...without: readonly string[]): AssetTexts {
  const texts: Record<string, string> = {};
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(map|csv|json|txt)$/.test(entry.name))
    .map((entry) => path.relative(folder, path.join(entry.parentPath, entry.name)).split(path.sep).join('/'))
    .filter((name) => !without.some((one) => name.startsWith(`${one}/`) || name.includes(`/${one}/`)))
    .sort();
  for (const name of names) texts[name] = readFileSync(path.join(folder, name), 'utf8');
  return texts;
}

/**
 * Version of the maps that `npm run generate` last compiled as a whole: maps of another version are compiled as a whole when the service starts, these
 * only as they are needed. Undefined where there is none.
 */
export function checkedMapVersion(root: string = packageRoot): string | undefined {
  const file = checkedFile(root);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

/** No extension that maps are read by: it is not part of them. */
export const checkedFile = (root: string = packageRoot): string => path.join(root, 'mappings/checked');

/** Version of the package, for `version`, OpenAPI and the CapabilityStatement. */
export function packageVersion(root: string = packageRoot): string {
  return (JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }).version;
}
