/** What differs in browsers, and wherever else there is no Node. */

import type { Durability, OpenOptions } from '../api.js';
import { type Backend, IMAGE_ONLY, type Mode } from '../backend.js';
import { FilesBackend } from '../backend/files.js';
import { ImageBackend } from '../backend/image.js';
import { SigilError } from '../error.js';
import { OpfsFiles } from '../files/opfs.js';
import { findInIndexedDb, findInOpfs } from '../find.js';
import { hasOpfs } from '../opfs.js';
import { IndexedDbStorage } from '../storage/indexeddb.js';
import { OpfsStorage } from '../storage/opfs.js';
import type { Turns } from '../turns.js';

/** How many files a store in OPFS has for the snapshots of indexes: one more than it can hold. */
const SLOTS = 16;

/** How long a store made in OPFS may still vanish as a whole in a power cut, in milliseconds. */
const NAMES_WRITTEN_AFTER_MS = 60_000;

/** The module at `address`, compiled; the one beside this package when it is left out. */
export async function loadModule(address?: string): Promise<WebAssembly.Module> {
  // Bundlers look for this expression as it stands.
  const response = await fetch(address ?? new URL('../bindings/sigil.wasm', import.meta.url));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  // Compiling a stream needs the right media type, which not every server gives.
  if (response.headers.get('content-type')?.startsWith('application/wasm') === true) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Runs `work`, which finds out where the store `name` is and opens it, with nobody else doing that. */
export async function whileOpening<T>(name: string, work: () => Promise<T>): Promise<T> {
  const locks = (globalThis.navigator as Navigator | undefined)?.locks;
  if (locks === undefined) return work();
  return locks.request(`sigil-store:opening:${name}`, work) as Promise<T>;
}

/** What is there of a store. */
interface Found {
  opfs: Mode | undefined;
  indexeddb: boolean;
}

/** Opens the storage of the store `name` of this origin. */
export async function openBackend(name: string, options: OpenOptions, turns: Turns): Promise<Backend> {
  const { storage = 'auto', create = true } = options;
  if (storage !== 'auto' && storage !== 'opfs' && storage !== 'indexeddb') {
    throw new SigilError('unsupported', `there is no storage ${String(storage)} here: choose opfs, indexeddb or memory`);
  }
  const found: Found = {
    opfs: storage === 'indexeddb' || (storage === 'auto' && !hasOpfs()) ? undefined : await findInOpfs(name),
    indexeddb: storage !== 'opfs' && (await findInIndexedDb(name)),
  };
  if (!create && found.opfs === undefined && !found.indexeddb) {
    throw new SigilError('not-found', `this origin has no store '${name}', and it may not be created`);
  }
  if (options.persist === true) await navigator.storage.persist();
  const chosen = storage === 'auto' ? choose(name, found, options.mode) : storage;
  if (chosen === 'indexeddb') {
    if (options.mode === 'files') throw new SigilError('invalid-input', IMAGE_ONLY);
    return image(await IndexedDbStorage.open(name), 'indexeddb', turns);
  }
  const mode = opfsMode(name, found.opfs, options.mode);
  return mode === 'image' ? image(await OpfsStorage.open(name), 'opfs', turns) : opfsFiles(name, found.opfs === undefined, turns);
}

/** Where a store is, or should be, for which no storage was named. */
function choose(name: string, found: Found, mode: Mode | undefined): 'opfs' | 'indexeddb' {
  if (found.opfs !== undefined && found.indexeddb) {
    throw new SigilError(
      'conflict',
      `this origin has two stores '${name}', in OPFS and in IndexedDB: say which by the option 'storage'`,
    );
  }
  if (found.opfs !== undefined) return 'opfs';
  if (found.indexeddb) return 'indexeddb';
  if (OpfsFiles.available() && hasOpfs() && mode !== 'image') return 'opfs';
  // Unlike files that are replaced in OPFS, those of IndexedDB are synced (PLATFORM.md).
  if ((globalThis as { indexedDB?: IDBFactory }).indexedDB !== undefined && mode !== 'files') return 'indexeddb';
  if (hasOpfs()) return 'opfs';
  throw new SigilError('unsupported', `nothing here can hold the store '${name}': ask for the storage memory if it need not last`);
}

function opfsMode(name: string, found: Mode | undefined, wanted: Mode | undefined): Mode {
  if (found !== undefined && wanted !== undefined && found !== wanted) {
    throw new SigilError(
      'conflict',
      `the store '${name}' in OPFS is in mode ${found}: open it with that mode, or export and import it`,
    );
  }
  if (found === 'files' && !OpfsFiles.available()) {
    throw new SigilError('unsupported', `the store '${name}' is in OPFS in mode files: open it in a dedicated Worker`);
  }
  return found ?? wanted ?? (OpfsFiles.available() ? 'files' : 'image');
}

async function opfsFiles(name: string, made: boolean, turns: Turns): Promise<Backend> {
  const slots = Array.from({ length: SLOTS }, (_, i) => `slot-${String(i).padStart(2, '0')}`);
  const files = await OpfsFiles.open(name, slots);
  const opened = Date.now();
  return new FilesBackend(files, SLOTS, turns, async () => ({
    storage: 'opfs',
    mode: 'files',
    durable: true,
    // The bytes are synced, but the browser writes the names of new files when it likes.
    survivesPowerLoss: !made || Date.now() - opened > NAMES_WRITTEN_AFTER_MS,
    ...(await persistence()),
  }));
}

function image(storage: OpfsStorage | IndexedDbStorage, kind: Durability['storage'], turns: Turns): Backend {
  return new ImageBackend(storage, turns, async () => ({
    storage: kind,
    mode: 'image',
    durable: true,
    survivesPowerLoss: kind === 'indexeddb',
    ...(await persistence()),
  }));
}

async function persistence(): Promise<{ evictable: boolean; persisted?: boolean }> {
  const persisted = await (globalThis.navigator as Navigator | undefined)?.storage?.persisted?.();
  return persisted === undefined ? { evictable: true } : { evictable: !persisted, persisted };
}
