import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv, type ErrorObject } from 'ajv';
import { distance } from 'fastest-levenshtein';
import cron from 'node-cron';
import type { Bilingual, Issue } from '../errors/index.ts';
import { mistake, wrongConfig } from './mistakes.ts';
import { COMMAND_NAMES, VARIABLES, type Variable } from './variables.ts';

export type Environment = 'sandbox' | 'staging' | 'production';
export type JobName = 'sync-send' | 'sync-identity' | 'reconcile' | 'alert-waiting';

export interface JobConfig {
  /** Cron expression, read in `zone`. */
  readonly schedule: string;
  /** IANA zone. */
  readonly zone: string;
  readonly enabled: boolean;
}

/** Everything the service was told at its start; deep-frozen. Sizes in bytes, times in milliseconds, keys in lower-case hex. */
export interface Config {
  readonly environment: Environment;
  readonly database: { readonly engine: 'sqlite'; readonly path: string } | { readonly engine: 'postgres'; readonly url: string };
  /** 64 hex digits. Absent only for SQLite outside production: then a key file beside the database is used. */
  readonly secretKey?: string;
  /** The key before, while credentials are changed to the present one. */
  readonly previousSecretKey?: string;
  readonly idKey?: string;
  /** Folder of the district's code tables. */
  readonly terminology: string;
  readonly http: { readonly host: string; readonly port: number; readonly trustProxy: number; readonly publicUrl?: string };
  readonly limits: { readonly jsonBytes: number; readonly lineBytes: number; readonly jsonDepth: number; readonly tableRows: number };
  readonly platform: {
    readonly authUrl: string;
    readonly fhirUrl: string;
    readonly timeoutMs: number;
    readonly surface: 'recorded' | 'documented';
    readonly readLagMs: number;
    readonly savesPartly: boolean;
    /** What each client may ask of the platform; undefined: learnt. */
    readonly quota?: { readonly requests: number; readonly perMs: number };
    readonly proxy?: string;
    /** PEM text of additional certificate authorities. */
    readonly ca?: string;
  };
  readonly worker: { readonly enabled: boolean; readonly concurrency: number; readonly backlogLimit: number };
  readonly jobs: Readonly<Record<JobName, JobConfig>>;
  readonly alert: {
    readonly afterMs: number;
    readonly webhook?: { readonly url: string; readonly secret?: string };
    readonly mail?: {
      readonly host: string;
      readonly port: number;
      readonly tls: 'starttls' | 'tls' | 'none';
      readonly user?: string;
      readonly password?: string;
      readonly from: string;
      readonly to: readonly string[];
      /** PEM text of additional certificate authorities. */
      readonly ca?: string;
    };
  };
  readonly logLevel: 'silent' | 'error' | 'warn' | 'info' | 'debug';
}

export type Environ = Readonly<Record<string, string | undefined>>;

/** Hosts as published by SATUSEHAT; the sandbox is our own simulator. */
const HOSTS: Record<Environment, string> = {
  sandbox: 'http://127.0.0.1:8090',
  staging: 'https://api-satusehat-stg.dto.kemkes.go.id',
  production: 'https://api-satusehat.kemkes.go.id',
};

/**
 * Environment → configuration.
 *
 * Pure but for `readFile`, which reads the `*_FILE` variants and the CA file.
 * @throws AppError `config` with one issue per mistake; each names the variable and the fix, never the value
 */
