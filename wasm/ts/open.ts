/** Opening a store. */

import { openBackend } from '#host';

import type { OpenOptions, Store } from './api.js';
import type { Backend } from './backend.js';
import { MemoryBackend } from './backend/memory.js';
import { checkFlag, checkOptions, checkText, checkWhole } from './check.js';
import type { WasmStore } from './bindings/glue.js';
import { type Engine, instantiate } from './engine.js';
import { SigilError } from './error.js';
import { compiledModule } from './module.js';
import { checkBytes } from './names.js';
import { OpenStore } from './store.js';

const OPTIONS = ['storage', 'mode', 'create', 'import', 'persist', 'timeLimit', 'cacheBytes', 'wasm'] as const;
const STORAGES = ['auto', 'memory', 'node', 'opfs', 'indexeddb'];
const PAGE_BYTES = 4096;

/**
 * Opens the store `name`, creating it when there is none.
 *
 * In Node the name is the path of a directory. In a browser it is any text, and the store belongs to
 * the origin. Rejects with `locked` when another process, tab, Worker or handle has the store.
 *
 * @example
 * const store = await open('notes');
 * await store.exec('CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
 * await store.exec('INSERT INTO note (text) VALUES (?)', ['hello']);
 * console.log(await store.query('SELECT * FROM note')); // [{ id: 1, text: 'hello' }]
 * await store.close();
 */
export async function open(name: string, options?: OpenOptions): Promise<Store> {
  checkText('the name of a store', name);
  const checked = check(options);
  // Before the storage is taken, because it may fail for reasons that have nothing to do with it.
  const instance = await instantiate(await compiledModule(checked.wasm));
  const backend = checked.storage === 'memory' ? new MemoryBackend() : await openBackend(name, checked);
  const engine = await start(backend, () => backend.open(instance, checked.import, {
    ...(checked.timeLimit === undefined ? {} : { timeLimitMs: checked.timeLimit }),
    ...(checked.cacheBytes === undefined ? {} : { cachePages: Math.ceil(checked.cacheBytes / PAGE_BYTES) }),
  }));
  return new OpenStore(name, backend, engine);
}

async function start(backend: Backend, work: () => Promise<Engine<WasmStore>>): Promise<Engine<WasmStore>> {
  try {
    return await work();
  } catch (error) {
    await backend.release();
    throw error;
  }
}

function check(options: OpenOptions | undefined): OpenOptions {
  const checked = checkOptions('the options of open()', options, OPTIONS);
  const { storage, mode, timeLimit, cacheBytes } = checked;
  if (storage !== undefined && typeof storage !== 'object' && !STORAGES.includes(storage)) {
    throw new SigilError('invalid-input', `there is no storage '${String(storage)}': there are ${STORAGES.join(', ')}, and your own`);
  }
  if (mode !== undefined && mode !== 'files' && mode !== 'image') {
    throw new SigilError('invalid-input', `there is no mode '${String(mode)}': there are files and image`);
  }
  checkFlag('create', checked.create);
  checkFlag('persist', checked.persist);
  if (checked.import !== undefined) checkBytes(checked.import);
  if (timeLimit !== undefined) checkWhole('the time limit', timeLimit, 1);
  if (cacheBytes !== undefined) checkWhole('the size of the cache', cacheBytes, 0, 2 ** 31);
  return checked;
}
