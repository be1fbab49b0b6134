/** Whole blobs with atomic replacement: the three verbs every host can offer. */

/**
 * Holds whole named blobs.
 *
 * Names are chosen by the core: ASCII letters, digits, `.`, `-` and `_`, 1 to 64 of them. Calls
 * for one name take effect in the order they were made; calls for different names may run at
 * the same time. Every failure is a {@link SigilError}.
 */
export interface SnapshotStorage {
  /**
   * The bytes of the blob `name`, or `undefined` when there is none.
   *
   * The bytes are the caller's own copy.
   */
  read(name: string): Promise<Uint8Array | undefined>;

  /**
   * Puts `bytes` in place of the blob `name`, creating it when it is missing.
   *
   * Atomic, and durable when it resolves: from then on, and through a power cut, every reader sees
   * exactly `bytes` as they were at the time of the call. When it rejects, a reader sees the old
   * blob or the new one, whole. What each host makes of "durable" is in PLATFORM.md.
   *
   * Rejects with `full`, `read-only` or `storage`.
   */
  replace(name: string, bytes: Uint8Array): Promise<void>;

  /**
   * Removes the blob `name`; a missing blob is not an error.
   *
   * After a rejection the blob may or may not be there.
   */
  remove(name: string): Promise<void>;

  /** Lets go of the storage and of its lock, after the calls already made have finished. */
  close?(): Promise<void>;
}
