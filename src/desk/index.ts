export type { ActRequest, ActResult, Left, WhyLeft } from './acts.ts';
export { type AlertOptions, alertWaiting, signatureOf } from './alert.ts';
export { createDesk, type Desk, type DeskOptions } from './desk.ts';
export { DIFFERENCES, type DifferencePage, type DifferenceSelection, parseDifferenceSelection } from './differences.ts';
export { type BacklogView, backlogView, type Overview, type StoppedGroup } from './overview.ts';
export { parseSelection, SELECTION_FIELDS, type Selection, saysAnything } from './selection.ts';
export { blockedIssue, type DeliveryStory, type RecordStory } from './story.ts';
