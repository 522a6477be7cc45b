export { type Compiled, type CompiledPart, type CompileInput, compileUnits, type EntryFunction, type ReadTree } from './compile.ts';
export type { MapUnit, Site } from './linker.ts';
export { createRuntime, type Runtime } from './runtime.ts';
export type { JsonSchema } from './source-types.ts';
