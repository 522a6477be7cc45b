export {
  type AccountCredential,
  createCredentialSource,
  decryptSecret,
  encryptSecret,
  openSecret,
  type SecretPlace,
  type StoredCredential,
} from './credentials.ts';
export { SID_KINDS } from './identifiers.ts';
export { type AccountCheck, createSatusehatPlatform, type SatusehatOptions, type SatusehatPlatform } from './platform.ts';
export { outgoingReferences, type Projected, type ProjectionContext, project } from './projection.ts';
export { SURFACES, type Surface } from './surface.ts';
