import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Client, SCOPES, type Scope, type Store } from '../../store/port.ts';
import { checkSteps } from '../check-steps.ts';
import { CommandError, usage } from '../command-error.ts';
import type { Composition } from '../composition.ts';
import { type ExitCode, lineOf, type Output } from '../output.ts';
import type { Action, ClientOptions } from '../program.ts';
import { table } from '../table.ts';

/** A new API client. Its key is shown once: only a hash is kept. */
export const addApiClient = (name: string, options: ClientOptions): Action =>
  withStore(async ({ store, output }) => {
    const { client, key } = newApiClient(name, {
      scopes: scopesOf(options.scopes),
      facilities: listOf(options.facilities),
      sourceSystems: listOf(options.sourceSystems),
    });
    await store.putClient(client);
    if (client.facilities !== 'all') await warnOfUnknown(store, client.facilities, output);
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
    const missing = [
      !options.organizationId && '--organization-id',
      !options.clientId && '--client-id',
      !secret && '--client-secret-file (ILP_CLIENT_SECRET)',
    ].filter((name) => name !== false);
    if (!options.organizationId || !options.clientId || !secret)
      throw usage(`belum diisi: ${missing.join(', ')}`, `missing: ${missing.join(', ')}`);
    const allowedHours = hoursOf(options.allowedHours);
    await store.putCredential({
      environment: config.environment,
      owner: facility,
      organizationId: options.organizationId,
      clientId: options.clientId,
      secret: composition.sealSecret(config, facility, secret),
      createdAt: new Date().toISOString(),
      allowedHours,
    });
    await warnOfUnknown(store, [facility], output);
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
    const list = (access: 'all' | readonly string[]) => (access === 'all' ? 'semua / all' : access.join(' '));
    output.say(
      table(
        ['Id', 'Nama / Name', 'Izin / Scopes', 'Fasilitas / Facilities', 'Dicabut / Revoked'],
        clients.map((each) => [each.id, each.name, each.scopes.join(' '), list(each.facilities), each.revokedAt?.slice(0, 10) ?? '-']),
      ),
    );
    output.say(
      table(
        [`Kredensial SATUSEHAT (${environment})`, 'Organization', 'Client id', 'Jam kirim / Hours'],
        credentials.map((each) => [each.owner, each.organizationId, each.clientId, each.allowedHours ?? 'selalu / always']),
      ),
    );
    output.result({ clients, credentials });
    return 0;
  });

/** Token, Organization, one read of data: each step says how it went. */
export const checkClient = (facility: string): Action =>
  withStore(async ({ composition, store, output }) => {
    const check = await composition.checkCredential(composition.readConfig(process.env), store, facility);
    const steps = checkSteps(facility, check);
    for (const { step, target, ok, skipped, issue, details = [] } of steps) {
      const name = step === 'organization' && ok && check.organizationName ? `  ${check.organizationName}` : '';
      output.say(`${ok ? '✓' : skipped ? '–' : '✗'} ${step}  ${target}${name}${skipped ? '  belum dicoba / not tried' : ''}`);
      if (issue) output.say(`    ${issue.text.id}\n    ${issue.text.en}`);
      for (const detail of details) output.say(`    ${lineOf(detail)}`);
    }
    output.result({ facility, steps });
    return steps.every((step) => step.ok) ? 0 : 1;
  });

/** Encrypts all credentials with a new key. May be repeated: one that was cut off is finished. */
export const rotateKey = (): Action => async (composition, output) => {
  const config = composition.readConfig(process.env);
  const credentials = await composition.rotateKey(config);
  output.say(`${credentials} kredensial dienkripsi ulang / credentials encrypted anew`);
  output.note(
    config.secretKey === undefined
      ? 'Cadangkan berkas <basis data>.key yang baru / back the new <database>.key file up.'
      : 'Kosongkan ILP_SECRET_KEY_PREVIOUS, lalu mulai ulang layanan / unset ILP_SECRET_KEY_PREVIOUS, then restart the services.',
  );
  output.result({ credentials });
  return 0;
};

export const revokeClient = (id: string, satusehat: boolean): Action =>
  withStore(async ({ composition, store, output }) => {
    const { environment } = composition.readConfig(process.env);
    const done = satusehat ? await store.deleteCredential(environment, id) : await store.revokeClient(id, new Date().toISOString());
    if (!done) {
      throw new CommandError('not-found', {
        id: `${id} tidak ditemukan, atau sudah dicabut. Lihat ilp-fhir client list.`,
        en: `There is no ${id}, or it is revoked already. See ilp-fhir client list.`,
      });
    }
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
    if (scope === undefined) throw usage(`--scopes mengenal ${SCOPES.join(', ')}`, `--scopes knows ${SCOPES.join(', ')}`);
    return scope;
  });
}

const listOf = (list: string): 'all' | string[] =>
  list === 'all'
    ? 'all'
    : list
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== '');

/** @throws CommandError `usage`: hours that could not be read would close nothing, unnoticed */
function hoursOf(text: string | undefined): string | null {
  if (text === undefined) return null;
  if (!/^([01]?\d|2[0-3]):[0-5]\d-([01]?\d|2[0-4]):[0-5]\d$/.test(text))
    throw usage('--allowed-hours berbentuk 22:00-05:00', '--allowed-hours has the form 22:00-05:00');
  return text;
}

/** A code may be right and its facilities file still to come, so this is no refusal; a typing mistake shows all the same. */
async function warnOfUnknown(store: Store, codes: readonly string[], output: Output): Promise<void> {
  const known = new Set((await store.facilities(codes)).map(({ code }) => code));
  const unknown = codes.filter((code) => !known.has(code));
  if (unknown.length === 0) return;
  output.note(`Peringatan: fasilitas ${unknown.join(', ')} belum terdaftar; periksa kodenya, atau kirim lewat /api/v1/facilities.`);
  output.note(`Warning: facility ${unknown.join(', ')} is not registered yet; check the code, or send it through /api/v1/facilities.`);
}

async function secretFrom(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (cause) {
    throw usage('berkas --client-secret-file tidak dapat dibaca', 'the file of --client-secret-file cannot be read', cause);
  }
}
