/** What workspaces and gateways have in common: a store, and an end. */

import type { Store, Transaction } from '../api.js';
import type { WasmStore } from '../bindings/glue.js';
import { SigilError } from '../error.js';
import type { Runner } from '../executor.js';

/** A store, with what a handle in it needs besides. */
export interface StoreHost extends Store, Runner {
  /** As {@link Store.transaction}, for work that makes calls of its own through `runner`. */
  transact<T>(work: (tx: Transaction, runner: Runner) => T | Promise<T>): Promise<T>;
  /** The rest of {@link Store.scrub}, after a call that has overwritten what it deleted. */
  scrubbed(): Promise<void>;
}

/** Runs the calls of one handle in a store, until it is closed. */
export class Handle implements Runner {
  readonly host: StoreHost;
  readonly #what: string;
  readonly #owned: boolean;
  #closed = false;

  constructor(host: StoreHost, what: string, owned: boolean) {
    this.host = host;
    this.#what = what;
    this.#owned = owned;
  }

  async run<T>(work: (store: WasmStore) => T): Promise<T> {
    this.#check();
    return this.host.run(work);
  }

  async runAll<T>(work: (run: <R>(step: (store: WasmStore) => R) => R) => T): Promise<T> {
    this.#check();
    return this.host.runAll(work);
  }

  /** Runs `work` in a transaction, on what `make` makes of it. */
  async transact<S, R>(work: (stores: S) => R | Promise<R>, make: (tx: Transaction, runner: Runner) => S): Promise<R> {
    this.#check();
    if (typeof work !== 'function') throw new SigilError('invalid-input', 'a transaction needs a function to run');
    return this.host.transact((tx, runner) => work(make(tx, runner)));
  }

  /**
   * Waits for a call that forgets, and until what it forgot is in none of the storage any more. What is
   * not there any more may have been forgotten by an earlier call that did not come so far.
   */
  async forgotten<T>(call: Promise<T>): Promise<T> {
    await call.catch((error: unknown) => {
      if (!(error instanceof SigilError) || error.code !== 'not-found') throw error;
    });
    await this.host.scrubbed();
    return call;
  }

  /** Ends the handle, and the store if it is owned. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#owned) await this.host.close();
  }

  #check(): void {
    if (this.#closed) throw new SigilError('closed', `${this.#what} was closed: open it again`);
  }
}
