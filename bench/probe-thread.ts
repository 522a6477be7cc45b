import http from 'node:http';
import { parentPort, workerData } from 'node:worker_threads';

/*
 * Asks again and again, each time when the answer before has come and a short pause is over, and tells how long each answer took. In a
 * thread of its own, so that what the benchmark does meanwhile is not counted as waiting.
 */
const { url, headers, pauseMs } = workerData as { url: string; headers: Record<string, string>; pauseMs: number };
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const millis: number[] = [];
let stopped = false;

parentPort?.once('message', () => {
  stopped = true;
});

function ask(): Promise<void> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const request = http.get(url, { agent, headers }, (response) => {
      response.resume();
      response.once('end', () => {
        millis.push(performance.now() - started);
        if (response.statusCode === 200) resolve();
        else reject(new Error(`status ${response.statusCode}`));
      });
    });
    request.once('error', reject);
  });
}

while (!stopped) {
  await ask();
  await new Promise((resolve) => setTimeout(resolve, pauseMs));
}
agent.destroy();
parentPort?.postMessage(millis);
