/// <reference lib="esnext.disposable" preserve="true" />
/** The typed stores as a program uses them. */

import type { Metadata, Metric, OpenOptions, Store, Transaction, VectorEntry } from '../api.js';
import type { VectorSearch } from '../search-api.js';
import type { MemoryHit, MemorySearch } from './hybrid-api.js';
import type {
  AuditEntry,
  AuditQuery,
  Compacted,
  Entity,
  EntityQuery,
  ExtractedFact,
  Fact,
  FactQuery,
  Forget,
  Forgotten,
  Graph,
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
  Paging,
  Paired,
  Pairing,
  PairingStatus,
  Relationship,
  RelationshipQuery,
  Session,
  SessionQuery,
  Summary,
  Time,
  TimeInput,
  TimeRange,
  Traversal,
  User,
} from './records.js';

/**
 * The sessions of a workspace, each with its own messages, the transcript.
 *
 * The messages of a transcript are not those of {@link Messages}, which are searched and compacted.
 */
export interface Sessions<T extends Time = string> {
  /** Stores a new session and gives it as it is stored; rejects with `conflict` when its id is taken. */
  create(session: NewSession): Promise<Session<T>>;
  /** The session with this id; rejects with `not-found`. */
  get(id: string): Promise<Session<T>>;
  /**
   * Replaces everything of a session but its id and `createdAt`, and gives it as it is stored, with
   * the time of the update. The last writer wins. Rejects with `not-found`.
   *
   * @example
   * const session = await workspace.sessions.get(id);
   * await workspace.sessions.update({ ...session, summary: 'tea, and how to make it' });
   */
  update(session: Session<Time>): Promise<Session<T>>;
  /** The sessions that match, newest first. */
  list(query?: SessionQuery): Listing<Session<T>>;
  /** Deletes a session with its messages; rejects with `not-found`. */
  delete(id: string): Promise<void>;
  /**
   * Appends a message to the transcript of the session `id`, whatever its own `sessionId` is, and
   * gives it as it is stored. The session's `updatedAt` stays. Rejects with `not-found`, and with
   * `conflict` when any session has a message with its id.
   */
  append(id: string, message: NewMessage): Promise<Message<T>>;
  /**
   * The newest `n` messages of a session, 50 when it is left out, oldest first: all of them when `n`
   * is negative, none when there is no such session.
   */
  activeWindow(id: string, n?: number): Promise<Message<T>[]>;
  /** The messages of a session, oldest first, 100 a page by default; none when there is no such session. */
  history(id: string, paging?: Paging): Listing<Message<T>>;
}

/** The messages of a workspace that are searched, and compacted into summaries. */
export interface Messages<T extends Time = string> {
  /** Stores a message and gives it as it is stored; rejects with `conflict` when its id is taken. */
  append(message: NewMessage & { sessionId: string }): Promise<Message<T>>;
  /** Stores many messages with one commit, all or none. */
  appendMany(messages: Iterable<NewMessage & { sessionId: string }>): Promise<Message<T>[]>;
  /** The message with this id; rejects with `not-found`. */
  get(id: string): Promise<Message<T>>;
  /**
   * The messages that hold the words of `phrase` next to each other and in this order, newest first,
   * 50 a page by default. Case and diacritics do not count, and everything but letters and digits
   * only separates words, so no text is an error.
   */
  search(phrase: string, paging?: Paging): Listing<Message<T>>;
  /**
   * The messages of a stretch of time whose end does not belong to it, oldest first. Awaited without
   * a limit it gives all of them.
   */
  range(range?: TimeRange & Paging): Listing<Message<T>>;
  /** The oldest `n` messages, oldest first; `n` is positive. */
  oldest(n: number): Promise<Message<T>[]>;
  /** How many there are. */
  count(): Promise<number>;
  /** Deletes the messages with these ids, with one commit, and says how many there were. */
  delete(ids: Iterable<string>): Promise<number>;
  /** Deletes all but the newest `keep` messages, and says how many those were; none when it is negative. */
  trim(keep: number): Promise<number>;
}

/**
 * The summaries of a workspace.
 *
 * A pending one is seen by {@link Summaries.get} and {@link Summaries.pending} alone, until it is
 * confirmed.
 */
export interface Summaries<T extends Time = string> {
  /** Stores a summary and gives it as it is stored; rejects with `conflict` when its id is taken. */
  store(summary: NewSummary): Promise<Summary<T>>;
  /** The summary with this id, whatever its status; rejects with `not-found`. */
  get(id: string): Promise<Summary<T>>;
  /** Makes a pending summary a committed one; rejects with `not-found`, and with `conflict` when it is one. */
  confirm(id: string): Promise<void>;
  /** Deletes a summary, whatever its status, and says whether it was there. */
  delete(id: string): Promise<boolean>;
  /** The committed summaries that lie wholly in a stretch of time, both ends included, in order. */
  range(range?: TimeRange): Promise<Summary<T>[]>;
  /** The newest `n` committed summaries, newest first: all of them when `n` is negative. */
  latest(n: number): Promise<Summary<T>[]>;
  /** The pending summaries, oldest first. */
  pending(): Promise<Summary<T>[]>;
}

