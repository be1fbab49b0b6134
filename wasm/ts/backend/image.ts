/** A store in memory, whose image is kept in a storage of whole blobs. */

import type { Backend, Holding } from '../backend.js';
import type { Instance, PackedFlush, Settings, WasmStore } from '../bindings/glue.js';
import { Engine, poisonedBy } from '../engine.js';
import { hostError, SigilError } from '../error.js';
import type { SnapshotStorage } from '../storage.js';
import type { Turns } from '../turns.js';

/**
 * A {@link SnapshotStorage} as a {@link Backend}, by the manifest protocol of the core.
 *
 * One flush is under way at a time. Whoever writes meanwhile waits for the next one, together with
 * everybody else who does.
 */
export class ImageBackend implements Backend {
  readonly #storage: SnapshotStorage;
  readonly #holding: () => Promise<Holding>;
  readonly #turns: Turns;
  /** Resolves when the flush that is under way has ended, however it did. */
  #current: Promise<unknown> = Promise.resolve();
  /** The flush that has not begun yet, for others to join. */
  #next: Promise<void> | undefined;
  #saveIndexes = false;
  #bytes = 0;
  #lastFlush: number | undefined;

  constructor(storage: SnapshotStorage, turns: Turns, holding: () => Promise<Holding>) {
    this.#storage = storage;
    this.#turns = turns;
    this.#holding = holding;
  }

  async open(instance: Instance, imported: Uint8Array | undefined, settings: Settings): Promise<Engine<WasmStore>> {
    const opener = Engine.make(instance, ({ WasmImageOpener }) => WasmImageOpener.create(settings));
    for (let names = opener.call((it) => it.wanted()); names.length > 0; names = opener.call((it) => it.wanted())) {
      const blobs = await Promise.all(names.map((name) => this.#attempt(`reading '${name}'`, () => this.#storage.read(name))));
      names.forEach((name, i) => opener.call((it) => it.supply(name, blobs[i])));
    }
    const engine = Engine.make(instance, () => opener.call((it) => it.open(imported)));
    // A store that was just made is one when its open resolves.
    await this.#settled(engine);
    return engine;
  }

  extent(engine: Engine<WasmStore>): number {
    return engine.call((store) => store.extent());
  }

  written(engine: Engine<WasmStore>, before: number): Promise<void> | undefined {
    const wrote = engine.call((store) => store.extent() !== before && store.unflushed());
    return wrote ? this.#join(engine) : undefined;
  }

  flush(engine: Engine<WasmStore>): Promise<void> {
    this.#saveIndexes = true;
    return this.#join(engine);
  }

  async scrub(engine: Engine<WasmStore>, done: boolean): Promise<void> {
    await this.#turns.run(() => engine.call((store) => store.beginScrub(done)));
    // The first flush writes everything anew, and the others have the old blobs removed.
    const removing = this.#current.then(async () => {
      while (await this.#flush(engine));
    });
    this.#current = removing.catch(() => undefined);
    await removing;
    const [left] = engine.call((store) => store.retired());
    if (left !== undefined) throw new SigilError('storage', `the storage does not remove '${left}', which may hold what was deleted: try again`);
  }

  holding(): Promise<Holding> {
    return this.#holding();
  }

  progress(): { bytes: number; lastFlush?: number } {
    return this.#lastFlush === undefined ? { bytes: this.#bytes } : { bytes: this.#bytes, lastFlush: this.#lastFlush };
  }

  async release(): Promise<void> {
    await this.#current;
    await this.#storage.close?.();
  }

  async #settled(engine: Engine<WasmStore>): Promise<void> {
    if (engine.call((store) => store.unflushed())) await this.#join(engine);
  }

  #join(engine: Engine<WasmStore>): Promise<void> {
    if (this.#next === undefined) {
      const next = this.#current.then(async () => void (await this.#flush(engine)));
      this.#next = next;
      this.#current = next.catch(() => undefined);
    }
    return this.#next;
  }

  /** Stores what there is to store, and says whether there was anything. */
  async #flush(engine: Engine<WasmStore>): Promise<boolean> {
    for (let repairs = true; repairs; ) {
      const planned = await this.#plan(engine);
      if (planned === undefined) return false;
      try {
        repairs = await this.#carryOut(engine, planned);
      } catch (error) {
        this.#fail(engine, error as SigilError);
        throw error;
      }
    }
    this.#lastFlush = Date.now();
    return true;
  }

  /** Plans between the calls of others, because nobody's transaction may be open then. */
  async #plan(engine: Engine<WasmStore>): Promise<PackedFlush | undefined> {
    return this.#turns.run(() => {
      // What is written from here on is not in this flush.
      this.#next = undefined;
      const saveIndexes = this.#saveIndexes;
      this.#saveIndexes = false;
      return engine.call((store) => store.planFlush(saveIndexes));
    });
  }

  /** Stores the blobs, then the manifest that names them, and says whether another flush has to follow. */
  async #carryOut(engine: Engine<WasmStore>, [names, blobs, slot, manifest, removals]: PackedFlush): Promise<boolean> {
    await this.#check(engine, slot);
    await Promise.all(names.map((name, i) => this.#replace(name, blobs[i] as Uint8Array)));
    await this.#check(engine, slot);
    await this.#replace(slot, manifest);
    const repairs = engine.call((store) => store.flushed());
    for (const name of removals) {
      // What cannot be removed now is listed in the manifest and tried again.
      const removed = this.#storage.remove(name).then(() => engine.call((store) => store.removed(name)));
      await removed.catch(() => undefined);
    }
    return repairs;
  }

  /** Refuses to go on when somebody else has written a manifest. */
  async #check(engine: Engine<WasmStore>, slot: string): Promise<void> {
    const found = await this.#attempt(`reading '${slot}'`, () => this.#storage.read(slot));
    engine.call((store) => store.checkFlush(found));
  }

  async #replace(name: string, bytes: Uint8Array): Promise<void> {
    await this.#attempt(`writing '${name}'`, () => this.#storage.replace(name, bytes));
    this.#bytes += bytes.length;
  }

  /** Whatever a storage throws, as an error of the package. */
  async #attempt<T>(what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (cause) {
      throw hostError(what, cause);
    }
  }

  #fail(engine: Engine<WasmStore>, error: SigilError): void {
    if (engine.ended === undefined) engine.call((store) => store.flushFailed(error));
    engine.end(poisonedBy(error));
  }
}
