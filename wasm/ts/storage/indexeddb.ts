/** Snapshot storage in IndexedDB, on the page and in Workers. */

import { hostError, SigilError } from '../error.js';
import { WebLock } from '../lock/web.js';
import { checkBytes, checkName, storeSegment } from '../names.js';
import type { SnapshotStorage } from '../storage.js';

const VERSION = 1;
const BLOBS = 'blobs';

/**
 * {@link SnapshotStorage} as the entries of one IndexedDB object store, held exclusively.
 *
 * Each change is one transaction of strict durability, and its promise resolves on the
 * transaction's `complete` event: a request's own `success` comes before anything is on disk
 * (https://w3c.github.io/IndexedDB/#transaction-durability-hint).
 *
 * @example
 * const storage = await IndexedDbStorage.open('notes');
 * await storage.replace('a', new Uint8Array([1]));
 * await storage.close();
 */
export class IndexedDbStorage implements SnapshotStorage {
  readonly #name: string;
  readonly #database: IDBDatabase;
  readonly #lock: WebLock;
  readonly #underWay = new Set<Promise<unknown>>();
  /** Why the handle is of no more use, once it is not. */
  #ended: SigilError | undefined;

  private constructor(name: string, database: IDBDatabase, lock: WebLock) {
    this.#name = name;
    this.#database = database;
    this.#lock = lock;
    database.onversionchange = () => {
      this.#end(`another tab deletes or upgrades the store '${name}'`);
      database.close();
    };
    database.onclose = () => this.#end(`the browser closed the store '${name}'`);
  }

  /**
   * Opens the store `name` of this origin, creating it when it is missing.
   *
   * Rejects with `locked` when another tab, Worker or handle has it, with `unsupported` where there
   * is no IndexedDB, and with `newer-format` when a newer version of this package wrote it.
   */
  static async open(name: string): Promise<IndexedDbStorage> {
    const segment = storeSegment(name);
    if ((globalThis as { indexedDB?: IDBFactory }).indexedDB === undefined) {
      throw new SigilError('unsupported', 'there is no IndexedDB here: choose another storage');
    }
    const lock = await WebLock.acquire('indexeddb', name);
    try {
      return new IndexedDbStorage(name, await openDatabase(name, segment), lock);
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    this.#check(name);
    const bytes: unknown = await this.#transact(`reading '${name}'`, 'readonly', (blobs) => blobs.get(name));
    if (bytes === undefined || bytes instanceof Uint8Array) return bytes;
    throw new SigilError('corrupt', `'${name}' of the store '${this.#name}' is no blob: other code wrote it`);
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    this.#check(name);
    checkBytes(bytes);
    // `put` copies the whole buffer behind a view, so a view of wasm memory must not reach it.
    await this.#transact(`writing '${name}'`, 'readwrite', (blobs) => blobs.put(new Uint8Array(bytes), name));
  }

  async remove(name: string): Promise<void> {
    this.#check(name);
    await this.#transact(`removing '${name}'`, 'readwrite', (blobs) => blobs.delete(name));
  }

  async close(): Promise<void> {
    if (this.#ended?.code === 'closed') return;
    this.#ended = new SigilError('closed', `the store '${this.#name}' was closed: open it again`);
    await Promise.all([...this.#underWay].map((work) => work.catch(() => undefined)));
    this.#database.close();
    await this.#lock.release();
  }

  #check(name: string): void {
    checkName(name);
    if (this.#ended !== undefined) throw this.#ended;
  }

  #end(why: string): void {
    this.#ended ??= new SigilError('poisoned', `${why}: open it again`);
  }

  #transact(
    what: string,
    mode: IDBTransactionMode,
    work: (blobs: IDBObjectStore) => IDBRequest,
  ): Promise<unknown> {
    const said = `${what} of the store '${this.#name}'`;
    const result = new Promise<unknown>((resolve, reject) => {
      const transaction = this.#database.transaction(BLOBS, mode, { durability: 'strict' });
      const request = work(transaction.objectStore(BLOBS));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => {
        reject(this.#ended ?? hostError(said, transaction.error ?? request.error ?? 'the browser aborted it'));
      };
    }).catch((cause: unknown) => {
      throw hostError(said, cause);
    });
    this.#underWay.add(result);
    const done = () => void this.#underWay.delete(result);
    result.then(done, done);
    return result;
  }
}

function openDatabase(name: string, segment: string): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const what = `opening the store '${name}'`;
    let request: IDBOpenDBRequest;
    try {
      request = indexedDB.open(`sigil-store:${segment}`, VERSION);
    } catch (cause) {
      reject(hostError(what, cause));
      return;
    }
    let gaveUp = false;
    request.onupgradeneeded = () => request.result.createObjectStore(BLOBS);
    request.onblocked = () => {
      gaveUp = true;
      reject(new SigilError('locked', `${what}: another tab holds an older version of it, close that tab first`));
    };
    request.onsuccess = () => {
      // A blocked request may still come through after its caller was told that it did not.
      if (gaveUp) request.result.close();
      else resolve(request.result);
    };
    request.onerror = () => reject(hostError(what, request.error));
  });
}
