import { Command, CommanderError } from 'commander';
import { DELIVERY_KINDS, FEEDS, SCOPES } from '../store/port.ts';
import { type CommandError, usage } from './command-error.ts';
import { type AdoptFlags, adoptFile } from './commands/adopt.ts';
import { backupTo, type RestoreFlags, restoreFrom } from './commands/backup.ts';
import { addApiClient, addPlatformClient, checkClient, listClients, revokeClient, rotateKey } from './commands/client.ts';
import {
  type ActFlags,
  cancelDeliveries,
  type DeliveryFlags,
  decideDeliveries,
  fixDeliveries,
  listDeliveries,
  retryDeliveries,
  showDelivery,
} from './commands/deliveries.ts';
import { historyOfJobs, listJobs, runJob } from './commands/jobs.ts';
import { type MapFlags, mapFile } from './commands/map.ts';
import { runMapFile } from './commands/map-run.ts';
import { coverMaps, diffMaps, testMaps } from './commands/map-tools.ts';
import { migrate } from './commands/migrate.ts';
import { pushFile } from './commands/push.ts';
import { type ReconcileFlags, reconcileWith } from './commands/reconcile.ts';
import { type RemapFlags, remapRecords } from './commands/remap.ts';
import { runSandbox, type SandboxFlags, sandboxOptions } from './commands/sandbox.ts';
import { serve } from './commands/serve.ts';
import { sync } from './commands/sync.ts';
import { printTemplate } from './commands/template.ts';
import { type ImportFlags, importTerminology, listTerminology, removeTerminology } from './commands/terminology.ts';
import { validateFiles } from './commands/validate.ts';
import type { Composition } from './composition.ts';
import { createOutput, type ExitCode, explain, type Output } from './output.ts';

/** A command after its options are read: does its work and says how it ended. */
export type Action = (composition: Composition, output: Output) => Promise<ExitCode>;

/**
 * Runs one command line.
 *
 * @param argv arguments after the program's name
 * @returns exit code: 0 as wanted, 1 something refused or failed, 2 wrong usage or configuration
 */
export async function run(argv: readonly string[], composition: Composition): Promise<ExitCode> {
  let chosen: Action | undefined;
  // Read by hand, so that wrong usage is answered in the wanted form too.
  const output = createOutput(argv.includes('--json'), {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
  });
  const program = commandLine(composition.version, (action) => {
    chosen = action;
  });
  try {
    await program.parseAsync(argv as string[], { from: 'user' });
    return chosen === undefined ? 0 : await chosen(composition, output);
  } catch (error) {
    if (!(error instanceof CommanderError)) return explain(error, output);
    if (error.exitCode === 0) return 0;
    // No command at all: its help is on standard error already.
    if (error.code === 'commander.help') return 2;
    const code = explain(wrongUsage(error), output);
    output.note(`Bantuan / help: ${[program.name(), ...namesOf(program, argv)].join(' ')} --help`);
    return code;
  }
}

/** What commander found wrong, in Indonesian; its own words stand for English. */
const WRONG: Readonly<Record<string, string>> = {
  'commander.unknownCommand': 'perintah tidak dikenal',
  'commander.unknownOption': 'pilihan tidak dikenal',
  'commander.missingArgument': 'ada yang belum diisi',
  'commander.optionMissingArgument': 'pilihan ini memerlukan nilai',
  'commander.missingMandatoryOptionValue': 'pilihan ini wajib diisi',
  'commander.excessArguments': 'terlalu banyak isian',
  'commander.invalidArgument': 'nilai tidak benar',
};

function wrongUsage(error: CommanderError): CommandError {
  const english = error.message.replace(/^error: /, '').replaceAll('\n', ' ');
  const named = english.match(/'[^']+'/)?.[0];
  const meant = english.match(/\(Did you mean (?:one of )?(.+)\?\)/)?.[1];
  const indonesian = [WRONG[error.code] ?? 'salah tulis', named && `: ${named}`, meant && ` (mungkin maksudnya ${meant}?)`];
  return usage(indonesian.filter(Boolean).join(''), english);
}

/** The command that was meant, as far as its words are known. */
function namesOf(program: Command, argv: readonly string[]): string[] {
  const names: string[] = [];
  let current = program;
  for (const word of argv) {
    const next = current.commands.find((command) => command.name() === word);
    if (next === undefined) break;
    names.push(word);
    current = next;
  }
  return names;
}

