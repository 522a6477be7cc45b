import { type Bilingual, CODES, type ErrorCode, REASONS, render, type State } from '../errors/index.ts';

/**
 * `retry`: send again. `fix`: take the record through all stages again once it is mended. `decide`: a person says whose content stands.
 * `wait`: it goes on by itself.
 */
export type Remedy = 'retry' | 'fix' | 'decide' | 'wait';

/** Which text of the catalogue says what to do, and which act ends it. A reason without a row is its own text and is tried again. */
const BY_REASON: Readonly<Record<string, readonly [code: ErrorCode | null, remedy: Remedy]>> = {
  refused: [null, 'fix'],
  'validation-pending': ['validation-pending', 'fix'],
  'unmapped-code': [null, 'fix'],
  'reason-code-missing': ['reason-code-missing', 'fix'],
  'time-missing': [null, 'fix'],
  identity: ['identity', 'fix'],
  'practitioner-identity': ['practitioner-identity', 'fix'],
  'credential-missing': ['credential-missing', 'wait'],
  conflict: ['platform-conflict', 'decide'],
  dependency: ['dependency-failed', 'wait'],
  'outcome-unknown': ['outcome-unknown', 'retry'],
  'platform-unavailable': ['platform-unavailable', 'wait'],
  'platform-auth': ['platform-auth', 'retry'],
  'rate-limited': [null, 'wait'],
};

/** What goes on by itself while it is ready, and no longer once its tries are over. */
const ENDED_BY_RETRY: readonly (string | null)[] = ['dependency', 'platform-unavailable'];

const REFUSED: Bilingual = {
  id: 'Ditolak SATUSEHAT. Perbaiki data sumber atau tabel pemetaan, lalu fix; bila penyebabnya di SATUSEHAT, retry.',
  en: 'Refused by SATUSEHAT. Mend the source or the mapping table, then fix; where the cause lay with SATUSEHAT, retry.',
};
const TABLE: Bilingual = {
  id: 'Kode belum dipetakan. Lengkapi barisnya pada tabel pemetaan (mappings/*.csv), jalankan ulang layanan, lalu fix.',
  en: 'A code is not mapped. Complete the mapping table (mappings/*.csv), restart the service, then fix.',
};

/**
 * What ends a stop.
 *
 * @param cause a reason, or the code of what is wrong with a refused record
 * @param state of a delivery
 */
export function remedyOf(
  cause: string | null,
  rule: number | null,
  state?: State,
): { readonly meaning: Bilingual; readonly todo: Bilingual; readonly act: Remedy } {
  const reason = cause !== null && Object.hasOwn(REASONS, cause) ? REASONS[cause as keyof typeof REASONS] : undefined;
  const code = cause !== null && Object.hasOwn(CODES, cause) ? (cause as ErrorCode) : undefined;
  const own: Bilingual | undefined = reason && { id: reason.id, en: reason.en };
  if (cause === 'unmapped-code' || cause === 'code-unknown') return { meaning: own ?? TABLE, todo: TABLE, act: 'fix' };
  const row = cause === null ? undefined : BY_REASON[cause];
  if (row) {
    const todo = row[0] === null ? own : render(row[0]);
    return {
      meaning: own ?? render('internal'),
      todo: todo ?? REFUSED,
      act: state === 'on-hold' && ENDED_BY_RETRY.includes(cause) ? 'retry' : row[1],
    };
  }
  if (own) return { meaning: own, todo: cause === 'platform-refused' ? REFUSED : own, act: 'retry' };
  if (code) {
    const text = readable(render(code));
    return { meaning: text, todo: text, act: 'fix' };
  }
  const number = rule ?? '';
  return { meaning: { id: `Ditolak aturan SATUSEHAT ${number}`, en: `Refused by SATUSEHAT rule ${number}` }, todo: REFUSED, act: 'fix' };
}

/** What a reason means. */
export const reasonText = (reason: string): Bilingual => remedyOf(reason, null).meaning;

/** The text of a code about no field in particular. */
const readable = ({ id, en }: Bilingual): Bilingual => ({ id: id.replace(/\{\w+\}/g, '…'), en: en.replace(/\{\w+\}/g, '…') });
