/** Where the stores of this origin are in its private file system. */

import { hostError, SigilError } from './error.js';
import { storeSegment } from './names.js';

const ROOT = 'sigil-store';

/** Whether there is a private file system here. */
export function hasOpfs(): boolean {
  return typeof storageManager()?.getDirectory === 'function';
}

function storageManager(): StorageManager | undefined {
  return (globalThis.navigator as Navigator | undefined)?.storage as StorageManager | undefined;
}

/** The directory of the store `name`, created when it is missing; `unsupported` without OPFS. */
export async function openDirectory(name: string): Promise<FileSystemDirectoryHandle>;
/** The directory of the store `name`, if there is one. */
export async function openDirectory(name: string, create: boolean): Promise<FileSystemDirectoryHandle | undefined>;
export async function openDirectory(name: string, create = true): Promise<FileSystemDirectoryHandle | undefined> {
  const segment = storeSegment(name);
  const storage = storageManager();
  if (storage === undefined || !hasOpfs()) {
    throw new SigilError('unsupported', 'this page has no private file system: serve it over https or from localhost');
  }
  try {
    const root = await storage.getDirectory();
    const stores = await root.getDirectoryHandle(ROOT, { create });
    return await stores.getDirectoryHandle(segment, { create });
  } catch (cause) {
    if (!create && (cause as DOMException).name === 'NotFoundError') return undefined;
    throw hostError(`opening the directory of the store '${name}'`, cause);
  }
}
