import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { changeFromText, changeSettings, DEFAULT_SETTINGS, listSettings, SettingsError } from '../../src/sandbox/settings.ts';
import { type Running, startForTest } from './support.ts';

const problemsOf = (change: unknown): readonly string[] => {
  try {
    changeSettings(DEFAULT_SETTINGS, change);
    return [];
  } catch (error) {
    return (error as SettingsError).problems;
  }
};

describe('changeSettings', () => {
  it('keeps what is not named, at every depth', () => {
    const changed = changeSettings(DEFAULT_SETTINGS, { faults: { rates: { late: 0.5 } }, strictness: { dateOffset: 'utc' } });
    expect(changed).toEqual({
      ...DEFAULT_SETTINGS,
      faults: { ...DEFAULT_SETTINGS.faults, rates: { ...DEFAULT_SETTINGS.faults.rates, late: 0.5 } },
      strictness: { ...DEFAULT_SETTINGS.strictness, dateOffset: 'utc' },
    });
    expect(changeSettings(DEFAULT_SETTINGS, {})).toEqual(DEFAULT_SETTINGS);
  });

  it('adds, changes and removes entries by client and by patient', () => {
    const one = changeSettings(DEFAULT_SETTINGS, { quotas: { default: { requests: 5 }, 'client-a': { requests: 9, perMs: 1000 } } });
    expect(one.quotas).toEqual({
      default: { requests: 5, perMs: 60_000, retryAfter: true, window: 'fixed' },
      'client-a': { requests: 9, perMs: 1000, retryAfter: true, window: 'fixed' },
    });
    const two = changeSettings(one, {
      quotas: { default: null, 'client-a': { window: 'sliding' } },
      consent: { patients: { P1: 'none' } },
    });
    expect(two.quotas).toEqual({ 'client-a': { requests: 9, perMs: 1000, retryAfter: true, window: 'sliding' } });
    expect(two.consent.patients).toEqual({ P1: 'none' });
  });

  it('names every wrong field, and changes nothing then', () => {
    expect(
      problemsOf({
        surface: 'all',
        readLagMs: -1,
        latencyMs: 1.5,
        faults: { rates: { late: 2, dropAll: 0.1 } },
        quotas: { 'a b': {}, x: { requests: '5' }, y: 7 },
        strictness: [],
        typo: 1,
      }),
    ).toEqual([
      'surface: one of recorded, documented',
      'readLagMs: a whole number from 0 to 86400000',
      'latencyMs: a whole number from 0 to 86400000',
      'faults.rates.late: a number from 0 to 1',
      'faults.rates.dropAll: no such setting',
      'quotas: a name of letters, digits and . : _ -',
      'quotas.x.requests: a whole number from 0 to 1000000000',
      'quotas.y: an object',
      'strictness: an object',
      'typo: no such setting',
    ]);
    expect(problemsOf({ faults: { spellMinMs: 9, spellMaxMs: 8 } })).toEqual(['faults.spellMinMs: not more than faults.spellMaxMs']);
    for (const value of [null, [], 'x', 7, undefined]) expect(problemsOf(value)).toEqual(['settings: an object']);
  });

  it('is not taken in by names that objects inherit', () => {
    expect(problemsOf(JSON.parse('{"__proto__":{"surface":"x"},"constructor":1}'))).toEqual([
      '__proto__: no such setting',
      'constructor: no such setting',
    ]);
    const changed = changeSettings(DEFAULT_SETTINGS, JSON.parse('{"quotas":{"__proto__":{"requests":1}}}'));
    expect(Object.keys(changed.quotas)).toEqual(['__proto__']);
    expect(({} as { requests?: number }).requests).toBeUndefined();
  });
});

describe('settings as text', () => {
  it('are read by what the setting is', () => {
    expect(changeFromText('strictness.dateOffset=utc')).toEqual({ strictness: { dateOffset: 'utc' } });
    expect(changeFromText('strictness.duplicateText=2024')).toEqual({ strictness: { duplicateText: '2024' } });
    expect(changeFromText('strictness.permissionStatus=400')).toEqual({ strictness: { permissionStatus: 400 } });
    expect(changeFromText('quotas.default.requests=10')).toEqual({ quotas: { default: { requests: 10 } } });
    expect(() => changeFromText('readLagMs')).toThrow(SettingsError);
  });

  it('each listed default is one that is taken', () => {
    const rows = listSettings();
    expect(rows.length).toBeGreaterThan(50);
    const changed = rows.reduce(
      (settings, [name, initial]) => changeSettings(settings, changeFromText(`${name.replace('<id>', 'x')}=${initial}`)),
      DEFAULT_SETTINGS,
    );
    expect({ ...changed, quotas: {}, consent: { ...changed.consent, patients: {} } }).toEqual(DEFAULT_SETTINGS);
  });
});

describe('/_sandbox/settings', () => {
  let running: Running;
  beforeAll(async () => {
    running = await startForTest({ settings: { readLagMs: 7 } });
  });
  afterAll(() => running.sandbox.stop());

  it('shows, changes, refuses, and a reset comes back to those of the start', async () => {
    expect((await running.send('GET', '/_sandbox/settings')).body.readLagMs).toBe(7);
    const changed = await running.send('PUT', '/_sandbox/settings', { body: { readLagMs: 9, clockOffsetMs: 1000 } });
    expect([changed.status, changed.body.readLagMs, changed.body.clockOffsetMs]).toEqual([200, 9, 1000]);
    const wrong = await running.send('PUT', '/_sandbox/settings', { body: { readLagMs: 'x', latencyMs: 5 } });
    expect(wrong).toMatchObject({ status: 400, body: { problems: ['readLagMs: a whole number from 0 to 86400000'] } });
    expect((await running.send('GET', '/_sandbox/settings')).body).toMatchObject({ readLagMs: 9, latencyMs: 0 });
    await running.send('POST', '/_sandbox/reset');
    expect((await running.send('GET', '/_sandbox/settings')).body).toMatchObject({ readLagMs: 7, clockOffsetMs: 0 });
  });
});
