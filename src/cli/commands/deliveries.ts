import os from 'node:os';
import { type ActRequest, type ActResult, createDesk, type Desk, parseSelection, type Selection, saysAnything } from '../../desk/index.ts';
import { AppError } from '../../errors/index.ts';
import { type AccessContext, DECISIONS } from '../../store/port.ts';
import { CommandError, usage } from '../command-error.ts';
import type { Composition } from '../composition.ts';
import { startStage } from '../demo/stages.ts';
import type { ExitCode, Output } from '../output.ts';
import type { Action } from '../program.ts';
import { actLines, groupLines, listLines, storyLines } from './deliveries-text.ts';

/** What was typed after `deliveries …`; names of the selection are those of the selection itself. */
export interface DeliveryFlags {
  readonly state?: string;
  readonly reason?: string;
  readonly rule?: string;
  readonly kind?: string;
  readonly owner?: string;
  readonly facility?: string;
  readonly from?: string;
  readonly to?: string;
  readonly key?: string;
  readonly submission?: string;
}

export interface ActFlags extends DeliveryFlags {
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly note?: string;
}

/** Above this many a person at a terminal says so once more. */
export const ASK_ABOVE = 20;

/** Groups by cause, or with a selection the deliveries themselves. */
export const listDeliveries = (flags: DeliveryFlags, limit: number): Action =>
  withDesk(async (desk, context, output) => {
    const selection = selectionOf(flags);
    if (saysAnything(selection)) {
      const { deliveries, next } = await desk.page(context, selection, { limit });
      for (const line of listLines(deliveries, next !== undefined)) output.say(line);
      output.result({ deliveries: deliveries.map(({ token: _token, leaseUntil: _lease, ...shown }) => shown), more: next !== undefined });
      return 0;
    }
    const overview = await desk.overview(context);
    for (const line of groupLines(overview, new Date())) output.say(line);
    output.result(overview);
    return 0;
  });

/** The whole story of one. */
export const showDelivery = (key: string): Action =>
  withDesk(async (desk, context, output) => {
    const story = await desk.story(context, key);
    if (!story) {
      throw new CommandError('not-found', {
        id: `${key} tidak ada. Lihat ilp-fhir deliveries list.`,
        en: `There is no ${key}. See ilp-fhir deliveries list.`,
      });
    }
    for (const line of storyLines(story)) output.say(line);
    output.result(story);
    return 0;
  });

export const retryDeliveries = (flags: ActFlags): Action =>
  withDesk((desk, context, output) => act(flags, output, (selection, asked) => desk.retry(context, selection, asked)));

export const cancelDeliveries = (flags: ActFlags): Action =>
  withDesk((desk, context, output) => act(flags, output, (selection, asked) => desk.cancel(context, selection, asked)));

export const decideDeliveries = ({ decision, ...flags }: ActFlags & { decision?: string }): Action =>
  withDesk((desk, context, output) => {
    const chosen = DECISIONS.find((each) => each === decision);
    if (chosen === undefined) throw usage(`--decision: ${DECISIONS.join(' atau ')}`, `--decision: ${DECISIONS.join(' or ')}`);
    return act(flags, output, (selection, asked) => desk.decide(context, selection, asked, chosen));
  });

/** Needs maps and profiles, so the whole service is made; it listens to nothing and sends nothing. */
export const fixDeliveries =
  (flags: ActFlags): Action =>
  async (composition, output) => {
    selectionOf(flags);
    const service = await composition.createService(composition.readConfig(process.env));
    try {
      return await act(flags, output, async (selection, asked) => {
        let stage: ReturnType<typeof startStage> | undefined;
        try {
          return await service.desk.fix(CONTEXT, selection, asked, {
            onProgress(done, total) {
              if (output.json || asked.dryRun || total === 0) return;
              stage ??= startStage('Memproses ulang / Taking through again', total);
              stage.progress(done);
            },
          });
        } finally {
          stage?.end();
        }
      });
    } finally {
      await service.stop();
    }
  };

const CONTEXT: AccessContext = { client: 'cli', facilities: 'all', purpose: 'cli' };

async function act(
  flags: ActFlags,
  output: Output,
  work: (selection: Selection, asked: ActRequest) => Promise<ActResult>,
): Promise<ExitCode> {
  const selection = selectionOf(flags);
  if (!saysAnything(selection)) throw usage('pilih dahulu, misalnya --reason identity', 'say which, for example --reason identity');
  const { dryRun = false, yes = false, note } = flags;
  if (note !== undefined && (note.length > 200 || /\d{5,}/.test(note)))
    throw usage('--note paling banyak 200 huruf, tanpa deret 5 angka', '--note has at most 200 letters and no run of 5 digits');
  const asked: ActRequest = { actor: actorName(), dryRun, ...(note !== undefined && { note }) };
  if (!dryRun && !yes && process.stdin.isTTY && process.stdout.isTTY) {
    const { selected } = await work(selection, { ...asked, dryRun: true });
    if (mustConfirm(selected))
      throw usage(
        `${selected} terpilih; ulangi dengan --yes bila memang itu maksudnya`,
        `${selected} are selected; repeat with --yes if that is meant`,
      );
  }
  const result = await work(selection, asked);
  for (const line of actLines(result)) output.say(line);
  output.result(result);
  return result.left.length > 0 ? 1 : 0;
}

export const mustConfirm = (selected: number): boolean => selected > ASK_ABOVE;

/** Who sits at this machine; its own name is nobody's business. */
export function actorName(user: () => string = () => os.userInfo().username): string {
  try {
    return `cli:${
      user()
        .replace(/[^\w.-]/g, '_')
        .slice(0, 32) || '-'
    }`;
  } catch {
    return 'cli:-';
  }
}

/** @throws AppError `parameter` by the name of the option */
function selectionOf({ state, reason, rule, kind, owner, facility, from, to, key, submission }: DeliveryFlags): Selection {
  try {
    return parseSelection({ state, reason, rule, kind, owner, facility, from, to, keys: key, submission });
  } catch (error) {
    // One mistake is told by the error itself.
    if (error instanceof AppError && error.issues.length === 1) throw new AppError(error.code, error.params);
    throw error;
  }
}

function withDesk(work: (desk: Desk, context: AccessContext, output: Output) => Promise<ExitCode>): Action {
  return async (composition: Composition, output) => {
    const config = composition.readConfig(process.env);
    const store = await composition.openStore(config);
    try {
      await store.migrate();
      const desk = createDesk({ store, environment: config.environment, now: () => new Date().toISOString() });
      return await work(desk, CONTEXT, output);
    } finally {
      await store.close();
    }
  };
}