const TITLES: Readonly<Record<string, string>> = {
  'Usage:': 'Cara pakai / Usage:',
  'Options:': 'Pilihan / Options:',
  'Global Options:': 'Pilihan umum / Global options:',
  'Commands:': 'Perintah / Commands:',
  'Arguments:': 'Isian / Arguments:',
};

const EXIT_CODES = `
Kode selesai / exit codes:
  0  sesuai harapan / as wanted
  1  ada yang ditolak atau gagal / something was refused or failed
  2  perintah atau konfigurasi salah / wrong usage or configuration
Konfigurasi / configuration: docs/configuration.md`;

const FEED_NAMES = FEEDS.join(' | ');

const DELIVERIES_HELP = `
Contoh / examples:
  ilp-fhir deliveries list
  ilp-fhir deliveries list --state failed --rule 10457
  ilp-fhir deliveries fix --reason unmapped-code --dry-run
  ilp-fhir deliveries decide --reason conflict --owner P3329170201 --decision keep-theirs --dry-run`;

const MAP_HELP = `
Contoh / examples:
  ilp-fhir map visits.ndjson --feed encounters
  ilp-fhir map samples/first-encounter.json --feed encounters --explain
  ilp-fhir map diff mappings new-mappings samples/persons.ndjson samples/encounters.ndjson
  ilp-fhir map coverage samples/encounters.ndjson
  ilp-fhir map test
  ilp-fhir map run docs/examples/birth-names.map docs/examples/patient.json`;

