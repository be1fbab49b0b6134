/** The records of the typed stores, and the queries for them. */

import type { Metadata } from '../api.js';

/** How a handle gives times: ISO strings, or `Date` when it was opened with `times: 'date'`. */
export type Time = string | Date;

/**
 * A time as every call takes it: a `Date`, or RFC 3339 text with any fraction and offset.
 *
 * Times are stored to the nanosecond and come back as UTC text of always the same length, such as
 * `2026-03-01T12:00:00.000000000Z`, which sorts as they do. A `Date` has milliseconds: what comes
 * back as one is rounded down to them.
 */
export type TimeInput = Time;

/** A whole number of 64 bits: a `bigint` beyond 2^53 - 1 either way, and a `number` up to that. */
export type Integer = number | bigint;

/** Every status of a session. */
export const SESSION_STATUSES = ['active', 'paused', 'archived'] as const;
/** Where a session is in its life; an archived one is kept for reading. */
export type SessionStatus = (typeof SESSION_STATUSES)[number];

/** Every role of a message. */
export const ROLES = ['user', 'assistant', 'system', 'tool'] as const;
/** Who said a message. */
export type Role = (typeof ROLES)[number];

/** Every origin of a message. */
export const ORIGINS = ['user_input', 'system', 'tool_output'] as const;
/** Where the text of a message comes from. */
export type Origin = (typeof ORIGINS)[number];

/** Every stage of a scan. */
export const THREAT_STAGES = ['input', 'tool', 'output'] as const;
/** Where a message was scanned for threats. */
export type ThreatStage = (typeof THREAT_STAGES)[number];

/** Every status of a summary. */
export const SUMMARY_STATUSES = ['pending', 'committed'] as const;
/** Whether a summary is finished; readers do not see a pending one. */
export type SummaryStatus = (typeof SUMMARY_STATUSES)[number];

/** Every status of a pairing. */
export const PAIRING_STATUSES = ['active', 'pending', 'denied'] as const;
/** Whether a channel may be used. */
export type PairingStatus = (typeof PAIRING_STATUSES)[number];

/** Every direction of a relationship. */
export const DIRECTIONS = ['both', 'outgoing', 'incoming'] as const;
/** Which relationships of an entity: those that go out from it, those that come to it, or both. */
export type Direction = (typeof DIRECTIONS)[number];

/** How many tool calls a session may make, and has made. 0 means unlimited. */
export interface ToolBudget {
  maxPerTurn: Integer;
  maxPerSession: Integer;
  used: Integer;
}

/** How many tokens may be used, and are. A maximum of 0 means unlimited. */
export interface TokenCount {
  max: Integer;
  used: Integer;
}

/** The tokens of a session: in all, in this hour, in this day. Nothing resets the counters. */
export interface TokenBudget {
  session: TokenCount;
  hour: TokenCount;
  day: TokenCount;
}

/** One conversation of a user with an agent. */
export interface Session<T extends Time = string> {
  id: string;
  /** The workspace it is stored in. */
  workspaceId: string;
  userId: string;
  /** What was said so far, in short; may be empty. */
  summary: string;
  /** When messages of it were last compacted. */
  lastCompaction?: T;
  /** The model to use instead of the usual one; empty for none. */
  modelOverride: string;
  toolBudget: ToolBudget;
  tokenBudget: TokenBudget;
  status: SessionStatus;
  /** Never changed by an update. */
  createdAt: T;
  /** Set by every update. */
  updatedAt: T;
}

/** A session to be stored: what is left out is empty, unlimited, active, new or now. */
export interface NewSession {
  userId: string;
  id?: string;
  workspaceId?: string;
  summary?: string;
  lastCompaction?: TimeInput;
  modelOverride?: string;
  toolBudget?: Partial<ToolBudget>;
  tokenBudget?: { [span in keyof TokenBudget]?: Partial<TokenCount> };
  status?: SessionStatus;
  createdAt?: TimeInput;
  updatedAt?: TimeInput;
}

/** What a scanner for threats found in a message. */
export interface ThreatInfo {
  /** Whether the scanner ran. */
  scanned: boolean;
  /** Whether it found something; then at least one rule matched. */
  detected: boolean;
  /** The rules that matched, in the scanner's order. */
  rules: string[];
  stage?: ThreatStage;
  /** Whether scanning was left out on purpose, which must not be read as clean. */
  bypassed: boolean;
  /** How often rules matched. */
  matchCount: number;
  /** The worst of what matched, in the scanner's words. */
  highestSeverity: string;
}

