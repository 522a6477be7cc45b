import { randomUUID } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openStore } from '../../src/store/index.ts';
import { delivery, observation, submission, write } from './records.ts';

/** Commits without end, several at once, and prints the id of each commit that was acknowledged. Killed by `crash.test.ts`. */
const store = await openStore(process.argv[2] ?? '');
await store.migrate();

const work = async () => {
  for (;;) {
    const id = randomUUID();
    const resources = Array.from({ length: 50 }, () => observation({ subject: { reference: `Patient/${id}` } }));
    await store.commit({
      submissions: [submission({ id, resources: resources.map((resource) => `Observation/${resource.id}`) })],
      resources: resources.map((resource) => write(resource, { submission: id })),
      deliveries: [delivery(`encounter:${id}`, { submission: id })],
    });
    writeSync(1, `${id}\n`);
  }
};
await Promise.all([work(), work(), work()]);