function commandLine(version: string, choose: (action: Action) => void): Command {
  const program = new Command('ilp-fhir')
    .description('Adapter ILP–FHIR untuk layanan primer / FHIR adapter for primary care')
    .version(version, '-V, --version', 'versi / version')
    .helpOption('-h, --help', 'bantuan / help')
    .helpCommand('help [command]', 'bantuan untuk satu perintah / help for a command')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .configureHelp({ showGlobalOptions: true, helpWidth: 110, styleTitle: (title) => TITLES[title] ?? title })
    .option('--json', 'hasil sebagai satu baris JSON, baris terakhir / result as one line of JSON, the last line');
  program.addHelpText('after', EXIT_CODES);
  const command = (parent: Command, words: string, description: string) => parent.command(words).description(description);
  // Commander hands the options object before the command; actions here take what was typed and nothing else.
  const on = <A extends unknown[]>(target: Command, make: (...args: A) => Action) =>
    target.action((...args: unknown[]) => choose(make(...(args.slice(0, -1) as A))));

  on(command(program, 'serve', 'jalankan layanan / run the service'), () => serve());

  on(sandboxOptions(command(program, 'sandbox', 'jalankan simulator SATUSEHAT / run the SATUSEHAT simulator')), (flags: SandboxFlags) =>
    runSandbox(flags, integer('--port', flags.port, 0, 65_535)),
  );

  on(
    command(program, 'push <file>', 'kirim berkas (atau isi URL) ke layanan / push a file (or URL) to the service')
      .requiredOption('--feed <feed>', FEED_NAMES)
      .option('--url <url>', 'alamat layanan / address of the service', 'http://127.0.0.1:8080')
      .option('--key <key>', 'kunci API; lebih baik lewat ILP_API_KEY / API key; better by ILP_API_KEY')
      .option('--dry-run', 'petakan dan periksa saja, tanpa menyimpan / map and check only, store nothing'),
    (file: string, options: { feed: string; url: string; key?: string; dryRun?: boolean }) => pushFile(file, options),
  );

  const map = command(program, 'map <file>', 'petakan berkas ke FHIR tanpa menyimpan / map a file to FHIR without storing')
    .option('--feed <feed>', `${FEED_NAMES}; atau menurut nama berkas / or by the name of the file`)
    .option('--explain', 'aturan mana membuat elemen mana dari kolom mana / which rule made which element from which field');
  map.addHelpText('after', MAP_HELP);
  on(map, (file: string, flags: MapFlags) => mapFile(file, flags));
  // The options of `map` itself are written behind these too.
  const onMap = <A extends unknown[]>(target: Command, make: (...args: A) => Action) =>
    target.action((...args: unknown[]) => choose(make(...([...args.slice(0, -2), target.optsWithGlobals()] as A))));
  onMap(
    command(map, 'run <map> <file>', 'jalankan satu peta FML atas JSON / run one map of FML over JSON').option(
      '--import <files...>',
      'peta yang diimpor / maps that it imports',
    ),
    (text: string, file: string, flags: { import?: string[] }) => runMapFile(text, file, flags),
  );
  onMap(
    command(
      map,
      'diff <old> <new> <files...>',
      'beda hasil dua folder pemetaan atas contoh / how two folders of mappings differ over a sample',
    ),
    (before: string, after: string, files: string[], flags: MapFlags) => diffMaps(before, after, files, flags),
  );
  onMap(
    command(map, 'coverage [files...]', 'kolom yang tidak dipakai, elemen yang tidak dibuat / fields not used, elements not made').option(
      '--mappings <folder>',
      'folder pemetaan lain / another folder of mappings',
    ),
    (files: string[], flags: MapFlags & { mappings?: string }) => coverMaps(files, flags),
  );
  onMap(
    command(map, 'test [folder]', 'contoh di samping pemetaan: tests/<nama>/input.json → expected.json / examples beside the maps').option(
      '--update',
      'tulis hasil sekarang sebagai yang diharapkan / write what comes out now as expected',
    ),
    (folder: string | undefined, flags: { update?: boolean }) => testMaps(folder, flags),
  );

  on(
    command(program, 'template [pack]', 'formulir kosong satu paket layanan / an empty form of a service pack')
      .option('--csv', 'baris judul tabel (bawaan) / header of a table (default)')
      .option('--form <form>', 'bila paketnya punya beberapa / where the pack has several')
      .option('--feed <feed>', 'encounters | village-observations'),
    (pack: string | undefined, flags: { csv?: boolean; form?: string; feed?: string }) => printTemplate(pack, flags),
  );

  on(
    command(program, 'validate <files...>', 'periksa sumber daya FHIR (JSON atau NDJSON) / check FHIR resources (JSON or NDJSON)'),
    (files: string[]) => validateFiles(files),
  );

  on(
    command(program, 'sync', 'kirim antrean ke SATUSEHAT / deliver the outbox to SATUSEHAT')
      .option('--once', 'sekali jalan lalu selesai / one pass, then end')
      .option('--dry-run', 'sebutkan saja apa yang akan dikirim / only say what would be sent'),
    (options: { once?: boolean; dryRun?: boolean }) => sync(options),
  );

  const jobs = command(program, 'jobs', 'pekerjaan terjadwal / scheduled jobs');
  on(command(jobs, 'list', 'daftar, jadwal, dan giliran berikutnya / list, schedule and next run'), () => listJobs());
  on(
    command(jobs, 'run <job>', 'jalankan sekarang / run now').option('--dry-run', 'tanpa mengubah apa pun / change nothing'),
    (job: string, options: { dryRun?: boolean }) => runJob(job, options.dryRun === true),
  );
  on(
    command(jobs, 'history [job]', 'riwayat / history').option('--limit <n>', 'paling banyak / at most', '20'),
    (job: string | undefined, options: { limit: string }) => historyOfJobs(job, integer('--limit', options.limit, 1, 1000)),
  );

  on(
    command(program, 'remap', 'petakan ulang data yang tersimpan dengan pemetaan sekarang / take stored records through the maps of now')
      .option('--feed <feed>', FEED_NAMES)
      .option('--dry-run', 'sebutkan saja apa yang akan berubah / only say what would change'),
    (flags: RemapFlags) => remapRecords(flags),
  );

  const deliveries = command(program, 'deliveries', 'yang berhenti atau menunggu kirim / what stopped or waits to be sent');
  deliveries.addHelpText('after', DELIVERIES_HELP);
  on(
    selecting(command(deliveries, 'list', 'menurut sebab; dengan pilihan: satu per satu / by cause; with a selection: one by one')).option(
      '--limit <n>',
      'paling banyak / at most',
      '50',
    ),
    ({ limit, ...flags }: DeliveryFlags & { limit: string }) => listDeliveries(flags, integer('--limit', limit, 1, 1000)),
  );
  on(command(deliveries, 'show <key>', 'seluruh riwayat satu kiriman atau data / the whole story of one'), (key: string) =>
    showDelivery(key),
  );
  const acting = (target: Command): Command =>
    selecting(target)
      .option('--dry-run', 'sebutkan saja / only say')
      .option('--yes', 'ya, juga bila banyak / yes, also if they are many')
      .option('--note <text>', 'alasan, tanpa nama orang / why, without names of people');
  for (const [name, description, act] of [
    ['retry', 'kirim ulang / send again', retryDeliveries],
    ['fix', 'proses ulang data asal setelah diperbaiki / take the records through again after mending', fixDeliveries],
    ['cancel', 'batalkan, tidak dikirim / give up, do not send', cancelDeliveries],
  ] as const) {
    on(acting(command(deliveries, name, description)), (flags: ActFlags) => act(flags));
  }
  on(
    acting(command(deliveries, 'decide', 'putuskan yang menunggu orang / settle what waits for a person')).requiredOption(
      '--decision <which>',
      'keep-ours: milik kita menimpa / ours goes over it; keep-theirs: yang di sana tetap / theirs stands; not-there: sudah diperiksa, tidak ada / looked, it is not there',
    ),
    (flags: ActFlags & { decision: string }) => decideDeliveries(flags),
  );

  on(
    command(program, 'migrate', 'perbarui basis data / bring the database up to date').option('--dry-run', 'sebutkan saja / only list'),
    (options: { dryRun?: boolean }) => migrate(options.dryRun === true),
  );

  on(
    command(program, 'backup <file>', 'cadangkan basis data ke satu berkas / back the database up into one file').option(
      '--dry-run',
      'hitung saja / only count',
    ),
    (file: string, options: { dryRun?: boolean }) => backupTo(file, options.dryRun === true),
  );
  on(
    command(program, 'restore [file]', 'pulihkan dari cadangan, juga ke jenis basis data lain / restore a backup, also into another engine')
      .option('--replace', 'buang isi basis data yang ada / discard what the database holds')
      .option('--yes', 'ya, buang / yes, discard it')
      .option('--dry-run', 'periksa arsip saja / only check the archive')
      .option('--done', 'hapus tanda pemulihan: kiriman tidak lagi diperiksa dahulu / clear the mark: no more look-ups before sending'),
    (file: string | undefined, options: RestoreFlags) => restoreFrom(file, options),
  );

  on(
    command(program, 'reconcile', 'cocokkan yang terkirim dengan isi SATUSEHAT / compare what was delivered with what SATUSEHAT holds')
      .option('--sample <n>', 'sekian unit terbaru dan sekian yang lebih lama / so many of the newest units, and as many older ones (200)')
      .option('--all', 'semua; dapat dihentikan dan diteruskan / all; may be stopped and goes on where it was')
      .option('--owner <codes...>', 'kode puskesmas / codes of puskesmas')
      .option('--mend', 'buka kembali kiriman yang hilang di sana / open the deliveries again that are missing there')
      .option('--dry-run', 'sebutkan saja / only say'),
    (options: ReconcileFlags) =>
      reconcileWith(options, options.sample === undefined ? undefined : integer('--sample', options.sample, 1, 1_000_000)),
  );

  on(
    command(program, 'adopt [file]', 'ambil alih yang sudah ada di SATUSEHAT lewat jembatan lain / take over what another bridge delivered')
      .option('--from-platform', 'tanya SATUSEHAT, tanpa berkas / ask SATUSEHAT, without a file')
      .option('--owner <code>', 'kode puskesmas / code of the puskesmas')
      .option('--from <day>', 'kunjungan sejak / encounters from, YYYY-MM-DD')
      .option('--to <day>', 'sampai / to, YYYY-MM-DD')
      .option('--source-system <name>', 'sistem sumber yang nomornya dipakai jembatan lama / source system whose ids the other bridge used')
      .option('--feed <feed>', FEED_NAMES)
      .option('--send-missing', 'kirim bagian kunjungan yang belum ada / send what of a visit is not there')
      .option('--dry-run', 'sebutkan saja / only say'),
    (file: string | undefined, options: AdoptFlags) => adoptFile(file, options),
  );

  const terminology = command(program, 'terminology', 'tabel kode / code tables');
  on(command(terminology, 'list', 'sistem kode dan peta / code systems and maps'), () => listTerminology());
  on(
    command(terminology, 'import <file>', 'ambil tabel kode atau peta milik kabupaten (CSV) / take over a table of the district (CSV)')
      .option('--yes', 'ya, juga bila ada yang dibuang atau bertentangan / yes, also if something is removed or conflicts')
      .option('--dry-run', 'sebutkan saja apa yang berubah / only say what changes'),
    (file: string, options: ImportFlags) => importTerminology(file, options),
  );
  on(
    command(terminology, 'remove <key>', 'buang tabel kabupaten / take a table of the district away').option(
      '--dry-run',
      'sebutkan saja / only say',
    ),
    (key: string, options: ImportFlags) => removeTerminology(key, options),
  );

  const client = command(program, 'client', 'klien API dan kredensial SATUSEHAT / API clients and SATUSEHAT credentials');
  on(
    command(client, 'add <name>', 'klien API baru; kuncinya tampil sekali / new API client; its key is shown once')
      .option('--scopes <list>', `dipisah koma / comma list: ${SCOPES.join(', ')}`, 'intake:write,intake:read')
      .option('--facilities <list>', 'kode puskesmas, atau all / codes of puskesmas, or all', 'all')
      .option('--source-systems <list>', 'sistem sumber, atau all / source systems, or all', 'all')
      .option('--satusehat', 'kredensial SATUSEHAT puskesmas <name> (kode) / SATUSEHAT credential of puskesmas <name> (code)')
      .option('--organization-id <id>', 'id Organization di SATUSEHAT / id of the Organization on SATUSEHAT')
      .option('--client-id <id>', 'client id dari SATUSEHAT / client id given by SATUSEHAT')
      .option(
        '--client-secret-file <file>',
        'berkas berisi secret; atau isi ILP_CLIENT_SECRET / file with the secret; or set ILP_CLIENT_SECRET',
      )
      .option('--allowed-hours <hours>', 'jam boleh kirim / hours in which it may send, 22:00-05:00'),
    (name: string, options: ClientOptions) => (options.satusehat ? addPlatformClient(name, options) : addApiClient(name, options)),
  );
  on(command(client, 'list', 'daftar klien dan kredensial / list clients and credentials'), () => listClients());
  on(command(client, 'check <facility>', 'coba kredensial SATUSEHAT / try a SATUSEHAT credential'), (facility: string) =>
    checkClient(facility),
  );
  on(command(client, 'rotate', 'ganti kunci yang mengenkripsi kredensial / change the key that encrypts credentials'), () => rotateKey());
  on(
    command(client, 'revoke <id>', 'cabut klien API / revoke an API client').option(
      '--satusehat',
      'hapus kredensial puskesmas <id> (kode) / delete the credential of puskesmas <id> (code)',
    ),
    (id: string, options: { satusehat?: boolean }) => revokeClient(id, options.satusehat === true),
  );

  on(
    command(program, 'demo', 'satu hari lima puskesmas Brebes, dari ujung ke ujung / a day of five puskesmas, end to end')
      .option('--keep', 'biarkan simulator dan layanan berjalan / leave simulator and service running')
      .option('--data <folder>', 'folder kerja / working folder', 'data/demo'),
    (options: { keep?: boolean; data: string }) =>
      async (...given) =>
        (await import('./demo/demo.ts')).runDemo(options)(...given),
  );

  on(command(program, 'version', 'versi / version'), () => async (composition, output) => {
    output.say(composition.version);
    output.result({ version: composition.version });
    return 0;
  });
  return program;
}

