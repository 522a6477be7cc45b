import type { FindAnswer } from '../sync/platform.ts';
import type { FhirAnswer, FhirClient } from './client.ts';

export type Found = readonly Record<string, unknown>[];
export type NotFoundAnswer = Exclude<FindAnswer, { kind: 'found' }>;

/** What a search brought. `complete: false`: there was more than is read, so nothing can be told of what is not among it. */
export interface Pages {
  readonly kind: 'pages';
  readonly resources: Found;
  readonly complete: boolean;
}

/** Pages of 100. More than this is no answer to a question about one visit. */
const MAX_PAGES = 100;

/** All pages of a search. Anything but a searchset Bundle is no answer: it cannot tell that something is absent. */
export async function search(
  client: FhirClient,
  owner: string,
  type: string,
  parameters: Readonly<Record<string, string>>,
): Promise<Pages | NotFoundAnswer> {
  const resources: Record<string, unknown>[] = [];
  let query: URLSearchParams | undefined = new URLSearchParams(parameters);
  for (let page = 0; query !== undefined; page += 1) {
    if (page === MAX_PAGES) {
      return { kind: 'pages', resources, complete: false };
    }
    const answer: FhirAnswer = await client.request(owner, { intent: 'read', path: `/${type}`, query });
    if (answer.kind !== 'ok') {
      return troubleOf(answer);
    }
    const bundle = answer.body as { resourceType?: unknown; entry?: unknown; link?: unknown };
    if (bundle.resourceType !== 'Bundle') {
      return { kind: 'unavailable' };
    }
    for (const entry of Array.isArray(bundle.entry) ? bundle.entry : []) {
      const resource = (entry as { resource?: Record<string, unknown> } | null)?.resource;
      if (resource?.resourceType === type && typeof resource.id === 'string') {
        resources.push(resource);
      }
    }
    query = nextPage(bundle.link);
  }
  return { kind: 'pages', resources, complete: true };
}

/** A search is never a duplicate, never of unknown outcome, and is itself nothing that could be gone. */
function troubleOf(answer: Exclude<FhirAnswer, { kind: 'ok' }>): NotFoundAnswer {
  switch (answer.kind) {
    case 'duplicate':
    case 'unknown':
    case 'gone':
      return { kind: 'unavailable' };
    case 'lost-reference':
      return { kind: 'refused', issues: answer.issues };
    default:
      return answer;
  }
}

/** Query of the next page. Only the query is taken: the link may name another host than the one we talk to. */
function nextPage(links: unknown): URLSearchParams | undefined {
  const next = (Array.isArray(links) ? links : []).find((link) => link?.relation === 'next')?.url;
  return typeof next === 'string' && next.includes('?') ? new URLSearchParams(next.slice(next.indexOf('?') + 1)) : undefined;
}
