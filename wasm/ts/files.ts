/** Named random-access files that complete synchronously: what the engine runs on directly. */

/**
 * A flat set of named files, held exclusively until {@link SyncFiles.closeAll}.
 *
 * Names are chosen by the core: ASCII letters, digits, `.`, `-` and `_`, 1 to 64 of them. Offsets
 * and lengths are whole numbers of bytes up to 2^53 - 1. Every call completes before it returns,
 * and every failure is a thrown {@link SigilError}.
 */
export interface SyncFiles {
  /**
   * Opens the file `name`, creating an empty one first when `create` is set and it is missing, and
   * returns its handle.
   *
   * Opening a file again returns the handle it has. Throws `not-found` when it is missing and
   * `create` is not set.
   */
  open(name: string, create: boolean): number;

  /**
   * Removes the file `name`; a missing file is not an error.
   *
   * Its handle, if it has one, may not be used any more.
   */
  remove(name: string): void;

  /** Whether the file `name` exists. */
  exists(name: string): boolean;

  /** Reads at `offset` until `into` is full or the file ends, and returns how many bytes were read. */
  read(handle: number, offset: number, into: Uint8Array): number;

  /**
   * Writes all of `bytes` at `offset`, zero-filling any gap before it.
   *
   * After a throw any prefix of `bytes` may have been written.
   */
  write(handle: number, offset: number, bytes: Uint8Array): void;

  /** Cuts the file to `length` bytes, or zero-fills it up to them. */
  truncate(handle: number, length: number): void;

  /** Returns only when everything written so far, and the length, would survive a power cut. */
  sync(handle: number): void;

  /** The length in bytes. */
  size(handle: number): number;

  /** Closes every file and lets go of the lock; no other call may follow. */
  closeAll(): void;
}
