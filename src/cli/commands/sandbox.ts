import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  changeFromText,
  changeSettings,
  DEFAULT_SETTINGS,
  listSettings,
  type SandboxSettings,
  SettingsError,
} from '../../sandbox/settings.ts';
import { listenError, usage } from '../command-error.ts';
import type { Action } from '../program.ts';
import { stopSignal } from './serve.ts';

/** Options as they were typed. */
export interface SandboxFlags {
  readonly host: string;
  readonly port: string;
  readonly people?: string;
  readonly clients?: string;
  readonly open?: boolean;
  readonly state?: string;
  readonly surface?: string;
  readonly quota?: string;
  readonly faults?: string;
  readonly partialBundles?: string;
  readonly readLag?: string;
  readonly latency?: string;
  readonly settings?: string;
  readonly set: readonly string[];
}

/** Gives the `sandbox` command its options and its help. */
export function sandboxOptions(command: Command): Command {
  return command
    .option('--host <host>', 'alamat / address', '127.0.0.1')
    .option('--port <port>', 'port; 0: bebas / free', '8090')
    .option('--people <file>', 'orang yang dikenal platform (JSON) / people the platform knows')
    .option('--clients <file>', 'klien dan organisasinya (JSON) / clients and their organisations')
    .option('--open', 'terima klien sandbox-<org> dengan rahasia secret-<org> / accept client sandbox-<org>, secret secret-<org>')
    .option('--state <file>', 'simpan isinya di berkas ini / keep what is stored in this file')
    .option('--surface <surface>', 'recorded | documented: pencarian dan metode / searches and verbs')
    .option('--quota <n/period>', 'kuota tiap klien, mis. 300/1m / quota of each client, as 300/1m')
    .option('--faults <json>', 'gangguan: JSON atau berkas / faults: JSON or a file')
    .option('--partial-bundles <rate>', 'bagian Bundle yang tersimpan sebagian, 0–1 / share of Bundles saved in part')
    .option('--read-lag <ms>', 'yang baru disimpan belum terbaca selama ini / what is stored is not readable for so long')
    .option('--latency <ms>', 'tiap jawaban menunggu / every answer waits')
    .option('--settings <json>', 'setelan lain: JSON atau berkas / other settings: JSON or a file')
    .option(
      '--set <name=value>',
      'satu setelan; boleh diulang / one setting; may be repeated',
      (value, all: string[]) => [...all, value],
      [],
    )
    .addHelpText('after', SETTINGS_HELP);
}

const SETTINGS_HELP = `
Setelan (--set, --settings, PUT /_sandbox/settings) / settings: nama  bawaan  [pilihan] / name  default  [allowed]
${table()}
Halaman / pages: /_sandbox/ — penjelasan / explained in docs/sandbox.md
Contoh / example:
  ilp-fhir sandbox --open --quota 300/1m --faults '{"seed":7,"rates":{"dropAfter":0.01}}'`;

function table(): string {
  const rows = listSettings();
  const [name, initial] = [0, 1].map((column) => Math.max(...rows.map((row) => (row[column] as string).length))) as [number, number];
  return rows.map((row) => `  ${row[0].padEnd(name)}  ${row[1].padEnd(initial)}  [${row[2]}]`).join('\n');
}

/**
 * The settings that the options ask for, the special ones first and `--set` last.
 *
 * @throws CommandError `usage` that names the setting
 */
export function settingsOf(flags: Omit<SandboxFlags, 'host' | 'port'>): SandboxSettings {
  const { surface, quota, faults, partialBundles, readLag, latency, settings, set } = flags;
  const changes: ReadonlyArray<readonly [option: string, change: () => unknown]> = [
    ['--settings', () => settings && json('--settings', settings)],
    ['--surface', () => surface && { surface }],
    ['--quota', () => quota && { quotas: { default: quotaOf(quota) } }],
    ['--faults', () => faults && { faults: json('--faults', faults) }],
    ['--partial-bundles', () => partialBundles && { partialBundles: { rate: number(partialBundles) } }],
    ['--read-lag', () => readLag && { readLagMs: number(readLag) }],
    ['--latency', () => latency && { latencyMs: number(latency) }],
    ...set.map((text) => ['--set', () => changeFromText(text)] as const),
  ];
  return changes.reduce((current, [option, change]) => {
    try {
      return changeSettings(current, change() || {});
    } catch (error) {
      if (!(error instanceof SettingsError)) throw error;
      throw usage(`${option}: setelan salah: ${error.message}`, `${option}: wrong setting: ${error.message}`, error);
    }
  }, DEFAULT_SETTINGS);
}

/** What is not a number stays as it is, so that the settings' own check names it. */
const number = (text: string): unknown => (text.trim() === '' || Number.isNaN(Number(text)) ? text : Number(text));

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `300/1m`, `10/s`. */
function quotaOf(text: string): unknown {
  const [, requests, count = '1', unit = ''] = /^(\d{1,9})\/(\d{1,6})?(ms|s|m|h)$/.exec(text) ?? [];
  if (requests === undefined) throw usage('--quota: seperti 300/1m atau 10/s', '--quota: as 300/1m or 10/s');
  return { requests: Number(requests), perMs: Number(count || 1) * (UNIT_MS[unit] ?? 0) };
}

/** JSON itself when it begins with a brace, else a file. */
function json(option: string, text: string): unknown {
  try {
    return JSON.parse(text.trimStart().startsWith('{') ? text : readFileSync(text, 'utf8'));
  } catch (error) {
    throw usage(`${option}: bukan JSON, atau berkas tidak terbaca`, `${option}: not JSON, or a file that cannot be read`, error);
  }
}

/** Runs the simulator until it is told to stop. */
export const runSandbox =
  (flags: SandboxFlags, port: number): Action =>
  async (composition, output) => {
    const { host, people, clients, open, state } = flags;
    const settings = settingsOf(flags);
    const stopped = stopSignal();
    const sandbox = await composition
      .startSandbox({
        host,
        port,
        settings,
        ...(people !== undefined && { people }),
        ...(clients !== undefined && { clients }),
        ...(open !== undefined && { open }),
        ...(state !== undefined && { state }),
      })
      .catch((error: unknown) => {
        throw listenError(error, '--host, --port');
      });
    output.say(`Simulator SATUSEHAT berjalan di ${sandbox.url} / simulator at ${sandbox.url}`);
    output.say(`Yang tiba dan sebab penolakan / what arrived, and why it was refused: ${sandbox.url}/_sandbox/`);
    output.result({ url: sandbox.url, pid: process.pid });
    await stopped;
    await sandbox.stop();
    return 0;
  };
