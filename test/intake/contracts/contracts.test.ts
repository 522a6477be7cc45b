import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { describe, expect, it } from 'vitest';
import { CONTRACTS, detectContract, WITHDRAWAL_CONTRACT } from '../../../src/intake/contracts/index.ts';
import { renderContractTypes } from '../../../src/intake/contracts/render-types.ts';

const ajv = () => {
  const instance = new Ajv2020({ allErrors: true, strict: true, strictRequired: false, allowUnionTypes: true });
  formats.default(instance);
  return instance;
};
const schemas = [...Object.values(CONTRACTS).flatMap((versions) => Object.values(versions)), WITHDRAWAL_CONTRACT];

describe('contracts', () => {
  it('compile in strict mode', () => {
    for (const schema of schemas) expect(() => ajv().compile(schema)).not.toThrow();
  });

  it('say the same in shared definitions of different feeds', () => {
    const known = new Map<string, string>();
    for (const schema of schemas) {
      for (const [name, definition] of Object.entries((schema.$defs as Record<string, unknown>) ?? {})) {
        const text = JSON.stringify(definition);
        expect(known.get(name) ?? text, name).toBe(text);
        known.set(name, text);
      }
    }
  });

  it('describe every field in Indonesian and English', () => {
    const walk = (node: unknown, path: string): void => {
      if (typeof node !== 'object' || node === null) return;
      const properties = (node as { properties?: Record<string, { description?: string; $ref?: string }> }).properties;
      for (const [name, property] of Object.entries(properties ?? {})) {
        if (!property.$ref) expect(property.description, `${path}.${name}`).toBeTruthy();
      }
      for (const [name, child] of Object.entries(node)) walk(child, `${path}/${name}`);
    };
    for (const schema of schemas) walk(schema, String(schema.$id));
  });

  it('generate exactly the types that are committed', async () => {
    const bare = (text: string) => text.replace(/[\s;|()]/g, '').replaceAll('"', "'");
    const committed = readFileSync(new URL('../../../src/intake/contracts/types.ts', import.meta.url), 'utf8');
    expect(bare(committed)).toBe(bare(await renderContractTypes(CONTRACTS)));
  });

  it('recognise contract 1 by source_id', () => {
    expect(detectContract({ source_id: 'a' })).toBe('1');
    expect(detectContract({ sourceId: 'a' })).toBe('2');
    expect(detectContract({})).toBe('2');
  });
});
