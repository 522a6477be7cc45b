export { type Batcher, createBatcher } from './batcher.ts';
export { CONSUMED } from './contexts.ts';
export { type ContractCheck, compileContracts } from './contract-check.ts';
export { type Accepted, contextOf, type DryRun, type Intake, type IntakeRequest, type Receipt } from './intake.ts';
export { parseJson } from './json-limits.ts';
export { createIntake, type IntakeOptions } from './pipeline.ts';
export type { RawRecord } from './raw-record.ts';
export { gunzip, type ReaderLimits, readBody, readCsv, readJson, readNdjson } from './readers.ts';
export { inOrder, isStopped, type Reprocessed } from './reprocess.ts';
