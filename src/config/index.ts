export {
  type Assets,
  type AssetTexts,
  checkedFile,
  checkedMapVersion,
  packageRoot,
  packageVersion,
  readAssets,
  readFolder,
  readMappings,
} from './assets.ts';
export { type Config, type Environ, type Environment, type JobConfig, type JobName, parseConfig } from './config.ts';
export { claimDatabasePlace, makeFolder } from './database-place.ts';
export { beginKeyChange, endKeyChange, resolveSecretKey, resolveSecretKeys } from './secret-key.ts';
export { districtFiles, terminologySource, writeDistrictTable } from './terminology-source.ts';
