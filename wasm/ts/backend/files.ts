/** A store on files, which the engine reads and writes by itself. */

import type { Backend, Holding } from '../backend.js';
import type { Instance, Settings, WasmStore } from '../bindings/glue.js';
import { Engine } from '../engine.js';
import type { SyncFiles } from '../files.js';
import type { SyncSnapshots } from '../snapshots.js';
import type { Turns } from '../turns.js';

/** {@link SyncFiles} as a {@link Backend}: what a call has committed is durable when it returns. */
export class FilesBackend implements Backend {
  readonly #files: SyncFiles & { close?(): Promise<void> };
  readonly #snapshots: SyncSnapshots | number;
  readonly #turns: Turns;
  readonly #holding: () => Promise<Holding>;

  /** A store in `files`, with its index snapshots in `snapshots`, or in that many slots among the files. */
  constructor(files: SyncFiles, snapshots: SyncSnapshots | number, turns: Turns, holding: () => Promise<Holding>) {
    this.#files = files;
    this.#snapshots = snapshots;
    this.#turns = turns;
    this.#holding = holding;
  }

  async open(instance: Instance, imported: Uint8Array | undefined, settings: Settings): Promise<Engine<WasmStore>> {
    const [snapshots, slots] = typeof this.#snapshots === 'number' ? [undefined, this.#snapshots] : [this.#snapshots, 0];
    return Engine.make(instance, ({ WasmStore: { openFiles } }) => openFiles(this.#files, snapshots, slots, imported, settings));
  }

  written(): undefined {
    return undefined;
  }

  async flush(engine: Engine<WasmStore>): Promise<void> {
    return this.#turns.run(() => void engine.call((store) => store.saveIndexes()));
  }

  async scrub(engine: Engine<WasmStore>, done: boolean): Promise<void> {
    return this.#turns.run(() => engine.call((store) => store.beginScrub(done)));
  }

  holding(): Promise<Holding> {
    return this.#holding();
  }

  progress(engine: Engine<WasmStore>): { bytes: number; lastFlush?: number } {
    const { bytes, lastSync } = engine.call((store) => store.written());
    return lastSync === undefined ? { bytes } : { bytes, lastFlush: lastSync };
  }

  async release(): Promise<void> {
    if (this.#files.close === undefined) this.#files.closeAll();
    else await this.#files.close();
  }
}