/** The knowledge of a workspace: entities, the relationships between them, and facts. */
export interface Knowledge<T extends Time = string> {
  /** Stores an entity in place of the one with its id, if there is one, and gives it as it is stored. */
  putEntity(entity: NewEntity): Promise<Entity<T>>;
  /** Stores many entities with one commit, all or none. */
  putEntities(entities: Iterable<NewEntity>): Promise<Entity<T>[]>;
  /** The entity with this id; rejects with `not-found`. */
  entity(id: string): Promise<Entity<T>>;
  /** The entities that match, oldest first. */
  findEntities(query?: EntityQuery): Listing<Entity<T>>;
  /**
   * Deletes entities with all their relationships, with one commit, and says how many entities there
   * were. Facts about them stay.
   */
  deleteEntities(ids: Iterable<string>): Promise<number>;
  /**
   * Stores a relationship in place of the one with the same ends and type, if there is one. Rejects
   * with `not-found` when the entity it goes out from is not stored, and with `conflict` when
   * another relationship has its id.
   */
  putRelationship(relationship: NewRelationship): Promise<Relationship<T>>;
  /** Stores many relationships with one commit, all or none. */
  putRelationships(relationships: Iterable<NewRelationship>): Promise<Relationship<T>[]>;
  /** The relationships of an entity, in the order in which they were stored; rejects with `not-found`. */
  relationships(entityId: string, query?: RelationshipQuery): Listing<Relationship<T>>;
  /** Deletes relationships, with one commit, and says how many there were. */
  deleteRelationships(ids: Iterable<string>): Promise<number>;
  /**
   * Stores a fact in place of the one with the same entity, predicate and value, if there is one;
   * rejects with `conflict` when another fact has its id.
   */
  putFact(fact: NewFact): Promise<Fact<T>>;
  /** Stores many facts with one commit, all or none. */
  putFacts(facts: Iterable<NewFact>): Promise<Fact<T>[]>;
  /** The facts that match, newest first. */
  findFacts(query?: FactQuery): Listing<Fact<T>>;
  /** Deletes the facts from this source, with one commit, and says how many there were. */
  deleteFactsBySource(source: string): Promise<number>;
  /** Deletes facts, with one commit, and says how many there were. */
  deleteFacts(ids: Iterable<string>): Promise<number>;
  /**
   * What can be reached from an entity along relationships, in either direction: the entities, itself
   * included, and every relationship, of whatever type, between two of them. Rejects with `not-found`.
   *
   * @example
   * const { entities } = await workspace.knowledge.traverse('ada', { depth: 2, types: ['knows'] });
   */
  traverse(start: string, traversal?: Traversal): Promise<Graph<T>>;
}

/**
 * The vectors of a workspace, of the dimensions and by the metric that it was made with.
 *
 * A search sees what is committed, so inside a transaction not the transaction's own writes.
 */
export interface MemoryVectors extends VectorSearch {
  readonly dimensions: number;
  readonly metric: Metric;
  /** Stores a vector under `id`, replacing what was there, metadata included. */
  store(id: string, vector: Float32Array | readonly number[], metadata?: Metadata): Promise<void>;
  /** Stores all of them in one transaction, or none. */
  storeMany(entries: Iterable<{ id: string; vector: Float32Array | readonly number[]; metadata?: Metadata }>): Promise<void>;
  /** What is stored under `id`. */
  get(id: string): Promise<VectorEntry | undefined>;
  /** Deletes what is stored under these ids, with one commit, and says how many there were. */
  delete(ids: Iterable<string>): Promise<number>;
  /** How many there are. */
  count(): Promise<number>;
}

/** The stores of a workspace. */
export interface WorkspaceStores<T extends Time = string> {
  /** The id of the workspace. */
  readonly id: string;
  readonly sessions: Sessions<T>;
  readonly messages: Messages<T>;
  readonly summaries: Summaries<T>;
  readonly knowledge: Knowledge<T>;
  readonly vectors: MemoryVectors;
  /**
   * Finds messages, summaries, facts and vectors by words, by nearness, or by both: the best `k`,
   * best first, and how each was found.
   *
   * What is found by both comes first. A vector whose id is that of a message, a summary or a fact
   * stands for that record; it and the record are found once. Rejects with `invalid-input` for a
   * search without text and vector, for a vector of other dimensions and for numbers out of range.
   *
   * @example
   * const hits = await workspace.search({ text: 'green tea', vector: await embed('what to drink?'), k: 5 });
   * for (const hit of hits) {
   *   if (hit.source === 'message') console.log(hit.record.content, hit.score, hit.text?.rank, hit.vector?.distance);
   * }
   *
   * @example
   * // What the user said this week about tea or coffee, newer before older, each with its neighbours.
   * const said = await workspace.search({
   *   text: { query: 'tea OR coffee' },
   *   sources: ['messages'],
   *   role: 'user',
   *   from: new Date(Date.now() - 7 * 86_400_000),
   *   recency: { halfLifeMs: 86_400_000 },
   *   window: 1,
   * });
   */
  search(search: MemorySearch): Promise<MemoryHit<T>[]>;
}

