export { bundleOf, caseOf, idOfRole, type MapCase, type MapRooms, peopleOf, type Tried, tryCase } from './cases.ts';
export { type Change, compareResults, type DifferenceReport, Differences } from './compare.ts';
export { type Coverage, CoverageCount } from './coverage.ts';
export { packDoc, packsDoc } from './pack-doc.ts';
export { questionsOf, type Template, templatesOf } from './template.ts';
