export { createJobs, type JobDefinition, type Jobs, type JobsOptions, type JobView } from './jobs.ts';
export { missedRun, previousRun } from './missed.ts';
