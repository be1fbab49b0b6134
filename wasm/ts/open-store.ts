/** What opening a store takes. */

import { openBackend, whileOpening } from '#host';

import type { OpenOptions } from './api.js';
import { type Backend, IMAGE_ONLY } from './backend.js';
import { ImageBackend } from './backend/image.js';
import { MemoryBackend } from './backend/memory.js';
import { checkFlag, checkOptions, checkText, checkWhole } from './check.js';
import type { Settings } from './bindings/glue.js';
import { instantiate } from './engine.js';
import { SigilError } from './error.js';
import { compiledModule } from './module.js';
import { checkBytes } from './names.js';
import type { SnapshotStorage } from './storage.js';
import { OpenStore } from './store.js';
import { Turns } from './turns.js';

const OPTIONS = ['storage', 'mode', 'create', 'import', 'persist', 'recover', 'timeLimit', 'cacheBytes', 'wasm'] as const;
const STORAGES = ['auto', 'memory', 'node', 'opfs', 'indexeddb'];
const PAGE_BYTES = 4096;

/** Opens the store `name`; see {@link open}. */
export async function openStore(name: string, options: OpenOptions | undefined): Promise<OpenStore> {
  checkText('the name of a store', name);
  const checked = check(options);
  // Before the storage is taken, because it may fail for reasons that have nothing to do with it.
  const instance = await instantiate(await compiledModule(checked.wasm));
  const { timeLimit, cacheBytes, recover } = checked;
  const settings: Settings = {
    ...(timeLimit === undefined ? {} : { timeLimitMs: timeLimit }),
    ...(cacheBytes === undefined ? {} : { cachePages: Math.ceil(cacheBytes / PAGE_BYTES) }),
    ...(recover === undefined ? {} : { recover }),
  };
  const turns = new Turns();
  return whileOpening(name, async () => {
    const backend = await backendFor(name, checked, turns);
    try {
      return new OpenStore(name, backend, await backend.open(instance, checked.import, settings), turns);
    } catch (error) {
      await backend.release();
      throw error;
    }
  });
}

async function backendFor(name: string, options: OpenOptions, turns: Turns): Promise<Backend> {
  const { storage, mode } = options;
  if (storage !== 'memory' && typeof storage !== 'object') return openBackend(name, options, turns);
  if (mode === 'files') throw new SigilError('invalid-input', IMAGE_ONLY);
  if (storage === 'memory') return new MemoryBackend(turns);
  return new ImageBackend(storage, turns, async () => ({
    storage: 'custom',
    mode: 'image',
    // It is the promise of whoever made the storage, and cannot be checked.
    durable: true,
    survivesPowerLoss: true,
    evictable: false,
  }));
}

function check(options: OpenOptions | undefined): OpenOptions {
  const checked = checkOptions('the options of open()', options, OPTIONS);
  const { storage, mode, timeLimit, cacheBytes } = checked;
  if (storage === null || (typeof storage === 'object' ? !isStorage(storage) : !STORAGES.includes(storage ?? 'auto'))) {
    throw new SigilError('invalid-input', `there is no storage '${String(storage)}': there are ${STORAGES.join(', ')}, and your own`);
  }
  if (mode !== undefined && mode !== 'files' && mode !== 'image') {
    throw new SigilError('invalid-input', `there is no mode '${String(mode)}': there are files and image`);
  }
  checkFlag('create', checked.create);
  checkFlag('persist', checked.persist);
  checkFlag('recover', checked.recover);
  if (checked.import !== undefined) checkBytes(checked.import);
  if (timeLimit !== undefined) checkWhole('the time limit', timeLimit, 1);
  if (cacheBytes !== undefined) checkWhole('the size of the cache', cacheBytes, 0, 2 ** 31);
  return checked;
}

function isStorage(storage: SnapshotStorage): boolean {
  return [storage.read, storage.replace, storage.remove].every((verb) => typeof verb === 'function');
}
