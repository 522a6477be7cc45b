import { AppError, type Bilingual, type Issue } from '../errors/index.ts';

/** What is wrong with a variable, and what it must be. */
export const mistake = (name: string, text: Bilingual): Issue => ({
  severity: 'error',
  code: 'config',
  field: name,
  text: { id: `${name}: ${text.id}`, en: `${name}: ${text.en}` },
});

/** All mistakes as one error, each language in its own text. */
export function wrongConfig(issues: readonly Issue[], cause?: unknown): AppError {
  const detail = { id: issues.map(({ text }) => text.id).join('; '), en: issues.map(({ text }) => text.en).join('; ') };
  return new AppError('config', { detail }, { issues, ...(cause !== undefined && { cause }) });
}
