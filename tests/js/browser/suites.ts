/** The tests that run in a browser, on the page and in a Worker. */

import { IndexedDbStorage } from 'sigil-store/storage/indexeddb';
import { MemoryStorage } from 'sigil-store/storage/memory';
import { OpfsFiles } from 'sigil-store/files/opfs';
import { OpfsStorage } from 'sigil-store/storage/opfs';

import { faultRules } from '../conformance/faults.js';
import { type FilesKind, filesRules, fullFilesRules } from '../conformance/files.js';
import { indexSearchRules, searchRules } from '../conformance/searches.js';
import { fullRules, type StorageKind, storageRules } from '../conformance/storage.js';
import { storeRules } from '../conformance/store.js';
import { textRowRules } from '../conformance/text-rows.js';
import { textRules } from '../conformance/text.js';
import { typedRules } from '../conformance/typed.js';
import { indexRules, vectorRules } from '../conformance/vectors.js';
import { assert, assertBytes, assertEqual, assertFails, fresh, pattern, type Rule } from '../harness.js';
import { choiceRules, findingRules, fullStoreRules, leavingRules, sharingRules, storeKinds } from './stores.js';

const memory: StorageKind = { name: 'memory', open: async () => new MemoryStorage(), persistent: false };
const opfs: StorageKind = { name: 'opfs', open: (store) => OpfsStorage.open(store), persistent: true };
const indexedDb: StorageKind = { name: 'indexeddb', open: (store) => IndexedDbStorage.open(store), persistent: true };
const opfsFiles: FilesKind = {
  name: 'opfs',
  open: (store) => OpfsFiles.open(store, ['a', 'b']),
  close: (files) => (files as OpfsFiles).close(),
};

const inWorker = typeof document === 'undefined';

/** What a run of the tests is about. */
export type Pass = 'rules' | 'full' | 'leave' | 'find';

/** The tests of one pass. */
export function suites(pass: Pass): Rule[] {
  switch (pass) {
    case 'rules':
      return [
        ...[memory, opfs, indexedDb].flatMap(storageRules),
        ...(inWorker ? filesRules(opfsFiles) : [FILES_NEED_A_WORKER]),
        ...OTHER_TABS,
        ...storeKinds.flatMap(storeRules),
        ...storeKinds.flatMap(vectorRules),
        ...storeKinds.flatMap(searchRules),
        ...storeKinds.flatMap(textRules),
        ...storeKinds.flatMap(textRowRules),
        ...storeKinds.flatMap(typedRules),
        ...indexRules,
        ...indexSearchRules,
        ...faultRules,
        ...choiceRules,
        ...sharingRules,
      ];
    case 'full':
      // The runner has limited the origin to a few megabytes.
      return [
        ...[opfs, indexedDb].flatMap((kind) => fullRules(kind, 30_000_000)),
        ...(inWorker ? fullFilesRules(opfsFiles, 30_000_000) : []),
        ...fullStoreRules,
      ];
    case 'leave':
      return [
        ...[opfs, indexedDb].map((kind) => ({ name: `storage ${kind.name}: leaves blobs for the next start`, run: () => leave(kind) })),
        ...leavingRules,
      ];
    case 'find':
      return [
        ...[opfs, indexedDb].map((kind) => ({ name: `storage ${kind.name}: finds them after the browser was killed`, run: () => find(kind) })),
        ...findingRules,
      ];
  }
}

const KEPT = inWorker ? 'kept-by-worker' : 'kept-by-page';

/** Writes blobs and does not close: the browser is killed next. */
async function leave(kind: StorageKind): Promise<void> {
  const storage = await kind.open(KEPT);
  await storage.replace('small', pattern(10, 1));
  await storage.replace('large', pattern(3_000_000, 2));
  await storage.replace('small', pattern(11, 3));
}

async function find(kind: StorageKind): Promise<void> {
  const storage = await kind.open(KEPT);
  assertBytes(await storage.read('small'), pattern(11, 3));
  assertBytes(await storage.read('large'), pattern(3_000_000, 2));
  await storage.close?.();
}

const FILES_NEED_A_WORKER: Rule = {
  name: 'files opfs: the page itself is told to use a Worker',
  run: async () => {
    const error = await assertFails('unsupported', () => OpfsFiles.open(fresh('files')));
    assert(error.message.includes('Worker'), `the message gives no advice: ${error.message}`);
  },
};

const OTHER_TABS: Rule[] = [
  {
    name: 'storage indexeddb: a database deleted from elsewhere ends the handle',
    run: async () => {
      const store = fresh('store');
      const storage = await IndexedDbStorage.open(store);
      await storage.replace('a', pattern(10, 1));
      await new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase(`sigil-store:${store}`);
        request.onsuccess = () => resolve();
        request.onerror = () => reject(request.error);
      });
      await assertFails('poisoned', () => storage.read('a'));
      await assertFails('poisoned', () => storage.replace('a', pattern(10, 2)));
      await storage.close();
      const again = await IndexedDbStorage.open(store);
      assertBytes(await again.read('a'), undefined);
      await again.close();
    },
  },
  {
    name: 'storage indexeddb: a newer version of the database is refused',
    run: async () => {
      const store = fresh('store');
      await new Promise<void>((resolve, reject) => {
        const request = indexedDB.open(`sigil-store:${store}`, 99);
        request.onsuccess = () => resolve(request.result.close());
        request.onerror = () => reject(request.error);
      });
      await assertFails('newer-format', () => IndexedDbStorage.open(store));
      // The failed open has let go of the lock.
      await assertFails('newer-format', () => IndexedDbStorage.open(store));
    },
  },
  {
    name: 'storage opfs and indexeddb: names of stores of every kind stay apart',
    run: async () => {
      const id = fresh('x');
      const names = [`${id}/../a`, `${id}/a`, `../${id}`, `${id} a`, `${id}\u00e9`, `${id}%2f`, `${id}*`, `..`];
      for (const open of [(name: string) => OpfsStorage.open(name), (name: string) => IndexedDbStorage.open(name)]) {
        for (const [i, name] of names.entries()) {
          const storage = await open(name);
          await storage.replace('a', pattern(10, i));
          await storage.close();
        }
        for (const [i, name] of names.entries()) {
          const storage = await open(name);
          assertBytes(await storage.read('a'), pattern(10, i));
          await storage.close();
        }
        for (const name of ['', '\ud800', 'x'.repeat(201)]) await assertFails('invalid-input', () => open(name));
      }
    },
  },
  {
    name: 'nothing of this needs cross-origin isolation',
    run: async () => assertEqual(globalThis.crossOriginIsolated, false),
  },
];
