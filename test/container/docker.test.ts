import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const context = path.resolve(import.meta.dirname, '../..');
const name = `ilp-fhir-test-${process.pid}`;
const docker = (...args: string[]) =>
  execFileSync('docker', args, { cwd: context, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

/** What is missing to build the image here; undefined: nothing. */
function missing(): string | undefined {
  if (process.env.ILP_TEST_DOCKER !== '1') return 'needs ILP_TEST_DOCKER=1';
  const info = spawnSync('docker', ['info', '--format', '{{.ServerVersion}}'], { encoding: 'utf8', timeout: 20_000 });
  if (info.error) return 'needs the program docker';
  return info.status === 0 ? undefined : 'needs a Docker engine that answers "docker info"';
}

const lack = missing();

// Asked for and not to be had is a failure; not asked for is left out, and says what it needs.
if (process.env.ILP_TEST_DOCKER === '1' && lack !== undefined) it('Docker', () => expect.fail(lack));

describe.skipIf(lack !== undefined)(`image in a Docker engine${lack === undefined ? '' : ` (${lack})`}`, { timeout: 120_000 }, () => {
  const limits = [
    '--network',
    'host',
    '--read-only',
    '--tmpfs',
    '/tmp',
    '--cap-drop',
    'ALL',
    '--security-opt',
    'no-new-privileges',
    '-m',
    '512m',
  ];
  // A port of its own: the container shares the network of the machine, whatever bridges the engine has.
  const port = String(20_000 + (process.pid % 10_000));

  const startService = async () => {
    docker('run', '-d', '--name', name, ...limits, '-v', `${name}:/data`, '-e', `ILP_PORT=${port}`, '-e', 'ILP_HOST=127.0.0.1', name);
    while (docker('inspect', '-f', '{{.State.Health.Status}}', name) === 'starting') await pause(250);
    return docker('inspect', '-f', '{{.State.Health.Status}}', name);
  };
  const stopService = () => {
    docker('stop', name);
    const code = docker('inspect', '-f', '{{.State.ExitCode}}', name);
    docker('rm', name);
    return code;
  };

  beforeAll(() => {
    docker('build', '--network', 'host', '-t', name, '.');
  }, 900_000);
  afterAll(() => {
    for (const args of [
      ['rm', '-f', name],
      ['volume', 'rm', '-f', name],
      ['rmi', name],
    ])
      spawnSync('docker', args);
  });

  it('says its version', () => {
    const { version } = JSON.parse(readFileSync(path.join(context, 'package.json'), 'utf8')) as { version: string };
    expect(docker('run', '--rm', ...limits, name, 'version')).toBe(version);
  });

  it('serves as user node on a read-only file system, stops when told, and the volume keeps the data', async () => {
    expect(await startService()).toBe('healthy');
    expect(docker('exec', name, 'id', '-un')).toBe('node');
    const { key } = JSON.parse(docker('exec', name, 'ilp-fhir', 'client', 'add', 'simpus', '--json')) as { key: string };
    const submissions = () => fetch(`http://127.0.0.1:${port}/api/v1/submissions`, { headers: { authorization: `Bearer ${key}` } });
    expect((await submissions()).status).toBe(200);
    expect(stopService()).toBe('0');

    expect(await startService()).toBe('healthy');
    expect((await submissions()).status).toBe(200);
    expect(stopService()).toBe('0');
  });
});
