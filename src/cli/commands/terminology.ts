import { rmSync } from 'node:fs';
import path from 'node:path';
import { terminologySource, writeDistrictTable } from '../../config/index.ts';
import { planImport, type TableChange, Terminology } from '../../terminology/index.ts';
import { CommandError, usage } from '../command-error.ts';
import type { Composition } from '../composition.ts';
import type { Output } from '../output.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';
import { read } from './push.ts';

/** Rows of one kind that are shown. */
const SHOWN = 20;

const opened = (composition: Composition) => {
  const folder = composition.readConfig(process.env).terminology;
  const source = terminologySource(folder);
  return { folder, source, terminology: new Terminology(source) };
};

/** All systems and maps with the number of their codes. */
export const listTerminology = (): Action => async (composition, output) => {
  const { source, terminology } = opened(composition);
  const systems = terminology.systems().map(({ key, url, title, content }) => ({
    ...{ key, url, title, content, codes: terminology.count(url) },
    district: source.district.names().includes(`codes-${key}.csv`),
  }));
  const maps = terminology
    .maps()
    .map(({ key, url, title }) => ({ key, url, title, district: source.district.names().includes(`map-${key}.csv`) }));
  const mark = (district: boolean) => (district ? 'ya / yes' : '-');
  output.say(
    table(
      ['Nama / Key', 'URL', 'Kode / Codes', 'Kabupaten / District'],
      systems.map(({ key, url, codes, district }) => [key, url, codes, mark(district)]),
      [2],
    ),
  );
  output.say(
    table(
      ['Peta / Map', 'URL', 'Kabupaten / District'],
      maps.map(({ key, url, district }) => [key, url, mark(district)]),
    ),
  );
  output.result({ systems, maps });
  return 0;
};

export interface ImportFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** Takes a table of the district over, after it is shown what that changes. Exit code 1 if it was not taken. */
export const importTerminology =
  (file: string, { dryRun = false, yes = false }: ImportFlags): Action =>
  async (composition, output) => {
    const { folder, source, terminology } = opened(composition);
    const changes = planImport(terminology, source, await read(file));
    for (const change of changes) show(change, output);
    const counts = changes.map(({ text, added, changed, removed, conflicts, unchecked, ...rest }) => ({
      ...rest,
      ...{
        added: added.length,
        changed: changed.length,
        removed: removed.length,
        conflicts: conflicts.length,
        unchecked: unchecked.length,
      },
    }));
    const doubtful = counts.some(({ removed, conflicts }) => removed + conflicts > 0);
    const taken = !dryRun && (!doubtful || yes);
    if (taken) for (const { file: name, text } of changes) write(folder, name, text);
    output.result({ tables: counts, taken });
    if (taken) output.say('Berlaku; layanan yang berjalan membacanya sendiri. / In force; a running service reads it by itself.');
    else if (dryRun) output.say('Tidak ada yang diubah. / Nothing was changed.');
    else output.note('Ada yang dibuang atau bertentangan; ulangi dengan --yes. / Something is removed or conflicts; repeat with --yes.');
    return taken || dryRun ? 0 : 1;
  };

/** Takes a table of the district away: what is shipped counts again. */
export const removeTerminology =
  (key: string, { dryRun = false }: ImportFlags): Action =>
  async (composition, output) => {
    const { folder, source } = opened(composition);
    const names = source.district.names().filter((name) => name === `codes-${key}.csv` || name === `map-${key}.csv`);
    if (names.length === 0) throw usage(`tidak ada tabel kabupaten ${safe(key)}`, `there is no table ${safe(key)} of the district`);
    if (!dryRun) for (const name of names) rmSync(path.join(folder, name));
    output.say(`${names.join(', ')}${dryRun ? ' – tidak diubah / not changed' : ' – dibuang / removed'}`);
    output.result({ tables: names, removed: !dryRun });
    return 0;
  };

function show({ url, rows, added, changed, removed, conflicts, unchecked }: TableChange, output: Output): void {
  output.say(
    `${url}: ${rows} baris / rows; baru / added ${added.length}, berubah / changed ${changed.length}, dibuang / removed ${removed.length}, bertentangan / conflicts ${conflicts.length}`,
  );
  const list = (sign: string, lines: readonly string[]) => {
    for (const line of lines.slice(0, SHOWN)) output.say(`  ${sign} ${line}`);
    if (lines.length > SHOWN) output.say(`  ${sign} … ${lines.length - SHOWN} lagi / more`);
  };
  const text = (row: Readonly<Record<string, string>>) => Object.values(row).slice(1).join(' | ');
  list('+', added.map(text));
  list(
    '~',
    changed.map(({ before, after }) => `${text(before)}  →  ${text(after)}`),
  );
  list('-', removed.map(text));
  list(
    '!',
    conflicts.map(({ line, key, shipped, own }) => `baris / line ${line}: ${key}: ${shipped}  →  ${own}`),
  );
  if (unchecked.length > 0)
    output.say(
      `  ? baris / lines ${unchecked.slice(0, SHOWN).join(', ')}${unchecked.length > SHOWN ? ' …' : ''}: kode tujuan tidak ada di antara yang dipakai di sini / the target is not among the codes held here`,
    );
}

function write(folder: string, name: string, text: string): void {
  try {
    writeDistrictTable(folder, name, text);
  } catch (cause) {
    throw new CommandError(
      'usage',
      { id: 'ILP_TERMINOLOGY: folder tidak dapat ditulis', en: 'ILP_TERMINOLOGY: the folder cannot be written to' },
      { cause },
    );
  }
}

const safe = (key: string): string => (/^[A-Za-z0-9-]{1,80}$/.test(key) ? key : '?');
