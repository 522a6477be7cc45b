import { isObject, type JsonObject } from './json.ts';

export interface SandboxClient {
  readonly clientId: string;
  readonly clientSecret: string;
  /** Id of the facility's root Organization on the platform. One client has exactly one. */
  readonly organizationId: string;
  /**
   * Kind of the facility, a code of organization-type: `102` puskesmas, `107` laboratory … Decides which resources it may create; no
   * kind may create all.
   */
  readonly accessClass?: string;
  /** Resource types it has the `read:` scope for; absent: all. */
  readonly read?: readonly string[];
  /** Resource types it has the `write:` scope for; absent: all. */
  readonly write?: readonly string[];
  /** Products of the gateway it is subscribed to, by the first word of their path; absent: all. */
  readonly products?: readonly string[];
  /** May change Patient records. Default false, as for every facility. */
  readonly patientEdit?: boolean;
  /** `false`: its token is good but names no client, which the processor answers with 20009. Default true. */
  readonly identified?: boolean;
  /** Its tokens and its secret are no longer known. */
  readonly revoked?: boolean;
}

/** Who sends a request, once its token is known. */
export interface Caller {
  readonly clientId: string;
  readonly organizationId: string;
  readonly client?: SandboxClient;
}

const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  clientSecret: (value) => typeof value === 'string' && value !== '',
  organizationId: (value) => typeof value === 'string' && /^[A-Za-z0-9.-]{1,64}$/.test(value),
  accessClass: (value) => typeof value === 'string',
  read: isTextList,
  write: isTextList,
  products: isTextList,
  patientEdit: (value) => typeof value === 'boolean',
  identified: (value) => typeof value === 'boolean',
  revoked: (value) => typeof value === 'boolean',
};

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}

/**
 * Which field of a client has another form; its value is never quoted. Fields that are not known are left alone.
 *
 * @returns undefined when everything fits
 */
export function wrongClientField(client: JsonObject): string | undefined {
  if (typeof client.clientId !== 'string' || client.clientId === '') return 'clientId';
  const wrong = Object.entries(FIELDS).find(([name, fits]) => client[name] !== undefined && !fits(client[name]));
  if (wrong !== undefined) return wrong[0];
  return ['clientSecret', 'organizationId'].find((name) => client[name] === undefined);
}

/** The clients that the gateway knows. They may come, change and go while it runs. */
export class ClientRegistry {
  readonly #initial: readonly SandboxClient[];
  readonly #open: boolean;
  readonly #clients = new Map<string, SandboxClient>();

  /** @param open accepts `sandbox-<organizationId>` with secret `secret-<organizationId>` besides the listed clients */
  constructor(clients: readonly SandboxClient[], open: boolean) {
    this.#initial = clients;
    this.#open = open;
    this.reset();
  }

  /** The clients of the start, as they were then. */
  reset(): void {
    this.#clients.clear();
    for (const client of this.#initial) this.#clients.set(client.clientId, client);
  }

  /** A client that is not revoked. */
  find(clientId: string): SandboxClient | undefined {
    const listed = this.#clients.get(clientId);
    if (listed !== undefined) return listed.revoked ? undefined : listed;
    if (!this.#open) return undefined;
    const organizationId = /^sandbox-([A-Za-z0-9][A-Za-z0-9-]{0,35})$/.exec(clientId)?.[1];
    return organizationId === undefined ? undefined : { clientId, clientSecret: `secret-${organizationId}`, organizationId };
  }

  /**
   * Adds a client, or changes the fields that are given of one that is there.
   *
   * @returns the client, or the name of the field that has another form
   */
  put(clientId: string, change: unknown): SandboxClient | string {
    if (!isObject(change)) return 'body';
    const unknown = Object.keys(change).find((name) => name !== 'clientId' && !Object.hasOwn(FIELDS, name));
    if (unknown !== undefined) return unknown;
    const client = { ...(this.#clients.get(clientId) ?? this.find(clientId)), ...change, clientId };
    const wrong = wrongClientField(client);
    if (wrong !== undefined) return wrong;
    this.#clients.set(clientId, client as unknown as SandboxClient);
    return client as unknown as SandboxClient;
  }

  /** @returns false when no such client was known */
  revoke(clientId: string): boolean {
    const client = this.#clients.get(clientId) ?? this.find(clientId);
    if (client !== undefined) this.#clients.set(clientId, { ...client, revoked: true });
    return client !== undefined;
  }

  list(): readonly SandboxClient[] {
    return [...this.#clients.values()];
  }
}