export function parseConfig(environ: Environ, readFile: (name: string) => string = (name) => readFileSync(name, 'utf8')): Config {
  const mistakes: Issue[] = [];
  const wrong = (name: string, text: Bilingual) => mistakes.push(mistake(name, text));

  const given: Record<string, string> = {};
  const known = new Set(VARIABLES.flatMap(({ name, secret }) => (secret ? [name, `${name}_FILE`] : [name])));
  for (const [name, value] of Object.entries(environ)) {
    if (!name.startsWith('ILP_') || value === undefined || COMMAND_NAMES.includes(name)) continue;
    if (!known.has(name)) {
      const nearest = [...known].reduce((best, candidate) => (distance(candidate, name) < distance(best, name) ? candidate : best));
      wrong(name, { id: `tidak dikenal; mungkin maksudnya ${nearest}`, en: `is unknown; did you mean ${nearest}?` });
    } else if (value.trim() !== '') given[name] = value.trim();
  }
  for (const { name, secret } of VARIABLES) {
    const file = given[`${name}_FILE`];
    if (!secret || file === undefined) continue;
    if (given[name] !== undefined) {
      wrong(name, { id: `isi salah satu saja: ${name} atau ${name}_FILE`, en: `give only one of ${name} and ${name}_FILE` });
    } else {
      try {
        given[name] = readFile(file).trim();
      } catch {
        wrong(`${name}_FILE`, { id: 'berkas tidak dapat dibaca', en: 'the file cannot be read' });
      }
    }
    delete given[`${name}_FILE`];
  }

  const values: Record<string, unknown> = {};
  for (const variable of VARIABLES) {
    const raw = given[variable.name] ?? variable.fallback;
    if (raw !== undefined) values[variable.name] = raw;
  }
  if (!check(values)) {
    for (const error of check.errors ?? []) {
      const variable = VARIABLES.find(({ name }) => error.instancePath === `/${name}`);
      if (variable && !mistakes.some(({ field }) => field === variable.name)) wrong(variable.name, fixFor(variable, error));
    }
  }

  const environment = values.ILP_ENVIRONMENT as Environment;
  const text = (name: string) => values[name] as string;
  const number = (name: string) => values[name] as number;
  const database: Config['database'] = /^postgres(ql)?:\/\//.test(text('ILP_DATABASE'))
    ? { engine: 'postgres', url: text('ILP_DATABASE') }
    : { engine: 'sqlite', path: path.resolve(text('ILP_DATABASE')) };
  if (values.ILP_SECRET_KEY === undefined && (database.engine === 'postgres' || environment === 'production')) {
    wrong('ILP_SECRET_KEY', {
      id: 'wajib untuk PostgreSQL dan production; buat dengan: openssl rand -base64 32',
      en: 'is required for PostgreSQL and production; make one with: openssl rand -base64 32',
    });
  }
  if (values.ILP_SECRET_KEY_PREVIOUS !== undefined && values.ILP_SECRET_KEY === undefined) {
    wrong('ILP_SECRET_KEY_PREVIOUS', {
      id: 'hanya bersama ILP_SECRET_KEY (kunci baru)',
      en: 'goes with ILP_SECRET_KEY (the new key) only',
    });
  }
  let ca: string | undefined;
  if (values.ILP_CA_FILE !== undefined) {
    try {
      ca = readFile(text('ILP_CA_FILE'));
    } catch {
      wrong('ILP_CA_FILE', { id: 'berkas tidak dapat dibaca', en: 'the file cannot be read' });
    }
  }
  const webhook = values.ILP_ALERT_WEBHOOK_URL;
  if (typeof webhook === 'string' && isUrl(webhook) && !isPrivate(new URL(webhook))) {
    wrong('ILP_ALERT_WEBHOOK_URL', { id: 'harus alamat https://', en: 'must be an https:// address' });
  }
  const to = (values.ILP_ALERT_MAIL_TO as string | undefined)?.split(',').map((each) => each.trim()) ?? [];
  for (const [name, fix] of mailMistakes(values, to)) wrong(name, fix);
  if (mistakes.length > 0) {
    throw wrongConfig(mistakes);
  }

  const host = HOSTS[environment];
  const url = (name: string, fallback: string) => ((values[name] as string | undefined) ?? fallback).replace(/\/+$/, '');
  const jobOf = (id: string): JobConfig => ({
    schedule: text(`ILP_JOB_${id}_SCHEDULE`),
    zone: text(`ILP_JOB_${id}_ZONE`),
    enabled: values[`ILP_JOB_${id}_ENABLED`] as boolean,
  });
  return deepFreeze<Config>({
    environment,
    database,
    ...(values.ILP_SECRET_KEY !== undefined && { secretKey: keyHex(text('ILP_SECRET_KEY')) as string }),
    ...(values.ILP_SECRET_KEY_PREVIOUS !== undefined && { previousSecretKey: keyHex(text('ILP_SECRET_KEY_PREVIOUS')) as string }),
    ...(values.ILP_ID_KEY !== undefined && { idKey: keyHex(text('ILP_ID_KEY')) as string }),
    terminology: path.resolve(text('ILP_TERMINOLOGY')),
    http: {
      host: text('ILP_HOST'),
      port: number('ILP_PORT'),
      trustProxy: number('ILP_TRUST_PROXY'),
      ...(values.ILP_PUBLIC_URL !== undefined && { publicUrl: text('ILP_PUBLIC_URL').replace(/\/+$/, '') }),
    },
    limits: {
      jsonBytes: number('ILP_LIMIT_JSON_BYTES'),
      lineBytes: number('ILP_LIMIT_LINE_BYTES'),
      jsonDepth: number('ILP_LIMIT_JSON_DEPTH'),
      tableRows: number('ILP_LIMIT_TABLE_ROWS'),
    },
    platform: {
      authUrl: url('ILP_PLATFORM_AUTH_URL', `${host}/oauth2/v1`),
      fhirUrl: url('ILP_PLATFORM_FHIR_URL', `${host}/fhir-r4/v1`),
      timeoutMs: number('ILP_PLATFORM_TIMEOUT_MS'),
      surface: values.ILP_PLATFORM_SURFACE as Config['platform']['surface'],
      readLagMs: number('ILP_PLATFORM_READ_LAG'),
      savesPartly: values.ILP_PLATFORM_PARTIAL_BUNDLES as boolean,
      ...(number('ILP_PLATFORM_QUOTA') > 0 && {
        quota: { requests: number('ILP_PLATFORM_QUOTA'), perMs: number('ILP_PLATFORM_QUOTA_SECONDS') * 1_000 },
      }),
      ...(values.ILP_PROXY !== undefined && { proxy: text('ILP_PROXY') }),
      ...(ca !== undefined && { ca }),
    },
    worker: {
      enabled: values.ILP_WORKER_ENABLED as boolean,
      concurrency: number('ILP_WORKER_CONCURRENCY'),
      backlogLimit: number('ILP_BACKLOG_LIMIT'),
    },
    jobs: {
      'sync-send': jobOf('SYNC_SEND'),
      'sync-identity': jobOf('SYNC_IDENTITY'),
      reconcile: jobOf('RECONCILE'),
      'alert-waiting': jobOf('ALERT_WAITING'),
    },
    alert: {
      afterMs: number('ILP_ALERT_AFTER_HOURS') * 3_600_000,
      ...(values.ILP_ALERT_WEBHOOK_URL !== undefined && {
        webhook: {
          url: text('ILP_ALERT_WEBHOOK_URL'),
          ...(values.ILP_ALERT_WEBHOOK_SECRET !== undefined && { secret: text('ILP_ALERT_WEBHOOK_SECRET') }),
        },
      }),
      ...(values.ILP_ALERT_MAIL_HOST !== undefined && {
        mail: {
          host: text('ILP_ALERT_MAIL_HOST'),
          port: number('ILP_ALERT_MAIL_PORT'),
          tls: values.ILP_ALERT_MAIL_TLS as 'starttls' | 'tls' | 'none',
          ...(values.ILP_ALERT_MAIL_USER !== undefined && {
            user: text('ILP_ALERT_MAIL_USER'),
            password: text('ILP_ALERT_MAIL_PASSWORD'),
          }),
          from: text('ILP_ALERT_MAIL_FROM'),
          to,
          ...(ca !== undefined && { ca }),
        },
      }),
    },
    logLevel: values.ILP_LOG_LEVEL as Config['logLevel'],
  });
}

