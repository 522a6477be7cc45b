import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { AppError } from '../errors/index.ts';
import { type ArchiveReader, archiveFault, createArchive, damaged, type Member, openArchive } from './archive-file.ts';
import { readPostgres, writePostgres } from './archive-postgres.ts';
import { readSqlite, writeSqlite } from './archive-sqlite.ts';
import {
  ARCHIVE_TABLES,
  type ArchiveSource,
  type ArchiveTarget,
  ENVIRONMENTS_SQL,
  FILLED_TABLES,
  RESTORED_NAME,
} from './archive-tables.ts';
import { guard } from './failure.ts';
import { openPostgres } from './postgres/engine.ts';
import { openSqlite } from './sqlite/engine.ts';

const FORMAT = 'ilp-fhir-archive';
const FORMAT_VERSION = 1;

export interface Manifest {
  readonly format: typeof FORMAT;
  readonly formatVersion: number;
  /** Version of the program that made it. */
  readonly version: string;
  readonly engine: 'sqlite' | 'postgres';
  /** Moment that all of it is of, by the database's clock. */
  readonly takenAt: string;
  readonly migrations: readonly string[];
  readonly environments: readonly string[];
  /** Environments that were marked as restored already, with the moment of that older backup. */
  readonly restored: Readonly<Record<string, string>>;
  /** SHA-256 of the id key, to tell a configured one that differs. */
  readonly idKeyHash: string | null;
  readonly tables: Readonly<Record<string, Member & { readonly columns: readonly string[] }>>;
  /** The code tables of the district, a line each; absent in older archives, which leave the folder as it is. */
  readonly districtFiles?: Member;
}

/** A file that belongs to a district as its database does: a table of codes. */
export interface DistrictFile {
  readonly name: string;
  readonly text: string;
}

/** Where the files of the district lie. */
export interface DistrictFiles {
  read(): readonly DistrictFile[];
  /** Makes these all there are. */
  write(files: readonly DistrictFile[]): void;
}

export interface ArchiveReport {
  readonly takenAt: string;
  readonly version: string;
  readonly engine: 'sqlite' | 'postgres';
  readonly environments: readonly string[];
  readonly tables: Readonly<Record<string, number>>;
  readonly rows: number;
  /** Names of the district's code tables. */
  readonly districtFiles: readonly string[];
}

export type Progress = (stage: 'read' | 'check' | 'write', done: number, total: number) => void;

export interface BackupOptions {
  /** What `openStore` takes. */
  readonly database: string;
  readonly file: string;
  /** Version of this program. */
  readonly version: string;
  readonly district?: DistrictFiles;
  /** Only counts. */
  readonly dryRun?: boolean;
  readonly onProgress?: Progress;
}

/**
 * Writes all of a database into one file, as it is at one moment, while others go on writing to it.
 *
 * @throws AppError `archive` if the file cannot be written, `store-unavailable`
 */
export async function backup(options: BackupOptions): Promise<ArchiveReport> {
  const { database, file, version, onProgress = () => undefined } = options;
  const files = options.district?.read() ?? [];
  const source = await guard(async () => (isPostgres(database) ? readPostgres(database) : readSqlite(database)));
  try {
    const counts = await guard(() => countsOf(source));
    const total = sum(Object.values(counts));
    const head = await guard(() => headOf(source, isPostgres(database) ? 'postgres' : 'sqlite', version));
    if (options.dryRun === true) return reportOf({ ...head, tables: {} }, files, counts);
    const archive = await createArchive(file);
    try {
      const tables: Record<string, Manifest['tables'][string]> = {};
      let before = 0;
      for (const table of ARCHIVE_TABLES) {
        const member = await guard(() => archive.add(table, source.lines(table), (rows) => onProgress('read', before + rows, total)));
        before += member.rows;
        tables[table] = { ...member, columns: await guard(() => source.columns(table)) };
      }
      const districtFiles = await archive.add(DISTRICT_FILES, linesOf(files), () => undefined);
      const manifest: Manifest = { ...head, tables, districtFiles };
      await archive.finish(manifest);
      return reportOf(manifest, files, counts);
    } catch (error) {
      await archive.abandon();
      throw error;
    }
  } finally {
    await source.close();
  }
}

export interface RestoreOptions {
  readonly database: string;
  readonly file: string;
  readonly district?: DistrictFiles;
  /** Takes away what is there. */
  readonly replace?: boolean;
  /** Checks the archive, and writes nothing. */
  readonly dryRun?: boolean;
  /** The environment that is served, which is marked too. */
  readonly environment: string;
  /** Configured id key: another than the archive's would give every record new ids. */
  readonly idKey?: string;
  readonly onProgress?: Progress;
}

/**
 * Fills a database from an archive, in one transaction, and marks every environment as restored. The archive is checked to its last line
 * before anything is written.
 *
 * @throws AppError `archive`, `id-key`, `database-not-empty`, `database-in-use`, `store-unavailable`
 */
