import type { EpisodeOfCare, Period } from '@medplum/fhirtypes';
import type { LocalResource } from './platform.ts';

/** Key of the delivery that brings an episode to its end, after the visits that belong to it. */
export const CLOSING = 'episodeofcare-end:';

/** Key of the delivery that tells what has changed of an episode that goes on. */
export const CHANGING = 'episodeofcare-change:';

/** Whether a change has been overtaken: what has become of an episode in the end is told by the delivery of its end. */
export const isOvertaken = (key: string, resource: LocalResource): boolean =>
  key.startsWith(CHANGING) && (resource as { status?: unknown }).status !== 'active';

/**
 * An episode as it is opened: active, whatever became of it since. It must be there before the visits that refer to it, and only after
 * them may it be closed. Other resources, and episodes that are open or were entered in error, stay as they are.
 */
export function opened(resource: LocalResource): LocalResource {
  if (resource.resourceType !== 'EpisodeOfCare' || resource.status === 'active' || resource.status === 'entered-in-error') {
    return resource;
  }
  const period = withoutEnd(resource.period);
  const history: EpisodeOfCare['statusHistory'] = [
    { status: 'active', period: withoutEnd(resource.statusHistory?.[0]?.period) ?? period ?? {} },
  ];
  return { ...resource, status: 'active', statusHistory: history, ...(period && { period }) } as LocalResource;
}

function withoutEnd(period: Period | undefined): Period | undefined {
  if (period === undefined) {
    return undefined;
  }
  const { end: _, ...began } = period;
  return began;
}
