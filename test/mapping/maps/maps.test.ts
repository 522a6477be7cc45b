import { readdirSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { SYSTEMS } from '../../../src/terminology/systems.ts';
import { caseFolder, catalogue, mapper, mappings, profiles, readCase, rules, run, tables, validator } from './harness.ts';

const names = readdirSync(caseFolder).sort();
const ruleTable = (
  JSON.parse(profiles['platform-rules.json'] as string) as { rules: { path: string; requirement: string; when?: string[] }[] }
).rules;

type Json = Record<string, unknown>;
const walk = (node: unknown, visit: (node: unknown, key: string) => void, key = ''): void => {
  visit(node, key);
  if (Array.isArray(node)) for (const item of node) walk(item, visit, key);
  else if (typeof node === 'object' && node !== null) for (const [name, child] of Object.entries(node)) walk(child, visit, name);
};
/** Values at a path of element names; `value[x]` stands for any choice. */
const at = (node: unknown, steps: readonly string[]): unknown[] => {
  const [step, ...rest] = steps;
  if (step === undefined) return [node];
  if (Array.isArray(node)) return node.flatMap((item) => at(item, steps));
  if (typeof node !== 'object' || node === null) return [];
  const base = step.replace('[x]', '');
  return Object.entries(node as Json)
    .filter(([name]) => name === step || (step.endsWith('[x]') && name.startsWith(base)))
    .flatMap(([, child]) => at(child, rest));
};

describe.each(names)('map of %s', (name) => {
  const { mapped, issues, context, record, visit } = run(readCase(name));
  // What waits is not judged by the platform's rules yet.
  const waits = (visit?.holds.length ?? 0) > 0;
  const resources = mapped.resources.map(({ resource }) => resource as unknown as Json);

  it('gives what is expected', async () => {
    const feed = readCase(name).feed;
    const lines = mapped.resources.map(({ role, item, resource }) =>
      JSON.stringify({ role, item, policy: catalogue.decide(feed, item), resource }),
    );
    await expect(`${lines.join('\n')}\n`).toMatchFileSnapshot(path.join(caseFolder, name, 'expected.ndjson'));
  });

  it('reads every field, and finds nothing wrong', () => {
    expect(issues.filter((found) => found.severity === 'error')).toEqual([]);
    expect(catalogue.checkPlausible(readCase(name).feed, record)).toEqual([]);
    expect(mapped.issues).toEqual([]);
    expect(mapped.unused).toEqual([]);
  });

  it('makes unique roles, ids and identifiers', () => {
    const roles = mapped.resources.map(({ role }) => role);
    expect(new Set(roles).size).toBe(roles.length);
    expect(roles.filter((role) => role.includes('#'))).toEqual([]);
    const ids = resources.map((resource) => `${resource.resourceType}/${resource.id}`);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('refers only to its own resources and to those of the context', () => {
    const own = new Set(resources.map((resource) => `${resource.resourceType}/${resource.id}`));
    const given = new Set(Object.values(context));
    walk(resources, (node, key) => {
      if (key === 'reference' && typeof node === 'string') expect(own.has(node) || given.has(node), node).toBe(true);
    });
  });

  it('leaves nothing empty', () => {
    walk(resources, (node, key) => {
      expect(node, key).not.toBeNull();
      expect(node, key).not.toBe('');
      if (typeof node === 'object' && node !== null) expect(Object.keys(node).length, key).toBeGreaterThan(0);
    });
  });

  it('uses codes of the tables and maps only', () => {
    const known = new Set<string>();
    const add = (system: string, code: string) => known.add(`${system}|${code}`);
    for (const row of tables.observations) {
      add(row.system, row.code);
      add(SYSTEMS.observationCategory, row.category);
    }
    for (const item of tables.packs.flatMap((pack) => pack.items)) {
      for (const coding of [...item.codes, item.category, item.bodySite]) if (coding) add(coding.system, coding.code);
    }
    for (const rows of [...tables.answers.values(), tables.education, tables.serviceProcedures, tables.labRequests])
      for (const row of rows) add(row.system, row.code);
    for (const map of Object.values(catalogue.conceptMaps)) {
      for (const group of map.group ?? [])
        for (const element of group.element) for (const target of element.target ?? []) add(group.target as string, target.code as string);
    }
    const fml = Object.entries(mappings)
      .filter(([file]) => file.endsWith('.map'))
      .map(([, text]) => text)
      .join('\n');
    walk(resources, (node, key) => {
      if (key !== 'coding' && key !== 'class' && key !== 'valueCoding') return;
      const { system, code } = node as { system?: string; code?: string };
      // A product is the sender's to name.
      if (system === SYSTEMS.kfa && code?.startsWith('93')) return;
      if (system === undefined || code === undefined) return;
      const isIcd10 = system.endsWith('/icd-10') && tables.icd10.find(code) !== undefined;
      const isLifeStage = tables.lifeStages.bands.some((band) => band.code === code);
      const isReason = system.endsWith('/immunization-reason');
      expect(
        known.has(`${system}|${code}`) || isIcd10 || isLifeStage || isReason || (fml.includes(system) && fml.includes(code)),
        `${system}|${code}`,
      ).toBe(true);
    });
  });

  it("stands the check of structure, profiles, and of the platform's rules where it is sent", () => {
    for (const { item, resource } of mapped.resources) {
      expect(validator.validate(resource), item).toEqual([]);
      if (!waits && catalogue.decide(readCase(name).feed, item) === 'send')
        expect(rules.check(resource, { now: context.now }), item).toEqual([]);
    }
  });

  it('has a policy for every item of an event', () => {
    const feed = readCase(name).feed;
    if (feed !== 'encounters' && feed !== 'village-observations') return;
    const listed = new Set(tables.deliveryPolicy.filter((row) => row.feed === feed).map((row) => row.item));
    expect(mapped.resources.map(({ item }) => item).filter((item) => !listed.has(item))).toEqual([]);
  });

  it('fills every element that the platform demands of what is sent', () => {
    const feed = readCase(name).feed;
    for (const { item, resource } of mapped.resources) {
      if (waits || catalogue.decide(feed, item) !== 'send') continue;
      for (const rule of ruleTable) {
        const [type, ...steps] = rule.path.split('.');
        if (type !== resource.resourceType || rule.requirement !== 'mandatory' || rule.when !== undefined) continue;
        // Below an optional element a rule speaks only where the element is there.
        if (steps.length > 1 && at(resource, steps.slice(0, -1)).length === 0) continue;
        expect(at(resource, steps).length, `${item} ${rule.path}`).toBeGreaterThan(0);
      }
    }
  });
});

describe('what is sent', () => {
  it('uses no system of ours', () => {
    for (const name of names) {
      const { feed } = readCase(name);
      for (const { item, resource } of run(readCase(name)).mapped.resources) {
        if (catalogue.decide(feed, item) !== 'send') continue;
        const { identifier: _identifier, extension: _extension, meta: _meta, ...rest } = resource as unknown as Json;
        expect(JSON.stringify(rest), `${name} ${item}`).not.toContain('fhir.ilp.example');
      }
    }
  });

  it('keeps a home visit in the district', () => {
    const { mapped } = run(readCase('kunjungan-rumah'));
    expect(catalogue.decide('village-observations', mapped.resources[0]?.item as string)).toBe('local');
  });

  it('sends a finished visit only with its end; an open one is in progress', () => {
    const open = run(readCase('kunjungan-terbuka')).mapped.resources[0]?.resource;
    expect(open).toMatchObject({ status: 'in-progress', period: { start: '2026-08-05T09:00:00+07:00' } });
    expect(open).not.toHaveProperty('period.end');
  });
});

describe('roles', () => {
  it('do not depend on the order of the services', () => {
    const one = readCase('ptm');
    const raw = one.raw as { services: unknown[] };
    const turned = { ...one, raw: { ...raw, services: [...raw.services].reverse() } };
    const roles = (input: typeof one) =>
      run(input)
        .mapped.resources.map(({ role }) => role)
        .sort();
    expect(roles(turned)).toEqual(roles(one));
  });

  it('lead back to the field of the sender', () => {
    const { record, context } = run(readCase('ptm'));
    const traces = mapper.explain('encounters', record, context, (role) => role.replace(/[^A-Za-z0-9.-]/g, '-'));
    expect(traces).toContainEqual(expect.objectContaining({ role: 'observation:8480-6', field: 'vitals.systolic' }));
  });
});
