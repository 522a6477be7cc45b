import { readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import { parse } from 'csv-parse/sync';
import { makeFolder, packageRoot } from '../../config/index.ts';
import { AppError, type State } from '../../errors/index.ts';
import { countDuplicates } from '../../sandbox/duplicates.ts';
import type { Feed, Submission } from '../../store/port.ts';
import { usage } from '../command-error.ts';
import { newApiClient } from '../commands/client.ts';
import type { Composition } from '../composition.ts';
import type { ExitCode, Output } from '../output.ts';
import { cut, push, type Receipt, request, type Target } from '../push.ts';
import { type Child, startChild } from './child.ts';
import { closingTable, type Summary, summarise } from './closing-table.ts';
import { differences, type Ending, type Expectation } from './expectations.ts';
import { startStage } from './stages.ts';

/** Files of the sample day, in the order in which they are sent. Master data first: the day refers to it. */
const REGISTERS: ReadonlyArray<[Feed, string, string]> = [
  ['facilities', 'facilities-brebes.csv', 'Fasilitas Brebes / Facilities'],
  ['facilities', 'facilities-buton-tengah.csv', 'Fasilitas Buton Tengah / Facilities'],
  ['practitioners', 'practitioners.ndjson', 'Tenaga kesehatan / Practitioners'],
  ['persons', 'persons.ndjson', 'Penduduk / Persons'],
];
const DAY: ReadonlyArray<[Feed, string, string]> = [
  ['encounters', 'encounters.ndjson', 'Kunjungan klaster / Cluster encounters'],
  ['village-observations', 'village-observations.ndjson', 'Posyandu, kunjungan rumah / Village'],
];
/** Nothing changed for so long: what still waits, waits for something that does not come by itself. */
const QUIET_MS = 20_000;
const POLL_MS = 250;
const MARKER = 'made-by-ilp-fhir-demo';

interface ExpectedDay {
  readonly records: readonly Expectation[];
  /** Resources that the source truly contains twice. */
  readonly repeatsInSource?: number;
}

/** `npm run demo`: a real day of five puskesmas, from push to the platform's id, on an embedded database. */
export const runDemo =
  (options: { keep?: boolean; data: string }) =>
  async (composition: Composition, output: Output): Promise<ExitCode> => {
    const started = performance.now();
    const samples = path.join(packageRoot, 'samples');
    const expected = JSON.parse(await readFile(path.join(samples, 'expected.json'), 'utf8')) as ExpectedDay;
    const folder = await emptyFolder(path.resolve(options.data));

    const sandbox = await startChild(
      composition.program,
      [
        'sandbox',
        '--port',
        '0',
        '--people',
        path.join(samples, 'platform-people.json'),
        '--clients',
        path.join(samples, 'platform-clients.json'),
      ],
      process.env,
    );
    const environment: NodeJS.ProcessEnv = {
      ...process.env,
      ILP_ENVIRONMENT: 'sandbox',
      ILP_DATABASE: process.env.ILP_DEMO_DATABASE ?? path.join(folder, 'ilp.sqlite'),
      ILP_HOST: '127.0.0.1',
      ILP_PORT: process.env.ILP_PORT ?? '0',
      ILP_PLATFORM_AUTH_URL: `${sandbox.url}/oauth2/v1`,
      ILP_PLATFORM_FHIR_URL: `${sandbox.url}/fhir-r4/v1`,
      ILP_LOG_LEVEL: process.env.ILP_LOG_LEVEL ?? 'error',
    };
    let service: Child | undefined;
    // The children are groups of their own: without this an interrupted demo would leave them running.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));
    try {
      const keys = await prepare(composition, environment, samples);
      service = await startChild(composition.program, ['serve'], environment);
      const target: Target = { url: service.url, key: keys.demo };
      for (const [feed, file, title] of REGISTERS) {
        const sender = feed === 'facilities' ? { url: service.url, key: keys.dinas } : target;
        await pushStage(sender, feed, path.join(samples, file), title, output);
      }
      const receipts: Array<{ feed: Feed; receipts: Receipt[] }> = [];
      for (const [feed, file, title] of DAY)
        receipts.push({ feed, receipts: await pushStage(target, feed, path.join(samples, file), title, output) });
      const endings = endingsOf(receipts, await drained(target, receipts, output));

      const dump = await platformDump(sandbox.url);
      await writeFile(path.join(folder, 'platform.ndjson'), dump.map((resource) => `${JSON.stringify(resource)}\n`).join(''));
      const summary = summarise(endings);
      const wrong = differences(expected.records, endings);
      const { lost, onPlatform } = await missingOnPlatform(target, endings, dump);
      const result = {
        ...order(summary),
        resourcesOnPlatform: onPlatform,
        duplicatesOnPlatform: Math.max(0, countDuplicates(dump).duplicates - (expected.repeatsInSource ?? 0)),
        lost,
        keptLocal: summary.keptLocal,
        unexpected: wrong.length,
        seconds: Math.round((performance.now() - started) / 100) / 10,
      };
      output.say(closingTable(endings, summary));
      output.say(
        `Sumber daya di platform / resources on the platform: ${result.resourcesOnPlatform} · kembar / duplicates: ${result.duplicatesOnPlatform} · hilang / lost: ${lost} · ${result.seconds} s`,
      );
      for (const line of wrong.slice(0, 50)) output.note(`✗ ${line}`);
      await writeFile(path.join(folder, 'api-key'), keys.demo, { mode: 0o600 });
      const keyFile = path.join(folder, 'api-key');
      const near = path.relative('.', keyFile);
      output.say(tryThese(service.url, near.startsWith('..') ? keyFile : near, endings, options.keep === true));
      output.result(result);
      return wrong.length === 0 && lost === 0 && result.duplicatesOnPlatform === 0 ? 0 : 1;
    } finally {
      if (options.keep && service) {
        service.detach();
        sandbox.detach();
        output.note(
          `Masih berjalan / still running: layanan ${service.pid}, simulator ${sandbox.pid}. Hentikan / stop: kill ${service.pid} ${sandbox.pid}`,
        );
      } else {
        await service?.stop();
        await sandbox.stop();
      }
    }
  };

/** Only a folder that an earlier demo made is emptied. */
async function emptyFolder(folder: string): Promise<string> {
  const marker = path.join(folder, MARKER);
  const made = await readFile(marker).then(
    () => true,
    () => false,
  );
  if (made) await rm(folder, { recursive: true });
  try {
    makeFolder(folder);
    await writeFile(marker, '');
  } catch (cause) {
    throw usage('folder --data tidak dapat dibuat atau ditulis', 'the folder of --data cannot be made or written to', cause);
  }
  return folder;
}

/** Creates the database, an API client for the day, and the credential of each puskesmas. @returns the API keys */
async function prepare(
  composition: Composition,
  environment: NodeJS.ProcessEnv,
  samples: string,
): Promise<{ dinas: string; demo: string }> {
  const config = composition.readConfig(environment);
  const store = await composition.openStore(config);
  try {
    await store.migrate();
    // The network comes from the dinas kesehatan: one client, one source system, so that its CSV need not name it.
    const dinas = newApiClient('dinas-kesehatan', { scopes: ['intake:write'], facilities: 'all', sourceSystems: ['dinkes'] });
    const demo = newApiClient('demo', { scopes: ['intake:write', 'intake:read', 'fhir:read'], facilities: 'all', sourceSystems: 'all' });
    for (const { client } of [dinas, demo]) await store.putClient(client);
    const owners = await ownersByOrganization(samples);
    const { clients } = JSON.parse(await readFile(path.join(samples, 'platform-clients.json'), 'utf8')) as {
      clients: ReadonlyArray<Record<'clientId' | 'clientSecret' | 'organizationId', string>>;
    };
    for (const each of clients) {
      const owner = owners.get(each.organizationId);
      if (owner === undefined) continue;
      await store.putCredential({
        environment: config.environment,
        owner,
        organizationId: each.organizationId,
        clientId: each.clientId,
        secret: composition.sealSecret(config, owner, each.clientSecret),
        createdAt: new Date().toISOString(),
        allowedHours: null,
      });
    }
    return { dinas: dinas.key, demo: demo.key };
  } finally {
    await store.close();
  }
}

/** Platform id of an Organization → code of its puskesmas, from the facility files. */
async function ownersByOrganization(samples: string): Promise<Map<string, string>> {
  const owners = new Map<string, string>();
  for (const [feed, file] of REGISTERS) {
    if (feed !== 'facilities') continue;
    const rows = parse(await readFile(path.join(samples, file)), { columns: true, skip_empty_lines: true }) as Array<
      Record<string, string>
    >;
    for (const row of rows) if (row.satusehat_org_id && row.code) owners.set(row.satusehat_org_id, row.code);
  }
  return owners;
}

async function pushStage(target: Target, feed: Feed, file: string, title: string, output: Output): Promise<Receipt[]> {
  const content = cut(await readFile(file), file);
  const stage = output.json ? undefined : startStage(title, content.records);
  try {
    return (await push(target, feed, content, stage ? { onProgress: stage.progress } : {})).receipts;
  } finally {
    stage?.end();
  }
}

/** Waits until nothing of the day is on its way any more. @returns the newest form of each submission */
async function drained(
  target: Target,
  pushed: ReadonlyArray<{ receipts: readonly Receipt[] }>,
  output: Output,
): Promise<Map<string, Submission>> {
  const wanted = new Set(pushed.flatMap(({ receipts }) => receipts.map((receipt) => receipt.id)));
  const current = new Map<string, Submission>();
  const stage = output.json ? undefined : startStage('Kirim ke SATUSEHAT / Delivery', wanted.size);
  let after = 0;
  let quietSince = performance.now();
  for (;;) {
    const page = (await request(`${target.url}/api/v1/submissions?limit=1000&after=${after}`, target.key).catch((error) => {
      stage?.end();
      throw error;
    })) as { submissions: Submission[] };
    for (const submission of page.submissions) {
      after = Math.max(after, submission.seq);
      if (wanted.has(submission.id)) current.set(submission.id, submission);
    }
    if (page.submissions.length > 0) quietSince = performance.now();
    const open = [...wanted].filter((id) => isOpen(current.get(id)?.state));
    stage?.progress(wanted.size - open.length);
    if (open.length === 0 || performance.now() - quietSince > QUIET_MS) break;
    if (page.submissions.length < 1000) await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  stage?.end();
  return current;
}

const isOpen = (state: State | undefined): boolean => state === undefined || state === 'ready' || state === 'in-progress';

function endingsOf(
  pushed: ReadonlyArray<{ feed: Feed; receipts: readonly Receipt[] }>,
  current: ReadonlyMap<string, Submission>,
): Ending[] {
  const seen = new Set<string>();
  return pushed.flatMap(({ feed, receipts }) =>
    receipts.map((receipt, index) => {
      const identity = `${receipt.id}|${receipt.version}`;
      const repeated = seen.has(identity);
      seen.add(identity);
      const now = current.get(receipt.id);
      return { feed, line: index + 1, receipt, repeated, state: now?.state ?? receipt.state, reason: now?.reason ?? receipt.reason };
    }),
  );
}

async function platformDump(url: string): Promise<Resource[]> {
  const response = await fetch(`${url}/_sandbox/dump`);
  if (!response.ok) throw new AppError('platform-unavailable');
  const text = await response.text();
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line) as Resource);
}

