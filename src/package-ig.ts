import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { packageRoot, readAssets } from './config/index.ts';
import { definitionsOf, type PackageFiles, packageFiles } from './definitions.ts';
import { compileEngines, mapVersionOf } from './engines.ts';

/** The files of the package that is made of what this repository ships. */
export function shippedPackage(): PackageFiles {
  const assets = readAssets();
  return packageFiles(definitionsOf(assets.profiles, compileEngines(assets), mapVersionOf(assets.mappings)));
}

/**
 * Writes the package as `<name>-<version>.tgz`. A FHIR package has the form of an npm package, so `npm pack` makes it.
 *
 * @returns path of the file
 */
export function writePackage(folder: string, files: PackageFiles = shippedPackage()): string {
  const work = mkdtempSync(path.join(os.tmpdir(), 'ilp-ig-'));
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(path.join(work, name), text);
    mkdirSync(folder, { recursive: true });
    const npm = ['pack', '--json', '--ignore-scripts', '--loglevel', 'error'];
    const [packed] = JSON.parse(execFileSync('npm', npm, { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })) as [
      { filename: string },
    ];
    const target = path.join(folder, packed.filename);
    // The two folders may be on different disks.
    copyFileSync(path.join(work, packed.filename), target);
    return target;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const target = writePackage(path.join(packageRoot, 'dist'));
  process.stdout.write(`${path.relative(packageRoot, target)}\n`);
}
