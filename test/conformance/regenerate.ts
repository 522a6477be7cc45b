import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import type { Resource } from '@medplum/fhirtypes';
import { parse } from 'csv-parse/sync';
import type { compileEngines } from '../../src/engines.ts';
import { type MapCase, tryCase } from '../../src/mapping/tools/index.ts';
import type { MappedResource } from '../../src/mapping/types.ts';
import { outgoingReferences, project } from '../../src/satusehat/projection.ts';
import { compareBodies, type Finding, likeness, subjectsOf } from './compare-bodies.ts';
import type { OfficialBody } from './official-bodies.ts';

/** A record that regenerates official bodies: those it names, or without that any of its module. */
export interface BodyRecord extends MapCase {
  readonly name: string;
  readonly module: string;
  readonly body?: string | readonly string[];
  /** Which of the resources that are made; only with one body. */
  readonly role?: string;
}

/** @returns the records of `<folder>/<module>/<name>.json` */
export function readRecords(folder: string): readonly BodyRecord[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .flatMap(({ name: module }) =>
      readdirSync(path.join(folder, module))
        .filter((file) => file.endsWith('.json'))
        .map((file) => ({ ...JSON.parse(readFileSync(path.join(folder, module, file), 'utf8')), name: `${module}/${file}`, module })),
    );
}

/** A difference that is meant: `*` in body and path stands for anything. */
export interface Deliberate {
  readonly body: RegExp;
  readonly path: RegExp;
  readonly reason: string;
}

/** A trap of SATUSEHAT's published examples, by its number among our facts, or a numbered rule of the platform. */
const REASON = /^(trap \d{1,2}|rule \d{5})(: .+)?$/;

/** @throws Error naming the row whose reason is neither */
export function readDeliberate(csv: string): readonly Deliberate[] {
  const rows = parse(csv, { columns: true, skip_empty_lines: true }) as { body: string; path: string; reason: string }[];
  const glob = (text: string): RegExp => new RegExp(`^${text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`);
  return rows.map(({ body, path: where, reason }) => {
    if (!REASON.test(reason)) throw new Error(`deliberate.csv: ${body} ${where}: the reason must be "trap N" or "rule NNNNN"`);
    return { body: glob(body), path: glob(where), reason };
  });
}

/** A body with what became of each of its elements. */
export interface Judged {
  readonly body: OfficialBody;
  /** Record and role it was found under; without, nothing corresponds to it. */
  readonly from?: string;
  readonly findings: readonly (Finding & { readonly reason?: string })[];
}

/** What a record comes to on the platform. */
export interface Sent {
  readonly record: BodyRecord;
  /** As stored, with the local ids. */
  readonly stored: readonly MappedResource[];
  readonly sent: readonly { readonly role: string; readonly resource: Resource }[];
}

export type Rooms = ReturnType<typeof compileEngines>;

/** Maps a record, and writes what the delivery policy sends as the platform would get it. */
export function regenerate(rooms: Rooms, record: BodyRecord): Sent {
  const { mapped } = tryCase(rooms, record);
  const toSend = mapped.resources.filter(({ item }) => rooms.catalogue.decide(record.feed, item) === 'send');
  const ids = new Map(
    outgoingReferences(mapped.resources.map(({ resource }) => resource))
      .concat(mapped.resources.map(({ resource }) => `${resource.resourceType}/${resource.id}`))
      .map((reference) => [reference, 'on-platform']),
  );
  const context = { organizationId: 'owner', ids, within: new Set<string>() };
  return {
    record,
    stored: mapped.resources,
    sent: toSend.map(({ role, resource }) => ({ role, resource: project(resource, context).resource })),
  };
}

/** Finds for each body the resource that corresponds, and compares. */
export function judge(bodies: readonly OfficialBody[], made: readonly Sent[], deliberate: readonly Deliberate[]): readonly Judged[] {
  return bodies.map((body) => {
    const named = made.filter(({ record }) => [record.body ?? []].flat().includes(body.name));
    const candidates = named.length > 0 ? named : made.filter(({ record }) => record.body === undefined && record.module === body.module);
    const subjects = subjectsOf(body.resource);
    let best: { from: string; findings: Finding[] } | undefined;
    for (const { record, sent } of candidates) {
      for (const { role, resource } of sent) {
        if (record.role !== undefined ? record.role !== role : !isSameThing(body.resource, subjects, resource)) continue;
        const findings = compareBodies(body.resource, resource);
        if (best === undefined || likeness(findings) > likeness(best.findings)) best = { from: `${record.name} ${role}`, findings };
      }
    }
    const findings = (best?.findings ?? compareBodies(body.resource, undefined)).map((finding) => {
      if (finding.verdict === 'equal') return finding;
      const reason = deliberate.find((one) => one.body.test(body.name) && one.path.test(finding.path))?.reason;
      return reason === undefined ? finding : { ...finding, reason };
    });
    return { body, findings, ...(best && { from: best.from }) };
  });
}

function isSameThing(official: Resource, subjects: ReadonlySet<string>, ours: Resource): boolean {
  if (official.resourceType !== ours.resourceType) return false;
  return subjects.size === 0 || [...subjectsOf(ours)].some((code) => subjects.has(code));
}

export interface Count {
  readonly bodies: number;
  /** Leaves of the official bodies. */
  readonly elements: number;
  readonly equal: number;
  readonly missing: number;
  /** Leaves of ours that the official body does not have. */
  readonly extra: number;
  readonly deliberate: number;
}

export function countOf(judged: readonly Judged[]): Count {
  const findings = judged.flatMap((one) => one.findings);
  const of = (verdict: Finding['verdict'], isMeant: boolean): number =>
    findings.filter((one) => one.verdict === verdict && (one.reason !== undefined) === isMeant).length;
  const [equal, missing, meant] = [of('equal', false), of('missing', false), of('missing', true)];
  return {
    bodies: judged.length,
    elements: equal + missing + meant,
    equal,
    missing,
    extra: of('extra', false),
    deliberate: meant + of('extra', true),
  };
}

/** Of the elements that are not meant to differ. */
export const equalPct = ({ equal, missing }: Count): number =>
  equal + missing === 0 ? 0 : Math.round((1000 * equal) / (equal + missing)) / 10;