export async function restore(options: RestoreOptions): Promise<ArchiveReport> {
  const { database, file, onProgress = () => undefined } = options;
  const archive = await openArchive(file);
  try {
    const manifest = readManifest(archive.manifest);
    if (options.idKey !== undefined && manifest.idKeyHash !== null && hashOf(options.idKey) !== manifest.idKeyHash)
      throw new AppError('id-key');
    const total = sum(Object.values(manifest.tables).map(({ rows }) => rows));
    await check(archive, manifest, (done) => onProgress('check', done, total));
    const files = await districtFilesOf(archive, manifest);
    if (files !== undefined && options.replace !== true) refuseOthers(options.district?.read() ?? [], files);
    const report = reportOf(manifest, files ?? []);
    // A new database is made as the archive's program knew it; what came since is applied to its rows afterwards.
    const last = manifest.migrations.at(-1) as string;
    if (options.dryRun === true) {
      await lookAt(database, options.replace === true);
      return report;
    }
    await migrate(database, last);
    const target = await guard(async () => (isPostgres(database) ? writePostgres(database) : writeSqlite(database)));
    try {
      await refuse(target, manifest, options.replace === true);
      await guard(() => target.clear());
      await fill(archive, manifest, target, (done) => onProgress('write', done, total));
      const restoredAt = new Date().toISOString();
      for (const environment of new Set([...manifest.environments, options.environment])) {
        const backupAt = manifest.restored[environment] ?? manifest.takenAt;
        await guard(() => target.mark(environment, JSON.stringify({ backupAt, restoredAt })));
      }
      await guard(() => target.commit());
    } catch (error) {
      await target.rollback();
      throw error;
    } finally {
      await target.close();
    }
    await migrate(database);
    if (files !== undefined) options.district?.write(files);
    return report;
  } finally {
    await archive.close();
  }
}

const isPostgres = (database: string): boolean => /^postgres(ql)?:\/\//.test(database);
const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex');

async function migrate(database: string, upTo?: string): Promise<void> {
  await guard(async () => {
    const engine = isPostgres(database) ? openPostgres(database) : await openSqlite(database);
    try {
      await engine.migrate(false, upTo);
    } finally {
      await engine.close();
    }
  });
}

/** For a dry run: refuses what a restore would refuse, as far as a look can tell. */
async function lookAt(database: string, replace: boolean): Promise<void> {
  if (replace || (!isPostgres(database) && !existsSync(database))) return;
  const source = await (isPostgres(database) ? readPostgres(database) : Promise.resolve().then(() => readSqlite(database))).catch(
    // Without tables of ours.
    () => undefined,
  );
  try {
    for (const table of source === undefined ? [] : FILLED_TABLES) {
      if ((await guard(async () => source?.first(`select 1 from "${table}" limit 1`)))?.length !== 0)
        throw new AppError('database-not-empty');
    }
  } finally {
    await source?.close();
  }
}

async function countsOf(source: ArchiveSource): Promise<Readonly<Record<string, number>>> {
  const counts: Record<string, number> = {};
  for (const table of ARCHIVE_TABLES) counts[table] = await source.count(table);
  return counts;
}

async function headOf(source: ArchiveSource, engine: Manifest['engine'], version: string): Promise<Omit<Manifest, 'tables'>> {
  const environments = (await source.first(`${ENVIRONMENTS_SQL} order by 1`)) as { environment: string }[];
  const marks = (await source.first(
    `select environment, value from shared_state where name = '${RESTORED_NAME}' and value is not null`,
  )) as { environment: string; value: string }[];
  const [key] = (await source.first("select value from setting where name = 'id-key'")) as { value: string }[];
  return {
    format: FORMAT,
    formatVersion: FORMAT_VERSION,
    version,
    engine,
    takenAt: new Date(source.takenMs).toISOString(),
    migrations: source.migrations,
    environments: environments.map(({ environment }) => environment),
    restored: Object.fromEntries(
      marks.flatMap(({ environment, value }) => {
        const backupAt = backupOf(value);
        return backupAt === undefined ? [] : [[environment, backupAt] as const];
      }),
    ),
    idKeyHash: key === undefined ? null : hashOf(key.value),
  };
}

function backupOf(mark: string): string | undefined {
  try {
    const { backupAt } = JSON.parse(mark) as { backupAt?: unknown };
    return typeof backupAt === 'string' ? backupAt : undefined;
  } catch {
    return undefined;
  }
}

function reportOf(manifest: Manifest, files: readonly DistrictFile[], counts = rowsOf(manifest)): ArchiveReport {
  const { takenAt, version, engine, environments } = manifest;
  const districtFiles = files.map(({ name }) => name);
  return { takenAt, version, engine, environments, tables: counts, rows: sum(Object.values(counts)), districtFiles };
}

const DISTRICT_FILES = 'district-files';

async function* linesOf(files: readonly DistrictFile[]): AsyncGenerator<readonly string[]> {
  for (const { name, text } of files) yield [JSON.stringify({ name, text })];
}

