/// <reference lib="esnext.disposable" preserve="true" />
/** The types of the public API: what a store takes and gives. */

import type { VectorSearch } from './search-api.js';
import type { SnapshotStorage } from './storage.js';
import type { Gateway, GatewayOptions, Workspace, WorkspaceOptions } from './stores/api.js';
import type { Time } from './stores/records.js';
import type { TextIndexes } from './text-api.js';

/**
 * A value a statement's parameter can have.
 *
 * `boolean` is stored as 0 or 1. A `number` that is a whole number of at most 2^53 - 1 either way is
 * stored as INTEGER, any other as REAL; NaN is refused. A `bigint` is stored as INTEGER and must fit
 * in 64 bits. A `Uint8Array` is stored as BLOB.
 */
export type SqlValue = null | boolean | number | bigint | string | Uint8Array;

/**
 * The parameters of a statement: an array for `?` and `?1`, an object for `:name`, `@name` and
 * `$name` (its keys are the names without the sign before them).
 */
export type SqlParams = readonly SqlValue[] | Readonly<Record<string, SqlValue>>;

/** A value a row can hold: an INTEGER beyond 2^53 - 1 either way comes as `bigint`. */
export type ColumnValue = null | number | bigint | string | Uint8Array;

/** A row as an object with one property a column. */
export type Row = Record<string, ColumnValue>;

/** What a statement that returns no rows did. */
export interface ExecResult {
  /** How many rows it inserted, changed or deleted. */
  changes: number;
  /** The rowid of the last row inserted by this handle. */
  lastInsertRowid: number | bigint;
}

/** Rows as arrays, with the names of their columns once: for columns that share a name. */
export interface Table {
  columns: string[];
  rows: ColumnValue[][];
}

/** What {@link Store} and {@link Transaction} both do. */
export interface Executor extends TextIndexes {
  /**
   * Runs one statement that returns no rows, or several separated by `;` when there are no `params`.
   *
   * Outside a transaction it resolves when what it changed is durable.
   */
  exec(sql: string, params?: SqlParams): Promise<ExecResult>;

  /**
   * Runs one statement and returns its rows as objects.
   *
   * Of columns that share a name, the last is kept; {@link Executor.table} keeps them all. `T` is
   * taken at its word: nothing checks the rows against it.
   */
  query<T extends object = Row>(sql: string, params?: SqlParams): Promise<T[]>;

  /** Runs one statement and returns its rows as arrays. */
  table(sql: string, params?: SqlParams): Promise<Table>;

  /** The vector collections. */
  readonly vectors: Vectors;
}

/** What the callback of {@link Store.transaction} works with; of no use after it has returned. */
export interface Transaction extends Executor {}

/** One open store. */
export interface Store extends Executor {
  /**
   * Runs `work` in one transaction: committed when it returns, rolled back when it throws.
   *
   * Other calls on the store wait until it has ended, so `work` must use `tx` and not the store.
   * Resolves, with what `work` returned, when the commit is durable.
   *
   * @example
   * await store.transaction(async (tx) => {
   *   await tx.exec('UPDATE accounts SET cents = cents - 100 WHERE id = ?', [1]);
   *   await tx.exec('UPDATE accounts SET cents = cents + 100 WHERE id = ?', [2]);
   * });
   */
  transaction<T>(work: (tx: Transaction) => T | Promise<T>): Promise<T>;

  /**
   * Opens the workspace in this store, making it when there is none: the memory of an agent. A store
   * has at most one, which may be opened several times.
   *
   * @example
   * const workspace = await store.workspace({ dimensions: 384 });
   * const session = await workspace.sessions.create({ userId: 'ada' });
   * await workspace.sessions.append(session.id, { role: 'user', content: 'hello' });
   */
  workspace(options: WorkspaceOptions & { times: 'date' }): Promise<Workspace<Date>>;
  workspace(options?: WorkspaceOptions & { times?: 'iso' }): Promise<Workspace>;
  workspace(options?: WorkspaceOptions): Promise<Workspace<Time>>;

  /** Opens the gateway in this store, making it when there is none: users, pairings and the audit log. */
  gateway(options: GatewayOptions & { times: 'date' }): Promise<Gateway<Date>>;
  gateway(options?: GatewayOptions & { times?: 'iso' }): Promise<Gateway>;
  gateway(options?: GatewayOptions): Promise<Gateway<Time>>;

