import { AppError } from '../errors/index.ts';
import type { Intake } from '../intake/index.ts';
import type { AccessContext, Decision, Delivery, Store } from '../store/index.ts';
import { type ActRequest, type ActResult, cancel, decide, type FixOptions, fix, retry } from './acts.ts';
import { type DifferencePage, type DifferenceSelection, differencePage } from './differences.ts';
import { type Overview, overview } from './overview.ts';
import { stoppedAtIntake } from './records.ts';
import { forDeliveries, type Selection } from './selection.ts';
import { type DeliveryStory, deliveryStory, type RecordStory, recordStory } from './story.ts';

export interface DeskOptions {
  readonly store: Store;
  readonly environment: string;
  /** Instant now, UTC with milliseconds. */
  readonly now: () => string;
  /** Takes stored records through all stages again; without it nothing can be fixed. */
  readonly reprocess?: Intake['reprocess'];
  /** Told when deliveries became ready. */
  readonly onReleased?: () => void;
}

/** What stopped, for people: found by cause, looked at, tried again, mended or given up. Limited to what the context may see. */
export interface Desk {
  overview(context: AccessContext): Promise<Overview>;
  /** @throws AppError `forbidden-facility`, `parameter` for a unit that is not registered */
  page(
    context: AccessContext,
    selection: Selection,
    page: { after?: number; limit: number },
  ): Promise<{ readonly deliveries: readonly Delivery[]; readonly next?: number }>;
  /** By the key of a delivery, `record:<id>`, the id of a submission, or the reference of a resource. */
  story(context: AccessContext, name: string): Promise<DeliveryStory | RecordStory | undefined>;
  /**
   * What reconciliation found.
   *
   * @throws AppError `forbidden-facility`, `parameter` for a unit that is not registered
   */
  differences(context: AccessContext, selection: DifferenceSelection): Promise<DifferencePage>;
  /** Sends again. Accounts for each that was selected. */
  retry(context: AccessContext, selection: Selection, act: ActRequest): Promise<ActResult>;
  /** Gives up what nothing is on the wire of. Accounts for each that was selected. */
  cancel(context: AccessContext, selection: Selection, act: ActRequest): Promise<ActResult>;
  /**
   * Settles what waits for a person: whose content stands where others changed it on the platform, and that what no search can show is
   * not there. Accounts for each that was selected.
   */
  decide(context: AccessContext, selection: Selection, act: ActRequest, decision: Decision): Promise<ActResult>;
  /** Takes the records behind the selection through all stages again, as they were received. Accounts for each that was selected. */
  fix(context: AccessContext, selection: Selection, act: ActRequest, options?: FixOptions): Promise<ActResult>;
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function createDesk(options: DeskOptions): Desk {
  const { store, environment, now } = options;
  const checked =
    <A extends unknown[], R>(work: (context: AccessContext, selection: Selection, ...rest: A) => Promise<R>) =>
    async (context: AccessContext, selection: Selection, ...rest: A): Promise<R> => {
      await checkUnits(store, context, selection);
      return work(context, selection, ...rest);
    };
  return {
    overview: (context) => overview(store, context, environment, now()),
    page: checked(async (context, selection, page: { after?: number; limit: number }) => {
      const wanted = forDeliveries(selection, environment);
      return wanted ? store.deliveryPage(context, wanted, page) : { deliveries: [] };
    }),
    async story(context, name) {
      const id = /^record:/.test(name) ? name.slice('record:'.length) : name;
      const key = /^[A-Z][A-Za-z]+\//.test(name) ? `${name.slice(0, name.indexOf('/')).toLowerCase()}:${name}` : name;
      if (!UUID.test(id)) return deliveryStory(store, context, environment, key);
      const { deliveries } = await store.deliveryPage(context, { environment, submissionId: id }, { limit: 100 });
      const main = deliveries.find(({ kind }) => kind === 'encounter') ?? deliveries[0];
      const [record] = await store.submissionsById(context, [id]);
      if (record && (!main || stoppedAtIntake(record))) return recordStory(record);
      return main && deliveryStory(store, context, environment, main.key);
    },
    async differences(context, selection) {
      await checkUnits(store, context, selection.owner === undefined ? {} : { owner: selection.owner });
      return differencePage(store, context, environment, selection);
    },
    retry: checked((context, selection, act: ActRequest) => retry(options, context, selection, act)),
    cancel: checked((context, selection, act: ActRequest) => cancel(options, context, selection, act)),
    decide: checked((context, selection, act: ActRequest, decision: Decision) => decide(options, context, selection, act, decision)),
    fix: checked((context, selection, act: ActRequest, more: FixOptions = {}) => fix(options, context, selection, act, more)),
  };
}

/** Another's unit is refused, and one that nobody has named wrongly: a typing mistake would look like an empty queue. */
async function checkUnits(store: Pick<Store, 'facilities'>, { facilities }: AccessContext, { owner, facility }: Selection): Promise<void> {
  for (const [name, code] of [
    ['owner', owner],
    ['facility', facility],
  ] as const) {
    if (code === undefined) continue;
    const [unit] = await store.facilities([code]);
    if (facilities !== 'all') {
      const head = unit?.puskesmas ?? code;
      if (!facilities.includes(code) && !facilities.includes(head)) throw new AppError('forbidden-facility');
    } else if (!unit)
      throw new AppError('parameter', { name, expected: { id: 'kode unit yang terdaftar', en: 'code of a registered unit' } });
  }
}
