export { AUTO_VARIABLE, type ParsedMap, parseMap, quoteArgument } from './parse.ts';
export { mapError, type Part, type Position, Positions } from './positions.ts';
export { MAP_PROBLEMS, says } from './problems.ts';
