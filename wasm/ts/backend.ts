/** What holds a store while it is open. */

import type { Durability, OpenOptions } from './api.js';
import type { Instance, Settings, WasmStore } from './bindings/glue.js';
import type { Engine } from './engine.js';

/** How the engine works on a storage; see {@link OpenOptions}. */
export type Mode = NonNullable<OpenOptions['mode']>;

/** What is said of mode files where there are none. */
export const IMAGE_ONLY = 'this storage holds whole blobs: its only mode is image';

/** What {@link Durability} says and only the storage knows. */
export type Holding = Pick<Durability, 'storage' | 'mode' | 'durable' | 'survivesPowerLoss' | 'evictable'> &
  Partial<Pick<Durability, 'persisted'>>;

/** The storage of one open store, held exclusively until it is closed. */
export interface Backend {
  /** Opens the store in `instance`; `imported` is the database a new one starts from. */
  open(instance: Instance, imported: Uint8Array | undefined, settings: Settings): Promise<Engine<WasmStore>>;

  /** A number that is another after every write; missing where whatever is written is durable at once. */
  extent?(engine: Engine<WasmStore>): number;

  /**
   * Called after every call on the store, with the {@link Backend.extent} before it: what it returns
   * resolves when everything the call wrote is durable. Nothing is returned when it is already.
   */
  written(engine: Engine<WasmStore>, before: number): Promise<void> | undefined;

  /** Resolves when everything, index snapshots included, is stored; not to be called while holding the turn. */
  flush(engine: Engine<WasmStore>): Promise<void>;

  /**
   * Resolves when what was deleted is in none of the storage any more; it is overwritten first, unless
   * that was `done` already. Not to be called while holding the turn.
   */
  scrub(engine: Engine<WasmStore>, done: boolean): Promise<void>;

  /** What holds the data now. */
  holding(): Promise<Holding>;

  /** How many bytes were written, and when the last of them were safe, in milliseconds since 1970. */
  progress(engine: Engine<WasmStore>): { bytes: number; lastFlush?: number };

  /** Lets go of the storage, without a flush. */
  release(): Promise<void>;
}
