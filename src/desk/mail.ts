import { AppError, type Bilingual } from '../errors/index.ts';
import type { Store } from '../store/index.ts';
import type { StoppedGroup } from './overview.ts';
import { reasonText } from './remedies.ts';

/** How mail is sent. `none`: only to this very machine. */
export interface MailServer {
  readonly host: string;
  readonly port: number;
  readonly tls: 'starttls' | 'tls' | 'none';
  readonly user?: string;
  readonly password?: string;
  readonly from: string;
  readonly to: readonly string[];
  /** PEM text of additional certificate authorities. */
  readonly ca?: string;
}

/** An owner (null: everybody) that is not served now, and for which reason. */
export interface Paused {
  readonly owner: string | null;
  readonly reason: string;
}

/** What there is to tell at one run. */
export interface Situation {
  readonly environment: string;
  readonly at: string;
  readonly groups: readonly StoppedGroup[];
  readonly paused: readonly Paused[];
  /** Whether the oldest has waited too long, and since when it waits. */
  readonly late: boolean;
  readonly oldest: string | null;
  readonly afterHours: number;
  readonly waiting: number;
}

export interface MailOptions {
  readonly store: Pick<Store, 'shared' | 'putShared'>;
  readonly server: MailServer;
  readonly timeoutMs: number;
}

/** One line of a message: deliveries that stopped for one reason at one puskesmas, or a pause. */
interface Topic {
  readonly key: string;
  readonly what: 'stopped' | 'paused';
  readonly reason: string | null;
  readonly owner: string | null;
  readonly count: number;
  readonly oldest: string | null;
  readonly meaning: Bilingual;
  readonly todo?: Bilingual;
}

interface Told {
  readonly late: boolean;
  /** By topic: how many there were when it was told, and when. */
  readonly topics: Readonly<Record<string, { readonly count: number; readonly at: string }>>;
}

/** Name of the value by which processes know what was mailed. */
const NAME = 'alert-mail';
/** About one reason at one puskesmas nothing is said again so soon. */
const QUIET_MS = 3_600_000;
const MAX_LINES = 50;

/**
 * Mails what has become worse: deliveries that stopped and pauses, by reason and puskesmas, each at most once an hour and only where there
 * are more than were told; once that the oldest has waited too long, and once that this is over. What is told goes in one message a run.
 * Counts, ages, causes and codes of puskesmas only. A message that is not taken is made again at the next run.
 *
 * @returns messages sent: 0 or 1
 * @throws AppError `alert-failed` if the server did not take it
 */
export async function mailWhatChanged({ store, server, timeoutMs }: MailOptions, situation: Situation): Promise<number> {
  const { environment, at } = situation;
  const [entry] = (await store.shared(environment, [NAME])).entries;
  const told = readTold(entry?.value);
  const now = Date.parse(at);
  const topics = topicsOf(situation);
  const isQuiet = (key: string): boolean => {
    const before = told.topics[key];
    return before !== undefined && Math.abs(now - Date.parse(before.at)) < QUIET_MS;
  };
  const due = topics.filter(({ key, count }) => !isQuiet(key) && count > (told.topics[key]?.count ?? 0));
  const changed = situation.late !== told.late;
  const present = new Map(topics.map((topic) => [topic.key, topic.count]));
  const next: Told = {
    late: situation.late,
    topics: {
      // What is over is forgotten once it may be told again; of what is fewer now, more than now is news.
      ...Object.fromEntries(
        Object.entries(told.topics)
          .filter(([key]) => present.has(key) || isQuiet(key))
          .map(([key, before]) => [key, { ...before, count: Math.min(before.count, present.get(key) ?? 0) }]),
      ),
      ...Object.fromEntries(due.map(({ key, count }) => [key, { count, at }])),
    },
  };
  const isNews = due.length > 0 || changed;
  if (isNews) await send(server, messageOf(situation, due, changed), timeoutMs);
  const value = JSON.stringify(next);
  const isEmpty = !next.late && Object.keys(next.topics).length === 0;
  if (isEmpty ? entry !== undefined : value !== entry?.value)
    await store.putShared(environment, NAME, isEmpty ? null : value, entry?.version ?? null);
  return Number(isNews);
}

/** The records that stopped on receipt were told to their sender. */
function topicsOf({ groups, paused }: Situation): readonly Topic[] {
  const topics = new Map<string, Topic>();
  for (const { what, state, reason, owner, count, oldest, meaning, todo } of groups) {
    if (what !== 'delivery' || state === 'ready') continue;
    const key = `stopped|${reason}|${owner}`;
    const before = topics.get(key);
    topics.set(key, {
      ...{ key, what: 'stopped', reason, owner, meaning, todo },
      count: count + (before?.count ?? 0),
      oldest: before?.oldest && before.oldest < oldest ? before.oldest : oldest,
    });
  }
  for (const { owner, reason } of paused) {
    const key = `paused|${reason}|${owner}`;
    topics.set(key, { key, what: 'paused', reason, owner, count: 1, oldest: null, meaning: reasonText(reason) });
  }
  return [...topics.values()];
}

