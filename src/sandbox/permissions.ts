import type { Caller } from './clients.ts';
import { issues, type OutcomeIssue } from './errors.ts';

/**
 * Resource types that a kind of facility may not create, by code of organization-type. Only the laboratory's Encounter was ever
 * published as an example.
 */
const NOT_FOR_CLASS: Readonly<Record<string, readonly string[]>> = { '107': ['Encounter'] };

/** Whether the client behind a token may read or write a type: 20009, 20003, 20004 in this order. */
export function refusedPermission(caller: Caller, type: string, access: 'read' | 'write'): readonly OutcomeIssue[] {
  const { client } = caller;
  if (client === undefined) return [];
  if (client.identified === false) return [issues.clientId()];
  const scopes = client[access];
  if (scopes !== undefined && !scopes.includes(type)) return [issues.scope(type)];
  const forbidden = access === 'write' && (NOT_FOR_CLASS[client.accessClass ?? ''] ?? []).includes(type);
  return forbidden ? [issues.accessClass(type)] : [];
}
