/** What differs in Node, and in Deno and Bun as far as they are like it. */

import * as fs from 'node:fs';
import { readFile } from 'node:fs/promises';
import * as path from 'node:path';
import { fileURLToPath } from 'node:url';

import type { OpenOptions } from '../api.js';
import type { Backend, Holding, Mode } from '../backend.js';
import { FilesBackend } from '../backend/files.js';
import { ImageBackend } from '../backend/image.js';
import { hostError, SigilError } from '../error.js';
import { NodeFiles } from '../files/node.js';
import { NodeSnapshots } from '../snapshots/node.js';
import { NodeStorage } from '../storage/node.js';
import type { Turns } from '../turns.js';

/** The module at `address`, compiled; the one beside this package when it is left out. */
export async function loadModule(address?: string): Promise<WebAssembly.Module> {
  const url = address === undefined ? new URL('../bindings/sigil.wasm', import.meta.url) : address;
  return WebAssembly.compile(await readFile(String(url).startsWith('file:') ? fileURLToPath(url) : url));
}

/** Runs `work`: a directory is locked as a whole, so that nothing more is needed. */
export async function whileOpening<T>(_name: string, work: () => Promise<T>): Promise<T> {
  return work();
}

/** Opens the storage of the store in the directory `name`. */
export async function openBackend(name: string, options: OpenOptions, turns: Turns): Promise<Backend> {
  const { storage = 'auto', create = true } = options;
  if (storage !== 'auto' && storage !== 'node') {
    throw new SigilError('unsupported', `there is no storage ${String(storage)} here: choose node or memory`);
  }
  const directory = path.resolve(name);
  if (!create && modeOf(directory) === undefined) {
    throw new SigilError('not-found', `there is no store in '${directory}', and it may not be created`);
  }
  const mode = chooseMode(directory, options.mode);
  const holding = async (): Promise<Holding> => ({ storage: 'node', mode, durable: true, survivesPowerLoss: true, evictable: false });
  if (mode === 'image') return new ImageBackend(await NodeStorage.open(directory), turns, holding);
  const files = NodeFiles.open(directory);
  try {
    return new FilesBackend(files, new NodeSnapshots(directory), turns, holding);
  } catch (error) {
    files.closeAll();
    throw error;
  }
}

function chooseMode(directory: string, wanted: Mode | undefined): Mode {
  const found = modeOf(directory);
  if (wanted !== undefined && found !== undefined && wanted !== found) {
    throw new SigilError('conflict', `the store in '${directory}' is in mode ${found}: open it with that mode, or export and import it`);
  }
  return wanted ?? found ?? 'files';
}

/** The mode of the store in `directory`, if there is one. */
function modeOf(directory: string): Mode | undefined {
  const holds = (file: string): boolean => sizeOf(path.join(directory, file)) > 0;
  if (holds('manifest-a') || holds('manifest-b')) return 'image';
  return holds('sigil.db') || holds('sigil.db-wal') ? 'files' : undefined;
}

/** The length of a file; 0 when it is missing. */
function sizeOf(file: string): number {
  try {
    return fs.statSync(file).size;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 0;
    throw hostError(`looking for '${file}'`, cause);
  }
}
