import { describe, expect, it } from 'vitest';
import { parseMap } from '../../../src/mapping/fml/index.ts';
import { probe } from './probe.ts';

describe('groups', () => {
  it('calls a group with variables', () => {
    const more = 'group Name(source s, target p : Patient) { s.name as n -> p.language = n; }';
    expect(probe('src then Name(src, tgt);', { name: 'x' }, { more })).toEqual({ language: 'x' });
  });

  it('takes literal arguments (R5): texts, numbers, booleans', () => {
    const more = `group G(source s, target o : Observation, source code : code, source unit : string, source low : integer, source high : decimal, source flag : boolean) {
      s.weight as w -> o.code = cc('urn:s', code), o.value = qty(w, unit);
      s -> o.referenceRange as r, r.low = qty(low, unit), r.high = qty(high, unit);
      s where (%flag) -> o.status = 'final';
    }`;
    expect(probe("src then G(src, tgt, 'it\\'s-1', 'kg', -2, 3.5, true);", { weight: 2 }, { more, type: 'Observation' })).toEqual({
      status: 'final',
      code: { coding: [{ system: 'urn:s', code: "it's-1" }] },
      valueQuantity: { value: 2, unit: 'kg' },
      referenceRange: [{ low: { value: -2, unit: 'kg' }, high: { value: 3.5, unit: 'kg' } }],
    });
  });

  it('calls several groups in one then', () => {
    const more =
      "group A(source s, target p : Patient) { s -> p.active = true; }\ngroup B(source s, target p : Patient) { s -> p.language = 'x'; }";
    expect(probe('src then A(src, tgt), B(src, tgt);', {}, { more })).toEqual({ active: true, language: 'x' });
  });

  it('takes arguments in any order of source and target', () => {
    const more = 'group G(source a, target p : Patient, source b) { a.name as n -> p.language = append(n, b); }';
    expect(probe('src.code as c then G(src, tgt, c);', { name: 'x', code: 'y' }, { more })).toEqual({ language: 'xy' });
  });

  it('one group may be called with sources of different types', () => {
    const more = "group G(source v, target p : Patient) { v -> p.name as n, n.text = cast(v, 'string'); }";
    expect(
      probe(
        'src.weight as w then G(w, tgt); src.name as w then G(w, tgt); src.pregnant as w then G(w, tgt);',
        { weight: 1.5, name: 'x', pregnant: true },
        { more },
      ),
    ).toEqual({
      name: [{ text: '1.5' }, { text: 'x' }, { text: 'true' }],
    });
  });

  it('may call itself', () => {
    const more =
      'group Walk(source node, target p : Patient) { node.text as t -> p.name as n, n.text = t; node.next as x then Walk(x, p); }';
    const record = { text: 'a', next: { text: 'b', next: [{ text: 'c' }] } };
    expect(probe('src then Walk(src, tgt);', record, { more, unchecked: true })).toEqual({
      name: [{ text: 'a' }, { text: 'b' }, { text: 'c' }],
    });
  });

  it('a rule does not see the variables of an earlier sibling, nested rules see those around them', () => {
    expect(probe('src.name as n then { src.code as c -> tgt.language = append(n, c); };', { name: 'x', code: 'y' })).toEqual({
      language: 'xy',
    });
  });

  it('uses groups of an imported map, given as text or as a resource', () => {
    const imported = `map "urn:imported" = "Imported"
group Shared(source s, target p : Patient) { s.name as n -> p.language = n; }`;
    const main = `map "urn:main" = "Main"
imports "urn:imported"
group Main(source src, source ctx, target bundle : Bundle) {
  src -> bundle.entry as e, e.resource = create('Patient') as p then Shared(src, p);
}`;
    const asText = {
      maps: [
        { name: 'main.map', text: main },
        { name: 'imported.map', text: imported },
      ],
    };
    const asResource = { maps: [{ name: 'main.map', text: main }], structureMaps: [parseMap(imported, 'imported.map').structureMap] };
    for (const set of [asText, asResource]) expect(probe('', { name: 'x' }, set)).toEqual({ language: 'x' });
  });
});
