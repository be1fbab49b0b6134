/** Stores in a browser. */

import { type OpenOptions, open, type Store, type WasmSource } from 'sigil-store';
import { IndexedDbStorage } from 'sigil-store/storage/indexeddb';
import { OpfsStorage } from 'sigil-store/storage/opfs';

import { assert, assertBytes, assertEqual, assertFails, assertSame, fresh, pattern, type Rule } from '../harness.js';
import type { StoreKind } from '../conformance/store.js';

const inWorker = typeof document === 'undefined';

const panics = async (): Promise<WasmSource> => (await fetch('/panics.wasm')).arrayBuffer();

const kind = (name: string, options: OpenOptions, persistent = true): StoreKind => ({
  name,
  open: (store, more) => open(store, { ...options, ...more }),
  persistent,
  panics,
});

/** Every way to hold a store here. */
export const storeKinds: StoreKind[] = [
  kind('memory', { storage: 'memory' }, false),
  kind('indexeddb', { storage: 'indexeddb' }),
  kind('opfs image', { storage: 'opfs', mode: 'image' }),
  ...(inWorker ? [kind('opfs files', { storage: 'opfs', mode: 'files' })] : []),
];

const persistentKinds = storeKinds.filter(({ persistent }) => persistent);

async function where(store: Store): Promise<unknown> {
  const { storage, mode, durable, survivesPowerLoss, evictable, persisted } = await store.durability();
  assertEqual(evictable, persisted !== true, 'evictable');
  return [storage, mode, durable, survivesPowerLoss];
}

/** How a store finds its storage when none is named. */
export const choiceRules: Rule[] = [
  {
    name: 'auto: a new store is where it is safest',
    run: async () => {
      const id = fresh('store');
      const store = await open(id);
      // In OPFS the name of a file that was made just now may yet be lost.
      assertSame(await where(store), inWorker ? ['opfs', 'files', true, false] : ['indexeddb', 'image', true, true]);
      await store.exec('CREATE TABLE t (a)');
      await store.close();
      const again = await open(id, { create: false });
      assertSame(await where(again), inWorker ? ['opfs', 'files', true, true] : ['indexeddb', 'image', true, true]);
      assertSame(await again.query('SELECT * FROM t'), []);
      await again.close();
    },
  },
  {
    name: 'auto: a store is opened where it is, in the mode it is in',
    run: async () => {
      for (const { name, open: openThere } of persistentKinds) {
        const id = fresh('store');
        const store = await openThere(id);
        await store.exec('CREATE TABLE t (a)');
        const holding = await where(store);
        await store.close();
        const again = await open(id);
        assertSame((await where(again) as unknown[]).slice(0, 3), (holding as unknown[]).slice(0, 3));
        assertSame(await again.query('SELECT * FROM t'), []);
        await assertFails('locked', () => open(id));
        await again.close();
        assert(name !== '', 'no name');
      }
    },
  },
  {
    name: 'auto: two stores of one name are told apart by their storage',
    run: async () => {
      const id = fresh('store');
      await (await open(id, { storage: 'indexeddb' })).close();
      await (await open(id, { storage: 'opfs' })).close();
      const error = await assertFails('conflict', () => open(id));
      assert(error.message.includes('storage'), `the message gives no advice: ${error.message}`);
      await (await open(id, { storage: 'opfs' })).close();
    },
  },
  {
    name: 'auto: a store in the other mode is refused, with advice',
    run: async () => {
      const id = fresh('store');
      await (await open(id, { storage: 'opfs', mode: 'image' })).close();
      await assertFails('conflict', () => open(id, { mode: 'files' }));
      await assertFails('conflict', () => open(id, { storage: 'opfs', mode: 'files' }));
      await assertFails('invalid-input', () => open(id, { storage: 'indexeddb', mode: 'files' }));
      await assertFails('unsupported', () => open(id, { storage: 'node' }));
      if (inWorker) return;
      await assertFails('unsupported', () => open(fresh('store'), { mode: 'files' }));
      await assertFails('unsupported', () => open(fresh('store'), { storage: 'opfs', mode: 'files' }));
    },
  },
  {
    name: 'auto: a page and a Worker that make one store at once make one',
    run: async () => {
      const id = fresh('store');
      const outcomes = await Promise.allSettled([open(id), open(id), open(id, { mode: 'image' })]);
      const opened = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      assertEqual(opened.length, 1, 'opened');
      for (const { value } of opened) await value.close();
      await (await open(id, { create: false })).close();
    },
  },
  {
    name: 'a name that no storage takes is refused',
    run: async () => {
      for (const name of ['', '\ud800', 'x'.repeat(201)]) await assertFails('invalid-input', () => open(name));
      const odd = `${fresh('x')} / ../ \u4e16 %2f`;
      await (await open(odd)).close();
      await (await open(odd, { create: false })).close();
    },
  },
  {
    name: 'looking for a store leaves nothing behind',
    run: async () => {
      const id = fresh('store');
      await assertFails('not-found', () => open(id, { create: false }));
      const { databases } = indexedDB as { databases?: () => Promise<{ name?: string }[]> };
      const names = await databases?.call(indexedDB);
      assert(names?.every(({ name }) => name !== `sigil-store:${id}`) !== false, 'a database was left');
      const root = await navigator.storage.getDirectory();
      const stores = await root.getDirectoryHandle('sigil-store', { create: true });
      for await (const name of stores.keys()) assert(name !== id, 'a directory was left');
    },
  },
  {
    name: 'a persistent store asks the browser, and says what it answered',
    run: async () => {
      if (inWorker) return;
      const store = await open(fresh('store'), { persist: true });
      const { evictable, persisted } = await store.durability();
      assertEqual(persisted, await navigator.storage.persisted(), 'persisted');
      assertEqual(evictable, !persisted, 'evictable');
      await store.close();
    },
  },
  {
    name: 'a store that is deleted from elsewhere ends its handle',
    run: async () => {
      const id = fresh('store');
      const store = await open(id, { storage: 'indexeddb' });
      await store.exec('CREATE TABLE t (a)');
      await new Promise<void>((resolve, reject) => {
        const request = indexedDB.deleteDatabase(`sigil-store:${id}`);
        request.onsuccess = () => resolve();
        request.onerror = () => reject(request.error);
      });
      await assertFails('poisoned', () => store.exec('INSERT INTO t VALUES (1)'));
      await assertFails('poisoned', () => store.query('SELECT * FROM t'));
      const again = await open(id, { storage: 'indexeddb' });
      await assertFails('sql', () => again.query('SELECT * FROM t'));
      await again.close();
    },
  },
];

