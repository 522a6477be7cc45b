import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { packageRoot } from '../../src/config/assets.ts';
import { parseConfig } from '../../src/config/config.ts';
import { configurationDoc, envExample } from '../../src/config/describe.ts';
import { resolveSecretKey } from '../../src/config/secret-key.ts';
import { VARIABLES } from '../../src/config/variables.ts';
import { AppError } from '../../src/errors/index.ts';

const folder = () => mkdtempSync(path.join(os.tmpdir(), 'ilp-config-'));
const hex = 'ab'.repeat(32);

function mistakes(environ: Record<string, string>): string[] {
  try {
    parseConfig(environ);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    return (error as AppError).issues.map(({ field }) => field ?? '');
  }
  return [];
}

describe('configuration', () => {
  it('an empty environment gives the defaults, frozen to the bottom', () => {
    const config = parseConfig({});
    expect(config.environment).toBe('sandbox');
    expect(config.database).toEqual({ engine: 'sqlite', path: path.resolve('data/ilp.sqlite') });
    expect(config.platform.fhirUrl).toBe('http://127.0.0.1:8090/fhir-r4/v1');
    expect(Object.isFrozen(config.jobs['sync-send'])).toBe(true);
  });

  it('the environment chooses the official hosts', () => {
    expect(parseConfig({ ILP_ENVIRONMENT: 'staging' }).platform.authUrl).toBe('https://api-satusehat-stg.dto.kemkes.go.id/oauth2/v1');
    expect(parseConfig({ ILP_ENVIRONMENT: 'production', ILP_SECRET_KEY: hex }).platform.fhirUrl).toBe(
      'https://api-satusehat.kemkes.go.id/fhir-r4/v1',
    );
  });

  it('every mistake is named at once, and no value is shown', () => {
    const environ = {
      ILP_PORT: 'eighty',
      ILP_ENVIRONMENT: 'prod',
      ILP_ID_KEY: 'short-secret',
      ILP_JOB_SYNC_SEND_SCHEDULE: 'every day',
      ILP_JOB_SYNC_SEND_ZONE: 'Brebes',
      ILP_PLATFROM_FHIR_URL: 'http://x',
      ILP_WORKER_CONCURRENCY: '900',
    };
    expect(mistakes(environ).sort()).toEqual(Object.keys(environ).sort());
    try {
      parseConfig(environ);
    } catch (error) {
      expect(JSON.stringify((error as AppError).issues) + (error as Error).message).not.toContain('short-secret');
      expect((error as Error).message).toContain('did you mean ILP_PLATFORM_FHIR_URL');
    }
  });

  it('what single commands read may be set while the service starts', () => {
    expect(mistakes({ ILP_API_KEY: 'ilp_x', ILP_CLIENT_SECRET: 'short-secret', ILP_DEBUG: '1' })).toEqual([]);
  });

  it('secrets come from files too, but not from both', () => {
    const file = path.join(folder(), 'key');
    writeFileSync(file, `${Buffer.from(hex, 'hex').toString('base64')}\n`);
    expect(parseConfig({ ILP_SECRET_KEY_FILE: file }).secretKey).toBe(hex);
    expect(mistakes({ ILP_SECRET_KEY_FILE: file, ILP_SECRET_KEY: hex })).toEqual(['ILP_SECRET_KEY']);
    expect(mistakes({ ILP_SECRET_KEY_FILE: `${file}.absent` })).toEqual(['ILP_SECRET_KEY_FILE']);
    expect(mistakes({ ILP_CA_FILE: `${file}.absent` })).toEqual(['ILP_CA_FILE']);
  });

  it('PostgreSQL and production need a secret key', () => {
    expect(mistakes({ ILP_DATABASE: 'postgres://u:p@h/d' })).toEqual(['ILP_SECRET_KEY']);
    expect(mistakes({ ILP_ENVIRONMENT: 'production' })).toEqual(['ILP_SECRET_KEY']);
  });

  it('SQLite without a key gets a key file of its own that only its owner reads', () => {
    const config = parseConfig({ ILP_DATABASE: path.join(folder(), 'data', 'ilp.sqlite') });
    const key = resolveSecretKey(config);
    expect(key).toMatch(/^[0-9a-f]{64}$/);
    expect(resolveSecretKey(config)).toBe(key);
    if (config.database.engine === 'sqlite') expect(statSync(`${config.database.path}.key`).mode & 0o777).toBe(0o600);
  });

  it('the papers are those of the table', () => {
    const fix = 'run: npx node src/config/describe.ts';
    expect(readFileSync(path.join(packageRoot, '.env.example'), 'utf8'), fix).toBe(envExample());
    expect(readFileSync(path.join(packageRoot, 'docs/configuration.md'), 'utf8'), fix).toBe(configurationDoc());
    for (const { name } of VARIABLES) expect(envExample()).toContain(`#${name}=`);
  });
});
