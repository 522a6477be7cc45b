import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Backlog, Feed, Store } from '../store/port.ts';

/** Prometheus metrics. Labels are names from closed lists; no identifier of any kind is ever a label. */
export interface Metrics {
  request(method: string, route: string, status: number, seconds: number): void;
  receipt(feed: Feed, state: string, reason: string | null, repeated: boolean): void;
  /** Events of the delivery worker. */
  count(name: WorkerCounter, labels: Readonly<Record<string, string>>, by?: number): void;
  /** Text for `/metrics`; counts of the store are read at that moment. */
  render(): Promise<{ contentType: string; text: string }>;
}

type WorkerCounter = 'deliveries' | 'adopted_resources' | 'owner_pauses';

/** What the delivery worker counts. */
const WORKER_COUNTERS: Readonly<Record<WorkerCounter, { name: string; labelNames: readonly string[]; help: string }>> = {
  deliveries: {
    name: 'ilp_delivery_outcomes_total',
    labelNames: ['kind', 'state', 'reason'],
    help: 'Tries of deliveries, by what each came to.',
  },
  adopted_resources: { name: 'ilp_adopted_resources_total', labelNames: ['kind'], help: 'Resources found on the platform and taken over.' },
  owner_pauses: { name: 'ilp_owner_pauses_total', labelNames: ['reason'], help: 'Times that a puskesmas was paused.' },
};

export function createMetrics(options: {
  store: Store;
  environment: string;
  now: () => string;
  waiting: () => number;
  version: string;
}): Metrics {
  const { store, environment } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  new Gauge({ name: 'ilp_info', help: 'Version of the service.', labelNames: ['version', 'environment'], registers }).set(
    { version: options.version, environment },
    1,
  );
  const requests = new Histogram({
    name: 'ilp_http_request_seconds',
    help: 'Duration of HTTP requests by method, route pattern and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.001, 0.005, 0.02, 0.05, 0.1, 0.3, 1, 3, 10, 30],
    registers,
  });
  const receipts = new Counter({
    name: 'ilp_receipts_total',
    help: 'Receipts given, by feed, state and reason; a record already here unchanged has reason repeated.',
    labelNames: ['feed', 'state', 'reason'],
    registers,
  });
  const counters = new Map(
    Object.entries(WORKER_COUNTERS).map(([name, { labelNames, ...row }]) => [
      name,
      new Counter({ ...row, labelNames: [...labelNames], registers }),
    ]),
  );
  new Gauge({
    name: 'ilp_intake_waiting',
    help: 'Records inside that wait for their commit.',
    registers,
    collect() {
      this.set(options.waiting());
    },
  });
  new Gauge({
    name: 'ilp_deliveries',
    help: 'Deliveries by kind, state and reason.',
    labelNames: ['kind', 'state', 'reason'],
    registers,
    async collect() {
      this.reset();
      for (const { kind, state, reason, count } of await store.deliveryCounts(environment))
        this.inc({ kind, state, reason: reason ?? 'none' }, count);
    },
  });
  new Gauge({
    name: 'ilp_queue_age_seconds',
    help: 'How long the delivery that has been due longest has waited; 0 if none is due.',
    registers,
    async collect() {
      const due = await store.nextDeliveryAt(environment);
      this.set(due === undefined ? 0 : Math.max(0, (Date.parse(options.now()) - Date.parse(due)) / 1000));
    },
  });
  let counting: Promise<Backlog> | undefined;
  /** One count for all metrics of one answer, which are collected at the same time. */
  const backlogNow = (): Promise<Backlog> => {
    counting ??= store.backlog(environment).finally(() => {
      counting = undefined;
    });
    return counting;
  };
  new Gauge({
    name: 'ilp_backlog_deliveries',
    help: 'Deliveries that wait: ready or being sent, and on hold.',
    labelNames: ['state'],
    registers,
    async collect() {
      const { waiting, onHold } = await backlogNow();
      this.set({ state: 'ready' }, waiting);
      this.set({ state: 'on-hold' }, onHold);
    },
  });
  new Gauge({
    name: 'ilp_backlog_oldest_seconds',
    help: 'How long ago the oldest was received that is ready or on hold; 0 if there is none.',
    labelNames: ['state'],
    registers,
    async collect() {
      const { oldest } = await backlogNow();
      const age = (at: string | null) => (at === null ? 0 : Math.max(0, (Date.parse(options.now()) - Date.parse(at)) / 1000));
      this.set({ state: 'ready' }, age(oldest.ready));
      this.set({ state: 'on-hold' }, age(oldest.onHold));
    },
  });
  new Gauge({
    name: 'ilp_delivered_last_hour',
    help: 'Deliveries completed within the last hour.',
    registers,
    async collect() {
      this.set((await backlogNow()).completedLastHour);
    },
  });
  new Gauge({
    name: 'ilp_submissions',
    help: 'Current submissions by feed, state and reason.',
    labelNames: ['feed', 'state', 'reason'],
    registers,
    async collect() {
      this.reset();
      const context = { client: 'metrics', facilities: 'all', purpose: 'job' } as const;
      for (const { feed, state, reason, count } of await store.submissionCounts(context))
        this.inc({ feed, state, reason: reason ?? 'none' }, count);
    },
  });

  return {
    request: (method, route, status, seconds) => requests.observe({ method, route, status }, seconds),
    receipt: (feed, state, reason, repeated) => receipts.inc({ feed, state, reason: repeated ? 'repeated' : (reason ?? 'none') }),
    count: (name, labels, by = 1) => counters.get(name)?.inc({ ...labels }, by),
    render: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}
