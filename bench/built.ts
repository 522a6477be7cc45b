import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Effort } from './measure.ts';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));
export const SOURCE = path.join(ROOT, 'src');
const DIST = path.join(ROOT, 'dist');
/** What the compiler leaves. */
const BESIDE = ['bin.mjs', 'compile-cache.mjs', 'runtime.json'];

/** Folder of what the image and an installed service run; from sources, Node strips the types of every file first. */
export function builtProgram(effort: Effort): string {
  if (effort.quick) return SOURCE;
  execFileSync(process.execPath, [path.join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', 'tsconfig.build.json'], { cwd: ROOT });
  for (const each of BESIDE) copyFileSync(path.join(SOURCE, each), path.join(DIST, each));
  return DIST;
}
