/** What wasm-bindgen makes of wasm/src, as far as the TypeScript uses it; see asFactory in build.mjs. */

import type { SqlParams } from '../api.js';
import type { SyncFiles } from '../files.js';
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

/** `[vector, metadata as JSON]`. */
export type PackedVector = [Float32Array, string];

/** `[names, blobs, name of the manifest, manifest, names to remove]`. */
export type PackedFlush = [string[], Uint8Array[], string, Uint8Array, string[]];

export interface PackedCollection {
  name: string;
  dimensions: number;
  metric: string;
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
  createCollection(name: string, dimensions: number, metric: string): PackedCollection;
  collection(name: string): PackedCollection;
  dropCollection(name: string): void;
  collections(): PackedCollection[];
  storeVectors(collection: string, ids: string[], vectors: Float32Array, metadata: string[]): void;
  getVector(collection: string, id: string): PackedVector | undefined;
  deleteVectors(collection: string, ids: string[]): number;
  searchVectors(collection: string, query: Float32Array, k: number, filter: string | undefined, exact: boolean): PackedHits;
  countVectors(collection: string): number;
  openWorkspace(wanted: WantedWorkspace): PackedWorkspace;
  openGateway(): void;
  call(method: string, args: string): PackedAnswer | undefined;
  commitBatch(batch: string, digest: string, vector: Float32Array): PackedAnswer | undefined;
}

/** Asks for the blobs of an image, then opens it. */
export interface WasmImageOpener {
  wanted(): string[];
  supply(name: string, bytes: Uint8Array | undefined): void;
  open(imported: Uint8Array | undefined): WasmStore;
}

/** One index without a store. */
export interface WasmVectorIndex {
  dimensions(): number;
  metric(): string;
  size(): number;
  add(id: string, vector: Float32Array, metadata: string): boolean;
  remove(id: string): boolean;
  get(id: string): PackedVector | undefined;
  search(query: Float32Array, k: number, filter: string | undefined, exact: boolean): PackedHits;
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
    create(dimensions: number, metric: string): WasmVectorIndex;
    fromBytes(bytes: Uint8Array): WasmVectorIndex;
  };
}

/** Makes a new instance, which has to be called before its members are used. */
export function createInstance(): Instance;
