/** What wasm-bindgen makes of wasm/src, as far as the TypeScript uses it; see asFactory in build.mjs. */

import type { SqlParams } from '../api.js';
import type { SyncFiles } from '../files.js';
import type { Effort, Explanation, Recall, SearchCursor } from '../search-api.js';
import type { SyncSnapshots } from '../snapshots.js';

/** How the module opens a store. */
export interface Settings {
  cachePages?: number;
  timeLimitMs?: number;
  recover?: boolean;
}

/** `[columns, tags, numbers, bigints, texts, blobs]`; see rows.ts. */
export type PackedRows = [string[], Uint8Array, Float64Array, BigInt64Array, string[], Uint8Array];

/** `[ids, distances, metadata as JSON]`, nearest first. */
export type PackedHits = [string[], Float64Array, string[]];

/** How to search, as the module takes it. */
export interface PackedSearch {
  k: number;
  exact: boolean;
  /** JSON. */
  filter?: string;
  effort?: Effort;
  after?: SearchCursor;
  diversity?: number;
}

/** A text index; its options are JSON. */
export interface PackedTextInfo {
  name: string;
  options: string;
}

/** How to search texts, as the module takes it. */
export interface PackedTextSearch {
  ranking?: 'newest' | { recent: { now: string; halfLifeMs: number; weight: number } };
  weights?: number[];
  named?: [string, number][];
  typos?: number;
  from?: string;
  to?: string;
  /** JSON. */
  filter?: string;
  after?: { key: bigint; score?: number; time?: string };
}

/**
 * The key, the score and the rank of each hit, one after another; where doubles cannot hold them all,
 * the keys and the times that are ranks as well.
 */
export type PackedTextHits = Float64Array | [Float64Array, BigInt64Array, string[]];

/** `[text, where in it each match begins and ends, one after another]`. */
export type PackedHighlight = [string, Uint32Array];

/** `[place of the column, text, where in it each match begins and ends, whether there is more before, and behind]`. */
export type PackedSnippet = [number, string, Uint32Array, boolean, boolean];

/** `[vector, metadata as JSON]`. */
export type PackedVector = [Float32Array, string];

/** `[names, blobs, name of the manifest, manifest, names to remove]`. */
export type PackedFlush = [string[], Uint8Array[], string, Uint8Array, string[]];

export interface PackedCollection {
  name: string;
  dimensions: number;
  metric: string;
  precision: string;
  resident: string;
  count?: number;
}

/**
 * The result of a call as JSON; where there are two more, the contents of the messages in it, many in
 * a string, and their lengths.
 */
export type PackedAnswer = [string] | [string, string[], Float64Array];

/** How the module opens a workspace. */
export interface WantedWorkspace {
  id?: string;
  dimensions?: number;
  metric?: string;
}

/** A workspace, and the collection that has its vectors. */
export interface PackedWorkspace {
  id: string;
  collection: string;
  dimensions: number;
  metric: string;
}

