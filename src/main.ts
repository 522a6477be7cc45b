import { randomUUID } from 'node:crypto';
import path from 'node:path';
import { Readable } from 'node:stream';
import v8 from 'node:v8';
import type { Resource } from '@medplum/fhirtypes';
import type { Logger } from 'pino';
import { type AdoptOptions, type AdoptSource, type Composition, run } from './cli/index.ts';
import {
  beginKeyChange,
  type Config,
  claimDatabasePlace,
  districtFiles,
  endKeyChange,
  packageRoot,
  packageVersion,
  parseConfig,
  readAssets,
  readMappings,
  resolveSecretKey,
  resolveSecretKeys,
  terminologySource,
} from './config/index.ts';
import { compileEngines, type Engines, loadEngines } from './engines.ts';
import { AppError, type ErrorCode } from './errors/index.ts';
import { createIntake, type DryRun, type RawRecord, readCsv, readJson, readNdjson } from './intake/index.ts';
import { parsePacks } from './mapping/packs.ts';
import { compileTransform } from './mapping/transform.ts';
import { encryptSecret, openSecret } from './satusehat/index.ts';
import { createLogger, createPlatform, databaseOf, createService as joinService, type Service } from './service.ts';
import { createIdentifiers, type Feed, loadIdKey, openStore, type Store } from './store/index.ts';
import { type AdoptLine, adopt, fromPlatform } from './sync/index.ts';
import { Terminology } from './terminology/index.ts';
import type { R4Elements } from './terminology/r4-elements.ts';

let compiled: Engines | undefined;
/** Compiled at first use: most commands need none of it. */
const engines = (): Engines => {
  compiled ??= loadEngines();
  return compiled;
};

const serving = process.argv.slice(2).find((word) => !word.startsWith('-')) === 'serve';

/** Log lines go to standard output while serving. Beside a command's own output only what went wrong is told, unless more is wanted. */
const loggerOf = (config: Config): Logger =>
  createLogger(
    serving || process.env.ILP_LOG_LEVEL || config.logLevel !== 'info' ? config : { ...config, logLevel: 'warn' },
    serving ? 1 : 2,
  );

/** Everything the service is made of, joined. @throws AppError `config`, `id-key`, `store-unavailable`, `map-compile`, `profile-compile` */
export async function createService(config: Config): Promise<Service> {
  claimDatabasePlace(config);
  compiled ??= loadEngines({ maxRows: config.limits.tableRows });
  return joinService(config, compiled, loggerOf(config));
}

/** @throws AppError `config` if there can be no such file, `store-unavailable` */
async function open(config: Config): Promise<Store> {
  claimDatabasePlace(config);
  return openStore(databaseOf(config));
}

export const composition: Composition = {
  version: packageVersion(),
  program: import.meta.filename,
  readConfig: parseConfig,
  openStore: open,
  createService,
  // What follows with an import is loaded only where it is asked for: the service starts without it.
  startSandbox: async (options) => (await import('./sandbox/start.ts')).startSandbox(options),
  dryRun,
  async backup(config, file, options) {
    const { backup } = await import('./store/archive.ts');
    return backup({
      database: databaseOf(config),
      file,
      version: packageVersion(),
      district: districtFiles(config.terminology),
      ...options,
    });
  },
  mappings: path.join(packageRoot, 'mappings'),
  mapRooms(folder) {
    const { profiles, mappings } = readAssets();
    const rooms = compileEngines({ profiles, mappings: folder === undefined ? mappings : readMappings(folder) });
    rooms.mapper.checkForms();
    return {
      ...rooms,
      elements: JSON.parse(profiles['r4/elements.json'] ?? '{}') as R4Elements,
    };
  },
  packs: () => parsePacks(readAssets().mappings),
  transform(maps) {
    const { profiles } = readAssets();
    const table = (file: string): R4Elements => JSON.parse(profiles[file] ?? '{}');
    return compileTransform({ maps, elements: { ...table('r4/other-elements.json'), ...table('r4/elements.json') }, uuid: randomUUID });
  },
  async *readRecords(bytes, contentType) {
    for await (const group of groups(bytes, contentType, parseConfig(process.env))) yield* group;
  },
  async restore(config, file, options) {
    const { restore } = await import('./store/archive.ts');
    if (!options.dryRun) claimDatabasePlace(config);
    const { environment, idKey } = config;
    const district = districtFiles(config.terminology);
    return restore({ database: databaseOf(config), file, environment, district, ...(idKey !== undefined && { idKey }), ...options });
  },
  adopt: adoptFrom,
  rotateKey,
  validate(resource) {
    const { validator, rules, preflight } = engines();
    const now = new Date().toISOString();
    const parts = resourcesIn(resource);
    const ofRules = parts.flatMap(({ at, resource }) =>
      rules.check(resource, { now }).map((found) => ({ ...found, expression: found.expression?.replace(resource.resourceType, at) ?? at })),
    );
    const issues = [...validator.validate(resource), ...ofRules];
    return {
      issues,
      preflight: preflight(
        parts.map(({ resource }) => resource),
        issues,
      ),
    };
  },
  sealSecret: (config, owner, secret) => encryptSecret(resolveSecretKey(config), { environment: config.environment, owner }, secret),
  async checkCredential(config, store, owner) {
    const platform = createPlatform(config, store, loggerOf(config));
    try {
      const [unit] = await store.facilities([owner]);
      const [known] = unit === undefined ? [] : await store.platformIds(config.environment, [unit.organization]);
      return { ...(await platform.check(owner)), ...(known && { registeredOrganization: known.platformId }) };
    } finally {
      platform.close();
    }
  },
};

