import type { TestProject } from 'vitest/node';
import setup from '../store/postgres-server.ts';

/** The PostgreSQL of the tests, for a run outside of them. */
export async function startPostgres(): Promise<{ url: string; stop(): Promise<void> }> {
  let starter = '';
  const provide = (_name: string, address: string): void => {
    starter = address;
  };
  const stop = await setup({ provide } as unknown as TestProject);
  const answer = await fetch(starter);
  const url = await answer.text();
  if (!answer.ok) throw new Error(url);
  return { url, stop };
}