/** What the callback of {@link Workspace.transaction} works with; of no use after it has returned. */
export interface WorkspaceTransaction<T extends Time = string> extends WorkspaceStores<T> {
  /** SQL and collections of your own in the same transaction. */
  readonly store: Transaction;
}

/** How to compact. */
export interface CompactOptions<T extends Time = string> {
  /** How many messages become one summary; 50 when it is left out. With fewer there is nothing to do. */
  batch?: number;
  /** The most passes; 1 when it is left out. */
  maxPasses?: number;
  /** What the messages, oldest first, come down to. */
  summarize(messages: Message<T>[]): string | Promise<string>;
  /** The vector of a text, with the dimensions of the workspace. */
  embed(text: string): Float32Array | readonly number[] | Promise<Float32Array | readonly number[]>;
  /** The facts that the messages state; none are stored when it is left out. */
  extract?(messages: Message<T>[]): readonly ExtractedFact[] | Promise<readonly ExtractedFact[]>;
}

/**
 * One workspace: the memory of an agent, in one store, so that all of it commits together.
 *
 * A write's promise resolves when it is durable. `T` is how times come back: ISO strings, or `Date`
 * when it was opened with `times: 'date'`.
 *
 * @example
 * const workspace = await openWorkspace('agent', { dimensions: 3 });
 * const session = await workspace.sessions.create({ userId: 'ada' });
 * await workspace.sessions.append(session.id, { role: 'user', content: 'I like tea' });
 * await workspace.knowledge.putFact({ entityId: 'ada', predicate: 'likes', value: 'tea' });
 * console.log(await workspace.sessions.activeWindow(session.id));
 * await workspace.close();
 */
