export {
  type AccountCredential,
  createCredentialSource,
  decryptSecret,
  encryptSecret,
  type SecretPlace,
  type StoredCredential,
} from './credentials.ts';
export { createSatusehatPlatform, type SatusehatOptions } from './platform.ts';
export { outgoingReferences, type Projected, type ProjectionContext, project, SID_KINDS } from './projection.ts';
