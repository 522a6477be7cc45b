import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AppError } from '../../../src/errors/index.ts';
import { CONTEXT, CONTRACT, compileProbe, idOf, STATUS_MAP } from './probe.ts';

const RULES = `
    src.name as n where (%src.count.exists().not() or $this.length() > 0) -> tgt.language = truncate(n, 5), tgt.implicitRules = append(n, '-', src.count);
    src.name -> tgt.birthDate;
    src.sex as s -> tgt.gender = translate(s, 'https://fhir.ilp.example/ConceptMap/sex', 'code'), tgt.maritalStatus = translate(s, 'https://fhir.ilp.example/ConceptMap/sex', 'CodeableConcept');
    src.day -> tgt.deceased = cast(src.day, 'dateTime');
    src.count default 3 as c -> tgt.multipleBirth = cast(c, 'integer'), (%c * 2 + 1) as z, tgt.photo as f, f.size = cast(z, 'integer');
    src.pregnant as p -> tgt.active = p;
    src.tags last as t -> tgt.telecom = cp(t);
    src.tags as t where ($this != 'x') check ($this.length() < 50) -> tgt.name as h, h.given = t, h.text = (t & src.name & 'y');
    src.vitals as v -> tgt.contact as c, c.name as n, n.family = v.note then { v.systolic as s then Obs(s, bundle, 'bp'); };
    src.items.parts as p where (n > 1 and %src.weight < 100) -> tgt.identifier = id('urn:n', p.n);
    src.items as i where (use in ('a' | 'b') or value.matches('^a')) -> tgt.link as l, l.type = 'seealso', l.other as r, r.reference = append('role:', i.value);
    src.answers as a then { a.x as x -> tgt.address as d, d.city = x, d.text = (x.toString()); a.y.z as z then Obs(z, bundle, 'z'); };
    ctx.extra as e -> tgt.generalPractitioner as r, r.reference = e, r.display = cast(e, 'string');
`;
const MORE = `group Obs(source v, target bundle : Bundle, source code : code) {
  v -> bundle.entry as e, e.fullUrl = append('role:observation:', code), e.resource = create('Observation') as o then {
    v -> o.value = create('Quantity') as q, q.value = cast(v, 'decimal');
    v -> o.method = cc('urn:s', code);
    v where ($this > 1) -> o.subject as s, s.reference = 'role:probe';
  };
}`;

const options = { more: MORE, conceptMaps: { [STATUS_MAP.url as string]: STATUS_MAP } };
const mappers = [compileProbe(RULES, options), compileProbe(RULES, { ...options, unchecked: true })];

const anything = fc.anything({
  values: [
    fc.string(),
    fc.double(),
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.constant(undefined),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -0),
    fc.constantFrom('L', 'P', 'a', 'b', '2020-01-02', '12', ' ', '', '__proto__', 'role:', 'role:probe', 'constructor'),
  ],
  key: fc.constantFrom('note', 'systolic', 'n', 'use', 'value', 'parts', 'x', 'y', 'z', '__proto__', 'constructor', 'length', 'toString'),
  maxDepth: 3,
});
const record = fc.dictionary(fc.constantFrom(...Object.keys(CONTRACT.properties), '__proto__', 'constructor', 'hasOwnProperty'), anything);

function check(value: unknown, path: string): void {
  if (Array.isArray(value)) {
    expect(value.length, path).toBeGreaterThan(0);
    for (const [i, item] of value.entries()) check(item, `${path}[${i}]`);
  } else if (typeof value === 'object' && value !== null) {
    expect(Object.keys(value).length, path).toBeGreaterThan(0);
    for (const [key, item] of Object.entries(value)) check(item, `${path}.${key}`);
  } else if (typeof value === 'string') expect(value.trim(), path).not.toBe('');
  else if (typeof value === 'number') expect(Number.isFinite(value), path).toBe(true);
  else expect(typeof value, path).toBe('boolean');
}

describe('any record at all', () => {
  it('throws nothing but AppError and writes nothing empty', () => {
    fc.assert(
      fc.property(record, anything, (given, extra) => {
        for (const mapper of mappers) {
          try {
            const result = mapper.map('encounters', given, { ...CONTEXT, extra }, idOf);
            for (const { resource } of result.resources) check(resource, resource.resourceType);
            expect(JSON.parse(JSON.stringify(result.resources))).toEqual(result.resources);
            mapper.explain('encounters', given, { ...CONTEXT, extra }, idOf);
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
            throw new Error('a record must not stop the mapper', { cause: error });
          }
        }
        expect(Object.keys(Object.prototype)).toEqual([]);
      }),
      { numRuns: 1500 },
    );
  });

  it('gives the same for the same record, in both variants', () => {
    fc.assert(
      fc.property(record, (given) => {
        const [mapper] = mappers as [(typeof mappers)[0]];
        const first = mapper.map('encounters', given, CONTEXT, idOf);
        mapper.explain('encounters', given, CONTEXT, idOf);
        expect(mapper.map('encounters', given, CONTEXT, idOf)).toEqual(first);
      }),
      { numRuns: 300 },
    );
  });
});
