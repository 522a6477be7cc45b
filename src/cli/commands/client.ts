import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import Table from 'cli-table3';
import { AppError } from '../../errors/index.ts';
import { type Client, SCOPES, type Scope, type Store } from '../../store/port.ts';
import type { Composition } from '../composition.ts';
import { type ExitCode, lineOf, type Output } from '../output.ts';
import type { Action, ClientOptions } from '../program.ts';

/** A new API client. Its key is shown once: only a hash is kept. */
export const addApiClient = (name: string, options: ClientOptions): Action =>
  withStore(async ({ store, output }) => {
    const { client, key } = newApiClient(name, {
      scopes: scopesOf(options.scopes),
      facilities: listOf(options.facilities),
      sourceSystems: listOf(options.sourceSystems),
    });
    await store.putClient(client);
    output.say(`Klien / client: ${client.id}\nKunci (hanya tampil sekali) / key (shown once): ${key}`);
    output.result({ id: client.id, key });
    return 0;
  });

/** @returns the client to store and its key, 256 random bits */
export function newApiClient(
  name: string,
  access: Pick<Client, 'scopes' | 'facilities' | 'sourceSystems'>,
): { client: Client; key: string } {
  const key = `ilp_${randomBytes(32).toString('base64url')}`;
  const client = {
    id: randomUUID(),
    name,
    keyHash: createHash('sha256').update(key).digest('hex'),
    ...access,
    createdAt: new Date().toISOString(),
    revokedAt: null,
  };
  return { client, key };
}

/** Stores the SATUSEHAT credential of one puskesmas, encrypted. An existing one is replaced, and what waited for it goes on. */
export const addPlatformClient = (facility: string, options: ClientOptions): Action =>
  withStore(async ({ composition, store, output }) => {
    const config = composition.readConfig(process.env);
    const secret =
      options.clientSecretFile === undefined ? process.env.ILP_CLIENT_SECRET : (await secretFrom(options.clientSecretFile)).trim();
    if (!options.organizationId || !options.clientId || !secret) {
      throw new AppError('usage', { detail: '--organization-id, --client-id, --client-secret-file / ILP_CLIENT_SECRET' });
    }
    await store.putCredential({
      environment: config.environment,
      owner: facility,
      organizationId: options.organizationId,
      clientId: options.clientId,
      secret: composition.sealSecret(config, facility, secret),
      createdAt: new Date().toISOString(),
      allowedHours: options.allowedHours ?? null,
    });
    const released = await store.releaseHeld({
      environment: config.environment,
      owner: facility,
      reasons: ['credential-missing', 'platform-auth'],
    });
    output.say(`Kredensial ${facility} tersimpan; ${released} data dilanjutkan / credential stored; ${released} records go on`);
    output.result({ facility, environment: config.environment, released });
    return 0;
  });

export const listClients = (): Action =>
  withStore(async ({ composition, store, output }) => {
    const { environment } = composition.readConfig(process.env);
    const clients = (await store.clients()).map(({ keyHash: _hidden, ...client }) => client);
    const credentials = (await store.credentials(environment)).map(({ secret: _hidden, ...credential }) => credential);
    const table = new Table({ head: ['Id', 'Nama', 'Izin', 'Fasilitas', 'Dicabut'], style: { head: [], border: [] } });
    for (const each of clients) table.push([each.id, each.name, each.scopes.join(' '), String(each.facilities), each.revokedAt ?? '-']);
    output.say(table.toString());
    for (const each of credentials) output.say(`SATUSEHAT ${environment}: ${each.owner} → Organization/${each.organizationId}`);
    output.result({ clients, credentials });
    return 0;
  });

/** Token, organisation match, one read: each step says how it went. */
export const checkClient = (facility: string): Action =>
  withStore(async ({ composition, store, output }) => {
    const steps = await composition.checkCredential(composition.readConfig(process.env), store, facility);
    for (const { step, ok, issue } of steps) output.say(`${ok ? '✓' : '✗'} ${step}${issue ? `  ${lineOf(issue)}` : ''}`);
    output.result({ facility, steps });
    return steps.every((step) => step.ok) ? 0 : 1;
  });

export const revokeClient = (id: string, satusehat: boolean): Action =>
  withStore(async ({ composition, store, output }) => {
    const { environment } = composition.readConfig(process.env);
    const done = satusehat ? await store.deleteCredential(environment, id) : await store.revokeClient(id, new Date().toISOString());
    if (!done) throw new AppError('not-found');
    output.say('Dicabut / revoked');
    output.result({ revoked: id });
    return 0;
  });

function withStore(work: (given: { composition: Composition; store: Store; output: Output }) => Promise<ExitCode>): Action {
  return async (composition, output) => {
    const store = await composition.openStore(composition.readConfig(process.env));
    try {
      await store.migrate();
      return await work({ composition, store, output });
    } finally {
      await store.close();
    }
  };
}

function scopesOf(list: string): Scope[] {
  return list.split(',').map((name) => {
    const scope = SCOPES.find((each) => each === name.trim());
    if (scope === undefined) throw new AppError('usage', { detail: `--scopes ${SCOPES.join(',')}` });
    return scope;
  });
}

const listOf = (list: string): 'all' | string[] => (list === 'all' ? 'all' : list.split(',').map((each) => each.trim()));

async function secretFrom(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw new AppError('usage', { detail: '--client-secret-file' }, { cause });
  }
}
