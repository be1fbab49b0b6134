/** The public API of sigil-store. */

export { SIGIL_ERROR_CODES, SigilError } from './error.js';
export type { SigilErrorCode } from './error.js';
export type { SyncFiles } from './files.js';
export type { SnapshotStorage } from './storage.js';
export type * from './api.js';
export { open } from './open.js';
export { createVectorIndex, openVectorIndex } from './vector-index.js';
