/** Snapshots of indexes in the directory of a store, by Node's `fs`. */

import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

import { isTemporary, syncDirectory } from '../directory.js';
import { hostError } from '../error.js';
import { checkName } from '../names.js';
import type { SyncSnapshots } from '../snapshots.js';

/**
 * {@link SyncSnapshots} as files of a directory that the caller holds, under the names the native
 * program uses.
 */
export class NodeSnapshots implements SyncSnapshots {
  readonly #directory: string;

  /** Takes the snapshots of `directory`, and removes what a process that died in mid-write left. */
  constructor(directory: string) {
    this.#directory = path.resolve(directory);
    try {
      for (const name of fs.readdirSync(this.#directory)) {
        if (isTemporary(name)) fs.rmSync(path.join(this.#directory, name), { force: true });
      }
    } catch (cause) {
      throw hostError(`clearing the directory '${this.#directory}'`, cause);
    }
  }

  read(name: string): Uint8Array | undefined {
    const file = this.#path(name);
    try {
      return fs.readFileSync(file);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw hostError(`reading '${file}'`, cause);
    }
  }

  replace(name: string, bytes: Uint8Array): void {
    const file = this.#path(name);
    const temporary = `${file}.${randomUUID()}~`;
    try {
      const fd = fs.openSync(temporary, 'wx', 0o600);
      try {
        fs.writeFileSync(fd, bytes);
        fs.fsyncSync(fd);
      } finally {
        fs.closeSync(fd);
      }
      fs.renameSync(temporary, file);
      syncDirectory(this.#directory);
    } catch (cause) {
      fs.rmSync(temporary, { force: true });
      throw hostError(`writing '${file}'`, cause);
    }
  }

  remove(name: string): void {
    const file = this.#path(name);
    try {
      fs.unlinkSync(file);
      syncDirectory(this.#directory);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw hostError(`removing '${file}'`, cause);
    }
  }

  #path(name: string): string {
    checkName(name);
    return path.join(this.#directory, name);
  }
}
