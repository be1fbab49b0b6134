/** Snapshot storage in the browser's origin-private file system, on the page and in Workers. */

import { hostError, SigilError } from '../error.js';
import { WebLock } from '../lock/web.js';
import { checkBytes, checkName } from '../names.js';
import { openDirectory } from '../opfs.js';
import { Ordered } from '../ordered.js';
import type { SnapshotStorage } from '../storage.js';

/** How often a write is tried whose error does not say what is wrong. */
const TRIES = 5;

/**
 * {@link SnapshotStorage} as the files of one OPFS directory, which it holds exclusively.
 *
 * A blob is replaced by `createWritable()`, which writes a file beside it and puts that in its place
 * on `close()` (https://fs.spec.whatwg.org, "FileSystemWritableFileStream").
 *
 * That survives the end of the page and of the browser. It does not promise to survive a power cut:
 * Chromium 156 was seen to sync neither the file nor the database of its names, so the last half
 * minute of replacements may be lost or damaged then. `IndexedDbStorage` syncs each of them.
 *
 * @example
 * const storage = await OpfsStorage.open('notes');
 * await storage.replace('a', new Uint8Array([1]));
 * await storage.close();
 */
export class OpfsStorage implements SnapshotStorage {
  readonly #name: string;
  readonly #directory: FileSystemDirectoryHandle;
  readonly #lock: WebLock;
  readonly #order = new Ordered();
  #closed = false;

  private constructor(name: string, directory: FileSystemDirectoryHandle, lock: WebLock) {
    this.#name = name;
    this.#directory = directory;
    this.#lock = lock;
  }

  /**
   * Opens the store `name` of this origin, creating it when it is missing.
   *
   * Rejects with `locked` when another tab, Worker or handle has it, and with `unsupported` where
   * the browser has no OPFS or no `createWritable`.
   */
  static async open(name: string): Promise<OpfsStorage> {
    const writable = (globalThis as { FileSystemFileHandle?: { prototype: object } }).FileSystemFileHandle;
    if (writable === undefined || !('createWritable' in writable.prototype)) {
      throw new SigilError(
        'unsupported',
        'this browser cannot replace files of its private file system (createWritable): use IndexedDB',
      );
    }
    const lock = await WebLock.acquire('opfs', name);
    try {
      return new OpfsStorage(name, await openDirectory(name), lock);
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    this.#check(name);
    return this.#order.run(name, async () => {
      try {
        const file = await (await this.#directory.getFileHandle(name)).getFile();
        return new Uint8Array(await file.arrayBuffer());
      } catch (cause) {
        if ((cause as DOMException).name === 'NotFoundError') return undefined;
        throw hostError(`reading '${name}' of the store '${this.#name}'`, cause);
      }
    });
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    this.#check(name);
    checkBytes(bytes);
    const copy = new Uint8Array(bytes);
    return this.#order.run(name, async () => {
      const failed = (cause: unknown): SigilError => hostError(`writing '${name}' of the store '${this.#name}'`, cause);
      // Chromium may end the pipe to a writer whose quota is used up before it says why, more often
      // the busier the machine. Nothing has been replaced then, and another try says it.
      for (let tries = 1; ; tries += 1) {
        try {
          await this.#write(name, copy);
          return;
        } catch (cause) {
          if (failed(cause).code !== 'storage') throw failed(cause);
          if (tries === TRIES) throw failed((await quotaError(copy.length)) ?? cause);
        }
      }
    });
  }

  async remove(name: string): Promise<void> {
    this.#check(name);
    return this.#order.run(name, async () => {
      try {
        await this.#directory.removeEntry(name);
      } catch (cause) {
        if ((cause as DOMException).name === 'NotFoundError') return;
        throw hostError(`removing '${name}' of the store '${this.#name}'`, cause);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#order.idle();
    await this.#lock.release();
  }

  async #write(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const handle = await this.#directory.getFileHandle(name, { create: true });
    const stream = await handle.createWritable({ keepExistingData: false });
    try {
      await stream.write(bytes);
      await stream.close();
    } catch (cause) {
      // Gives up the file beside it; it rejects when the stream has failed already.
      await stream.abort().catch(() => undefined);
      throw cause;
    }
  }

  #check(name: string): void {
    checkName(name);
    if (this.#closed) throw new SigilError('closed', `the store '${this.#name}' was closed: open it again`);
  }
}

/** The error for a quota that `bytes` more do not fit into, or nothing when they do. */
async function quotaError(bytes: number): Promise<DOMException | undefined> {
  const { quota, usage } = await navigator.storage.estimate().catch(() => ({ quota: undefined, usage: undefined }));
  if (quota === undefined || usage === undefined || usage + bytes <= quota) return undefined;
  return new DOMException('the quota of this site is used up', 'QuotaExceededError');
}
