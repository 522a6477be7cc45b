/**
 * Which searches of the platform may be relied on: `recorded`, those that official collections show with an answer; `documented`, those
 * that its pages name besides.
 */
export const SURFACES = ['recorded', 'documented'] as const;
export type Surface = (typeof SURFACES)[number];
