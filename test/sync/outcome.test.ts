import { describe, expect, it } from 'vitest';
import { issue, REASONS } from '../../src/errors/index.ts';
import { WIRE } from '../../src/satusehat/wire-table.ts';
import { type Action, OUTCOMES, type Outcome, type OutcomeName, outcomeName, refusalOf, rowOf, settle } from '../../src/sync/outcome.ts';

const issues = [issue('platform-auth')];
const fresh = { attempts: 0, pending: false, maxAttempts: 5 };

/** [outcome, row, what is done, state, reason, next try, looked up first, counted, who else waits] */
const ROWS: ReadonlyArray<readonly [Outcome, OutcomeName, Action, string, string | null, string, boolean, boolean, string]> = [
  [{ kind: 'delivered' }, 'delivered', 'delivered', 'completed', null, 'never', false, true, 'none'],
  [{ kind: 'refused', rule: 10457, issues }, 'refused', 'fix-data', 'failed', 'rule-10457', 'never', false, true, 'none'],
  [{ kind: 'refused', issues }, 'refused', 'fix-data', 'failed', 'platform-refused', 'never', false, true, 'none'],
  [
    { kind: 'refused', mend: 'mapping', rule: 10001, issues },
    'refused-mapping',
    'fix-mapping',
    'failed',
    'rule-10001',
    'never',
    false,
    true,
    'none',
  ],
  [{ kind: 'duplicate' }, 'duplicate', 'adopt', 'ready', 'outcome-unknown', 'backoff', true, true, 'none'],
  [{ kind: 'unknown' }, 'unknown', 'outcome-unknown', 'ready', 'outcome-unknown', 'backoff', true, true, 'none'],
  [{ kind: 'too-early', waitMs: 5 }, 'too-early', 'outcome-unknown', 'ready', 'outcome-unknown', 'given', true, false, 'none'],
  [{ kind: 'unchecked', issues, waitMs: 5 }, 'unchecked', 'outcome-unknown', 'ready', 'outcome-unknown', 'given', true, true, 'none'],
  [{ kind: 'unchecked', issues }, 'unchecked', 'outcome-unknown', 'ready', 'outcome-unknown', 'backoff', true, true, 'none'],
  [{ kind: 'unreadable', issues }, 'unreadable', 'hold', 'on-hold', 'outcome-unknown', 'never', true, true, 'none'],
  [{ kind: 'unsearchable', issues }, 'unsearchable', 'hold', 'on-hold', 'outcome-unknown', 'never', true, true, 'none'],
  [{ kind: 'retry', afterMs: 7_000 }, 'retry', 'retry-at', 'ready', 'rate-limited', 'owner', false, false, 'client'],
  [
    { kind: 'unauthorised', issues, afterMs: 60_000 },
    'unauthorised',
    'pause-client',
    'ready',
    'platform-auth',
    'owner',
    false,
    false,
    'client',
  ],
  [
    { kind: 'unauthorised', issues, afterMs: 9, permission: true },
    'forbidden',
    'pause-client',
    'ready',
    'platform-auth',
    'owner',
    false,
    true,
    'client',
  ],
  [{ kind: 'unavailable' }, 'unavailable', 'pause-all', 'ready', 'platform-unavailable', 'owner', false, false, 'all'],
  [{ kind: 'unavailable', blocked: true }, 'blocked', 'pause-all', 'ready', 'platform-unavailable', 'owner', false, true, 'all'],
  [{ kind: 'no-account' }, 'no-account', 'hold', 'on-hold', 'credential-missing', 'never', false, false, 'none'],
  [{ kind: 'identity', who: 'patient' }, 'identity', 'hold', 'on-hold', 'identity', 'never', false, true, 'none'],
  [{ kind: 'identity', who: 'practitioner' }, 'identity', 'hold', 'on-hold', 'practitioner-identity', 'never', false, true, 'none'],
  [{ kind: 'dependency' }, 'dependency', 'hold', 'ready', 'dependency', 'backoff', false, true, 'none'],
  [{ kind: 'lost-reference', issues }, 'lost-reference', 'hold', 'on-hold', 'dependency', 'never', false, true, 'none'],
  [{ kind: 'gone' }, 'gone', 'hold', 'on-hold', 'conflict', 'never', false, true, 'none'],
  [{ kind: 'conflict' }, 'conflict', 'hold', 'on-hold', 'conflict', 'never', false, true, 'none'],
  [{ kind: 'fault' }, 'fault', 'hold', 'ready', null, 'backoff', false, true, 'none'],
];

