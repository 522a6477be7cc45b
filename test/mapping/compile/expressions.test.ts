import { describe, expect, it } from 'vitest';
import { probe } from './probe.ts';

const record = {
  name: 'Siti',
  code: 'A09',
  weight: 10.5,
  count: 3,
  pregnant: true,
  tags: ['a', 'b'],
  vitals: { systolic: 120 },
  items: [{ use: 'x', value: '1' }, { use: 'y' }],
};

const holds = (condition: string, given: object = record, unchecked = false) =>
  probe(`src where (${condition}) -> tgt.active = true;`, given, { unchecked }) !== undefined;

// https://hl7.org/fhirpath/N1/; every condition is read with the contract's types and without them.
describe.each([
  ['with a contract', false],
  ['unchecked', true],
])('conditions, %s', (_, unchecked) => {
  it.each([
    "name = 'Siti'",
    "name != 'siti'",
    "name ~ 'siti'",
    'weight = 10.5',
    'weight > 10 and weight < 11',
    'weight >= 10.5 and weight <= 10.5',
    "code >= 'A00' and code < 'B00'",
    '(count = 1) or (count = 3)',
    "(name = 'x').not()",
    'pregnant',
    'pregnant = true',
    '(pregnant and count > 5).not()',
    'vitals.systolic > 100',
    'vitals.diastolic.empty()'.replace('diastolic', 'note'),
    'name.exists() and day.exists().not()',
    'day.empty()',
    'tags.count() = 2',
    'items.count() = 2 and items.value.count() = 1',
    "tags.first() = 'a' and tags.last() = 'b' and tags[1] = 'b'",
    "'b' in tags",
    "code in ('A09' | 'B01')",
    "('x' in tags).not()",
    "name.startsWith('Si') and name.endsWith('ti') and name.contains('it')",
    "code.matches('^[A-Z][0-9]{2}$')",
    "items.where(use = 'x').value = '1'",
    "items.exists(use = 'y')",
    "items.exists(use = 'z').not()",
    "name & 'x' = 'Sitix'",
    "name + 'x' = 'Sitix'",
    "name & day & 'x' = 'Sitix'",
    'weight * 2 = 21 and weight + 1 = 11.5 and weight - 1 = 9.5 and weight / 2 = 5.25',
    'count div 2 = 1 and count mod 2 = 1',
    '0.1 + 0.2 = 0.3',
    '-count = -3',
    "iif(count > 2, 'big', 'small') = 'big'",
    "count.toString() = '3'",
    "name.lower() = 'siti' and name.length() = 4 and name.substring(1, 2) = 'it' and name.replace('i', 'e') = 'Sete'",
    '%src.count = 3 and $this.count = 3 and src.count = 3',
    "`name` = 'Siti'",
  ])('%s', (condition) => {
    expect(holds(condition, record, unchecked)).toBe(true);
  });

  // https://hl7.org/fhirpath/N1/#boolean-logic: an empty operand makes the result empty, and empty does not hold.
  it.each([
    "day = '2020-01-01'",
    "day != '2020-01-01'",
    "(day = 'x').not()",
    "(day != 'x').not()",
    'day > %src.day',
    "day.contains('x')",
    "(day.contains('x')).not()",
    'weight / 0 > 1',
    "(day = 'x') and true",
    "day + 'x' = 'x'",
    '{}',
    'day in tags',
    'pregnant = false',
    'pregnant.not()',
  ])('does not hold: %s', (condition) => {
    expect(holds(condition, record, unchecked)).toBe(false);
  });

  it('empty or true holds', () => {
    expect(holds("(day = 'x') or true", record, unchecked)).toBe(true);
  });

  it('wrong types never hold and never throw', () => {
    const wrong = { name: 5, weight: 'x', tags: { a: 1 }, vitals: [1, 'x'], items: 'none', pregnant: 'yes' };
    for (const condition of [
      "name = 'x'",
      'weight > 1',
      "'a' in tags",
      'vitals.systolic > 1',
      "items.where(use = 'x').exists()",
      "name.contains('x')",
    ]) {
      expect(holds(condition, wrong, unchecked)).toBe(false);
    }
  });
});

describe('values', () => {
  const value = (expression: string) => probe(`src -> tgt.language = (${expression});`, record)?.language;

  it('an empty result writes nothing', () => {
    expect(value("iif(src.count > 5, 'x')")).toBeUndefined();
    expect(value("iif(src.count > 1, src.name, 'x')")).toBe('Siti');
    expect(value('src.day')).toBeUndefined();
    expect(value("src.items.where(use = 'x').value.first()")).toBe('1');
  });

  it('numbers go where numbers belong', () => {
    expect(probe('src -> tgt.multipleBirth = (src.count + 1);', record)).toEqual({ multipleBirthInteger: 4 });
    expect(probe("src -> tgt.value = create('Quantity') as q, q.value = (src.weight * 2);", record, { type: 'Observation' })).toEqual({
      valueQuantity: { value: 21 },
    });
  });
});
