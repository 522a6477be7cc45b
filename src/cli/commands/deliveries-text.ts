import type { ActResult, DeliveryStory, Overview, RecordStory, StoppedGroup, WhyLeft } from '../../desk/index.ts';
import { blockedIssue } from '../../desk/index.ts';
import type { Bilingual, Issue } from '../../errors/index.ts';
import type { Delivery } from '../../store/port.ts';
import { lineOf } from '../output.ts';
import { table } from '../table.ts';

/** Those left that are listed one by one; `--json` has them all. */
const LISTED = 20;

const second = (instant: string | null): string => (instant === null ? '-' : `${instant.slice(0, 19).replace('T', ' ')}Z`);
const minute = (instant: string | null): string => (instant === null ? '-' : `${instant.slice(0, 16).replace('T', ' ')}Z`);
const both = ({ id, en }: Bilingual): string => (id === en ? id : `${id} / ${en}`);

/** `3 hari 4 jam`: Indonesian only, as the numbers speak for themselves. */
function age(fromMs: number, toMs: number): string {
  const minutes = Math.max(0, Math.floor((toMs - fromMs) / 60_000));
  if (minutes < 60) return `${minutes} mnt`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} jam` : `${Math.floor(hours / 24)} hari`;
}

/** One line a cause, over all puskesmas; what is to be done about each below. */
export function groupLines({ backlog, groups }: Overview, now: Date): readonly string[] {
  const causes = Map.groupBy(groups, ({ state, reason, rule, kind }) => JSON.stringify([state, reason, rule, kind]));
  const rows = [...causes.values()].map((members) => {
    const [first] = members as [StoppedGroup];
    const count = members.reduce((sum, member) => sum + member.count, 0);
    const oldest = members.map((member) => member.oldest).sort()[0] as string;
    const owners = new Set(members.map(({ owner }) => owner ?? '-'));
    return {
      count,
      cells: [
        first.state,
        first.reason ?? '-',
        first.rule ?? '-',
        first.kind,
        owners.size === 1 ? ([...owners][0] as string) : `${owners.size} puskesmas`,
        count,
        age(Date.parse(oldest), now.getTime()),
        first.act,
      ],
    };
  });
  rows.sort((a, b) => b.count - a.count);
  const todo = new Map(
    groups.map(({ reason, rule, todo: text }) => [reason === null || reason.startsWith('rule-') ? `rule-${rule ?? ''}` : reason, text]),
  );
  return [
    backlogLine(backlog, now),
    ...(rows.length === 0
      ? ['Tidak ada yang berhenti / nothing has stopped']
      : [
          table(
            ['Keadaan / State', 'Sebab / Cause', 'Aturan / Rule', 'Jenis / Kind', 'Puskesmas', 'Jumlah', 'Tertua / Oldest', 'Perintah'],
            rows.map(({ cells }) => cells),
            [5],
          ),
          'Yang perlu dilakukan / what to do:',
          ...[...todo].map(([cause, text]) => `  ${cause}  ${both(text)}`),
        ]),
  ];
}

function backlogLine({ waiting, onHold, ageSeconds, completedLastHour, expectedFinish }: Overview['backlog'], now: Date): string {
  const oldest = waiting === 0 ? '' : ` (tertua / oldest ${age(now.getTime() - ageSeconds * 1000, now.getTime())})`;
  const finish =
    waiting === 0
      ? ''
      : ` · perkiraan selesai / expected to finish ${expectedFinish === null ? 'belum diketahui / unknown' : minute(expectedFinish)}`;
  return `${waiting} menunggu kirim / waiting${oldest} · ${onHold} ditahan / on hold · ${completedLastHour} terkirim sejam ini / delivered in the last hour${finish}`;
}

export function listLines(deliveries: readonly Delivery[], more: boolean): readonly string[] {
  if (deliveries.length === 0) return ['Tidak ada yang terpilih / nothing selected'];
  return [
    table(
      ['Kunci / Key', 'Puskesmas', 'Keadaan / State', 'Sebab / Reason', 'Coba / Tries', 'Diterima / Received'],
      deliveries.map((each) => [each.key, each.owner, each.state, each.reason ?? '-', each.attempts, minute(each.receivedAt)]),
      [4],
    ),
    ...(more ? ['… masih ada lagi; persempit, atau pakai --limit / there are more; narrow it down, or use --limit'] : []),
  ];
}

export function storyLines(story: DeliveryStory | RecordStory): readonly string[] {
  if ('record' in story) {
    const { record, key, issues, todo } = story;
    return [
      `${key}  ${record.feed}  ${record.state} ${record.reason ?? ''}`,
      `Diterima / received ${second(record.receivedAt)} · puskesmas ${record.facility ?? '-'}`,
      ...issueLines(issues),
      `Yang perlu dilakukan / what to do: ${both(todo)}`,
    ];
  }
  const { delivery, trail, resources, stoppedBy, todo } = story;
  const rule = delivery.rule === null ? '' : ` · aturan / rule ${delivery.rule}`;
  return [
    `${delivery.key}  ${delivery.state} ${delivery.reason ?? ''}${rule}`,
    `Puskesmas ${delivery.owner} · diterima / received ${second(delivery.receivedAt)} · ${delivery.attempts} kali dicoba / tries · berikutnya / next ${delivery.state === 'ready' ? second(delivery.dueAt) : '-'}`,
    ...issueLines(delivery.issues),
    ...stoppedBy.map((blocker) =>
      blocker.as === 'earlier'
        ? `Sesudah / after ${blocker.key} (${blocker.state}): pasien yang sama, menurut urutan / the same patient, in order`
        : both(blockedIssue(blocker).text),
    ),
    ...(todo ? [`Yang perlu dilakukan / what to do: ${both(todo)}`] : []),
    table(
      ['Sumber daya / Resource', 'Id di SATUSEHAT', 'Versi'],
      resources.map(({ reference, platformId, platformVersion, changedByOthers }) => [
        reference,
        platformId ?? '-',
        `${platformVersion ?? '-'}${changedByOthers ? ' (diubah pihak lain / changed by others)' : ''}`,
      ]),
    ),
    table(
      ['Waktu / Time', 'Siapa / Who', 'Tindakan / Act', 'Dari / From', 'Menjadi / To', 'Sebab / Reason', 'Catatan / Note'],
      trail.map((event) => [
        second(event.at),
        event.actor,
        event.action,
        event.fromState ?? '-',
        event.toState,
        event.reason ?? '-',
        event.note ?? '-',
      ]),
    ),
  ];
}

const issueLines = (issues: readonly Issue[]): readonly string[] => issues.map((each) => `  ${lineOf(each)}`);

const WHY: Readonly<Record<WhyLeft, Bilingual>> = {
  'in-progress': { id: 'sedang dikirim', en: 'being sent' },
  'outcome-unknown': { id: 'mungkin sudah sampai; diperiksa dahulu', en: 'may be there already; looked up first' },
  completed: { id: 'sudah terkirim', en: 'delivered already' },
  cancelled: { id: 'sudah dibatalkan', en: 'cancelled already' },
  withdrawn: { id: 'datanya ditarik atau diganti', en: 'its record was withdrawn or replaced' },
  'needs-mending': { id: 'perbaiki dahulu', en: 'has to be mended first' },
  'nothing-to-decide': { id: 'tidak menunggu keputusan itu; pakai retry', en: 'does not wait for that decision; use retry' },
  'not-found': { id: 'tidak ditemukan', en: 'not found' },
  'no-record': { id: 'tanpa data asal; pakai retry', en: 'no record behind it; use retry' },
  unreadable: {
    id: 'isi asalnya tidak tersimpan; kirim ulang dari sumber',
    en: 'its content was not kept; its source has to send it again',
  },
  moved: { id: 'sudah berubah sementara itu', en: 'changed meanwhile' },
};

/** How many of the selected, and each that was left with why. */
export function actLines({ selected, released, left, dryRun }: ActResult): readonly string[] {
  const would = dryRun ? 'tanpa mengubah apa pun / nothing changed: ' : '';
  return [
    `${would}${selected} terpilih / selected = ${released} dilanjutkan / done + ${left.length} tertinggal / left`,
    ...left.slice(0, LISTED).flatMap(({ key, why, reason, issues = [] }) => [
      `  ${key}  ${both(WHY[why])}${reason ? `  (${reason})` : ''}`,
      ...issues
        .filter(({ severity }) => severity !== 'information')
        .slice(0, 3)
        .map((each) => `      ${lineOf(each)}`),
    ]),
    ...(left.length > LISTED ? [`  … dan ${left.length - LISTED} lagi, lihat --json / and more, see --json`] : []),
  ];
}
