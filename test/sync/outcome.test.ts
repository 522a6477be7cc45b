import { describe, expect, it } from 'vitest';
import { issue, REASONS } from '../../src/errors/index.ts';
import { OUTCOMES, type Outcome, refusalOf, settle } from '../../src/sync/outcome.ts';

const issues = [issue('platform-auth')];
const fresh = { attempts: 0, pending: false, maxAttempts: 5 };

describe('the table of outcomes', () => {
  it.each<[Outcome, string, string | null, string, boolean, boolean]>([
    // outcome, state, reason, next try, looked up first, counted
    [{ kind: 'delivered' }, 'completed', null, 'never', false, true],
    [{ kind: 'refused', rule: 10457, issues }, 'failed', 'rule-10457', 'never', false, true],
    [{ kind: 'refused', issues }, 'failed', 'platform-refused', 'never', false, true],
    [{ kind: 'duplicate' }, 'ready', 'outcome-unknown', 'backoff', true, true],
    [{ kind: 'unknown' }, 'ready', 'outcome-unknown', 'backoff', true, true],
    [{ kind: 'unreadable', issues }, 'on-hold', 'outcome-unknown', 'never', true, true],
    [{ kind: 'retry', afterMs: 7_000 }, 'ready', 'rate-limited', 'owner', false, false],
    [{ kind: 'unauthorised', issues, afterMs: 60_000 }, 'ready', 'platform-auth', 'owner', false, false],
    [{ kind: 'unavailable' }, 'ready', 'platform-unavailable', 'owner', false, false],
    [{ kind: 'no-account' }, 'on-hold', 'credential-missing', 'never', false, false],
    [{ kind: 'identity', who: 'patient' }, 'on-hold', 'identity', 'never', false, true],
    [{ kind: 'identity', who: 'practitioner' }, 'on-hold', 'practitioner-identity', 'never', false, true],
    [{ kind: 'dependency' }, 'ready', 'dependency', 'backoff', false, true],
    [{ kind: 'fault' }, 'ready', null, 'backoff', false, true],
  ])('%j → %s, %s, next %s', (outcome, state, reason, next, unknown, counted) => {
    expect(settle(outcome, fresh)).toMatchObject({ state, reason, next, outcomeUnknown: unknown, countAttempt: counted });
  });

  it.each<[Outcome, string, string, boolean]>([
    [{ kind: 'unknown' }, 'on-hold', 'outcome-unknown', true],
    [{ kind: 'duplicate' }, 'on-hold', 'conflict', true],
    [{ kind: 'dependency' }, 'on-hold', 'dependency', false],
    [{ kind: 'fault' }, 'on-hold', 'conflict', false],
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
