/** A store in memory, which nothing outlives. */

import type { Backend, Holding } from '../backend.js';
import type { Instance, Settings, WasmStore } from '../bindings/glue.js';
import { Engine } from '../engine.js';
import type { Turns } from '../turns.js';

/** The module's own memory as a {@link Backend}. */
export class MemoryBackend implements Backend {
  readonly #turns: Turns;

  constructor(turns: Turns) {
    this.#turns = turns;
  }

  async open(instance: Instance, imported: Uint8Array | undefined, settings: Settings): Promise<Engine<WasmStore>> {
    return Engine.make(instance, ({ WasmStore: { openMemory } }) => openMemory(imported, settings));
  }

  written(): undefined {
    return undefined;
  }

  async flush(engine: Engine<WasmStore>): Promise<void> {
    engine.call(() => undefined);
  }

  async scrub(engine: Engine<WasmStore>, done: boolean): Promise<void> {
    return this.#turns.run(() => engine.call((store) => store.beginScrub(done)));
  }

  async holding(): Promise<Holding> {
    return { storage: 'memory', mode: 'image', durable: false, survivesPowerLoss: false, evictable: false };
  }

  progress(): { bytes: number } {
    return { bytes: 0 };
  }

  async release(): Promise<void> {}
}
