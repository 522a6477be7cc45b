export type { Concept, MapInfo, SystemInfo } from './code-systems.ts';
export { type CodeTable, readCodeTable } from './code-table.ts';
export { MAX_TABLE_BYTES, planImport, type TableChange } from './import.ts';
export type { TerminologySource } from './source.ts';
export { type Coding, type LocalCodes, MAX_EXPANSION, type Match, Terminology, type Validation } from './terminology.ts';
