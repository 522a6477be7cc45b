import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../store/engines.ts';
import { closeDistricts, createDistrict, type District, post, until, visitOf } from './district.ts';
import { createProcesses } from './processes.ts';

const input = path.join(import.meta.dirname, '../../mappings/packs/resume-medis/tests/lengkap/input.json');
const { services, vitals, diagnoses, labRequests } = (JSON.parse(readFileSync(input, 'utf8')) as { raw: Record<string, unknown> }).raw;

type Row = Record<string, unknown>;
const isDone = ({ state }: Row): boolean => state === 'completed';
const isRefused = ({ state }: Row): boolean => ['on-hold', 'failed', 'cancelled'].includes(String(state));

closeDistricts();

describe('a whole outpatient visit', () => {
  const processes = createProcesses();
  let district: District;

  beforeAll(async () => {
    district = await createDistrict(createEngine('sqlite'), processes, { persons: 1 });
  });

  it('is accepted by the platform, with all that came out of its answers', async () => {
    const service = await district.serve();
    await district.register(service.url);
    const answer = await post(service.url, district.key, 'encounters', visitOf(0, 1, { services, vitals, diagnoses, labRequests }));
    expect(answer.body.receipts).toMatchObject([{ state: 'ready', issues: [] }]);
    const rows = await until(
      () => district.rows('select kind, state, reason from delivery order by id'),
      (found) => found.length === 3 && (found.every(isDone) || found.some(isRefused)),
    );
    expect(rows.map(({ kind, state, reason }) => [kind, state, reason])).toEqual([
      ['organization', 'completed', null],
      ['location', 'completed', null],
      ['encounter', 'completed', null],
    ]);
  });
});
