/** The shape of every record and query; see records.ts. */

import {
  type AuditEntry,
  type AuditQuery,
  type Compacted,
  DIRECTIONS,
  type Entity,
  type EntityQuery,
  type ExtractedFact,
  type Fact,
  type FactQuery,
  type Graph,
  type Identity,
  type Message,
  ORIGINS,
  type Paging,
  type Pairing,
  PAIRING_STATUSES,
  type Relationship,
  type RelationshipQuery,
  ROLES,
  type Session,
  type SessionQuery,
  SESSION_STATUSES,
  type Summary,
  SUMMARY_STATUSES,
  THREAT_STAGES,
  type ThreatInfo,
  type Time,
  type TimeRange,
  type TokenBudget,
  type TokenCount,
  type ToolBudget,
  type Traversal,
  type User,
} from './records.js';
import { type Field, flag, integer, json, type Kind, listOf, oneOf, real, Shape, text, texts, time, whole } from './shape.js';

/** A field that every record must have. */
const required = (kind: Kind): Field => ({ kind });
/** A field that may be missing, in a record and in the core's answer. */
const optional = (kind: Kind): Field => ({ kind, optional: true });
/** A field that the core has a default for, which it may leave out again. */
const defaulted = (kind: Kind, absent: () => unknown): Field => ({ kind, absent });

const newId: Field = { kind: text, fill: (filler) => filler.id() };
const now: Field = { kind: time, fill: (filler) => filler.now() };
const shortText = defaulted(text, () => '');
const object = defaulted(json, () => ({}));
const ids = defaulted(listOf(text), () => []);
const number = defaulted(integer, () => 0);
const empty = (): object => ({});

const toolBudget = new Shape<ToolBudget>('the tool budget', { maxPerTurn: number, maxPerSession: number, used: number });

const tokenCount = new Shape<TokenCount>('the token count', { max: number, used: number });
const tokens: Field = { kind: tokenCount, fill: empty };
const tokenBudget = new Shape<TokenBudget>('the token budget', { session: tokens, hour: tokens, day: tokens });

export const sessionShape = new Shape<Session<Time>>('the session', {
  id: newId,
  workspaceId: { kind: text, fill: (filler) => filler.workspace },
  userId: required(text),
  summary: shortText,
  lastCompaction: optional(time),
  modelOverride: shortText,
  toolBudget: { kind: toolBudget, fill: empty },
  tokenBudget: { kind: tokenBudget, fill: empty },
  status: { kind: oneOf(SESSION_STATUSES), fill: () => 'active' },
  createdAt: now,
  updatedAt: now,
});

const no = defaulted(flag, () => false);
const threat = new Shape<ThreatInfo>('the threat info', {
  scanned: no,
  detected: no,
  rules: ids,
  stage: optional(oneOf(THREAT_STAGES)),
  bypassed: no,
  matchCount: defaulted(whole, () => 0),
  highestSeverity: shortText,
});

export const messageShape = new Shape<Message<Time>>('the message', {
  id: newId,
  sessionId: required(text),
  role: required(oneOf(ROLES)),
  content: required(text),
  toolCallId: shortText,
  toolName: shortText,
  origin: optional(oneOf(ORIGINS)),
  threat: optional(threat),
  createdAt: now,
  metadata: defaulted(texts, () => ({})),
});

export const summaryShape = new Shape<Summary<Time>>('the summary', {
  id: newId,
  fromTime: required(time),
  toTime: required(time),
  content: shortText,
  messageIds: ids,
  sessionIds: ids,
  status: required(oneOf(SUMMARY_STATUSES)),
  createdAt: now,
});

export const entityShape = new Shape<Entity<Time>>('the entity', {
  id: newId,
  type: required(text),
  name: shortText,
  properties: object,
  createdAt: now,
  updatedAt: now,
});

export const relationshipShape = new Shape<Relationship<Time>>('the relationship', {
  id: newId,
  fromId: required(text),
  toId: required(text),
  type: required(text),
  metadata: object,
  createdAt: now,
});

export const factShape = new Shape<Fact<Time>>('the fact', {
  id: newId,
  entityId: required(text),
  predicate: required(text),
  value: shortText,
  confidence: { kind: real, fill: () => 1 },
  source: shortText,
  createdAt: now,
});

export const graphShape = new Shape<Graph<Time>>('the graph', {
  entities: required(listOf(entityShape)),
  relationships: required(listOf(relationshipShape)),
});

const identity = new Shape<Identity>('the identity', {
  platform: required(text),
  platformUserId: required(text),
  displayName: optional(text),
});

export const userShape = new Shape<User<Time>>('the user', {
  id: newId,
  name: shortText,
  role: shortText,
  identities: { kind: listOf(identity), fill: () => [] },
  createdAt: now,
  updatedAt: now,
});

export const pairingShape = new Shape<Pairing<Time>>('the pairing', {
  id: newId,
  userId: required(text),
  channelType: required(text),
  channelId: required(text),
  workspaceId: shortText,
  status: { kind: oneOf(PAIRING_STATUSES), fill: () => 'pending' },
  createdAt: now,
});

export const pairingStatus = oneOf(PAIRING_STATUSES);

export const auditShape = new Shape<AuditEntry<Time>>('the audit entry', {
  id: newId,
  timestamp: now,
  action: shortText,
  actor: shortText,
  plugin: shortText,
  workspaceId: shortText,
  sessionId: shortText,
  details: object,
  result: shortText,
});

const paging = { limit: optional(whole), offset: optional(whole), after: optional(text) };
const range = { from: optional(time), to: optional(time) };

export const pagingShape = new Shape<Paging>('the paging', paging);
export const rangeShape = new Shape<TimeRange>('the range', range);
export const pagedRangeShape = new Shape<TimeRange & Paging>('the range', { ...range, ...paging });

export const sessionQueryShape = new Shape<SessionQuery>('the query', {
  userId: optional(text),
  status: optional(oneOf(SESSION_STATUSES)),
  ...paging,
});

export const entityQueryShape = new Shape<EntityQuery>('the query', {
  type: optional(text),
  namePrefix: optional(text),
  ...paging,
});

export const relationshipQueryShape = new Shape<RelationshipQuery>('the query', {
  type: optional(text),
  direction: optional(oneOf(DIRECTIONS)),
  ...paging,
});

export const factQueryShape = new Shape<FactQuery>('the query', {
  entityId: optional(text),
  predicate: optional(text),
  source: optional(text),
  ...paging,
});

export const traversalShape = new Shape<Traversal>('the traversal', {
  depth: optional(whole),
  maxDepth: optional(whole),
  types: optional(listOf(text)),
});

export const auditQueryShape = new Shape<AuditQuery>('the query', {
  action: optional(text),
  actor: optional(text),
  plugin: optional(text),
  workspaceId: optional(text),
  sessionId: optional(text),
  ...range,
  ...paging,
});

export const extractedFactShape = new Shape<ExtractedFact>('the extracted fact', {
  entityId: required(text),
  predicate: required(text),
  value: optional(text),
  confidence: optional(real),
});

export const compactedShape = new Shape<Compacted>('what was compacted', {
  summaryId: required(text),
  messages: required(whole),
  facts: required(whole),
});
