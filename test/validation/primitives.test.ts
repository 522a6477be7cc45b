import { describe, expect, test } from 'vitest';
import { compareDates, isAbsoluteUri, PRIMITIVES } from '../../src/validation/primitives.ts';

const CASES: Record<string, { good: unknown[]; bad: unknown[] }> = {
  base64Binary: { good: ['QQ==', 'QUJD', 'QU JD'], bad: ['', 'Q', 'Q===', 'QUJ*', 1] },
  boolean: { good: [true, false], bad: ['true', 0, null] },
  canonical: { good: ['http://x.example/a|1', '#a'], bad: ['', 'a b'] },
  code: { good: ['a', 'a b', 'a-b.c'], bad: ['', ' a', 'a ', 'a  b', 5] },
  date: {
    good: ['2024', '2024-02', '2024-02-29', '2000-02-29', '2023-12-31'],
    bad: [
      '2023-02-29',
      '1900-02-29',
      '2023-02-30',
      '2023-04-31',
      '2023-13-01',
      '2023-00-01',
      '2023-1-1',
      '0000-01-01',
      '01/02/2023',
      '2023-01-01T00:00:00Z',
      2023,
    ],
  },
  dateTime: {
    good: [
      '2023',
      '2023-01',
      '2023-01-01',
      '2023-01-01T10:00:00Z',
      '2023-01-01T10:00:00.123+07:00',
      '2023-06-30T23:59:60Z',
      '2023-01-01T00:00:00+14:00',
    ],
    bad: [
      '2023-01-01T10:00:00',
      '2023-01-01T10:00Z',
      '2023-02-30T10:00:00Z',
      '2023-01-01T24:00:00Z',
      '2023-01-01T10:60:00Z',
      '2023-01-01T10:00:00+15:00',
      '2023-01-01 10:00:00Z',
    ],
  },
  decimal: { good: [0, -1.5, 1e10], bad: ['1', Number.NaN, Number.POSITIVE_INFINITY, null] },
  id: { good: ['a', 'A-1.b', 'x'.repeat(64)], bad: ['', 'a_b', 'x'.repeat(65), 'a/b'] },
  instant: {
    good: ['2023-01-01T10:00:00Z', '2023-01-01T10:00:00.5-01:00'],
    bad: ['2023-01-01', '2023-01-01T10:00:00', '2023-02-29T10:00:00Z'],
  },
  integer: { good: [0, -1, 2147483647], bad: [1.5, 2147483648, '1', -2147483649] },
  markdown: { good: ['a'], bad: ['', '  '] },
  oid: { good: ['urn:oid:1.2.360.1', 'urn:oid:1.3.6'], bad: ['urn:oid:1.2.3', 'urn:oid:01.2', '1.2.3', 'urn:oid:3.1'] },
  positiveInt: { good: [1], bad: [0, -1, 1.5] },
  string: { good: ['a', ' a', 'é', '\ta'], bad: ['', '   ', 1, {}] },
  time: { good: ['10:00:00', '23:59:60'], bad: ['23:59:59.5', '10:00', '24:00:00', '10:00:00Z'] },
  unsignedInt: { good: [0, 1], bad: [-1, 0.5] },
  uri: {
    good: [
      'http://x.example',
      'a/b',
      'urn:uuid:00000000-0000-4000-8000-000000000000',
      'urn:uuid:00000000-0000-4000-8000-000000000000#a',
      'urn:iso:std:iso:4217',
    ],
    bad: ['', 'a b', 'urn:uuid:1', 'urn:uuid:ABCDEF00-0000-4000-8000-000000000000', 'urn:oid:x', 'oid:1.2.360.1', 'uuid:1', 7],
  },
  url: { good: ['https://x.example'], bad: [''] },
  uuid: { good: ['urn:uuid:00000000-0000-4000-8000-000000000000'], bad: ['00000000-0000-4000-8000-000000000000'] },
  xhtml: {
    good: [
      '<div xmlns="http://www.w3.org/1999/xhtml" lang="id"><!-- a --><table border="1"><tr><td colspan="2">a &lt; b &#233;</td></tr></table><a href="#b">a</a><a name="b">b</a></div>',
      '<div xmlns="http://www.w3.org/1999/xhtml">a</div>',
      '<div xmlns="http://www.w3.org/1999/xhtml"><img src="#a"/></div>',
    ],
    bad: [
      '<p>a</p>',
      '<div>a</div>',
      ...[
        '<p>a</div>',
        'a<br>',
        'a & b',
        'a &nbsp; b',
        'a < b',
        '<font color="red">a</font>',
        '<unknown>a</unknown>',
        '<p foo="a">a</p>',
        '<td>a</td>',
        '<a href="#b">a</a>',
        '<a href="a b">a</a>',
        '<b id="a">a</b><b id="a">b</b>',
        '<![CDATA[a]]>',
        '<!-- a -->',
      ].map((inside) => `<div xmlns="http://www.w3.org/1999/xhtml">${inside}</div>`),
      '<div xmlns="http://www.w3.org/1999/xhtml/">a</div>',
      '<div xmlns="http://www.w3.org/1999/xhtml"></div>',
      '<div xmlns="http://www.w3.org/1999/xhtml"><script>x</script></div>',
      '<div xmlns="http://www.w3.org/1999/xhtml"><b onclick="x">a</b></div>',
      1,
    ],
  },
};

test('every primitive type of R4 has cases', () => {
  expect(Object.keys(CASES).sort()).toEqual(Object.keys(PRIMITIVES).sort());
});

describe.each(Object.entries(CASES))('%s', (type, { good, bad }) => {
  test.each(good)('accepts %j', (value) => expect(PRIMITIVES[type]?.(value)).toBe(true));
  test.each([...bad, undefined, []])('refuses %j', (value) => expect(PRIMITIVES[type]?.(value)).toBe(false));
});

test('an absolute URI has a scheme', () => {
  expect(isAbsoluteUri('http://loinc.org')).toBe(true);
  expect(isAbsoluteUri('loinc')).toBe(false);
});

test.each([
  ['2023-01-01', '2023-01-02', -1],
  ['2023-01-02T00:00:00+07:00', '2023-01-01T17:00:00Z', 0],
  ['2023-01-02T00:00:00Z', '2023-01-01T17:00:01Z', 1],
  ['2023', '2023-05-01', undefined],
  ['2024', '2023-05-01', 1],
  ['2023-05-02', '2023-05-01T23:00:00-05:00', undefined],
  ['2023-05-03', '2023-05-01T23:00:00Z', 1],
])('order of %s and %s is %s', (a, b, order) => expect(compareDates(a, b)).toBe(order));
