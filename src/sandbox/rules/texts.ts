import { type OutcomeIssue, processorIssue } from '../errors.ts';

/** A value for an answer: short, whatever was sent. */
export const show = (value: unknown): string => (typeof value === 'object' ? typeof value : String(value)).slice(0, 200);

/** The answers of the element rules. The first four carry no expression in the published examples, the others do. */
export const texts = {
  elementNotFound: (rule: number, at: string): OutcomeIssue => processorIssue('value', `Element not found: ${at} (RuleNumber: ${rule})`),
  referenceMandatory: (rule: number, at: string): OutcomeIssue =>
    processorIssue('value', `Reference is mandatory : ${at} (RuleNumber: ${rule})`),
  textEmpty: (rule: number): OutcomeIssue => processorIssue('value', `Text is empty: '' (RuleNumber: ${rule})`),
  integerAsText: (rule: number, value: unknown): OutcomeIssue =>
    processorIssue('value', `Integer formated as a string: '${show(value)}' (RuleNumber: ${rule})`),
  codeNotFound: (rule: number, value: unknown, system: string, at: string): OutcomeIssue =>
    processorIssue('value', `Code not found: '${show(value)}' in system: ${system} (RuleNumber: ${rule})`, at),
  codingSystem: (rule: number, value: unknown, at: string): OutcomeIssue =>
    processorIssue('value', `Invalid coding system: ${show(value)} (RuleNumber: ${rule})`, at),
  identifierSystem: (rule: number, value: unknown, at: string): OutcomeIssue =>
    processorIssue('value', `Invalid identifier system: ${show(value)} (RuleNumber: ${rule})`, at),
  identifierValue: (rule: number, value: unknown, system: string, at: string): OutcomeIssue =>
    processorIssue('value', `Identifier value not found: '${show(value)}' in system: ${system} (RuleNumber: ${rule})`, at),
  dateFormat: (rule: number, value: unknown, allowed: string, at: string): OutcomeIssue =>
    processorIssue('format', `Invalid date time format : ${show(value)} (RuleNumber: ${rule}). Format allowed : ${allowed}`, at),
  dateValue: (rule: number, value: unknown, notAllowed: string, at: string): OutcomeIssue =>
    processorIssue('value', `Invalid date time value : ${show(value)} (RuleNumber: ${rule}) Not Allowed : ${notAllowed}`, at),
  performerFunction: (rule: number, codes: string): OutcomeIssue =>
    processorIssue('value', `Performer function must contains code ${codes} (RuleNumber: ${rule})`),
  booleanValue: (rule: number, value: unknown): OutcomeIssue =>
    processorIssue('value', `Invalid boolean value: ${show(value)} (RuleNumber: ${rule})`),
  integerValue: (rule: number, value: unknown): OutcomeIssue =>
    processorIssue('value', `Invalid integer value: ${show(value)} (RuleNumber: ${rule})`),
  decimalValue: (rule: number, value: unknown): OutcomeIssue =>
    processorIssue('value', `Invalid decimal value: ${show(value)} (RuleNumber: ${rule})`),
  reference: (rule: number, value: unknown, at: string): OutcomeIssue =>
    processorIssue('value', `Invalid reference: ${show(value)} (RuleNumber: ${rule})`, at),
  oneKfaCode: (rule: number, at: string): OutcomeIssue =>
    processorIssue('value', `Only one KFA code is allowed: ${at} (RuleNumber: ${rule})`),
} as const;