/** A key of 32 bytes, written as 64 hex digits or as base64: its lower-case hex; undefined if it is neither. */
function keyHex(value: string): string | undefined {
  if (/^[0-9a-f]{64}$/i.test(value)) return value.toLowerCase();
  if (!/^[A-Za-z0-9+/_-]{43}=?$/.test(value)) return undefined;
  return Buffer.from(value, 'base64').toString('hex');
}

const isUrl = (value: string): boolean => URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);

const isThisMachine = (host: string): boolean => ['127.0.0.1', '::1', '[::1]', 'localhost'].includes(host);

/** Whether nobody on the way can read along: encrypted, or to this very machine. */
const isPrivate = ({ protocol, hostname }: URL): boolean => protocol === 'https:' || isThisMachine(hostname);

const isMailAddress = (value: unknown): boolean => typeof value === 'string' && /^[^\s@,;<>"]{1,64}@[^\s@,;<>"]{1,255}$/.test(value);

/** What is wrong with the settings of the mail: part of them says nothing, and what others could read on the way is not sent. */
function mailMistakes(values: Readonly<Record<string, unknown>>, to: readonly string[]): readonly (readonly [string, Bilingual])[] {
  const name = (last: string) => `ILP_ALERT_MAIL_${last}`;
  const given = (last: string): boolean => values[name(last)] !== undefined;
  const found: (readonly [string, Bilingual])[] = [];
  const need = (last: string, because: string) =>
    given(last) || found.push([name(last), { id: `wajib bersama ${name(because)}`, en: `is required with ${name(because)}` }]);
  const address: Bilingual = {
    id: 'harus alamat surel, misalnya dinkes@contoh.go.id',
    en: 'must be a mail address, such as dinkes@contoh.go.id',
  };
  if (given('HOST')) {
    need('FROM', 'HOST');
    need('TO', 'HOST');
  }
  for (const other of ['FROM', 'TO', 'USER', 'PASSWORD']) if (given(other) && !given('HOST')) need('HOST', other);
  if (given('USER')) need('PASSWORD', 'USER');
  if (given('PASSWORD')) need('USER', 'PASSWORD');
  if (given('FROM') && !isMailAddress(values[name('FROM')])) found.push([name('FROM'), address]);
  if (!to.every(isMailAddress)) found.push([name('TO'), address]);
  if (given('HOST') && values[name('TLS')] === 'none' && !isThisMachine(String(values[name('HOST')])))
    found.push([name('TLS'), { id: 'none hanya untuk peladen di mesin ini', en: 'may be none only for a server on this machine' }]);
  return found.filter(([one], index) => found.findIndex(([other]) => other === one) === index);
}

function isZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: value });
    return value.includes('/') || value === 'UTC';
  } catch {
    return false;
  }
}

const ajv = new Ajv({ allErrors: true, coerceTypes: true, strict: true, allowUnionTypes: true });
ajv.addFormat('ilp-url', isUrl);
ajv.addFormat('ilp-key', (value: string) => keyHex(value) !== undefined);
// Five fields only: runs are recorded by the minute.
ajv.addFormat('ilp-cron', (value: string) => value.trim().split(/\s+/).length === 5 && cron.validate(value));
ajv.addFormat('ilp-zone', isZone);

const SCHEMAS: Record<Variable['kind'], object> = {
  text: { type: 'string', minLength: 1 },
  path: { type: 'string', minLength: 1 },
  integer: { type: 'integer' },
  boolean: { type: 'boolean' },
  url: { type: 'string', format: 'ilp-url' },
  key: { type: 'string', format: 'ilp-key' },
  choice: { type: 'string' },
  cron: { type: 'string', format: 'ilp-cron' },
  zone: { type: 'string', format: 'ilp-zone' },
};

const check = ajv.compile<Record<string, unknown>>({
  type: 'object',
  properties: Object.fromEntries(
    VARIABLES.map(({ name, kind, choices, minimum, maximum }) => [
      name,
      {
        ...SCHEMAS[kind],
        ...(choices && { enum: choices }),
        ...(minimum !== undefined && { minimum }),
        ...(maximum !== undefined && { maximum }),
      },
    ]),
  ),
});

function fixFor({ kind, choices, minimum, maximum }: Variable, error: ErrorObject): Bilingual {
  if (choices) return { id: `harus salah satu dari ${choices.join(', ')}`, en: `must be one of ${choices.join(', ')}` };
  if (kind === 'integer' && error.keyword !== 'type') {
    return { id: `harus ${minimum} sampai ${maximum}`, en: `must be from ${minimum} to ${maximum}` };
  }
  const fixes: Record<Variable['kind'], Bilingual> = {
    text: { id: 'tidak boleh kosong', en: 'must not be empty' },
    path: { id: 'tidak boleh kosong', en: 'must not be empty' },
    integer: { id: 'harus bilangan bulat', en: 'must be a whole number' },
    boolean: { id: 'harus true atau false', en: 'must be true or false' },
    url: { id: 'harus alamat http:// atau https://', en: 'must be an http:// or https:// address' },
    key: { id: 'harus 32 byte sebagai 64 angka hex atau base64', en: 'must be 32 bytes as 64 hex digits or as base64' },
    choice: { id: 'tidak dikenal', en: 'is unknown' },
    cron: { id: 'bukan jadwal cron; contoh: 0 3 * * *', en: 'is not a cron schedule; for example 0 3 * * *' },
    zone: { id: 'bukan zona waktu IANA; contoh: Asia/Jakarta', en: 'is not an IANA time zone; for example Asia/Jakarta' },
  };
  return fixes[kind];
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}