export interface Workspace<T extends Time = string> extends WorkspaceStores<T> {
  /** The store that holds the workspace. */
  readonly store: Store;
  /**
   * Runs `work` in one transaction over all stores: committed when it returns, rolled back when it
   * throws. As with {@link Store.transaction}, `work` must use `tx` and not the workspace.
   *
   * @example
   * await workspace.transaction(async (tx) => {
   *   const said = await tx.sessions.append(session.id, { role: 'user', content: 'hello' });
   *   await tx.messages.append(said);
   * });
   */
  transaction<R>(work: (tx: WorkspaceTransaction<T>) => R | Promise<R>): Promise<R>;
  /**
   * Makes summaries, facts and vectors of the oldest messages and deletes those, a batch a pass, each
   * pass with one commit; gives what each pass did.
   *
   * Other calls go on while your functions work, and messages that arrive meanwhile stay. What a
   * function throws is what this rejects with, and its pass then changes nothing; neither does one
   * whose messages changed meanwhile, which rejects with `conflict`.
   *
   * @example
   * await workspace.compact({ batch: 50, summarize: (messages) => llm.summarize(messages), embed: (text) => llm.embed(text) });
   */
  compact(options: CompactOptions<T>): Promise<Compacted[]>;
  /**
   * Deletes what is to be forgotten with one commit, and sees to it that its bytes are in none of the
   * files any more. Rejects with `not-found` for a session that is not there.
   */
  forget(what: Forget): Promise<Forgotten>;
  /**
   * Deletes the summaries that were pending before this time, with their vectors and facts, and gives
   * their ids. Compaction leaves none behind; another program may.
   */
  sweepPending(before: TimeInput): Promise<string[]>;
  /** Sets the status of a session to archived and gives it; rejects with `not-found`. */
  archive(sessionId: string): Promise<Session<T>>;
  /** Ends this handle; of {@link openWorkspace} it closes the store too. Every later call rejects with `closed`. */
  close(): Promise<void>;
  /** {@link Workspace.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How to open a workspace. What is left out is as the store has it, or the default of a new one. */
export interface WorkspaceOptions {
  /** Its id; `default` for a new one. Rejects with `conflict` when the store holds another. */
  id?: string;
  /** How many numbers each vector has; 1,536 for a new one. Rejects with `conflict` when it has another number. */
  dimensions?: number;
  /** How distances are measured; `l2` for a new one. Rejects with `conflict` when it has another. */
  metric?: Metric;
  /** How times come back: ISO strings to the nanosecond, or `Date`, rounded down to milliseconds. */
  times?: 'iso' | 'date';
}

/** The users of a gateway. */
export interface Users<T extends Time = string> {
  /**
   * Stores a new user with all identities and gives it as it is stored; rejects with `conflict` when
   * the id or an identity is taken.
   */
  create(user: NewUser): Promise<User<T>>;
  /** The user with this id; rejects with `not-found`. */
  get(id: string): Promise<User<T>>;
  /** The user with this identity; rejects with `not-found`. */
  getByIdentity(platform: string, platformUserId: string): Promise<User<T>>;
  /**
   * Replaces name, role and all identities of a user, and its `updatedAt`, which is now when it is left
   * out. Gives the user as it is stored; rejects with `not-found`, and with `conflict` for an identity of another.
   */
  update(user: Omit<User<Time>, 'createdAt' | 'updatedAt' | 'identities'> & Pick<NewUser, 'createdAt' | 'updatedAt'> & Required<Pick<NewUser, 'identities'>>): Promise<User<T>>;
  /** The users, oldest first, 100 a page by default. */
  list(paging?: Paging): Listing<User<T>>;
  /** Deletes a user with all identities and pairings; rejects with `not-found`. */
  delete(id: string): Promise<void>;
}

/** The pairings of a gateway: which user a channel belongs to. A channel has at most one. */
export interface Pairings<T extends Time = string> {
  /**
   * Stores a pairing, unless its channel has one already, and says which it has. Rejects with
   * `not-found` when there is no such user, and with `conflict` when another channel's has the id.
   */
  create(pairing: NewPairing): Promise<Paired>;
  /** The pairing of a channel; rejects with `not-found`. */
  getByChannel(channelType: string, channelId: string): Promise<Pairing<T>>;
  /** The pairings of a user, oldest first. */
  getByUser(userId: string): Promise<Pairing<T>[]>;
  /** Says whether a channel may be used; rejects with `not-found`. */
  setStatus(id: string, status: PairingStatus): Promise<void>;
  /** Deletes a pairing; rejects with `not-found`. */
  delete(id: string): Promise<void>;
}

/** The audit log of a gateway. Entries are added and never changed. */
export interface Audit<T extends Time = string> {
  /** Adds an entry and gives it as it is stored; rejects with `conflict` when its id is taken. */
  append(entry: NewAuditEntry): Promise<AuditEntry<T>>;
  /** The entries that match, oldest first, 1,000 a page by default; the end of a stretch of time does not belong to it. */
  query(query?: AuditQuery): Listing<AuditEntry<T>>;
}

/** The stores of a gateway. */
export interface GatewayStores<T extends Time = string> {
  readonly users: Users<T>;
  readonly pairings: Pairings<T>;
  readonly audit: Audit<T>;
}

/** What the callback of {@link Gateway.transaction} works with; of no use after it has returned. */
export interface GatewayTransaction<T extends Time = string> extends GatewayStores<T> {
  /** SQL and collections of your own in the same transaction. */
  readonly store: Transaction;
}

/**
 * A gateway: users, pairings and the audit log, in one store, so that they commit together.
 *
 * @example
 * const gateway = await openGateway('gateway');
 * const ada = await gateway.users.create({ name: 'Ada', identities: [{ platform: 'mail', platformUserId: 'ada@example.org' }] });
 * await gateway.audit.append({ action: 'user.create', actor: 'admin', details: { userId: ada.id } });
 * await gateway.close();
 */
export interface Gateway<T extends Time = string> extends GatewayStores<T> {
  /** The store that holds the gateway. */
  readonly store: Store;
  /** Runs `work` in one transaction over all stores: see {@link Workspace.transaction}. */
  transaction<R>(work: (tx: GatewayTransaction<T>) => R | Promise<R>): Promise<R>;
  /**
   * Deletes a user with all identities and pairings and adds an entry to the audit log, with one
   * commit, and sees to it that the deleted bytes are in none of the files any more. What the audit
   * log says of the user stays. A user that is not there is none to delete.
   */
  forgetUser(id: string, actor: string): Promise<void>;
  /** Ends this handle; of {@link openGateway} it closes the store too. Every later call rejects with `closed`. */
  close(): Promise<void>;
  /** {@link Gateway.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How to open a gateway. */
export type GatewayOptions = Pick<WorkspaceOptions, 'times'>;

/** How {@link openWorkspace} opens a store and the workspace in it. */
export type OpenWorkspaceOptions = OpenOptions & WorkspaceOptions;

/** How {@link openGateway} opens a store and the gateway in it. */
export type OpenGatewayOptions = OpenOptions & GatewayOptions;
