import type { Resource } from '@medplum/fhirtypes';

type Json = Readonly<Record<string, unknown>>;
type Stored = Resource & { id: string };

export function mergePatient(stored: Stored, incoming: Stored): Stored {
  const { meta: _, ...kept } = stored as Stored & { identifier?: readonly Json[] };
  const own = (incoming as { identifier?: readonly Json[] }).identifier ?? [];
  const systems = new Set(own.map(({ system }) => system));
  const identifier = [...own, ...(kept.identifier ?? []).filter(({ system }) => !systems.has(system))];
  return { ...kept, ...incoming, ...(identifier.length > 0 && { identifier }) } as Stored;
}

export function withLink(patient: Stored, other: string, type: string): Stored {
  const { meta: _, ...rest } = patient as Stored & { link?: readonly { other: { reference?: string }; type: string }[] };
  if (rest.link?.some((link) => link.other.reference === other)) return rest as Stored;
  return { ...rest, link: [...(rest.link ?? []), { other: { reference: other }, type }] } as Stored;
}