/** One open store. Every failure is a thrown {@link Failure}; anything else thrown is a trap. */
export interface WasmStore {
  exec(sql: string, params: SqlParams | undefined): number;
  lastInsertRowid(): bigint;
  table(sql: string, params: SqlParams | undefined): PackedRows;
  begin(): void;
  commit(): void;
  rollback(): void;
  setTimeLimit(ms: number): void;
  checkpoint(): void;
  integrityCheck(): string[];
  poisoned(): Failure | undefined;
  extent(): number;
  unflushed(): boolean;
  planFlush(saveIndexes: boolean): PackedFlush | undefined;
  checkFlush(found: Uint8Array | undefined): void;
  flushed(): boolean;
  removed(name: string): void;
  flushFailed(error: Failure): void;
  beginScrub(done: boolean): void;
  retired(): string[];
  written(): { bytes: number; lastSync?: number };
  saveIndexes(): number;
  close(): void;
  exportDatabase(): Uint8Array;
  createCollection(name: string, dimensions: number, metric: string, precision: string, resident: string): PackedCollection;
  collection(name: string): PackedCollection;
  dropCollection(name: string): void;
  collections(): PackedCollection[];
  storeVectors(collection: string, ids: string[], vectors: Float32Array, metadata: string[]): void;
  getVector(collection: string, id: string): PackedVector | undefined;
  deleteVectors(collection: string, ids: string[]): number;
  countVectors(collection: string): number;
  searchVectors(collection: string, query: Float32Array, options: PackedSearch): PackedHits;
  searchManyVectors(collection: string, queries: Float32Array, options: PackedSearch): PackedHits[];
  vectorsWithin(collection: string, query: Float32Array, distance: number, options: PackedSearch): PackedHits;
  vectorsLike(collection: string, id: string, options: PackedSearch): PackedHits;
  recommendVectors(collection: string, positive: string[], negative: string[], options: PackedSearch): PackedHits;
  explainVectors(collection: string, query: Float32Array, options: PackedSearch): [PackedHits, Explanation];
  checkRecall(collection: string, sample: number, k: number): Recall;
  prepareVectors(collection: string, most: number): boolean;
  vectorMemory(collection: string): number;
  createTextIndex(name: string, options: string): PackedTextInfo;
  textIndex(name: string): PackedTextInfo;
  textIndexes(): PackedTextInfo[];
  dropTextIndex(name: string): void;
  searchText(
    name: string,
    form: number,
    query: string,
    k: number,
    options: PackedTextSearch | undefined,
    keys: BigInt64Array | undefined,
  ): PackedTextHits;
  countMatchingText(name: string, form: number, query: string, options: PackedTextSearch | undefined, keys: BigInt64Array | undefined): number;
  textFacets(
    name: string,
    form: number,
    query: string,
    of: string[],
    most: number,
    options: PackedTextSearch | undefined,
    keys: BigInt64Array | undefined,
  ): string;
  highlightRow(name: string, form: number, query: string, key: bigint, typos: number): PackedHighlight[] | undefined;
  highlightTexts(name: string, form: number, query: string, texts: string[], typos: number): PackedHighlight[];
  snippetOfRow(name: string, form: number, query: string, key: bigint, tokens: number, typos: number): PackedSnippet | undefined;
  snippetOfTexts(name: string, form: number, query: string, texts: string[], tokens: number, typos: number): PackedSnippet;
  unindexableRows(name: string): BigInt64Array;
  countText(name: string): number;
  prepareText(name: string, most: number): boolean;
  optimizeText(name: string): void;
  rebuildText(name: string): void;
  textMemory(name: string): number;
  openWorkspace(wanted: WantedWorkspace): PackedWorkspace;
  openGateway(): void;
  call(method: string, args: string): PackedAnswer | undefined;
  commitBatch(batch: string, digest: string, vector: Float32Array): PackedAnswer | undefined;
  searchMemory(wanted: string, vector: Float32Array | undefined): PackedAnswer | undefined;
}

/** Asks for the blobs of an image, then opens it. */
export interface WasmImageOpener {
  wanted(): string[];
  supply(name: string, bytes: Uint8Array | undefined): void;
  open(imported: Uint8Array | undefined): WasmStore;
}

/** The searches of an index. */
export interface WasmSearches {
  search(query: Float32Array, options: PackedSearch): PackedHits;
  /** The queries come one after another. */
  searchMany(queries: Float32Array, options: PackedSearch): PackedHits[];
  within(query: Float32Array, distance: number, options: PackedSearch): PackedHits;
  searchLike(id: string, options: PackedSearch): PackedHits;
  recommend(positive: string[], negative: string[], options: PackedSearch): PackedHits;
  explain(query: Float32Array, options: PackedSearch): [PackedHits, Explanation];
  recallCheck(sample: number, k: number): Recall;
  memory(): number;
}

/** One index without a store. */
export interface WasmVectorIndex extends WasmSearches {
  dimensions(): number;
  metric(): string;
  precision(): string;
  size(): number;
  add(id: string, vector: Float32Array, metadata: string): boolean;
  remove(id: string): boolean;
  get(id: string): PackedVector | undefined;
  toBytes(): Uint8Array;
}

/** What the module throws. */
export interface Failure {
  code: string;
  message: string;
  cause?: unknown;
}

/** One instance of the module, once it was called and has resolved. */
export interface Instance {
  (source: { module_or_path: WebAssembly.Module }): Promise<unknown>;
  lastPanic(): string | undefined;
  WasmStore: {
    openFiles(
      files: SyncFiles,
      snapshots: SyncSnapshots | undefined,
      slots: number,
      imported: Uint8Array | undefined,
      settings: Settings,
    ): WasmStore;
    openMemory(imported: Uint8Array | undefined, settings: Settings): WasmStore;
  };
  WasmImageOpener: {
    create(settings: Settings): WasmImageOpener;
  };
  WasmVectorIndex: {
    create(dimensions: number, metric: string, precision: string): WasmVectorIndex;
    fromBytes(bytes: Uint8Array): WasmVectorIndex;
  };
}

/** Makes a new instance, which has to be called before its members are used. */
export function createInstance(): Instance;
