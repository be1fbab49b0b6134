/** The public API of sigil-store. */

export { SIGIL_ERROR_CODES, SigilError } from './error.js';
export type { SigilErrorCode } from './error.js';
export type { SyncFiles } from './files.js';
export type { SnapshotStorage } from './storage.js';
export type * from './api.js';
export type * from './search-api.js';
export type * from './text-api.js';
export { cursorAfter } from './cursor.js';
export { marked, pieces } from './text-pieces.js';
export { open } from './open.js';
export { createVectorIndex, openVectorIndex } from './vector-index.js';
export type * from './stores/api.js';
export type * from './stores/hybrid-api.js';
export type {
  AuditEntry,
  AuditQuery,
  Compacted,
  Direction,
  Entity,
  EntityQuery,
  ExtractedFact,
  Fact,
  FactQuery,
  Forget,
  Forgotten,
  Graph,
  Identity,
  Integer,
  Listing,
  Message,
  NewAuditEntry,
  NewEntity,
  NewFact,
  NewMessage,
  NewPairing,
  NewRelationship,
  NewSession,
  NewSummary,
  NewUser,
  Origin,
  Page,
  Paired,
  Pairing,
  PairingStatus,
  Paging,
  Relationship,
  RelationshipQuery,
  Role,
  Session,
  SessionQuery,
  SessionStatus,
  Summary,
  SummaryStatus,
  ThreatInfo,
  ThreatStage,
  Time,
  TimeInput,
  TimeRange,
  TokenBudget,
  TokenCount,
  ToolBudget,
  Traversal,
  User,
} from './stores/records.js';
export { openGateway, openWorkspace } from './stores/open.js';
