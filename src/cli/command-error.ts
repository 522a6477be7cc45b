import { AppError, type Bilingual, type ErrorCode, type Issue } from '../errors/index.ts';

/** An error of a command with words of its own: what was wrong with this very call, or what the service answered. */
export class CommandError extends AppError {
  readonly #text: Bilingual;

  constructor(code: ErrorCode, text: Bilingual, options: { cause?: unknown; issues?: readonly Issue[] } = {}) {
    super(code, {}, options);
    this.#text = text;
  }

  override get text(): Bilingual {
    return this.#text;
  }
}

/** Wrong usage: exit code 2. */
export const usage = (id: string, en: string, cause?: unknown): CommandError =>
  new CommandError('usage', { id: `Perintah tidak benar: ${id}`, en: `Wrong usage: ${en}` }, cause === undefined ? {} : { cause });

/** What could not be listened on, by the option or variable that says where. Other errors come back as they are. */
export function listenError(error: unknown, setting: string): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  if (code === 'EADDRINUSE')
    return usage(`${setting}: port sedang dipakai program lain`, `${setting}: the port is in use by another program`, error);
  if (code === 'EACCES') return usage(`${setting}: port ini tidak diizinkan`, `${setting}: this port is not allowed`, error);
  if (code === 'EADDRNOTAVAIL' || code === 'ENOTFOUND')
    return usage(`${setting}: alamat ini bukan milik komputer ini`, `${setting}: this machine does not have that address`, error);
  return error;
}
