import { AppError, type Bilingual } from '../errors/index.ts';
import { type AccessContext, DIFFERENCE_KINDS, type Difference, type DifferenceKind, type Store } from '../store/index.ts';

/** What each kind of difference says, and what to do about it. */
export const DIFFERENCES: Readonly<Record<DifferenceKind, { readonly meaning: Bilingual; readonly todo: Bilingual }>> = {
  missing: {
    meaning: { id: 'tidak ada di SATUSEHAT', en: 'not on SATUSEHAT' },
    todo: { id: 'ilp-fhir reconcile --mend', en: 'ilp-fhir reconcile --mend' },
  },
  changed: {
    meaning: { id: 'diubah pihak lain', en: 'changed by others' },
    todo: { id: 'Tidak ditimpa; selesaikan dengan pengubahnya.', en: 'Nothing is overwritten; settle it with whoever changed it.' },
  },
  extra: {
    meaning: { id: 'ada di SATUSEHAT, tidak dikenal di sini', en: 'on SATUSEHAT, not known here' },
    todo: {
      id: 'Salinan, atau dari pemasangan lain; selesaikan di SATUSEHAT.',
      en: 'A copy, or of another installation; settle it on SATUSEHAT.',
    },
  },
  'unknown-id': {
    meaning: { id: 'ada, nomornya belum diketahui', en: 'there, its id not known yet' },
    todo: { id: 'Tidak perlu apa-apa; diisi begitu pencarian menampilkannya.', en: 'Nothing; filled in once a search shows it.' },
  },
};

/** Which differences. What is given must all be true. */
export interface DifferenceSelection {
  readonly owner?: string;
  readonly kinds?: readonly DifferenceKind[];
  /** Default: open ones. */
  readonly state?: 'open' | 'resolved' | 'all';
  readonly after?: Pick<Difference, 'reference' | 'kind'>;
  readonly limit: number;
}

export interface DifferencePage {
  readonly differences: readonly (Difference & (typeof DIFFERENCES)[DifferenceKind])[];
  /** Give it as `after` to go on. */
  readonly next?: string;
}

const MAX_LIMIT = 1_000;

type Field = { readonly expected: string; readonly read: (value: string) => Partial<DifferenceSelection> | undefined };

const FIELDS: Readonly<Record<string, Field>> = {
  owner: { expected: 'kode puskesmas; code of a puskesmas', read: (owner) => (/^[!-~]{1,64}$/.test(owner) ? { owner } : undefined) },
  kind: {
    expected: DIFFERENCE_KINDS.join(', '),
    read(value) {
      const kinds = value.split(',').map((each) => each.trim());
      return kinds.every((kind) => (DIFFERENCE_KINDS as readonly string[]).includes(kind))
        ? { kinds: kinds as DifferenceKind[] }
        : undefined;
    },
  },
  state: {
    expected: 'open, resolved, all',
    read: (state) => (state === 'open' || state === 'resolved' || state === 'all' ? { state } : undefined),
  },
  after: {
    expected: '`next`',
    read(value) {
      const [, reference, kind] = /^([A-Z][A-Za-z]{1,63}\/[A-Za-z0-9.-]{1,64}):([a-z-]{1,16})$/.exec(value) ?? [];
      const known = DIFFERENCE_KINDS.find((each) => each === kind);
      return reference === undefined || known === undefined ? undefined : { after: { reference, kind: known } };
    },
  },
  limit: {
    expected: `1–${MAX_LIMIT}`,
    read: (value) => (/^\d{1,4}$/.test(value) && Number(value) >= 1 && Number(value) <= MAX_LIMIT ? { limit: Number(value) } : undefined),
  },
};

/** @throws AppError `parameter` that names the first wrong field */
export function parseDifferenceSelection(given: Readonly<Record<string, unknown>>): DifferenceSelection {
  let selection: DifferenceSelection = { limit: 100 };
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined || value === '') continue;
    const field = Object.hasOwn(FIELDS, name) ? (FIELDS[name] as Field) : undefined;
    const read = typeof value === 'string' ? field?.read(value) : undefined;
    if (!read)
      throw new AppError('parameter', { name: field ? name : 'query', expected: field?.expected ?? Object.keys(FIELDS).join(', ') });
    selection = { ...selection, ...read };
  }
  return selection;
}

/** What reconciliation found, in order of reference; only of the puskesmas that the context may see. */
export async function differencePage(
  store: Pick<Store, 'differences'>,
  { facilities }: AccessContext,
  environment: string,
  { owner, kinds, state = 'open', after, limit }: DifferenceSelection,
): Promise<DifferencePage> {
  const owners = owner !== undefined ? [owner] : facilities === 'all' ? undefined : facilities;
  const found = await store.differences({
    environment,
    ...(owners && { owners }),
    ...(kinds && { kinds }),
    ...(state !== 'all' && { open: state === 'open' }),
    ...(after && { after }),
    limit: limit + 1,
  });
  const differences = found.slice(0, limit).map((each) => ({ ...each, ...DIFFERENCES[each.kind] }));
  const last = differences.at(-1);
  return { differences, ...(found.length > limit && last && { next: `${last.reference}:${last.kind}` }) };
}
