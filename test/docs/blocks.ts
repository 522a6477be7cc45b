import { readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../..');

/** A fenced `sh` block of a document. */
export interface Block {
  /** Path below the repository. */
  readonly file: string;
  /** Line of its first command, from 1. */
  readonly line: number;
  readonly text: string;
}

/** The `sh` blocks of a document, in its order. */
export function blocksOf(file: string): readonly Block[] {
  const blocks: Block[] = [];
  let open: { line: number; lines: string[] } | undefined;
  for (const [index, line] of readFileSync(path.join(root, file), 'utf8').split('\n').entries()) {
    if (open === undefined && line === '```sh') open = { line: index + 2, lines: [] };
    else if (open !== undefined && line === '```') {
      blocks.push({ file, line: open.line, text: open.lines.join('\n') });
      open = undefined;
    } else open?.lines.push(line);
  }
  return blocks;
}

/** Blocks that no test runs, by their first line, and why. */
export const NOT_RUN: ReadonlyMap<string, string> = new Map([
  ['npm ci && npm run demo', 'installs anew; the demo itself is run by test/e2e, and .ci/run does npm ci'],
  ['npm ci && npm test', 'is what runs this test; .ci/run does it'],
  ['export ILP_ENVIRONMENT=staging', 'needs a SATUSEHAT account; the same commands run against the simulator'],
  ['npm ci --omit=dev', 'removes the packages that tests need; npm start is run from the README'],
  ["printf 'POSTGRES_PASSWORD=%s\\nILP_SECRET_KEY=%s\\n'", 'needs a container engine; test/container looks at compose.yaml'],
]);

/** Blocks that run until they are stopped, by their first words. */
export const SERVERS = ['npm run sandbox', 'npm start'] as const;

export const reasonNotRun = ({ text }: Block): string | undefined => [...NOT_RUN].find(([start]) => text.startsWith(start))?.[1];
export const isServer = ({ text }: Block): boolean => SERVERS.some((start) => text.startsWith(start));
