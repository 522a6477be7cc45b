import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { settingsOf } from '../../src/cli/commands/sandbox.ts';
import { DEFAULT_SETTINGS } from '../../src/sandbox/settings.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'sandbox-flags-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
const file = (content: string): string => {
  const at = path.join(folder, 'settings.json');
  writeFileSync(at, content);
  return at;
};

describe('ilp-fhir sandbox', () => {
  it('without options is a platform without faults and limits', () => {
    expect(settingsOf({ set: [] })).toEqual(DEFAULT_SETTINGS);
  });

  it('takes every setting, --set last', () => {
    const settings = settingsOf({
      settings: file('{"surface":"recorded","tokenLifetimeSeconds":60}'),
      surface: 'documented',
      quota: '300/5m',
      faults: '{"seed":7,"rates":{"dropAfter":0.01}}',
      partialBundles: '0.25',
      readLag: '2000',
      latency: '15',
      set: ['readLagMs=3000', 'quotas.default.window=sliding', 'strictness.duplicateText=2024', 'consent.patients.P1=none'],
    });
    expect(settings).toMatchObject({
      surface: 'documented',
      tokenLifetimeSeconds: 60,
      quotas: { default: { requests: 300, perMs: 300_000, retryAfter: true, window: 'sliding' } },
      faults: { seed: 7, rates: { dropAfter: 0.01, dropBefore: 0 } },
      partialBundles: { rate: 0.25, seed: 1 },
      readLagMs: 3000,
      latencyMs: 15,
      consent: { patients: { P1: 'none' } },
    });
    expect(settings.strictness.duplicateText).toBe('2024');
    expect(settingsOf({ quota: '10/s', set: [] }).quotas.default).toMatchObject({ requests: 10, perMs: 1000 });
  });

  it('names the option and what it must be', () => {
    const wrong = (flags: Parameters<typeof settingsOf>[0]): string => {
      try {
        settingsOf(flags);
        return '';
      } catch (error) {
        return (error as { text: { en: string } }).text.en;
      }
    };
    expect(wrong({ set: ['typo=1'] })).toContain('--set: wrong setting: typo: no such setting');
    expect(wrong({ set: ['readLagMs'] })).toContain('--set: wrong setting: readLagMs: name=value');
    expect(wrong({ surface: 'all', set: [] })).toContain('--surface: wrong setting: surface: one of recorded, documented');
    expect(wrong({ readLag: 'soon', set: [] })).toContain('--read-lag: wrong setting: readLagMs: a whole number');
    expect(wrong({ partialBundles: '2', set: [] })).toContain('partialBundles.rate: a number from 0 to 1');
    expect(wrong({ quota: '10', set: [] })).toContain('--quota: as 300/1m or 10/s');
    expect(wrong({ faults: '{"seed":', set: [] })).toContain('--faults: not JSON');
    expect(wrong({ settings: path.join(folder, 'none.json'), set: [] })).toContain('--settings: not JSON, or a file');
    expect(wrong({ settings: file('[]'), set: [] })).toContain('settings: an object');
  });
});
