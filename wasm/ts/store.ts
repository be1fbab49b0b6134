/** One open store. */

import type { Durability, ExecResult, Row, SqlParams, Store, Table, Transaction, Vectors } from './api.js';
import type { Backend } from './backend.js';
import type { WasmStore } from './bindings/glue.js';
import type { Engine } from './engine.js';
import { SigilError } from './error.js';
import { type Runner, StoreExecutor } from './executor.js';
import type { Gateway, GatewayOptions, Workspace, WorkspaceOptions } from './stores/api.js';
import type { StoreHost } from './stores/handle.js';
import type { Time } from './stores/records.js';
import { gatewayIn, workspaceIn } from './stores/within.js';
import type { TextIndex, TextIndexInfo, TextIndexOptions } from './text-api.js';
import type { Turns } from './turns.js';

/** {@link Store} on a {@link Backend}. */
export class OpenStore implements Store, StoreHost {
  readonly #name: string;
  readonly #backend: Backend;
  readonly #engine: Engine<WasmStore>;
  readonly #executor = new StoreExecutor(this);
  readonly #turns: Turns;
  /** Whether the callback of a transaction is running right now, rather than waiting for something. */
  #inCallback = false;
  #closing: Promise<void> | undefined;
  #released: Promise<void> | undefined;

  constructor(name: string, backend: Backend, engine: Engine<WasmStore>, turns: Turns) {
    this.#name = name;
    this.#backend = backend;
    this.#engine = engine;
    this.#turns = turns;
  }

  get vectors(): Vectors {
    return this.#executor.vectors;
  }

  exec(sql: string, params?: SqlParams): Promise<ExecResult> {
    return this.#executor.exec(sql, params);
  }

  query<T extends object = Row>(sql: string, params?: SqlParams): Promise<T[]> {
    return this.#executor.query<T>(sql, params);
  }

  table(sql: string, params?: SqlParams): Promise<Table> {
    return this.#executor.table(sql, params);
  }

  createTextIndex(name: string, options: TextIndexOptions): Promise<TextIndex> {
    return this.#executor.createTextIndex(name, options);
  }

  textIndex(name: string): Promise<TextIndex> {
    return this.#executor.textIndex(name);
  }

  textIndexes(): Promise<TextIndexInfo[]> {
    return this.#executor.textIndexes();
  }

  dropTextIndex(name: string): Promise<void> {
    return this.#executor.dropTextIndex(name);
  }

  async transaction<T>(work: (tx: Transaction) => T | Promise<T>): Promise<T> {
    return this.transact(work);
  }

