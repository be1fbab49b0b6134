/** Where the stores of this origin are in its private file system. */

import { hostError, SigilError } from './error.js';
import { storeSegment } from './names.js';

const ROOT = 'sigil-store';

/** The directory of the store `name`, created when it is missing; `unsupported` without OPFS. */
export async function openDirectory(name: string): Promise<FileSystemDirectoryHandle> {
  const segment = storeSegment(name);
  const storage = (globalThis.navigator as Navigator | undefined)?.storage as StorageManager | undefined;
  if (typeof storage?.getDirectory !== 'function') {
    throw new SigilError('unsupported', 'this page has no private file system: serve it over https or from localhost');
  }
  try {
    const root = await storage.getDirectory();
    const stores = await root.getDirectoryHandle(ROOT, { create: true });
    return await stores.getDirectoryHandle(segment, { create: true });
  } catch (cause) {
    throw hostError(`opening the directory of the store '${name}'`, cause);
  }
}
