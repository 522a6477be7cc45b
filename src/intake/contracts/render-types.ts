import { compile } from 'json-schema-to-typescript';
import type { ContractSchema } from './index.ts';

type Node = Record<string, unknown>;

/**
 * The text of `types.ts`: one interface per feed of contract 2, before formatting. Development only; the package it uses is not part
 * of a production install. All feeds are compiled as one schema, so that a shared definition becomes one type.
 */
export async function renderContractTypes(contracts: Readonly<Record<string, Readonly<Record<string, ContractSchema>>>>): Promise<string> {
  const shared: Node = {};
  const feeds: Node = {};
  for (const versions of Object.values(contracts)) {
    const schema = versions['2'];
    if (!schema) continue;
    const { $defs, $schema: _dialect, $id: _id, ...body } = structuredClone(schema) as Node;
    Object.assign(shared, $defs);
    feeds[String(body.title)] = body;
  }
  const primitives = new Map(Object.entries(shared).filter(([, definition]) => (definition as Node).type !== 'object'));
  const definitions = Object.fromEntries(Object.entries(shared).filter(([name]) => !primitives.has(name)));
  const all = {
    title: 'ContractRecords',
    description: 'Catatan ternormalisasi menurut feed; Normalised records by feed',
    type: 'object',
    additionalProperties: false,
    required: Object.keys(feeds),
    properties: feeds,
    definitions,
  };
  const text = await compile(simplify(all, primitives) as never, 'ContractRecords', {
    bannerComment: '/* Generated from *-2.schema.json by generate-types.ts. Change the schemas, not this file. */',
    format: false,
    ignoreMinAndMaxItems: true,
  });
  return text;
}

/** Primitive definitions are put in place; a reference to an object keeps only its target, or it would become a type of its own. */
function simplify(node: unknown, primitives: ReadonlyMap<string, unknown>): unknown {
  if (Array.isArray(node)) return node.map((child) => simplify(child, primitives));
  if (typeof node !== 'object' || node === null) return node;
  const { $ref, ...rest } = node as Node;
  if (typeof $ref === 'string') {
    const name = $ref.slice($ref.lastIndexOf('/') + 1);
    const primitive = primitives.get(name) as Node | undefined;
    if (!primitive) return { $ref: `#/definitions/${name}` };
    const { title: _title, ...definition } = primitive;
    return { ...definition, ...rest };
  }
  return Object.fromEntries(Object.entries(rest).map(([key, child]) => [key, simplify(child, primitives)]));
}