/** One message. */
export interface Message<T extends Time = string> {
  id: string;
  sessionId: string;
  role: Role;
  /** What was said; only a tool's may be empty. */
  content: string;
  /** The call a tool answers; empty, or set together with the tool's name. */
  toolCallId: string;
  toolName: string;
  /** Missing in data from before it was noted. */
  origin?: Origin;
  /** Missing when no scanner ever ran. */
  threat?: ThreatInfo;
  createdAt: T;
  metadata: Record<string, string>;
}

/** A message to be stored: what is left out is empty, new or now. */
export interface NewMessage {
  role: Role;
  content: string;
  id?: string;
  sessionId?: string;
  toolCallId?: string;
  toolName?: string;
  origin?: Origin;
  threat?: Partial<ThreatInfo>;
  createdAt?: TimeInput;
  metadata?: Readonly<Record<string, string>>;
}

/** What a batch of messages came down to. */
export interface Summary<T extends Time = string> {
  id: string;
  /** The time of the first message. */
  fromTime: T;
  /** The time of the last message. */
  toTime: T;
  content: string;
  /** The messages it was made of, in their order. */
  messageIds: string[];
  /** The sessions those messages belong to; forgetting one of them forgets the summary. */
  sessionIds: string[];
  status: SummaryStatus;
  createdAt: T;
}

/** A summary to be stored: what is left out is empty, new or now. */
export interface NewSummary {
  fromTime: TimeInput;
  toTime: TimeInput;
  status: SummaryStatus;
  id?: string;
  content?: string;
  messageIds?: readonly string[];
  sessionIds?: readonly string[];
  createdAt?: TimeInput;
}

/** A thing that is known of. */
export interface Entity<T extends Time = string> {
  id: string;
  type: string;
  name: string;
  properties: Metadata;
  createdAt: T;
  updatedAt: T;
}

/** An entity to be stored: what is left out is empty, new or now. */
export interface NewEntity {
  type: string;
  id?: string;
  name?: string;
  properties?: Metadata;
  createdAt?: TimeInput;
  updatedAt?: TimeInput;
}

/** A directed, typed edge from one entity to another. */
export interface Relationship<T extends Time = string> {
  id: string;
  fromId: string;
  /** Need not be stored yet. */
  toId: string;
  type: string;
  metadata: Metadata;
  createdAt: T;
}

/** A relationship to be stored: what is left out is empty or new. */
export interface NewRelationship {
  fromId: string;
  toId: string;
  type: string;
  id?: string;
  metadata?: Metadata;
  createdAt?: TimeInput;
}

/** A statement about something: subject, predicate, value. */
export interface Fact<T extends Time = string> {
  id: string;
  /** What it is about; need not be a stored entity. */
  entityId: string;
  predicate: string;
  value: string;
  /** How sure it is, usually between 0 and 1. */
  confidence: number;
  /** Where it comes from, by which it can be deleted; may be empty. */
  source: string;
  createdAt: T;
}

/** A fact to be stored: what is left out is empty, new or now, and a confidence of 1. */
export interface NewFact {
  entityId: string;
  predicate: string;
  id?: string;
  value?: string;
  confidence?: number;
  source?: string;
  createdAt?: TimeInput;
}

/** Part of the graph: each entity and each relationship once, in the order of their ids. */
export interface Graph<T extends Time = string> {
  entities: Entity<T>[];
  relationships: Relationship<T>[];
}

/** Who a user is on another platform. */
export interface Identity {
  platform: string;
  platformUserId: string;
  displayName: string;
}

/** A person who talks to agents. */
export interface User<T extends Time = string> {
  id: string;
  name: string;
  /** What the user may do, in the program's own words; may be empty. */
  role: string;
  /** Ordered by platform and id. */
  identities: Identity[];
  /** Never changed by an update. */
  createdAt: T;
  updatedAt: T;
}

/** A user to be stored: what is left out is empty, new or now. */
export interface NewUser {
  id?: string;
  name?: string;
  role?: string;
  identities?: readonly (Omit<Identity, 'displayName'> & Partial<Identity>)[];
  createdAt?: TimeInput;
  updatedAt?: TimeInput;
}

/** A channel that belongs to a user. */
export interface Pairing<T extends Time = string> {
  id: string;
  userId: string;
  /** The kind of channel. */
  channelType: string;
  /** The channel, among those of its kind. */
  channelId: string;
  /** The workspace that the channel talks to; may be empty. */
  workspaceId: string;
  status: PairingStatus;
  createdAt: T;
}

/** A pairing to be stored: what is left out is empty, new, now or pending. */
export interface NewPairing {
  userId: string;
  channelType: string;
  channelId: string;
  id?: string;
  workspaceId?: string;
  status?: PairingStatus;
  createdAt?: TimeInput;
}