/** What a store does on an origin that may not store much. */
export const fullStoreRules: Rule[] = persistentKinds.map(({ name, open: openThere }) => ({
  name: `store ${name}: a full origin is reported, and what was acknowledged is there`,
  run: async () => {
    const id = fresh('store');
    const store = await openThere(id);
    await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b)');
    let acknowledged = 0;
    const fill = async (): Promise<void> => {
      for (let i = 1; i <= 60; i++) {
        await store.exec('INSERT INTO t VALUES (?, ?)', [i, pattern(1_000_000, i)]);
        acknowledged = i;
      }
    };
    await assertFails('full', fill);
    assert(acknowledged > 0, 'nothing was acknowledged');
    await assertFails('poisoned', () => store.query('SELECT 1'));
    const again = await openThere(id);
    const rows = await again.query<{ a: number; b: Uint8Array }>('SELECT a, b FROM t ORDER BY a');
    assert(rows.length === acknowledged || rows.length === acknowledged + 1, `${rows.length} of ${acknowledged} are there`);
    rows.forEach(({ a, b }) => assertBytes(b, pattern(1_000_000, a)));
    assertSame(await again.query('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    await again.close().catch(() => undefined);
    const root = await navigator.storage.getDirectory();
    await root.removeEntry('sigil-store', { recursive: true }).catch(() => undefined);
    await new Promise((resolve) => (indexedDB.deleteDatabase(`sigil-store:${id}`).onsuccess = resolve));
  },
}));

const keptBy = (name: string): string => `kept ${name} ${inWorker ? 'worker' : 'page'}`;

/** Stores that are written, and not closed: the browser is killed next. */
export const leavingRules: Rule[] = persistentKinds.map(({ name, open: openThere }) => ({
  name: `store ${name}: leaves rows for the next start`,
  run: async () => {
    const store = await openThere(keptBy(name));
    await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b)');
    for (let i = 1; i <= 20; i++) await store.exec('INSERT INTO t VALUES (?, ?)', [i, pattern(50_000, i)]);
    await (await store.vectors.create({ name: 'c', dimensions: 2 })).store('x', [1, 2]);
  },
}));

/** Finds what {@link leavingRules} left. */
export const findingRules: Rule[] = persistentKinds.map(({ name, open: openThere }) => ({
  name: `store ${name}: finds them after the browser was killed`,
  run: async () => {
    const store = await openThere(keptBy(name), { create: false });
    const rows = await store.query<{ a: number; b: Uint8Array }>('SELECT a, b FROM t ORDER BY a');
    assertEqual(rows.length, 20, 'rows');
    rows.forEach(({ a, b }) => assertBytes(b, pattern(50_000, a)));
    assertEqual((await (await store.vectors.open('c')).search([1, 2]))[0]?.id, 'x');
    await store.close();
  },
}));

/** Adapters that are open make a store of the same name locked. */
export const sharingRules: Rule[] = [
  {
    name: 'a storage that is open locks the store in it',
    run: async () => {
      for (const [storage, openAdapter] of [
        ['indexeddb', IndexedDbStorage.open],
        ['opfs', OpfsStorage.open],
      ] as const) {
        const id = fresh('store');
        const adapter = await openAdapter(id);
        await assertFails('locked', () => open(id, { storage }));
        await adapter.close();
        await (await open(id, { storage })).close();
      }
    },
  },
];