/** A resource, or those in a Bundle, with the beginning of their expressions. */
function resourcesIn(value: unknown): readonly { readonly at: string; readonly resource: Resource }[] {
  const isResource = (each: unknown): each is Resource => typeof (each as Resource | null | undefined)?.resourceType === 'string';
  if (!isResource(value)) return [];
  if (value.resourceType !== 'Bundle') return [{ at: value.resourceType, resource: value }];
  const entries: readonly unknown[] = Array.isArray(value.entry) ? value.entry : [];
  return entries.flatMap((entry, index) => {
    const resource = (entry as { resource?: unknown } | null)?.resource;
    return isResource(resource) ? [{ at: `Bundle.entry[${index}].resource`, resource }] : [];
  });
}

/** Maps and checks the records of a file against the registers of the configured database, and stores nothing. */
async function dryRun(config: Config, feed: Feed, bytes: Uint8Array, contentType: string): Promise<readonly DryRun[]> {
  const store = await open(config);
  try {
    await store.migrate();
    const ids = createIdentifiers(await loadIdKey(store, config.idKey));
    const now = () => new Date().toISOString();
    const codes = new Terminology(terminologySource(config.terminology));
    const intake = createIntake({ store, environment: config.environment, ids, ...engines(), codes, now });
    const client = {
      id: 'cli',
      name: 'cli',
      keyHash: '',
      scopes: ['intake:write'] as const,
      sourceSystems: 'all' as const,
      facilities: 'all' as const,
      createdAt: now(),
      revokedAt: null,
    };
    const results: DryRun[] = [];
    for await (const group of groups(bytes, contentType, config))
      results.push(...(await intake.dryRun({ feed, client, strict: false }, group)));
    return results;
  } finally {
    await store.close();
  }
}

const ROTATION = 'rotate-key';
const ROTATION_MS = 300_000;

/** Encrypts all credentials, of every environment, with the present key: a new file beside SQLite, or the configured one. */
async function rotateKey(config: Config): Promise<number> {
  const store = await open(config);
  const holder = randomUUID();
  try {
    await store.migrate();
    // Two at once would each make a key.
    if (!(await store.acquireLease(ROTATION, holder, ROTATION_MS))) throw new AppError('busy');
    try {
      beginKeyChange(config);
      const keys = resolveSecretKeys(config);
      const count = await store.rewriteSecrets(({ environment, owner, secret }) =>
        encryptSecret(keys[0], { environment, owner }, openSecret(keys, { environment, owner }, secret)),
      );
      endKeyChange(config);
      return count;
    } finally {
      await store.releaseLease(ROTATION, holder);
    }
  } finally {
    await store.close();
  }
}

/** Why the platform could not be asked, in our words. */
const TROUBLE: Readonly<Record<string, ErrorCode>> = { 'no-account': 'credential-missing', unauthorised: 'platform-auth' };

async function adoptFrom(config: Config, source: AdoptSource, { sendMissing, dryRun }: AdoptOptions) {
  const store = await open(config);
  try {
    await store.migrate();
    const ids = createIdentifiers(await loadIdKey(store, config.idKey));
    const options = { store, ids, environment: config.environment, clock: () => Date.now(), actor: 'cli', sendMissing, dryRun };
    if ('bytes' in source) return { ...(await adopt(options, linesOf(source.bytes, source.contentType, config))), complete: true };
    const platform = createPlatform(config, store, loggerOf(config));
    try {
      const found = await fromPlatform({ store, platform, ids, ...source });
      if (found.kind === 'trouble') throw new AppError(TROUBLE[found.reason] ?? 'platform-unavailable');
      const lines = async function* () {
        for (const [index, row] of found.rows.entries()) yield { line: index + 1, row };
      };
      return { ...(await adopt(options, lines())), complete: found.complete };
    } finally {
      platform.close();
    }
  } finally {
    await store.close();
  }
}

async function* linesOf(bytes: Uint8Array, contentType: string, { limits }: Config): AsyncGenerator<AdoptLine> {
  const source = Readable.from([bytes]);
  const records = contentType === 'text/csv' ? readCsv(source, { ...limits, jsonBytes: bytes.length }) : readNdjson(source, limits);
  for await (const { line, value, fault } of records) yield { line, row: value, ...(fault !== undefined && { unreadable: true }) };
}

async function* groups(bytes: Uint8Array, contentType: string, { limits }: Config): AsyncGenerator<RawRecord[]> {
  const source = Readable.from([bytes]);
  if (contentType === 'application/json') {
    yield [...(await readJson(source, { ...limits, jsonBytes: bytes.length }))];
    return;
  }
  const records = contentType === 'text/csv' ? readCsv(source, { ...limits, jsonBytes: bytes.length }) : readNdjson(source, limits);
  for await (const record of records) yield [record];
}

if (import.meta.main) {
  // V8 lets its heap grow by what the machine has: on a large one half a gigabyte for what needs a tenth. Both are read at each
  // collection, so they may be set now.
  v8.setFlagsFromString('--semi-space-growth-factor=1');
  v8.setFlagsFromString('--heap-growing-percent=20');
  try {
    process.exitCode = await run(process.argv.slice(2), composition);
  } catch (error) {
    // Whatever reaches this point is a fault of ours: its text may quote data and is not shown.
    process.stderr.write(
      `${error instanceof AppError ? error.message : `internal: ${error instanceof Error ? error.name : typeof error}`}\n`,
    );
    process.exitCode = 1;
  }
}
