/** In the order in which they run: the service and its load first, while nothing has warmed the machine up. */
export const PARTS = ['server', 'delivery', 'intake', 'mapping', 'validation', 'engines', 'claims', 'terminology'] as const;
export type Part = (typeof PARTS)[number];
