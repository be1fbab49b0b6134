/** What the adapters for a directory of Node share. */

import * as fs from 'node:fs';

/** No blob name ends in `~`, so a temporary file is never taken for a blob; those of locks differ. */
const TEMPORARY = /^[A-Za-z0-9._-]{1,64}\.[0-9a-f-]{36}~$/;

/** Whether `name` is that of a file which was to replace another and has not done so. */
export function isTemporary(name: string): boolean {
  return TEMPORARY.test(name);
}

/** Makes the directory's entries durable; Windows offers no way and needs none (NTFS journals them). */
export function syncDirectory(directory: string): void {
  if (process.platform === 'win32') return;
  const fd = fs.openSync(directory, 'r');
  try {
    fs.fsyncSync(fd);
  } finally {
    fs.closeSync(fd);
  }
}
