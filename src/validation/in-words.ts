import { isLanguage } from './code-systems.ts';
import { hasScheme, isAbsoluteUri } from './primitives.ts';
import { isObject, type Json, type Run } from './run.ts';
import { isUnit } from './ucum.ts';

export const UCUM = 'http://unitsofmeasure.org';

/** A fullUrl on a server. */
const SERVED = /^https?:\/\/\S+\/[A-Z][A-Za-z]+\/[A-Za-z0-9\-.]{1,64}$/;

/**
 * What R4 says of single types in words only, or HL7's engine checks beyond it. The generated code calls these; values may
 * still be anything, but for Bundle and Questionnaire, which are sound here.
 */
export const IN_WORDS = {
  language: (node: Json, path: string, run: Run): void => {
    for (const coding of Array.isArray(node.coding) ? node.coding : []) {
      if (!isObject(coding) || typeof coding.system !== 'string') continue;
      const isKnown = coding.system === 'urn:ietf:bcp:47' && (typeof coding.code !== 'string' || isLanguage(coding.code));
      if (!isKnown) run.f.structure(path, 'unknown-code');
    }
  },

  unit: (node: Json, path: string, run: Run): void => {
    for (const coding of Array.isArray(node.coding) ? node.coding : []) {
      if (!isObject(coding) || typeof coding.system !== 'string') continue;
      if (coding.system !== UCUM || (typeof coding.code === 'string' && !isUnit(coding.code))) run.f.structure(path, 'unknown-unit');
    }
  },

  /** What R4 says of fullUrls in words. */
  entries: ({ type, entry = [] }: Json, path: string, run: Run): void => {
    for (const [index, { fullUrl, resource, search }] of (entry as Json[]).entries()) {
      const at = `${path}.entry[${index}]`;
      const { id, resourceType } = (resource ?? {}) as Json;
      if (typeof fullUrl !== 'string') {
        if (type === 'collection' || type === 'searchset') run.f.structure(at, 'no-full-url');
      } else if (!isAbsoluteUri(fullUrl)) run.f.structure(`${at}.fullUrl`, 'relative-url');
      else if (resource !== undefined && SERVED.test(fullUrl) && !fullUrl.endsWith(`/${resourceType}/${id}`))
        run.f.structure(at, 'full-url');
      const mode = (search as Json | undefined)?.mode;
      if (resource !== undefined && id === undefined && (mode === 'match' || mode === 'include'))
        run.f.structure(`${at}.resource`, 'no-id');
    }
  },

  /** What enableWhen of an item asks is another item, which only words of R4 say. */
  questions: (node: Json, path: string, run: Run): void => {
    const known = new Set<unknown>();
    const asking: { readonly question: unknown; readonly path: string }[] = [];
    const walk = (items: unknown, at: string): void => {
      if (!Array.isArray(items)) return;
      for (const [index, item] of items.entries() as Iterable<[number, Json]>) {
        const place = `${at}.item[${index}]`;
        known.add(item.linkId);
        for (const { question } of (item.enableWhen ?? []) as Json[]) asking.push({ question, path: place });
        walk(item.item, place);
      }
    };
    walk(node.item, path);
    for (const each of asking) if (!known.has(each.question)) run.f.structure(each.path, 'unknown-question');
  },

  attachment: ({ data, size }: Json, path: string, run: Run): void => {
    if (typeof data !== 'string' || typeof size !== 'number') return;
    const signs = data.replace(/[\s=]/g, '').length;
    if (size !== Math.floor((signs * 3) / 4)) run.f.structure(`${path}.size`, 'size');
  },

  /** What an Identifier of the URIs identifies by is a URI. */
  identifier: ({ system, value }: Json, path: string, run: Run): void => {
    if (system === 'urn:ietf:rfc:3986' && typeof value === 'string' && value !== '' && !hasScheme(value))
      run.f.structure(`${path}.value`, 'relative-url');
  },

  /** Ages and durations: HL7's engine does not look at their units. */
  duration: ({ system, code }: Json, path: string, run: Run): void => {
    if (system === UCUM && typeof code === 'string' && !isUnit(code)) run.f.suspiciousUnit(path);
  },
};
