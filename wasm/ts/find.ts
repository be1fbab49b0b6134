/** Which storages of a browser hold a store, without creating anything. */

import type { Mode } from './backend.js';
import { hostError } from './error.js';
import { storeSegment } from './names.js';
import { openDirectory } from './opfs.js';

const MANIFESTS = ['manifest-a', 'manifest-b'];

/** The mode of the store `name` in the private file system; `undefined` when there is none. */
export async function findInOpfs(name: string): Promise<Mode | undefined> {
  const directory = await openDirectory(name, false);
  if (directory === undefined) return undefined;
  for (const manifest of MANIFESTS) if (await holds(directory, manifest)) return 'image';
  for (const file of ['sigil.db', 'sigil.db-wal']) if (await holds(directory, file)) return 'files';
  return undefined;
}

async function holds(directory: FileSystemDirectoryHandle, file: string): Promise<boolean> {
  try {
    const handle = await directory.getFileHandle(file);
    return (await handle.getFile()).size > 0;
  } catch (cause) {
    const { name } = cause as DOMException;
    if (name === 'NotFoundError') return false;
    // Its size is not told while another handle has it open, which only files in use have.
    if (name === 'NoModificationAllowedError' || name === 'InvalidStateError') return true;
    throw hostError(`looking for '${file}'`, cause);
  }
}

/** Whether the store `name` is in IndexedDB. */
export async function findInIndexedDb(name: string): Promise<boolean> {
  const segment = storeSegment(name);
  const factory = (globalThis as { indexedDB?: IDBFactory }).indexedDB;
  if (factory === undefined) return false;
  return new Promise((resolve, reject) => {
    const request = factory.open(`sigil-store:${segment}`);
    let missing = false;
    request.onupgradeneeded = () => {
      // Only a database that does not exist has to be upgraded to no version in particular.
      missing = true;
      request.transaction?.abort();
    };
    request.onsuccess = () => {
      request.result.close();
      resolve(true);
    };
    request.onerror = (event) => {
      event.preventDefault();
      if (missing) resolve(false);
      else reject(hostError(`looking for the store '${name}'`, request.error));
    };
  });
}
