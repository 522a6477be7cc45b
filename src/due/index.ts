export { dueCodeSystem, dueDoc } from './describe.ts';
export { type DueItem, type DueStatus, dueFor, type PersonFacts } from './due.ts';
export {
  carePlanOf,
  createDueList,
  DUE_STATUSES,
  type DueList,
  type DuePage,
  type DuePerson,
  type DueQuery,
  type DueSummary,
  type DueWhose,
} from './due-list.ts';
export { factsOf } from './facts.ts';
export { type DueService, type DueTables, parseDueTables } from './tables.ts';
