export { type ClusterTable, canonical, type Layout, type LayoutField, type TokenTable } from './layout.ts';
export { checkNik } from './nik.ts';
export { createNormaliser, type Normalised, type NormaliseOptions, type Normaliser } from './normalise.ts';