  /** Resolves when everything acknowledged so far, and the snapshots of indexes, are stored. */
  flush(): Promise<void>;

  /**
   * Makes sure that what was deleted is in none of the store's files or blobs any more. It reads, and
   * in mode `image` writes, the whole store. A file system or a disk may keep copies of its own.
   */
  scrub(): Promise<void>;

  /** Flushes, and lets go of the storage. Every later call rejects with `closed`. */
  close(): Promise<void>;

  /** What holds the data, and how safely. */
  durability(): Promise<Durability>;

  /** The whole store as one SQLite database file. */
  export(): Promise<Uint8Array>;

  /** {@link Store.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What holds a store's data, and how safely. */
export interface Durability {
  /** The kind of storage; `custom` for a {@link SnapshotStorage} of your own. */
  storage: 'memory' | 'node' | 'opfs' | 'indexeddb' | 'custom';
  /** Whether the engine runs on files directly, or on an image in memory that is flushed. */
  mode: 'files' | 'image';
  /** Whether acknowledged writes outlive the page, the process and their crash. */
  durable: boolean;
  /** Whether they outlive a power cut as well, as far as the host is known to keep its promises. */
  survivesPowerLoss: boolean;
  /** Whether the browser may delete the data when it needs the space; see {@link Durability.persisted}. */
  evictable: boolean;
  /** What `navigator.storage.persisted()` says, in a browser. */
  persisted?: boolean;
  /** When the last flush ended, in milliseconds since 1970; missing before the first. */
  lastFlush?: number;
  /** How many bytes this handle has written to the storage. */
  bytesWritten: number;
}

/** How distances between vectors are measured; a score is a distance, and lower is nearer. */
export type Metric = 'cosine' | 'l2' | 'dot';

/**
 * How precisely the elements of vectors are kept, which are rounded when they come in: `f32` as they
 * are given, in 4 bytes each; `f16` in 2 bytes each, none of which may be 65,520 or more; `int8` in
 * one byte each and four a vector.
 */
export type Precision = 'f32' | 'f16' | 'int8';

/** What defines a collection. */
export interface CollectionDefinition {
  name: string;
  /** How many numbers each vector has. */
  dimensions: number;
  /** `cosine` when it is left out. */
  metric?: Metric;
  /** How precisely vectors are stored; `f32` when it is left out. */
  precision?: Precision;
  /**
   * How precisely the index holds them in memory, which is not more precisely than they are stored; as
   * they are stored when it is left out. When it is less, what a search finds is compared once more
   * with what is stored.
   */
  resident?: Precision;
}

/** A collection as {@link Vectors.list} gives it. */
export interface CollectionInfo extends Required<CollectionDefinition> {
  count: number;
}

/** JSON, as metadata holds it. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What is stored beside a vector, and filtered by. */
export type Metadata = { [key: string]: Json };

/**
 * Which entries a search considers: each property is a key of the metadata, and its value what the
 * entry must have there, or operators on it; `$and` and `$or` take filters, `$not` one.
 *
 * @example
 * const filter = { lang: 'en', year: { $gte: 2020 }, $or: [{ tag: 'a' }, { tag: { $exists: false } }] };
 */
export type Filter = { [key: string]: Json | FilterOperators | Filter | Filter[] };

/** The operators of a {@link Filter}. */
export interface FilterOperators {
  $eq?: Json;
  $ne?: Json;
  $gt?: number | string;
  $gte?: number | string;
  $lt?: number | string;
  $lte?: number | string;
  $in?: Json[];
  $nin?: Json[];
  $exists?: boolean;
  $not?: FilterOperators;
}

/** The vectors of a store, in named collections. */
export interface Vectors {
  /** Creates a collection; rejects with `conflict` when there is one of that name in another shape. */
  create(definition: CollectionDefinition): Promise<Collection>;
  /** Opens a collection; rejects with `not-found`, or `conflict` when it is not as `expected`. */
  open(name: string, expected?: Omit<Partial<CollectionDefinition>, 'name'>): Promise<Collection>;
  /** Deletes a collection and all of its vectors; rejects with `not-found`. */
  drop(name: string): Promise<void>;
  /** Every collection, by name. */
  list(): Promise<CollectionInfo[]>;
}

/** What is stored under an id. */
export interface VectorEntry {
  id: string;
  vector: Float32Array;
  metadata: Metadata;
}

/** One named collection of vectors. */
export interface Collection extends VectorSearch {
  readonly name: string;
  readonly dimensions: number;
  readonly metric: Metric;
  readonly precision: Precision;
  readonly resident: Precision;
  /** Stores a vector under `id`, replacing what was there; resolves when it is durable. */
  store(id: string, vector: Float32Array | readonly number[], metadata?: Metadata): Promise<void>;
  /** Stores all of them in one transaction, or none. */
  storeMany(
    entries: Iterable<{ id: string; vector: Float32Array | readonly number[]; metadata?: Metadata }>,
  ): Promise<void>;
  /** What is stored under `id`. */
  get(id: string): Promise<VectorEntry | undefined>;
  /** Deletes what is stored under `id`, and says whether there was anything. */
  delete(id: string): Promise<boolean>;
  /** How many vectors there are. */
  count(): Promise<number>;
  /**
   * Brings the index up to date in steps of some milliseconds, with room for other tasks in between.
   *
   * The first search after opening, and one after many vectors were stored, does this by itself and
   * all at once, which would hold up a page for seconds where there are tens of thousands of vectors
   * and no usable snapshot of the index. Other calls may be made meanwhile; what they store is in the
   * index when this resolves. Rejects with `busy` inside a transaction.
   *
   * ```ts
   * const notes = await store.vectors.open('notes');
   * await notes.prepare();
   * ```
   */
  prepare(): Promise<void>;
}

/** How to make a {@link VectorIndex}. */
export interface VectorIndexOptions extends Omit<CollectionDefinition, 'name' | 'resident'> {
  /** Where the wasm module comes from; by default it is loaded from beside this package. */
  wasm?: WasmSource;
}

/** Vectors in memory, without SQL and without a store; see {@link Collection} for the calls they share. */
export interface VectorIndex extends VectorSearch {
  readonly dimensions: number;
  readonly metric: Metric;
  readonly precision: Precision;
  /** Adds a vector under `id`, replacing what was there. */
  add(id: string, vector: Float32Array | readonly number[], metadata?: Metadata): Promise<void>;
  /** Removes what is there under `id`, and says whether there was anything. */
  remove(id: string): Promise<boolean>;
  /** What is there under `id`. */
  get(id: string): Promise<VectorEntry | undefined>;
  /** How many vectors there are. */
  count(): Promise<number>;
  /** The whole index as bytes, which can be opened again, here or natively. */
  toBytes(): Promise<Uint8Array>;
  /** Gives its memory back. Every later call rejects with `closed`. */
  close(): Promise<void>;
}

/**
 * Where the module comes from: its address, its bytes, or the module itself, compiled.
 *
 * Some hosts, Cloudflare's among them, compile modules only when a program is deployed and hand
 * them over by an import.
 */
export type WasmSource = string | { readonly href: string } | Uint8Array | ArrayBuffer | object;

/** How to open a store. */
export interface OpenOptions {
  /**
   * What holds the data. `auto`, the default, takes the directory in Node; in a browser the storage
   * that holds the store already, and for a new one OPFS in a Worker and IndexedDB on the page. Where
   * none of them works the open is refused. Data in memory has to be asked for.
   */
  storage?: 'auto' | 'memory' | 'node' | 'opfs' | 'indexeddb' | SnapshotStorage;
  /**
   * `files` runs the engine on files directly (Node, and OPFS in a Worker); `image` keeps the
   * database in memory and writes what changed at each flush. Chosen by the storage when left out.
   */
  mode?: 'files' | 'image';
  /** Whether a store that is missing is created; `true` when it is left out. */
  create?: boolean;
  /** The bytes of a SQLite database to start from; the open is refused if the store is not new. */
  import?: Uint8Array;
  /** Ask the browser not to evict this origin's data (`navigator.storage.persist()`). */
  persist?: boolean;
  /**
   * Opens a store whose newest state is damaged with the newest older one that is whole; without it
   * such an open rejects with `corrupt` and changes nothing.
   */
  recover?: boolean;
  /** How long one statement may run, in milliseconds; a longer one fails with `timeout` and changes nothing. */
  timeLimit?: number;
  /** How much of the database is kept in memory, in bytes; 16 MB when it is left out. */
  cacheBytes?: number;
  /** Where the wasm module comes from; by default it is loaded from beside this package. */
  wasm?: WasmSource;
}