/**
 * Resources that the service says it delivered and that are not in the platform's raw dump, by the platform's own id.
 */
async function missingOnPlatform(target: Target, endings: readonly Ending[], dump: readonly Resource[]) {
  const there = new Set(dump.map((resource) => `${resource.resourceType}/${resource.id}`));
  let lost = 0;
  let onPlatform = 0;
  for (const ending of endings) {
    if (ending.state !== 'completed' || ending.reason === 'kept-local' || ending.repeated) continue;
    const story = (await request(`${target.url}/api/v1/submissions/${ending.receipt.id}`, target.key)) as {
      resources: Array<{ reference: string; platformId?: string | null }>;
    };
    for (const { reference, platformId } of story.resources) {
      // People are the platform's own; they are found there, never sent.
      if (platformId === undefined || platformId === null || /^(Patient|Practitioner)\//.test(reference)) continue;
      if (there.has(`${reference.split('/')[0]}/${platformId}`)) onPlatform++;
      else lost++;
    }
    if (!story.resources.some(({ reference, platformId }) => reference.startsWith('Encounter/') && platformId)) lost++;
  }
  return { lost, onPlatform };
}

const order = ({ received, refused, duplicates, delivered, waiting, failed }: Summary) => ({
  received,
  refused,
  duplicates,
  delivered,
  waiting,
  failed,
});

/** For a POSIX shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function tryThese(url: string, keyFile: string, endings: readonly Ending[], kept: boolean): string {
  const encounter = endings.find((ending) => ending.state === 'completed' && ending.reason !== 'kept-local')?.receipt.id ?? '';
  const curl = `curl -s -H "Authorization: Bearer $(cat ${quoted(keyFile)})"`;
  return [
    kept
      ? 'Coba / try:'
      : 'Layanan sudah berhenti. Dengan `npm run demo -- --keep` ia tetap berjalan dan alamatnya tampil di sini, misalnya\n' +
        'The service has stopped. With `npm run demo -- --keep` it stays up and its addresses stand here, such as',
    `  ${curl} '${url}/fhir/Encounter?date=ge2026-01-01&_count=3'`,
    `  ${curl} '${url}/fhir/Observation?code=http://loinc.org|8480-6&_count=3'`,
    `  ${curl} '${url}/fhir/Location?name=Posyandu&_count=3'`,
    `  ${curl} '${url}/api/v1/submissions/${encounter}'`,
  ].join('\n');
}
