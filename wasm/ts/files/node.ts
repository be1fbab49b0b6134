/** Synchronous files of a directory, by Node's `fs`. */

import * as fs from 'node:fs';
import * as path from 'node:path';

import { syncDirectory } from '../directory.js';
import { hostError, SigilError } from '../error.js';
import type { SyncFiles } from '../files.js';
import { NodeLock } from '../lock/node.js';
import { checkBytes, checkName, checkOffset } from '../names.js';

interface OpenFile {
  name: string;
  fd: number;
}

/**
 * {@link SyncFiles} of one directory, which it holds exclusively.
 *
 * `sync` is fdatasync, as it is natively: times of a file are not worth waiting for its journal.
 * Files are created with mode 0600, the directory with 0700. Creating and removing a file is
 * durable when the call returns (except on Windows, which offers no fsync of a directory).
 *
 * @example
 * const files = NodeFiles.open('./data');
 * const file = files.open('sigil.db', true);
 * files.write(file, 0, new Uint8Array([1, 2, 3]));
 * files.sync(file);
 * files.closeAll();
 */
export class NodeFiles implements SyncFiles {
  readonly #directory: string;
  readonly #lock: NodeLock;
  readonly #files = new Map<number, OpenFile>();
  readonly #handles = new Map<string, number>();
  #nextHandle = 0;
  #closed = false;

  private constructor(directory: string, lock: NodeLock) {
    this.#directory = directory;
    this.#lock = lock;
  }

  /**
   * Opens `directory`, creating it and its parents when they are missing.
   *
   * Throws `locked` when another process or handle has it, `read-only` when it may not be written.
   */
  static open(directory: string): NodeFiles {
    const resolved = path.resolve(directory);
    try {
      fs.mkdirSync(resolved, { recursive: true, mode: 0o700 });
    } catch (cause) {
      throw hostError(`creating the directory '${resolved}'`, cause);
    }
    return new NodeFiles(resolved, NodeLock.acquire(resolved));
  }

  open(name: string, create: boolean): number {
    const file = this.#path(name);
    const open = this.#handles.get(name);
    if (open !== undefined) return open;
    const fd = this.#attempt(`opening '${file}'`, () => {
      try {
        return fs.openSync(file, 'r+');
      } catch (cause) {
        if (!create || (cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
      }
      const created = fs.openSync(file, 'wx+', 0o600);
      syncDirectory(this.#directory);
      return created;
    });
    const handle = this.#nextHandle++;
    this.#files.set(handle, { name, fd });
    this.#handles.set(name, handle);
    return handle;
  }

  remove(name: string): void {
    const file = this.#path(name);
    this.#attempt(`removing '${file}'`, () => {
      const handle = this.#handles.get(name);
      if (handle !== undefined) {
        this.#handles.delete(name);
        const { fd } = this.#file(handle);
        this.#files.delete(handle);
        fs.closeSync(fd);
      }
      try {
        fs.unlinkSync(file);
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
        throw cause;
      }
      syncDirectory(this.#directory);
    });
  }

  exists(name: string): boolean {
    const file = this.#path(name);
    return this.#attempt(`looking for '${file}'`, () => fs.statSync(file, { throwIfNoEntry: false }) !== undefined);
  }

  read(handle: number, offset: number, into: Uint8Array): number {
    const { name, fd } = this.#file(handle);
    checkOffset('offset', offset);
    return this.#attempt(`reading '${name}'`, () => {
      let n = 0;
      while (n < into.length) {
        const read = fs.readSync(fd, into, n, into.length - n, offset + n);
        if (read === 0) break;
        n += read;
      }
      return n;
    });
  }

  write(handle: number, offset: number, bytes: Uint8Array): void {
    const { name, fd } = this.#file(handle);
    checkOffset('offset', offset);
    checkBytes(bytes);
    checkOffset('end', offset + bytes.length);
    this.#attempt(`writing '${name}'`, () => {
      let n = 0;
      while (n < bytes.length) n += fs.writeSync(fd, bytes, n, bytes.length - n, offset + n);
    });
  }

  truncate(handle: number, length: number): void {
    const { name, fd } = this.#file(handle);
    checkOffset('length', length);
    this.#attempt(`truncating '${name}'`, () => fs.ftruncateSync(fd, length));
  }

  sync(handle: number): void {
    const { name, fd } = this.#file(handle);
    this.#attempt(`syncing '${name}'`, () => fs.fdatasyncSync(fd));
  }

  size(handle: number): number {
    const { name, fd } = this.#file(handle);
    return this.#attempt(`measuring '${name}'`, () => fs.fstatSync(fd).size);
  }

  closeAll(): void {
    if (this.#closed) return;
    this.#closed = true;
    try {
      this.#attempt(`closing the files of '${this.#directory}'`, () => {
        for (const { fd } of this.#files.values()) fs.closeSync(fd);
      });
    } finally {
      this.#files.clear();
      this.#handles.clear();
      this.#lock.release();
    }
  }

  #attempt<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (cause) {
      throw hostError(what, cause);
    }
  }

  #path(name: string): string {
    checkName(name);
    this.#checkOpen();
    return path.join(this.#directory, name);
  }

  #file(handle: number): OpenFile {
    this.#checkOpen();
    const file = this.#files.get(handle);
    if (file === undefined) throw new SigilError('invalid-input', `no file has the handle ${handle}`);
    return file;
  }

  #checkOpen(): void {
    if (this.#closed) throw new SigilError('closed', `the files of '${this.#directory}' were closed: open them again`);
  }
}
