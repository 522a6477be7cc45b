export { AppError, issue, type Params, render } from './app-error.ts';
export { type Category, CODES, type CodeRow, type ErrorCode } from './codes.ts';
export { fieldName } from './field-name.ts';
export type { Bilingual, Issue } from './issue.ts';
export { toOperationOutcome, toOutcomeIssue } from './operation-outcome.ts';
export { fill, type Problem, problemsOf, within } from './problem.ts';
export { REASONS, type Reason, STATES, type State } from './states.ts';
