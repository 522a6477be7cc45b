import { CODES, type ErrorCode, REASONS } from '../../errors/index.ts';
import { table } from '../table.ts';
import { type Ending, type Outcome, outcomeOf } from './expectations.ts';

export interface Summary {
  readonly received: number;
  readonly refused: number;
  readonly duplicates: number;
  /** Records that reached their destination; `keptLocal` of them have the district itself as destination. */
  readonly delivered: number;
  readonly keptLocal: number;
  readonly waiting: number;
  readonly failed: number;
}

/** received = refused + duplicates + delivered + waiting + failed */
export function summarise(endings: readonly Ending[]): Summary {
  const count = (...outcomes: Outcome[]) => endings.filter((ending) => outcomes.includes(outcomeOf(ending))).length;
  return {
    received: endings.length,
    refused: count('refused'),
    duplicates: count('duplicate'),
    delivered: count('delivered', 'kept-local'),
    keptLocal: count('kept-local'),
    waiting: count('on-hold', 'waiting'),
    failed: count('failed'),
  };
}

/** The table at the end, in words of a puskesmas officer; English beside it. */
export function closingTable(endings: readonly Ending[], summary: Summary): string {
  const rows: Array<[string, string, number]> = [
    ['Diterima', 'Received', summary.received],
    ['  Sampai di SATUSEHAT', '  Arrived at SATUSEHAT', summary.delivered - summary.keptLocal],
    ['  Disimpan di kabupaten (kunjungan rumah)', '  Kept in the district (home visits)', summary.keptLocal],
    ['  Menunggu', '  Waiting', summary.waiting],
    ['  Ditolak, perlu diperbaiki', '  Refused, to be mended', summary.refused],
    ['  Sudah pernah diterima', '  Already received before', summary.duplicates],
    ['  Gagal dikirim', '  Could not be delivered', summary.failed],
  ];
  return [table(['Hasil', 'Result', 'Jumlah'], rows, [2]), ...why(endings)].join('\n');
}

const SEPARATOR = '\n';

/** Reasons of what did not arrive, most frequent first. */
function why(endings: readonly Ending[]): string[] {
  const groups = new Map<string, number>();
  for (const ending of endings) {
    const outcome = outcomeOf(ending);
    if (outcome === 'refused') {
      const code = ending.receipt.issues.find((issue) => issue.severity === 'error')?.code as ErrorCode | undefined;
      add(
        groups,
        code === undefined ? ['refused', '', ''].join(SEPARATOR) : [code, generic(CODES[code].id), generic(CODES[code].en)].join(SEPARATOR),
      );
    } else if (outcome === 'on-hold' || outcome === 'waiting' || outcome === 'failed') {
      const row = REASONS[ending.reason as keyof typeof REASONS];
      add(groups, [ending.reason ?? outcome, row?.id ?? '', row?.en ?? ''].join(SEPARATOR));
    }
  }
  if (groups.size === 0) return [];
  const rows = [...groups].sort((a, b) => b[1] - a[1]).map(([name, count]) => [...name.split(SEPARATOR), count]);
  return [table(['Kode', 'Sebab', 'Reason', 'Jumlah'], rows, [3])];
}

/** A catalogue text without its placeholders: `Isian … wajib ada.` */
const generic = (template: string): string => template.replace(/\{\w+\}/g, '…');

const add = (groups: Map<string, number>, name: string) => groups.set(name, (groups.get(name) ?? 0) + 1);