/** The options that select deliveries. */
const selecting = (target: Command): Command =>
  target
    .option('--state <list>', 'keadaan / states: failed,on-hold')
    .option('--reason <list>', 'sebab atau kode / reasons or codes: identity,unmapped-code')
    .option('--rule <number>', 'aturan SATUSEHAT / rule of SATUSEHAT: 10457')
    .option('--kind <kind>', DELIVERY_KINDS.join(' | '))
    .option('--owner <code>', 'puskesmas pengirim / puskesmas in whose name it is sent')
    .option('--facility <code>', 'unit mana pun / any unit')
    .option('--from <date>', 'diterima sejak / received since')
    .option('--to <date>', 'diterima sampai / received until')
    .option('--key <list>', 'kunci, dipisah koma / keys, comma list')
    .option('--submission <id>', 'id data / id of the record');

export interface ClientOptions {
  readonly scopes: string;
  readonly facilities: string;
  readonly sourceSystems: string;
  readonly satusehat?: boolean;
  readonly organizationId?: string;
  readonly clientId?: string;
  readonly clientSecretFile?: string;
  readonly allowedHours?: string;
}

function integer(name: string, text: string, min: number, max: number): number {
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw usage(`${name} harus bilangan ${min}–${max}`, `${name} must be a whole number from ${min} to ${max}`);
  return value;
}
