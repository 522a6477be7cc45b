export { ADOPTED_TYPES, type AdoptLine, type AdoptProblem, type AdoptReport, type AdoptRow, adopt } from './adopt.ts';
export { type FromPlatform, fromPlatform } from './adopt-platform.ts';
export { type Backoff, backoffMs, DEFAULT_BACKOFF } from './backoff.ts';
export { isOpen } from './hours.ts';
export { createIdentityResolver, type IdentityHash, identityKey } from './identity.ts';
export { OUTCOMES, type Outcome, settle } from './outcome.ts';
export { type PausedLine, pausedLines } from './pauses.ts';
export type { CheckAnswer, Log, Metrics, Platform } from './platform.ts';
export { DEFAULT_SAMPLE, RECONCILE_STATE, type ReconcileOptions, type ReconcileReport, reconcile } from './reconcile.ts';
export { type MendOptions, type MendReport, mend } from './reconcile-mend.ts';
export { type ResolveIdentitiesOptions, type ResolveIdentitiesReport, resolveIdentities } from './resolve-identities.ts';
export {
  createWorker,
  type DrainOptions,
  type DrainProgress,
  type DrainReport,
  RESTORED,
  type Worker,
  type WorkerOptions,
} from './worker.ts';