/** What became of a pairing that was to be created. */
export interface Paired {
  /** The id of the pairing that the channel has now. */
  id: string;
  /** Whether it is the one that was given; else the channel had one already, which stays. */
  inserted: boolean;
}

/** One thing that was done. */
export interface AuditEntry<T extends Time = string> {
  id: string;
  timestamp: T;
  action: string;
  actor: string;
  plugin: string;
  workspaceId: string;
  sessionId: string;
  details: Metadata;
  result: string;
}

/** An entry for the audit log: what is left out is empty, new or now. */
export interface NewAuditEntry {
  action?: string;
  actor?: string;
  plugin?: string;
  workspaceId?: string;
  sessionId?: string;
  details?: Metadata;
  result?: string;
  id?: string;
  timestamp?: TimeInput;
}

/** Which part of a long list. */
export interface Paging {
  /**
   * The most records of a page. With none, or 0 or less, it is the default of the call, which says
   * what it is.
   */
  limit?: number;
  /** How many records to leave out first. */
  offset?: number;
  /** Only records behind an earlier page of the same list: its {@link Page.next}. */
  after?: string;
}

/** Part of a list. */
export interface Page<T> {
  items: T[];
  /** Where the next page begins; missing on the last. */
  next?: string;
}

/**
 * A long list: one page when it is awaited, and every record when it is iterated, page by page.
 *
 * Nothing is read before that. Records that are stored or deleted during an iteration neither
 * repeat others nor hide them.
 *
 * @example
 * const { items, next } = await workspace.sessions.list({ limit: 20 });
 * for await (const session of workspace.sessions.list({ userId: 'ada' })) console.log(session.id);
 */
export interface Listing<T> extends Promise<Page<T>>, AsyncIterable<T> {}

/** A stretch of time; an end that is left out is open. */
export interface TimeRange {
  from?: TimeInput;
  to?: TimeInput;
}

/** Which sessions; everything that is set must match. A page has 100 by default. */
export interface SessionQuery extends Paging {
  userId?: string;
  status?: SessionStatus;
}

/** Which entities; everything that is set must match. A page has 100 by default. */
export interface EntityQuery extends Paging {
  type?: string;
  /** How the name begins; ASCII letters match in either case, and no character is special. */
  namePrefix?: string;
}

/** Which relationships; everything that is set must match. A page has 100 by default. */
export interface RelationshipQuery extends Paging {
  type?: string;
  /** `both` when it is left out. */
  direction?: Direction;
}

/** Which facts; everything that is set must match. A page has 100 by default. */
export interface FactQuery extends Paging {
  entityId?: string;
  predicate?: string;
  source?: string;
}

/** How to walk from an entity along its relationships. */
export interface Traversal {
  /** How many steps; 1 when it is left out, or 0 or less. */
  depth?: number;
  /** A cap on the depth; none when it is left out, or 0 or less. */
  maxDepth?: number;
  /** Walk only relationships of these types; of any when it is left out or empty. */
  types?: readonly string[];
}

/** Which entries of the audit log; everything that is set must match. A page has 1,000 by default. */
export interface AuditQuery extends Paging, TimeRange {
  action?: string;
  actor?: string;
  plugin?: string;
  workspaceId?: string;
  sessionId?: string;
}

/** A fact as an extractor gives it; it gets its id, its time and its source when it is committed. */
export interface ExtractedFact {
  /** What it is about; a fact about nothing is left out. */
  entityId: string;
  /** What is said of it; a fact that says nothing is left out. */
  predicate: string;
  value?: string;
  /** What is below 0 or no number becomes 0, what is above 1 becomes 1. */
  confidence?: number;
}

/** What one pass of a compaction did. */
export interface Compacted {
  /** The summary that was stored; its vector has the same id. */
  summaryId: string;
  /** How many messages were deleted. */
  messages: number;
  /** How many facts were stored. */
  facts: number;
}

/**
 * What a workspace is to forget.
 *
 * Forgetting a session takes its transcript, the messages with its id, every summary that covers
 * one of those, the facts whose source is the session or one of its messages or that were extracted
 * with such a summary, and the vectors with the id of any of these or whose metadata name the
 * session as `session_id` or `sessionId`. Forgetting a user takes every session of the user, the
 * facts whose source is the user's id, and the vectors whose metadata name the user as `user_id` or
 * `userId`.
 */
export type Forget = 'workspace' | { session: string } | { user: string };

/** How much was forgotten. */
export interface Forgotten {
  sessions: number;
  /** Messages in the transcripts of sessions. */
  transcript: number;
  /** Messages that could be searched. */
  messages: number;
  summaries: number;
  entities: number;
  relationships: number;
  facts: number;
  vectors: number;
}
