export type { Composition, SandboxOptions, Service } from './composition.ts';
export { run } from './program.ts';
