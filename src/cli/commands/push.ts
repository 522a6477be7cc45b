import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AppError } from '../../errors/index.ts';
import { FEEDS, type Feed } from '../../store/port.ts';
import { startStage } from '../demo/stages.ts';
import { lineOf } from '../output.ts';
import type { Action } from '../program.ts';
import { cut, push } from '../push.ts';

/** Pushes a file, or what a URL answers, to a running service. Exit code 1 if anything was refused. */
export const pushFile =
  (file: string, options: { feed: string; url: string; key?: string; dryRun?: boolean }): Action =>
  async (_composition, output) => {
    const key = options.key ?? process.env.ILP_API_KEY;
    if (key === undefined) throw new AppError('usage', { detail: '--key / ILP_API_KEY' });
    const content = cut(await read(file), file);
    const stage = output.json ? undefined : startStage(path.basename(file), content.records);
    const { receipts, dryRuns } = await push({ url: options.url, key }, feedOf(options.feed), content, {
      ...(options.dryRun && { dryRun: true }),
      ...(stage && { onProgress: stage.progress }),
    });
    stage?.end();
    if (options.dryRun) {
      for (const each of dryRuns) output.say(JSON.stringify(each, null, 2));
      output.result(dryRuns);
      return 0;
    }
    const refused = receipts.filter((receipt) => receipt.state === 'failed');
    for (const receipt of refused) output.say([receipt.sourceId ?? receipt.id, ...receipt.issues.map(lineOf)].join('\n  '));
    output.say(`${receipts.length} diterima layanan / received, ${refused.length} ditolak / refused`);
    output.result({ received: receipts.length, refused: refused.length, receipts });
    return refused.length === 0 ? 0 : 1;
  };

export function feedOf(name: string): Feed {
  const feed = FEEDS.find((each) => each === name);
  if (feed === undefined) throw new AppError('usage', { detail: `--feed ${FEEDS.join(' | ')}` });
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
    throw new AppError('usage', { detail: 'berkas tidak terbaca / the file cannot be read' }, { cause });
  }
}
