/** Snapshots of indexes beside the files of a store, kept and found synchronously. */

/** The synchronous twin of {@link SnapshotStorage}. */
export interface SyncSnapshots {
  /** The bytes of the snapshot `name`, or `undefined` when there is none. */
  read(name: string): Uint8Array | undefined;
  /** Puts `bytes` in place of the snapshot `name`, atomically and durably. */
  replace(name: string, bytes: Uint8Array): void;
  /** Removes the snapshot `name`; a missing one is not an error. */
  remove(name: string): void;
}