  async transact<T>(work: (tx: Transaction, runner: Runner) => T | Promise<T>): Promise<T> {
    if (typeof work !== 'function') throw new SigilError('invalid-input', 'a transaction needs a function to run');
    return this.#exclusively(async () => {
      this.#engine.call((store) => store.begin());
      const tx = new OpenTransaction(this.#engine);
      const result = await this.#settle(tx, work);
      this.#engine.call((store) => store.commit());
      return result;
    });
  }

  async workspace<T extends Time>(options?: WorkspaceOptions): Promise<Workspace<T>> {
    return workspaceIn(this, options, false);
  }

  async gateway<T extends Time>(options?: GatewayOptions): Promise<Gateway<T>> {
    return gatewayIn(this, options, false);
  }

  async flush(): Promise<void> {
    this.#check();
    try {
      await this.#backend.flush(this.#engine);
    } finally {
      if (this.#engine.ended !== undefined) await this.#release();
    }
  }

  async scrub(): Promise<void> {
    return this.#scrub(false);
  }

  async scrubbed(): Promise<void> {
    return this.#scrub(true);
  }

  async #scrub(done: boolean): Promise<void> {
    this.#check();
    try {
      await this.#backend.scrub(this.#engine, done);
    } finally {
      if (this.#engine.ended !== undefined) await this.#release();
    }
  }

  async close(): Promise<void> {
    if (this.#closing === undefined) {
      this.#check();
      this.#closing = this.#close();
    }
    return this.#closing;
  }

  async #close(): Promise<void> {
    try {
      // After the calls that are waiting already; a handle that is poisoned has nothing to flush.
      if (this.#engine.ended === undefined) await this.#backend.flush(this.#engine);
      await this.#turns.take();
      if (this.#engine.ended === undefined) this.#engine.call((store) => store.close());
    } finally {
      this.#engine.end(this.#closed());
      await this.#release();
      this.#turns.give();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async durability(): Promise<Durability> {
    this.#check();
    const { bytes, lastFlush } = this.#backend.progress(this.#engine);
    return { ...(await this.#backend.holding()), bytesWritten: bytes, ...(lastFlush === undefined ? {} : { lastFlush }) };
  }

  async export(): Promise<Uint8Array> {
    return this.run((store) => store.exportDatabase());
  }

  run<T>(work: (store: WasmStore) => T): Promise<T> {
    return this.#exclusively(() => this.#engine.call(work));
  }

  runAll<T>(work: (run: <R>(step: (store: WasmStore) => R) => R) => T): Promise<T> {
    return this.#exclusively(() => {
      this.#engine.call((store) => store.begin());
      try {
        const result = work((step) => this.#engine.call(step));
        this.#engine.call((store) => store.commit());
        return result;
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  /** Runs `work` when it is its turn, and resolves when what it wrote is durable. */
  async #exclusively<T>(work: () => T | Promise<T>): Promise<T> {
    this.#check();
    const turn = this.#turns.take();
    if (turn !== undefined) await turn;
    let durable: Promise<void> | undefined;
    try {
      const before = this.#engine.ended === undefined ? this.#backend.extent?.(this.#engine) : undefined;
      try {
        return await work();
      } finally {
        if (this.#engine.ended === undefined) durable = this.#backend.written(this.#engine, before ?? 0);
        this.#turns.give();
        // Should the flush fail, its error is the one to report: nothing of the call is safe then.
        if (durable !== undefined) await durable;
      }
    } finally {
      if (this.#engine.ended !== undefined) await this.#release();
    }
  }

  #check(): void {
    if (this.#closing !== undefined) throw this.#closed();
    if (this.#inCallback) {
      throw new SigilError('busy', 'the callback of a transaction works with its argument, not with the store, which waits for it');
    }
  }

  #closed(): SigilError {
    return new SigilError('closed', `the store '${this.#name}' was closed: open it again`);
  }

  /** Runs the callback of a transaction, and rolls it back when it throws. */
  async #settle<T>(tx: OpenTransaction, work: (tx: Transaction, runner: Runner) => T | Promise<T>): Promise<T> {
    try {
      let running: T | Promise<T>;
      this.#inCallback = true;
      try {
        running = work(tx, tx.runner);
      } finally {
        this.#inCallback = false;
      }
      return await running;
    } catch (error) {
      this.#rollBack();
      throw error;
    } finally {
      tx.end();
    }
  }

  #rollBack(): void {
    try {
      this.#engine.call((store) => store.rollback());
    } catch {
      // The error that led here is the caller's; a handle that cannot roll back is poisoned.
    }
  }

  /** Lets go of the storage, so that the store can be opened again. */
  #release(): Promise<void> {
    return (this.#released ??= this.#backend.release());
  }
}

/** {@link Transaction} of an {@link OpenStore}, which has its turn until the transaction ends. */
class OpenTransaction extends StoreExecutor implements Transaction {
  readonly runner: Runner;
  readonly #state: { ended: boolean };

  constructor(engine: Engine<WasmStore>) {
    const state = { ended: false };
    const check = (): void => {
      if (state.ended) throw new SigilError('closed', 'the transaction has ended: await every call before its callback returns');
    };
    const runner: Runner = {
      run: async (work) => {
        check();
        return engine.call(work);
      },
      runAll: async (work) => {
        check();
        return work((step) => engine.call(step));
      },
    };
    super(runner);
    this.runner = runner;
    this.#state = state;
  }

  end(): void {
    this.#state.ended = true;
  }
}
