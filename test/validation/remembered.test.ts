import { expect, test } from 'vitest';
import { remembered } from '../../src/validation/remembered.ts';

test('a text is asked once, a long one each time, and what is kept has an end', () => {
  const asked: string[] = [];
  const length = remembered((text) => {
    asked.push(text);
    return text.length;
  });
  expect([length('2026-11-23'), length('2026-11-23')]).toEqual([10, 10]);
  expect(asked).toEqual(['2026-11-23']);

  const long = 'x'.repeat(129);
  expect([length(long), length(long)]).toEqual([129, 129]);
  expect(asked).toHaveLength(3);

  for (let i = 0; i < 1_000; i++) length(`other ${i}`);
  length('2026-11-23');
  expect(asked.at(-1)).toBe('2026-11-23');
});

test('false and NaN are answers too', () => {
  let asked = 0;
  const never = remembered(() => {
    asked++;
    return false;
  });
  const time = remembered((text) => {
    asked++;
    return Date.parse(text);
  });
  expect([never('a'), never('a'), time('a'), time('a')]).toEqual([false, false, Number.NaN, Number.NaN]);
  expect(asked).toBe(2);
});
