/** Snapshot storage in a directory, by Node's `fs`. */

import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs/promises';
import * as path from 'node:path';

import { isTemporary } from '../directory.js';
import { hostError, SigilError } from '../error.js';
import { NodeLock } from '../lock/node.js';
import { checkBytes, checkName } from '../names.js';
import { Ordered } from '../ordered.js';
import type { SnapshotStorage } from '../storage.js';

/**
 * {@link SnapshotStorage} as the files of one directory, which it holds exclusively.
 *
 * A blob is replaced by writing a temporary file beside it, fsync, rename, and fsync of the
 * directory (there is none on Windows). Files are created with mode 0600, the directory with 0700.
 *
 * @example
 * const storage = await NodeStorage.open('./data');
 * await storage.replace('notes', new TextEncoder().encode('hello'));
 * await storage.close();
 */
export class NodeStorage implements SnapshotStorage {
  readonly #directory: string;
  readonly #lock: NodeLock;
  readonly #order = new Ordered();
  #closed = false;

  private constructor(directory: string, lock: NodeLock) {
    this.#directory = directory;
    this.#lock = lock;
  }

  /**
   * Opens `directory`, creating it and its parents when they are missing, and removes what a
   * process that died in mid-write left behind.
   *
   * Rejects with `locked` when another process or handle has it, with `read-only` when it may not
   * be written.
   */
  static async open(directory: string): Promise<NodeStorage> {
    const resolved = path.resolve(directory);
    try {
      await fs.mkdir(resolved, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw hostError(`creating the directory '${resolved}'`, cause);
    }
    const lock = NodeLock.acquire(resolved);
    try {
      for (const name of await fs.readdir(resolved)) {
        if (isTemporary(name)) await fs.rm(path.join(resolved, name), { force: true });
      }
    } catch (cause) {
      lock.release();
      throw hostError(`clearing the directory '${resolved}'`, cause);
    }
    return new NodeStorage(resolved, lock);
  }

  async read(name: string): Promise<Uint8Array | undefined> {
    const file = this.#path(name);
    return this.#order.run(name, async () => {
      try {
        const bytes = await fs.readFile(file);
        return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw hostError(`reading '${file}'`, cause);
      }
    });
  }

  async replace(name: string, bytes: Uint8Array): Promise<void> {
    const file = this.#path(name);
    checkBytes(bytes);
    const copy = new Uint8Array(bytes);
    return this.#order.run(name, async () => {
      const temporary = `${file}.${randomUUID()}~`;
      try {
        await writeDurably(temporary, copy);
        await fs.rename(temporary, file);
        await syncDirectory(this.#directory);
      } catch (cause) {
        // Best effort: the error is the write's, and the next open clears what stays.
        await fs.rm(temporary, { force: true }).catch(() => undefined);
        throw hostError(`writing '${file}'`, cause);
      }
    });
  }

  async remove(name: string): Promise<void> {
    const file = this.#path(name);
    return this.#order.run(name, async () => {
      try {
        await fs.unlink(file);
        await syncDirectory(this.#directory);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
        throw hostError(`removing '${file}'`, cause);
      }
    });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#order.idle();
    this.#lock.release();
  }

  #path(name: string): string {
    checkName(name);
    if (this.#closed) throw new SigilError('closed', `the storage '${this.#directory}' was closed: open it again`);
    return path.join(this.#directory, name);
  }
}

async function writeDurably(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await fs.open(file, 'wx', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the directory's entries durable; Windows offers no way and needs none (NTFS journals them). */
async function syncDirectory(directory: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await fs.open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
