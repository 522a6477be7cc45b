export type { AdoptOptions, AdoptSource, Composition, SandboxOptions, Service } from './composition.ts';
export { run } from './program.ts';
