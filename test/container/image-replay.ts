import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export interface Instruction {
  readonly name: string;
  /** Everything after the name, lines joined. */
  readonly text: string;
}

/** Instructions of a Dockerfile in order; comments left out, continued lines joined by a space. */
export function parseDockerfile(text: string): Instruction[] {
  const lines = text.split('\n').filter((line) => !/^\s*(#|$)/.test(line));
  const joined: string[] = [];
  let open = false;
  for (const line of lines) {
    const part = line.replace(/\\$/, '').trim();
    if (open) joined.push(`${joined.pop()} ${part}`);
    else joined.push(part);
    open = line.endsWith('\\');
  }
  return joined.map((line) => {
    const [name = '', ...rest] = line.split(' ');
    return { name: name.toUpperCase(), text: rest.join(' ').trim() };
  });
}

/** True for a path (`/` between, below the context) that a `.dockerignore` lets through: the last pattern that fits it or a folder above decides. */
export function letThrough(ignoreText: string): (file: string) => boolean {
  const rules = ignoreText
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const pattern = line.replace(/^!/, '').replace(/^\/|\/$/g, '');
      const expression = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&').replace(/\*/g, '[^/]*');
      return { allow: line.startsWith('!'), fits: new RegExp(`^${expression}(/|$)`) };
    });
  return (file) => rules.reduce((allowed, { allow, fits }) => (fits.test(file) ? allow : allowed), true);
}

/** What the instructions of the last stage leave: its files below `root`, and how it is started. */
export interface Replay {
  readonly root: string;
  /** Folder in which it starts, below `root`. */
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  readonly user: string;
  readonly volumes: readonly string[];
  /** Absolute path below `root`, then arguments. */
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
  readonly healthcheck: readonly string[];
}

type Stage = { -readonly [Key in keyof Replay]: Replay[Key] };

/**
 * Does in empty folders what the engine would do: one folder for each stage, COPY with only the files that `.dockerignore` lets through, RUN
 * by the shell with absolute paths moved below the stage's folder. Three things differ: `npm ci` links the packages of the lock file that
 * it would install from the project's own folder; `chown` is left out, which needs root; programs of the machine stand for the base image's.
 */
export function replayImage(context: string): Replay {
  const visible = letThrough(readFileSync(path.join(context, '.dockerignore'), 'utf8'));
  const folder = mkdtempSync(path.join(os.tmpdir(), 'ilp-image-'));
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const { name, text } of parseDockerfile(readFileSync(path.join(context, 'Dockerfile'), 'utf8'))) {
    if (name === 'FROM') {
      const alias = / AS (\w+)$/i.exec(text)?.[1] ?? String(stages.size);
      const root = path.join(folder, alias);
      mkdirSync(path.join(root, 'usr/local/bin'), { recursive: true });
      stage = { root, workdir: root, env: {}, user: 'root', volumes: [], entrypoint: [], cmd: [], healthcheck: [] };
      stages.set(alias, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${name} before FROM`);
    const { root, workdir } = stage;
    const inside = (file: string) => path.join(file.startsWith('/') ? root : workdir, file);
    switch (name) {
      case 'WORKDIR':
        stage.workdir = inside(text);
        mkdirSync(stage.workdir, { recursive: true });
        break;
      case 'COPY': {
        const words = text.split(/\s+/);
        const from = words[0]?.startsWith('--from=') ? words.shift()?.slice('--from='.length) : undefined;
        const target = words.pop() ?? '.';
        const source = from === undefined ? context : stages.get(from)?.root;
        if (source === undefined) throw new Error(`no stage ${from}`);
        for (const word of words) {
          const file = path.join(source, word);
          const isVisible = (each: string) => from !== undefined || visible(path.relative(context, each).split(path.sep).join('/'));
          if (!existsSync(file) || !isVisible(file)) throw new Error(`COPY ${word}: not in the context`);
          const into = statSync(file).isFile() && target.endsWith('/') ? path.join(inside(target), path.basename(word)) : inside(target);
          cpSync(file, into, { recursive: true, verbatimSymlinks: true, filter: isVisible });
        }
        break;
      }
      case 'RUN':
        if (text.startsWith('npm ci ')) linkPackages(context, workdir, text.includes('--omit=dev'));
        else {
          const moved = text.replaceAll(/\bchown \S+ \S+/g, ':').replaceAll(/(?<=\s)\/(?=\w)/g, `${root}/`);
          execFileSync('/bin/sh', ['-c', moved], { cwd: workdir, env: programEnvironment(), stdio: 'pipe' });
        }
        break;
      case 'ENV':
        stage.env = { ...stage.env, ...Object.fromEntries(text.split(/\s+/).map((pair) => pair.split('='))) };
        break;
      case 'USER':
        stage.user = text;
        break;
      case 'VOLUME':
        stage.volumes = [...stage.volumes, text];
        break;
      case 'ENTRYPOINT': {
        const [program = '', ...rest] = JSON.parse(text) as string[];
        stage.entrypoint = [path.join(root, 'usr/local/bin', program), ...rest];
        break;
      }
      case 'CMD':
        stage.cmd = JSON.parse(text) as string[];
        break;
      case 'HEALTHCHECK':
        stage.healthcheck = JSON.parse(text.slice(text.indexOf('['))) as string[];
        break;
      case 'EXPOSE':
        break;
      default:
        throw new Error(`instruction ${name} cannot be replayed`);
    }
  }
  if (stage === undefined) throw new Error('no stage');
  return stage;
}

/** Environment of a program of the image: nothing of this machine but the way to its programs. */
export function programEnvironment(env: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return {
    PATH: [path.dirname(process.execPath), process.env.PATH].join(path.delimiter),
    // The packages are links: without this a package would find its neighbours where the link leads, development packages too.
    NODE_OPTIONS: '--preserve-symlinks',
    ...env,
  };
}

interface LockFile {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

function linkPackages(context: string, workdir: string, production: boolean): void {
  if (!production) {
    symlinkSync(path.join(context, 'node_modules'), path.join(workdir, 'node_modules'));
    return;
  }
  const { packages } = JSON.parse(readFileSync(path.join(workdir, 'package-lock.json'), 'utf8')) as LockFile;
  for (const [name, { dev, devOptional }] of Object.entries(packages)) {
    // Nested packages come with the one that holds them; optional ones of other machines are not there.
    const nested = name.lastIndexOf('node_modules/') > 0;
    const installed = path.join(context, name);
    if (name === '' || nested || dev || devOptional || !existsSync(installed)) continue;
    const link = path.join(workdir, name);
    mkdirSync(path.dirname(link), { recursive: true });
    symlinkSync(installed, link);
  }
}

/** Files below a folder, links not followed, with size and time of change: to see what a program wrote. */
export function filesOf(folder: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const file = path.join(entry.parentPath, entry.name);
    const { size, mtimeMs } = statSync(file);
    files.set(path.relative(folder, file), `${size} ${mtimeMs}`);
  }
  return files;
}
