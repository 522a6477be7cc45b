import { execFile, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const FOLDER = path.join(import.meta.dirname, '../../conformance/hl7-maps');
const CLASSPATH = 'org.apache.maven.plugins:maven-dependency-plugin:3.6.1:build-classpath';

export interface Hl7Case {
  readonly name: string;
  readonly map: string;
  readonly imports: readonly string[];
  /** Type of the resource that the first group makes. */
  readonly target: string;
  /** A resource. */
  readonly input: unknown;
}

export type Hl7Answer = { readonly result: unknown } | { readonly error: string };

/**
 * Runs maps on HL7's own engine: Java 17 and Maven, or the command in `ILP_HL7_MAPS`, which reads and writes the same lines of JSON.
 *
 * @returns by name; undefined where the engine is not there, which is said on standard error
 */
export async function runHl7Maps(cases: readonly Hl7Case[]): Promise<ReadonlyMap<string, Hl7Answer> | undefined> {
  const command = await commandOf();
  if (command === undefined) return undefined;
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => {
    child.once('close', resolve);
    child.once('error', () => resolve(null));
  });
  let last = '';
  child.stderr.on('data', (data: Buffer) => {
    last = (last + data.toString()).slice(-2_000);
  });
  // One that ends early is told by what it left out.
  child.stdin.on('error', () => {});
  child.stdin.end(cases.map((one) => `${JSON.stringify(one)}\n`).join(''));
  const answers = new Map<string, Hl7Answer>();
  for await (const line of createInterface({ input: child.stdout })) {
    const answer = parsed(line);
    if (answer !== undefined)
      answers.set(answer.name, answer.result === undefined ? { error: answer.error ?? '' } : { result: answer.result });
  }
  const code = await ended;
  if (code === 0 && answers.size === cases.length) return answers;
  console.error(
    `HL7's map engine answered ${answers.size} of ${cases.length} (exit code ${code}): ${last.trim().split('\n').at(-1) ?? ''}`,
  );
  return undefined;
}

function parsed(line: string): { readonly name: string; readonly result?: unknown; readonly error?: string } | undefined {
  try {
    const answer = JSON.parse(line);
    return typeof answer?.name === 'string' ? answer : undefined;
  } catch {
    return undefined;
  }
}

/** Undefined, and said, where something is missing. */
async function commandOf(): Promise<readonly string[] | undefined> {
  const own = process.env.ILP_HL7_MAPS;
  if (own) return own.split(' ');
  for (const tool of ['java', 'mvn']) {
    const isThere = await promisify(execFile)(tool, ['-version']).then(
      () => true,
      () => false,
    );
    if (isThere) continue;
    console.error(`${tool} is missing: HL7's map engine is not asked (Java 17 and Maven, or a command in ILP_HL7_MAPS)`);
    return undefined;
  }
  const pom = path.join(FOLDER, 'pom.xml');
  const cache = path.join(process.env.XDG_CACHE_HOME ?? path.join(os.homedir(), '.cache'), 'ilp-fhir-hl7-maps');
  mkdirSync(cache, { recursive: true });
  const file = path.join(cache, `${createHash('sha256').update(readFileSync(pom)).digest('hex').slice(0, 16)}.classpath`);
  const build = (...more: string[]) => promisify(execFile)('mvn', [...more, '-q', '-f', pom, CLASSPATH, `-Dmdep.outputFile=${file}`]);
  if (!existsSync(file)) {
    const problem = await build('-o')
      .catch(() => build())
      .catch((error: Error) => error);
    if (problem instanceof Error) {
      console.error("Maven cannot get HL7's map engine: it is not asked");
      return undefined;
    }
  }
  return ['java', '-cp', readFileSync(file, 'utf8').trim(), path.join(FOLDER, 'Hl7Maps.java')];
}
