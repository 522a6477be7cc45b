import { describe, expect, it } from 'vitest';
import { fieldName } from '../../src/errors/index.ts';

describe('a field’s name from outside', () => {
  it.each([
    ['catatan', false, 'catatan'],
    ['tgl_lahir.x-1', false, 'tgl_lahir.x-1'],
    ['9929014102777001', false, '#'],
    ['nik9929014102777001', false, 'nik#'],
    ['Siti Aminah', false, '#'],
    ['Tekanan Darah', true, 'Tekanan Darah'],
    ['a\u0000b', false, 'ab'],
    ['x'.repeat(100), false, 'x'.repeat(64)],
    ['', false, ''],
  ])('%j (known: %s) is shown as %j', (name, known, shown) => {
    expect(fieldName(name, known)).toBe(shown);
  });
});
