import { readFileSync } from 'node:fs';
import { AppError } from '../errors/index.ts';
import { type SandboxClient, wrongClientField } from './clients.ts';
import { isObject } from './json.ts';
import type { PeopleFile } from './people.ts';
import { createSandbox, type SandboxOptions } from './server.ts';
import { SettingsError } from './settings.ts';

export interface StartOptions extends Omit<SandboxOptions, 'people' | 'clients'> {
  /** 0 takes a free port. */
  readonly port?: number;
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Path of the people file, or its contents. */
  readonly people?: string | PeopleFile;
  /** Path of the clients file, or its clients: a JSON list of `{clientId, clientSecret, organizationId}`, or `{clients: [ … ]}`. */
  readonly clients?: string | readonly SandboxClient[];
}

/**
 * Starts a sandbox from files. Prints nothing.
 *
 * @throws AppError `config` when a file cannot be read or has another form, or when a setting is wrong
 */
export async function startSandbox(options: StartOptions = {}): Promise<{ readonly url: string; stop(): Promise<void> }> {
  const { port, host, people, clients, ...rest } = options;
  const files = {
    people: typeof people === 'string' ? readPeople(people) : (people ?? {}),
    clients: typeof clients === 'string' ? readClients(clients) : (clients ?? []),
  };
  try {
    const sandbox = createSandbox({ ...rest, ...files });
    const url = await sandbox.start(port, host);
    return { url, stop: () => sandbox.stop() };
  } catch (error) {
    throw error instanceof SettingsError ? new AppError('config', { detail: error.message }) : error;
  }
}

/** @throws AppError `config` that names the kind of file, never a value in it */
function readJson(file: string, kind: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw new AppError('config', { detail: `--${kind}: ${file} is missing or not JSON` }, { cause });
  }
}

/** @throws AppError `config` naming the first entry that has another form */
export function readPeople(file: string): PeopleFile {
  const value = readJson(file, 'people');
  if (!isObject(value)) throw new AppError('config', { detail: 'people: {patients, practitioners}' });
  const lists = {
    patients: ['name', 'gender', 'birthDate'],
    practitioners: ['name'],
    citizens: ['nik', 'name', 'gender', 'birthDate'],
    organizations: ['id'],
    regions: ['code', 'name'],
  };
  for (const [list, needed] of Object.entries(lists)) {
    const entries = value[list] ?? [];
    if (!Array.isArray(entries)) throw new AppError('config', { detail: `people: ${list}` });
    const wrong = entries.findIndex((entry) => !isObject(entry) || needed.some((name) => typeof entry[name] !== 'string'));
    if (wrong >= 0) throw new AppError('config', { detail: `people: ${list}[${wrong}] (${needed.join(', ')})` });
  }
  return value as PeopleFile;
}

/** @throws AppError `config` naming the first entry that has another form, and its field */
export function readClients(file: string): readonly SandboxClient[] {
  const content = readJson(file, 'clients');
  const value = isObject(content) ? content.clients : content;
  if (!Array.isArray(value)) throw new AppError('config', { detail: 'clients: [{clientId, clientSecret, organizationId}]' });
  for (const [index, entry] of value.entries()) {
    const wrong = isObject(entry) ? wrongClientField(entry) : 'an object';
    if (wrong !== undefined) throw new AppError('config', { detail: `clients: [${index}] ${wrong}` });
  }
  return value as readonly SandboxClient[];
}
