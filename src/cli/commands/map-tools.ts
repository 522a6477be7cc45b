import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  bundleOf,
  type Change,
  CoverageCount,
  compareResults,
  type DifferenceReport,
  Differences,
  type MapCase,
  type Tried,
  tryCase,
} from '../../mapping/tools/index.ts';
import { FEEDS } from '../../store/port.ts';
import { usage } from '../command-error.ts';
import type { Composition } from '../composition.ts';
import type { Output } from '../output.ts';
import type { Action } from '../program.ts';
import { table } from '../table.ts';
import { placeOf } from './map.ts';
import { samplesOf } from './map-samples.ts';

const CHANGES: Readonly<Record<Change, string>> = { lost: 'hilang / lost', new: 'baru / new', changed: 'berubah / changed' };

/** What another folder of mappings would make of a sample, field by field; nothing is switched. Exit code 1 if anything differs. */
export const diffMaps =
  (before: string, after: string, files: readonly string[], { feed }: { feed?: string }): Action =>
  async (composition, output) => {
    const [old, fresh] = [roomsOf(composition, before), roomsOf(composition, after)];
    const differences = new Differences();
    for (const { name, one } of await samplesOf({ composition, output, rooms: old }, files, feed)) {
      differences.add(one.feed, name, compareResults(tryCase(old, one).mapped, tryCase(fresh, one).mapped));
    }
    const report = differences.report();
    sayDifferences(report, output);
    output.result(report);
    return report.different === 0 ? 0 : 1;
  };

function sayDifferences(report: DifferenceReport, output: Output): void {
  if (report.fields.length > 0) {
    output.say(
      table(
        ['elemen / element', '', 'kali / times', 'data / records', 'contoh / example', 'sebelum / before', 'sesudah / after'],
        report.fields.map(({ feed, expression, change, count, records, example }) => [
          `${feed} ${expression}`,
          CHANGES[change],
          count,
          records,
          example.record,
          shown(example.before),
          shown(example.after),
        ]),
        [2, 3],
      ),
    );
  }
  const { records, different, lost, changed } = report;
  output.say(
    `${records} data / records, ${different} berbeda / different: ${lost} hilang / lost, ${report.new} baru / new, ${changed} berubah / changed`,
  );
}

const shown = (value: unknown): string => (value === undefined ? '' : (JSON.stringify(value) ?? '').slice(0, 60));

/** @throws AppError `usage`, `map-compile`, `config` */
function roomsOf(composition: Composition, folder: string) {
  if (!existsSync(path.join(folder, 'layouts'))) {
    throw usage(`${folder} bukan folder pemetaan (seperti mappings/)`, `${folder} is not a folder of mappings (such as mappings/)`);
  }
  return composition.mapRooms(folder);
}

/** Fields of the contracts that no rule uses, and elements that no rule can make or none did over the sample. */
export const coverMaps =
  (files: readonly string[], { feed, mappings }: { feed?: string; mappings?: string }): Action =>
  async (composition, output) => {
    const rooms = mappings === undefined ? composition.mapRooms() : roomsOf(composition, mappings);
    const samples = await samplesOf({ composition, output, rooms }, files, feed);
    const given = new Set(samples.map(({ one }) => one.feed));
    const reports = FEEDS.filter((one) => (given.size > 0 ? given.has(one) : feed === undefined || feed === one)).map((one) => {
      const count = new CoverageCount(rooms, one);
      for (const sample of samples) if (sample.one.feed === one) count.add(tryCase(rooms, sample.one));
      return count.report(rooms.elements);
    });
    for (const { feed: one, records, contract, unused, elements } of reports) {
      const { written, idle, impossible } = elements;
      output.say(`${one}: ${records} data / records`);
      output.say(
        `  ${contract.unread.length} dari / of ${contract.fields} kolom kontrak tidak dipakai aturan mana pun / contract fields no rule uses`,
      );
      for (const field of contract.unread) output.say(`    ${field}`);
      for (const { field, records: times } of unused) output.say(`    ${field}  (contoh / sample: ${times})`);
      output.say(`  ${idle.length} dari / of ${written} penulisan tidak pernah terjadi / writes that never ran`);
      for (const site of idle) output.say(`    ${placeOf(site)} ${site.group}/${site.rule} → ${site.type}.${site.element}`);
      output.say('  elemen yang tidak dapat dibuat aturan mana pun / elements that no rule can make');
      for (const { type, elements: names } of impossible) output.say(`    ${type}: ${names.join(', ')}`);
    }
    output.result(reports);
    return 0;
  };

/** Cases of the kernel's maps, and of each pack in its own folder: `<pack>/<name>`. */
function casesOf(root: string): readonly { name: string; folder: string }[] {
  const packs = path.join(root, 'packs');
  const below = (folder: string) => (existsSync(folder) ? readdirSync(folder).sort() : []);
  const homes = [{ prefix: '', tests: path.join(root, 'tests') }].concat(
    below(packs).map((pack) => ({ prefix: `${pack}/`, tests: path.join(packs, pack, 'tests') })),
  );
  return homes
    .flatMap(({ prefix, tests }) => below(tests).map((name) => ({ name: `${prefix}${name}`, folder: path.join(tests, name) })))
    .filter(({ folder }) => existsSync(path.join(folder, 'input.json')));
}

/** Expected outputs beside the maps: `tests/<name>/input.json` and `expected.json`. Exit code 1 if one differs. */
export const testMaps =
  (folder: string | undefined, { update = false }: { update?: boolean }): Action =>
  async (composition, output) => {
    const root = folder ?? composition.mappings;
    const rooms = roomsOf(composition, root);
    const cases = casesOf(root);
    if (cases.length === 0)
      throw usage(`tidak ada contoh tests/<nama>/input.json di ${root}`, `there is no tests/<name>/input.json in ${root}`);
    const results = cases.map(({ name, folder }) => {
      const tried = tryCase(rooms, json(path.join(folder, 'input.json')) as MapCase);
      const bundle = bundleOf(tried.mapped);
      const file = path.join(folder, 'expected.json');
      if (update) writeFileSync(file, `${JSON.stringify(bundle, null, 2)}\n`);
      return { name, ...judged(tried, bundle, existsSync(file) ? json(file) : {}) };
    });
    for (const { name, passed, differences, errors } of results) {
      output.say(`${passed ? '✓' : '✗'} ${name}`);
      for (const { expression, change, before, after } of differences) {
        output.say(`    ${expression} ${CHANGES[change]}: ${[shown(before), shown(after)].filter(Boolean).join(' → ')}`);
      }
      for (const error of errors) output.say(`    ${error}`);
    }
    const failed = results.filter(({ passed }) => !passed).length;
    output.say(`${results.length} contoh / examples, ${failed} tidak sesuai / not as expected`);
    output.result({ tests: results.length, failed, results });
    return failed === 0 ? 0 : 1;
  };

/** As JSON: absent members do not count. Entries are matched by their place, so that an order that moved is told too. */
function judged({ issues, mapped }: Tried, bundle: object, expected: unknown) {
  const whole = (resource: unknown) => ({ resources: [{ role: '', item: '', resource: resource as never }], issues: [], unused: [] });
  const differences = compareResults(whole(expected), whole(JSON.parse(JSON.stringify(bundle))));
  const errors = [...issues, ...mapped.issues]
    .filter(({ severity }) => severity === 'error')
    .map(({ field, code, text }) => `${field ?? ''} ${code} ${text.id} / ${text.en}`);
  return { passed: differences.length === 0 && errors.length === 0, differences, errors };
}

function json(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw usage(`${file} bukan JSON`, `${file} is not JSON`, cause);
  }
}
