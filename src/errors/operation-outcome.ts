import type { OperationOutcome, OperationOutcomeIssue } from '@medplum/fhirtypes';
import type { AppError } from './app-error.ts';
import { CODES, type ErrorCode } from './codes.ts';
import type { Issue } from './issue.ts';

/** FHIR R4 OperationOutcome of an error: its issues if it has any, else one issue made of itself. */
export function toOperationOutcome(error: AppError): OperationOutcome {
  const issues: readonly Issue[] = error.issues.length > 0 ? error.issues : [{ severity: 'error', code: error.code, text: error.text }];
  return { resourceType: 'OperationOutcome', issue: issues.map(toOutcomeIssue) };
}

/** One issue in FHIR form: Indonesian text in `details.text`, English in `diagnostics`, our code and rule as `details.coding`. */
export function toOutcomeIssue(issue: Issue): OperationOutcomeIssue {
  const row = CODES[issue.code as ErrorCode];
  return {
    severity: issue.severity,
    code: (row?.fhir ?? 'processing') as OperationOutcomeIssue['code'] & string,
    details: { coding: [{ code: issue.rule ?? issue.code }], text: issue.text.id },
    diagnostics: issue.text.en,
    ...(issue.expression !== undefined && { expression: [issue.expression] }),
  };
}
