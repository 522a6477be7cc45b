import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { FEEDS, type Feed } from '../../store/port.ts';
import { usage } from '../command-error.ts';
import { startStage } from '../demo/stages.ts';
import { lineOf } from '../output.ts';
import type { Action } from '../program.ts';
import { cut, push } from '../push.ts';

/** Pushes a file, or what a URL answers, to a running service. Exit code 1 if anything was refused. */
export const pushFile =
  (file: string, options: { feed: string; url: string; key?: string; dryRun?: boolean }): Action =>
  async (_composition, output) => {
    const feed = feedOf(options.feed);
    const url = serviceUrl(options.url);
    const key = options.key ?? process.env.ILP_API_KEY;
    if (!key) throw usage('kunci API tidak ada: isi ILP_API_KEY atau --key', 'there is no API key: set ILP_API_KEY or give --key');
    const content = cut(await read(file), file);
    const stage = output.json ? undefined : startStage(path.basename(file), content.records);
    const { receipts, dryRuns } = await push({ url, key }, feed, content, {
      ...(options.dryRun && { dryRun: true }),
      ...(stage && { onProgress: stage.progress }),
      // The bar draws by a timer: left running it would keep the process alive after an error.
    }).finally(() => stage?.end());
    if (options.dryRun) {
      const results = dryRuns.flatMap((each) => (each as { results: ReadonlyArray<{ verdict: { state: string } }> }).results);
      for (const each of results) output.say(JSON.stringify(each, null, 2));
      output.result(results);
      return results.some(({ verdict }) => verdict.state === 'failed') ? 1 : 0;
    }
    const refused = receipts.filter((receipt) => receipt.state === 'failed');
    for (const receipt of refused) output.say([receipt.sourceId ?? receipt.id, ...receipt.issues.map(lineOf)].join('\n  '));
    output.say(`${receipts.length} tanda terima / receipts, ${refused.length} ditolak / refused`);
    output.result({ received: receipts.length, refused: refused.length, receipts });
    return refused.length === 0 ? 0 : 1;
  };

function serviceUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw usage('--url harus alamat http:// atau https://', '--url must be an http:// or https:// address');
  return text.replace(/\/+$/, '');
}

export function feedOf(name: string): Feed {
  const feed = FEEDS.find((each) => each === name);
  if (feed === undefined) throw usage(`--feed harus salah satu dari ${FEEDS.join(', ')}`, `--feed must be one of ${FEEDS.join(', ')}`);
  return feed;
}

/** Bytes of a file or of a URL. @throws AppError `usage` when it cannot be read */
export async function read(source: string): Promise<Uint8Array> {
  try {
    if (!/^https?:\/\//.test(source)) return await readFile(source);
    const response = await fetch(source);
    if (!response.ok) throw new Error(`status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw usage(`${source} tidak dapat dibaca`, `${source} cannot be read`, cause);
  }
}