/** Undefined where the archive is older than the tables. A name that leads out of the folder is none of ours. */
async function districtFilesOf(archive: ArchiveReader, { districtFiles }: Manifest): Promise<readonly DistrictFile[] | undefined> {
  if (districtFiles === undefined) return undefined;
  if (!archive.has(DISTRICT_FILES) || (await archive.measure(DISTRICT_FILES)).sha256 !== districtFiles.sha256)
    throw damaged(DISTRICT_FILES);
  const files: DistrictFile[] = [];
  for await (const some of archive.lines(DISTRICT_FILES)) {
    for (const line of some) {
      const { name, text } = JSON.parse(line) as Partial<DistrictFile>;
      if (typeof name !== 'string' || typeof text !== 'string' || !/^(codes|map)-[a-z0-9-]+\.csv$/i.test(name))
        throw damaged(DISTRICT_FILES);
      files.push({ name, text });
    }
  }
  return files;
}

/** Tables of another district would mean something else by the same words. */
function refuseOthers(present: readonly DistrictFile[], files: readonly DistrictFile[]): void {
  const differs = present.some(({ name, text }) => !files.some((one) => one.name === name && one.text === text));
  if (differs) {
    throw archiveFault({
      id: 'folder ILP_TERMINOLOGY berisi tabel lain; kosongkan, atau pakai --replace',
      en: 'the folder ILP_TERMINOLOGY holds other tables; empty it, or use --replace',
    });
  }
}

const rowsOf = ({ tables }: Manifest): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(tables).map(([table, { rows }]) => [table, rows]));

function readManifest(value: unknown): Manifest {
  const manifest = value as Manifest;
  if (manifest?.format !== FORMAT) throw damaged('manifest');
  if (manifest.formatVersion !== FORMAT_VERSION) {
    throw archiveFault({
      id: `bentuk arsip ${String(manifest.formatVersion)} tidak dikenal; pakai versi program yang lebih baru`,
      en: `form ${String(manifest.formatVersion)} of the archive is not known; use a newer version of the program`,
    });
  }
  const wellFormed =
    [manifest.migrations, manifest.environments].every((list) => Array.isArray(list) && list.every((each) => typeof each === 'string')) &&
    manifest.migrations.length > 0 &&
    Number.isFinite(Date.parse(manifest.takenAt)) &&
    ARCHIVE_TABLES.every((table) => {
      const member = manifest.tables?.[table];
      return typeof member?.sha256 === 'string' && Number.isSafeInteger(member.rows) && Array.isArray(member.columns);
    });
  if (!wellFormed) throw damaged('manifest');
  return manifest;
}

async function check(archive: ArchiveReader, manifest: Manifest, onRows: (rows: number) => void): Promise<void> {
  let done = 0;
  for (const table of ARCHIVE_TABLES) {
    if (!archive.has(table)) throw damaged(table);
    const { sha256, rows } = await archive.measure(table);
    const told = manifest.tables[table] as Member;
    if (sha256 !== told.sha256 || rows !== told.rows) throw damaged(table);
    done += rows;
    onRows(done);
  }
}

async function refuse(target: ArchiveTarget, manifest: Manifest, replace: boolean): Promise<void> {
  const unknown = manifest.migrations.filter((name) => !target.migrations.includes(name));
  if (unknown.length > 0) {
    throw archiveFault({
      id: `dibuat oleh versi ${manifest.version} yang lebih baru; perbarui program ini dahulu`,
      en: `it was made by the newer version ${manifest.version}; update this program first`,
    });
  }
  if (!replace && (await guard(() => target.filled()))) throw new AppError('database-not-empty');
  const newer = target.migrations.filter((name) => !manifest.migrations.includes(name));
  if (newer.length > 0) {
    throw archiveFault({
      id: 'arsip lebih lama daripada tabel di basis data ini; pulihkan ke basis data baru',
      en: 'it is older than the tables of this database; restore it into a new database',
    });
  }
}

/** Lines that are handed to the database at once. */
const ROWS_AT_ONCE = 500;
const CHARACTERS_AT_ONCE = 2_000_000;

async function fill(archive: ArchiveReader, manifest: Manifest, target: ArchiveTarget, onRows: (rows: number) => void): Promise<void> {
  let done = 0;
  for (const table of ARCHIVE_TABLES) {
    const { columns, rows } = manifest.tables[table] as Manifest['tables'][string];
    const known = target.columns.get(table);
    if (columns.some((name) => known?.has(name) !== true)) throw damaged(table);
    let loaded = 0;
    let waiting: string[] = [];
    let characters = 0;
    const flush = async (): Promise<void> => {
      if (waiting.length > 0) await guard(() => target.load(table, columns, waiting));
      loaded += waiting.length;
      onRows(done + loaded);
      waiting = [];
      characters = 0;
    };
    for await (const some of archive.lines(table)) {
      for (const line of some) {
        waiting.push(line);
        characters += line.length;
        if (waiting.length >= ROWS_AT_ONCE || characters >= CHARACTERS_AT_ONCE) await flush();
      }
    }
    await flush();
    if (loaded !== rows) throw damaged(table);
    done += loaded;
  }
}
