/** Snapshot storage in memory, for tests and for stores that shall not outlive the page. */

import { SigilError } from '../error.js';
import { checkBytes, checkName } from '../names.js';
import type { SnapshotStorage } from '../storage.js';

/**
 * {@link SnapshotStorage} in memory.
 *
 * @example
 * const storage = new MemoryStorage();
 * await storage.replace('a', new Uint8Array([1]));
 * console.log(await storage.read('a')); // Uint8Array [1]
 */
export class MemoryStorage implements SnapshotStorage {
  readonly #blobs = new Map<string, Uint8Array>();
  #closed = false;

  async read(name: string): Promise<Uint8Array | undefined> {
    this.#check(name);
    return this.#copyOf(name);
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    this.#check(name);
    checkBytes(bytes);
    this.#blobs.set(name, new Uint8Array(bytes));
  }

  async remove(name: string): Promise<void> {
    this.#check(name);
    this.#blobs.delete(name);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#blobs.clear();
  }

  #copyOf(name: string): Uint8Array | undefined {
    const bytes = this.#blobs.get(name);
    return bytes && new Uint8Array(bytes);
  }

  #check(name: string): void {
    checkName(name);
    if (this.#closed) throw new SigilError('closed', 'this storage was closed: open it again');
  }
}
