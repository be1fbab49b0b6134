/** Synchronous files of the browser's origin-private file system, in a dedicated Worker. */

import { hostError, SigilError } from '../error.js';
import type { SyncFiles } from '../files.js';
import { WebLock } from '../lock/web.js';
import { checkBytes, checkName, checkOffset } from '../names.js';
import { openDirectory } from '../opfs.js';

/** What https://fs.spec.whatwg.org calls FileSystemSyncAccessHandle. */
interface AccessHandle {
  read(into: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
  truncate(length: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

interface PreparedFile {
  name: string;
  access: AccessHandle;
  present: boolean;
}

/** The files the engine opens in every store. */
const ENGINE_FILES = ['sigil.db', 'sigil.db-wal'];

/**
 * {@link SyncFiles} of one OPFS directory, which it holds exclusively.
 *
 * Sync access handles can only be had asynchronously, so every name that will ever be opened is
 * named beforehand. Nor can a file be created or removed synchronously: all of them exist, and an
 * empty one counts as missing when the store is opened.
 *
 * `sync` syncs the file's bytes (Chromium 156 was seen to call fdatasync). The names of the files are
 * written once, when the store is first opened, and the browser leaves them to the system to write
 * back: a store created within about half a minute of a power cut may be gone as a whole.
 *
 * @example
 * const files = await OpfsFiles.open('notes');
 * const file = files.open('sigil.db', true);
 * files.write(file, 0, new Uint8Array([1, 2, 3]));
 * files.sync(file);
 * await files.close();
 */
export class OpfsFiles implements SyncFiles {
  readonly #name: string;
  readonly #files: readonly PreparedFile[];
  readonly #lock: WebLock;
  #released: Promise<void> | undefined;

  private constructor(name: string, files: readonly PreparedFile[], lock: WebLock) {
    this.#name = name;
    this.#files = files;
    this.#lock = lock;
  }

  /** Whether there are sync access handles here. */
  static available(): boolean {
    const handles = (globalThis as { FileSystemFileHandle?: { prototype: object } }).FileSystemFileHandle;
    return handles !== undefined && 'createSyncAccessHandle' in handles.prototype;
  }

  /**
   * Opens the store `name` of this origin, creating it when it is missing, with the engine's files
   * and those named by `slots`.
   *
   * Rejects with `locked` when another tab, Worker or handle has it, and with `unsupported` where
   * there are no sync access handles, as on the page itself.
   */
  static async open(name: string, slots: readonly string[] = []): Promise<OpfsFiles> {
    const names = [...new Set([...ENGINE_FILES, ...slots])];
    names.forEach(checkName);
    if (!OpfsFiles.available()) {
      throw new SigilError('unsupported', 'there are no synchronous files here: open the store in a dedicated Worker');
    }
    const lock = await WebLock.acquire('opfs', name);
    const files: PreparedFile[] = [];
    try {
      const directory = await openDirectory(name);
      for (const file of names) files.push(await prepare(directory, file));
    } catch (cause) {
      for (const { access } of files) access.close();
      await lock.release();
      throw hostError(`opening the files of the store '${name}'`, cause);
    }
    return new OpfsFiles(name, files, lock);
  }

  open(name: string, create: boolean): number {
    const [handle, file] = this.#prepared(name);
    if (!file.present && !create) {
      throw new SigilError('not-found', `the store '${this.#name}' has no file '${name}'`);
    }
    file.present = true;
    return handle;
  }

  remove(name: string): void {
    const [, file] = this.#prepared(name);
    if (!file.present) return;
    attempt(`removing '${name}'`, () => {
      file.access.truncate(0);
      file.access.flush();
    });
    file.present = false;
  }

  exists(name: string): boolean {
    return this.#prepared(name)[1].present;
  }

  read(handle: number, offset: number, into: Uint8Array): number {
    const { name, access } = this.#file(handle);
    checkOffset('offset', offset);
    return attempt(`reading '${name}'`, () => {
      let n = 0;
      while (n < into.length) {
        const read = access.read(into.subarray(n), { at: offset + n });
        if (read === 0) break;
        n += read;
      }
      return n;
    });
  }

  write(handle: number, offset: number, bytes: Uint8Array): void {
    const { name, access } = this.#file(handle);
    checkOffset('offset', offset);
    checkBytes(bytes);
    checkOffset('end', offset + bytes.length);
    attempt(`writing '${name}'`, () => {
      let n = 0;
      while (n < bytes.length) {
        const written = access.write(bytes.subarray(n), { at: offset + n });
        if (written === 0) throw new SigilError('full', `writing '${name}': the browser stores no more of it`);
        n += written;
      }
    });
  }

  truncate(handle: number, length: number): void {
    const { name, access } = this.#file(handle);
    checkOffset('length', length);
    attempt(`truncating '${name}'`, () => access.truncate(length));
  }

  sync(handle: number): void {
    const { name, access } = this.#file(handle);
    attempt(`syncing '${name}'`, () => access.flush());
  }

  size(handle: number): number {
    const { name, access } = this.#file(handle);
    return attempt(`measuring '${name}'`, () => access.getSize());
  }

  closeAll(): void {
    void this.close();
  }

  /** As {@link OpfsFiles.closeAll}, and resolves when others can open the store. */
  close(): Promise<void> {
    if (this.#released === undefined) {
      for (const { access } of this.#files) access.close();
      this.#released = this.#lock.release();
    }
    return this.#released;
  }

  #prepared(name: string): [number, PreparedFile] {
    checkName(name);
    this.#checkOpen();
    const handle = this.#files.findIndex((file) => file.name === name);
    const file = this.#files[handle];
    if (file === undefined) {
      throw new SigilError('unsupported', `the file '${name}' was not named when the store '${this.#name}' was opened`);
    }
    return [handle, file];
  }

  #file(handle: number): PreparedFile {
    this.#checkOpen();
    const file = this.#files[handle];
    if (file === undefined || !file.present) {
      throw new SigilError('invalid-input', `no file has the handle ${handle}`);
    }
    return file;
  }

  #checkOpen(): void {
    if (this.#released !== undefined) {
      throw new SigilError('closed', `the files of the store '${this.#name}' were closed: open them again`);
    }
  }
}

async function prepare(directory: FileSystemDirectoryHandle, name: string): Promise<PreparedFile> {
  const handle = (await directory.getFileHandle(name, { create: true })) as FileSystemFileHandle & {
    createSyncAccessHandle(): Promise<AccessHandle>;
  };
  const access = await handle.createSyncAccessHandle();
  return { name, access, present: access.getSize() > 0 };
}

function attempt<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw hostError(what, cause);
  }
}