describe('the table of outcomes', () => {
  it.each(ROWS.map(([outcome, ...row]) => [...row, outcome] as const))('%s: %s → %s, %s, next %s', (...row) => {
    const [name, action, state, reason, next, unknown, counted, pause, outcome] = row;
    expect([outcomeName(outcome), rowOf(outcome).pause]).toEqual([name, pause]);
    expect(settle(outcome, fresh)).toMatchObject({ action, state, reason, next, outcomeUnknown: unknown, countAttempt: counted });
  });

  it('every row is exercised, and every action has one in this table or in that of the answers', () => {
    expect(new Set(ROWS.map(([, name]) => name))).toEqual(new Set(Object.keys(OUTCOMES)));
    const actions = new Set<string>(Object.values(OUTCOMES).map((row) => row.action));
    const here = ['delivered', 'adopt', 'retry-at', 'outcome-unknown', 'fix-data', 'fix-mapping', 'pause-client', 'pause-all', 'hold'];
    expect(actions).toEqual(new Set(here));
    expect(WIRE.map(({ write }) => write)).toContain('refresh-token');
  });

  it('a refusal that was still to be checked is known again from what is stored of it', () => {
    const refusal = {
      kind: 'refused',
      rule: 10457,
      issues: [issue('rule-mandatory', { rule: '10457', expression: 'x' }, { rule: '10457' })],
    } as const;
    const stored = settle({ kind: 'unchecked', issues: refusal.issues }, fresh).issues;
    expect(stored[0]?.code).toBe('outcome-unknown');
    expect(refusalOf(stored)).toEqual(refusal);
    expect(refusalOf([issue('outcome-unknown')])).toBeUndefined();
  });

  it.each<[Outcome, string, string, boolean]>([
    [{ kind: 'unknown' }, 'on-hold', 'outcome-unknown', true],
    [{ kind: 'duplicate' }, 'on-hold', 'conflict', true],
    [{ kind: 'dependency' }, 'on-hold', 'dependency', false],
    [{ kind: 'fault' }, 'on-hold', 'conflict', false],
    [{ kind: 'unavailable', blocked: true }, 'on-hold', 'platform-unavailable', false],
    [{ kind: 'unauthorised', issues, afterMs: 1, permission: true }, 'on-hold', 'platform-auth', false],
    [{ kind: 'unchecked', issues }, 'on-hold', 'outcome-unknown', true],
  ])('%j for the last time → %s, %s: a person looks', (outcome, state, reason, unknown) => {
    expect(settle(outcome, { ...fresh, attempts: 4 })).toMatchObject({ state, reason, next: 'never', outcomeUnknown: unknown });
    expect(settle(outcome, { ...fresh, attempts: 3 })).toMatchObject({ state: 'ready' });
  });

  it.each<Outcome>([
    { kind: 'retry', afterMs: 1 },
    { kind: 'unauthorised', issues, afterMs: 1 },
    { kind: 'unavailable' },
    { kind: 'dependency' },
    { kind: 'fault' },
  ])('%j while an earlier answer is lost: stays to be looked up, and says so', (outcome) => {
    expect(settle(outcome, { ...fresh, pending: true })).toMatchObject({ state: 'ready', reason: 'outcome-unknown', outcomeUnknown: true });
  });

  it('a hold while an earlier answer is lost keeps its own reason, and is still looked up before anything is sent', () => {
    expect(settle({ kind: 'no-account' }, { ...fresh, pending: true })).toMatchObject({
      reason: 'credential-missing',
      outcomeUnknown: true,
    });
    expect(settle({ kind: 'delivered' }, { ...fresh, pending: true })).toMatchObject({ state: 'completed', outcomeUnknown: false });
  });

  it('waits for the network, the rate or the account are never counted, so never end on hold', () => {
    for (const outcome of [{ kind: 'unavailable' }, { kind: 'retry', afterMs: 1 }, { kind: 'unauthorised', issues, afterMs: 1 }] as const) {
      expect(settle(outcome, { ...fresh, attempts: 99 }).state).toBe('ready');
    }
  });

  it('uses each reason only in a state it belongs to', () => {
    for (const row of Object.values(OUTCOMES)) {
      for (const { state, reason } of [row, ...('last' in row ? [row.last] : [])]) {
        if (reason !== null) {
          expect(REASONS[reason as keyof typeof REASONS].states as readonly string[]).toContain(state);
        }
      }
    }
  });

  it('every row that is not delivered and not a mere wait for its turn tells what to do, in both languages', () => {
    const outcomes: Outcome[] = [
      { kind: 'unknown' },
      { kind: 'duplicate' },
      { kind: 'unavailable' },
      { kind: 'unavailable', blocked: true },
      { kind: 'conflict' },
      { kind: 'gone' },
      { kind: 'too-early', waitMs: 1 },
      { kind: 'no-account' },
      { kind: 'identity', who: 'patient' },
      { kind: 'dependency' },
      { kind: 'fault' },
    ];
    for (const outcome of outcomes) {
      const [first] = settle(outcome, fresh).issues;
      expect(first?.text.id).toBeTruthy();
      expect(first?.text.en).toBeTruthy();
    }
  });

  it('only what an unchecked try left behind is a refusal, should nothing of the unit be found', () => {
    const left = (outcome: Outcome) => settle(outcome, { ...fresh, pending: true }).issues;
    expect(refusalOf(left({ kind: 'unchecked', issues }))).toEqual({ kind: 'refused', issues });
    const others: Outcome[] = [
      { kind: 'unavailable' },
      { kind: 'unavailable', blocked: true },
      { kind: 'unauthorised', issues, afterMs: 1 },
      { kind: 'unreadable', issues },
      { kind: 'unknown' },
      { kind: 'duplicate' },
      { kind: 'fault' },
    ];
    for (const outcome of others) expect(refusalOf(left(outcome)), outcome.kind).toBeUndefined();
  });
});