function readTold(value: string | undefined): Told {
  try {
    const told = JSON.parse(value ?? 'null') as Told | null;
    if (typeof told?.late === 'boolean' && typeof told.topics === 'object' && told.topics !== null) return told;
  } catch {
    // Not ours: all is told again.
  }
  return { late: false, topics: {} };
}

/** Text for people, Indonesian first. */
export function messageOf(situation: Situation, topics: readonly Topic[], lateChanged: boolean): { subject: string; text: string } {
  const { environment, at, late, oldest, afterHours, waiting } = situation;
  const stopped = topics.filter(({ what }) => what === 'stopped').reduce((sum, { count }) => sum + count, 0);
  const pauses = topics.filter(({ what }) => what === 'paused').length;
  const say = (pick: keyof Bilingual): readonly string[] => {
    const word = (id: string, en: string): string => (pick === 'id' ? id : en);
    const line = ({ what, owner, reason, count, oldest: since, meaning, todo }: Topic): string => {
      const where = owner ?? word('seluruh SATUSEHAT', 'SATUSEHAT as a whole');
      const head = what === 'paused' ? word('jeda', 'paused') : `${count} ${word('kiriman', 'deliveries')}`;
      const age = since === null ? '' : `, ${word('tertua', 'oldest')} ${minute(since)}`;
      return `- ${where}: ${head}, ${reason ?? '-'}${age}\n  ${todo?.[pick] ?? meaning[pick]}`;
    };
    return [
      ...(lateChanged && late
        ? [
            word(
              `Yang tertua menunggu sejak ${minute(oldest)}, lebih dari ${afterHours} jam. ${waiting} menunggu kirim.`,
              `The oldest has waited since ${minute(oldest)}, more than ${afterHours} hours. ${waiting} wait to be sent.`,
            ),
          ]
        : []),
      ...(lateChanged && !late ? [word('Tidak ada lagi yang terlalu lama menunggu.', 'Nothing has waited too long any more.')] : []),
      ...(topics.length > 0 ? [word('Yang berhenti atau dijeda:', 'What stopped or is paused:')] : []),
      ...topics.slice(0, MAX_LINES).map(line),
      ...(topics.length > MAX_LINES ? [`… +${topics.length - MAX_LINES}`] : []),
      word('Rincian: ilp-fhir deliveries list', 'Details: ilp-fhir deliveries list'),
    ];
  };
  const parts = (pick: 'id' | 'en'): string =>
    [
      ...(stopped > 0 ? [pick === 'id' ? `${stopped} kiriman berhenti` : `${stopped} deliveries stopped`] : []),
      ...(pauses > 0 ? [pick === 'id' ? `${pauses} jeda` : `${pauses} paused`] : []),
      ...(lateChanged ? [late ? LATE[pick] : OVER[pick]] : []),
    ].join(', ');
  return {
    subject: `[ilp-fhir ${environment}] ${parts('id')} / ${parts('en')}`,
    text: [`${environment}, ${minute(at)}`, '', ...say('id'), '', '---', '', ...say('en'), ''].join('\n'),
  };
}

const LATE: Bilingual = { id: 'terlalu lama menunggu', en: 'waiting too long' };
const OVER: Bilingual = { id: 'antrean pulih', en: 'queue recovered' };

const minute = (instant: string | null): string => (instant === null ? '-' : `${instant.slice(0, 16).replace('T', ' ')}Z`);

async function send(server: MailServer, message: { subject: string; text: string }, timeoutMs: number): Promise<void> {
  // Loaded only where it is used: the service starts without it.
  const { createTransport } = await import('nodemailer');
  const { host, port, tls, user, password, from, to, ca } = server;
  const transport = createTransport({
    host,
    port,
    secure: tls === 'tls',
    requireTLS: tls === 'starttls',
    ignoreTLS: tls === 'none',
    ...(user !== undefined && { auth: { user, pass: password ?? '' } }),
    ...(ca !== undefined && { tls: { ca } }),
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    // Nothing is read from files or addresses that a text might name.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  try {
    // Taken for one receiver it is told: made again, that one would get it twice.
    await transport.sendMail({ from, to: [...to], ...message });
  } catch (cause) {
    const { code, responseCode } = cause as { code?: unknown; responseCode?: unknown };
    const problem = typeof responseCode === 'number' ? `SMTP ${responseCode}` : undefined;
    throw failed(problem ?? PROBLEMS[String(code)] ?? { id: 'tidak dapat dihubungi', en: 'not reached' }, cause);
  } finally {
    transport.close();
  }
}

const PROBLEMS: Readonly<Record<string, Bilingual>> = {
  EAUTH: { id: 'nama pengguna atau sandi ditolak', en: 'user name or password refused' },
  ETLS: { id: 'TLS tidak dapat dipakai', en: 'TLS cannot be used' },
  ETIMEDOUT: { id: 'tidak menjawab', en: 'no answer' },
};

const failed = (problem: string | Bilingual, cause: unknown): AppError =>
  new AppError('alert-failed', { name: 'ILP_ALERT_MAIL_HOST', problem }, { cause });
