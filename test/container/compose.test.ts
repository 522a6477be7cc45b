import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { load, YAML11_SCHEMA } from 'js-yaml';
import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.ts';
import { run, start } from './program.ts';

interface Service {
  readonly image: string;
  readonly build?: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly depends_on?: Readonly<Record<string, { condition: string }>>;
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly read_only?: boolean;
  readonly cap_drop?: readonly string[];
}

const context = path.resolve(import.meta.dirname, '../..');
const text = readFileSync(path.join(context, 'compose.yaml'), 'utf8');
// YAML 1.1 knows the merge key `<<`, as compose does.
const compose = load(text, { schema: YAML11_SCHEMA }) as { services: Record<string, Service>; volumes: Record<string, null> };
const services = Object.entries(compose.services);
const ours = services.filter(([, { image }]) => image === 'ilp-fhir');
const replicas = ours.filter(([, { command }]) => command === undefined);
const program = (args: readonly string[]) => [process.execPath, path.join(context, 'src/main.ts'), ...args];

/** Puts values in place of `${NAME:?message}`, as compose does with --env-file. */
function filled(value: string): string {
  const values: Record<string, string> = { POSTGRES_PASSWORD: 'ab'.repeat(16), ILP_SECRET_KEY: 'cd'.repeat(32) };
  return value.replace(/\$\{(\w+):\?[^}]*\}/g, (_whole, name: string) => values[name] ?? expect.fail(`${name} is not in .env.compose`));
}

describe('compose.yaml', () => {
  it('is two replicas of the service, PostgreSQL and the simulator', () => {
    expect(services.map(([name]) => name).sort()).toEqual(['database', 'sandbox', 'service-1', 'service-2']);
    expect(replicas.map(([name]) => name)).toEqual(['service-1', 'service-2']);
    expect(ours.every(([, { build }]) => build === '.')).toBe(true);
  });

  it('gives the service variables that it knows and accepts, and both replicas the same', () => {
    const [first, second] = replicas.map(([, { environment = {} }]) => environment);
    expect(second).toEqual(first);
    const environment = Object.fromEntries(Object.entries(first ?? {}).map(([name, value]) => [name, filled(value)]));
    expect(parseConfig(environment)).toMatchObject({
      environment: 'sandbox',
      database: { engine: 'postgres' },
      platform: { authUrl: 'http://sandbox:8090/oauth2/v1', fhirUrl: 'http://sandbox:8090/fhir-r4/v1' },
    });
  });

  it('asks for the variables that docs/operations.md makes', () => {
    const asked = new Set([...text.matchAll(/\$\{(\w+)/g)].map(([, name]) => name));
    const line = readFileSync(path.join(context, 'docs/operations.md'), 'utf8').match(/^printf '(.*)' .*> \.env\.compose$/m)?.[1] ?? '';
    expect([...line.matchAll(/([A-Z_]+)=%s/g)].map(([, name]) => name).sort()).toEqual([...asked].sort());
  });

  it('names services, volumes and files that exist', () => {
    for (const [, { depends_on = {}, volumes = [] }] of services) {
      expect(Object.keys(depends_on).filter((name) => compose.services[name]?.healthcheck === undefined)).toEqual([]);
      for (const volume of volumes) {
        const source = volume.split(':')[0] ?? '';
        expect(source.startsWith('.') ? existsSync(path.join(context, source)) : source in compose.volumes, volume).toBe(true);
      }
    }
  });

  it('publishes to this machine only, each port once, and never the database', () => {
    const published = services.flatMap(([, { ports = [] }]) => ports);
    expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([]);
    expect(new Set(published).size).toBe(published.length);
    expect(compose.services.database?.ports).toBeUndefined();
  });

  it('runs our image without rights and with nothing to write to', () => {
    for (const [, service] of ours) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
  });

  it('starts the simulator by a command that exists, with people, and asks it for its health', async () => {
    const { command = [], healthcheck, volumes = [] } = compose.services.sandbox as Service;
    const [from = '', to = ''] = volumes[0]?.split(':') ?? [];
    const port = command[command.indexOf('--port') + 1] ?? '';
    const here = command.map((word) =>
      word === port ? '0' : word === '0.0.0.0' ? '127.0.0.1' : word.replace(to, path.join(context, from)),
    );
    const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-compose-'));
    const sandbox = start(program([...here, '--json']), { cwd: folder });
    const { port: open, origin } = new URL(await sandbox.url);
    expect((await fetch(`${origin}/_sandbox/counts`)).status).toBe(200);
    const [, ...check] = (healthcheck?.test ?? []).map((word) => word.replace(`:${port}/`, `:${open}/`));
    expect(await run(check, { cwd: folder })).toMatchObject({ code: 0 });
    sandbox.process.kill('SIGTERM');
    expect(await sandbox.ended).toMatchObject({ code: 0 });
    expect(await run(check, { cwd: folder })).toMatchObject({ code: 1 });
    rmSync(folder, { recursive: true });
  });
});
