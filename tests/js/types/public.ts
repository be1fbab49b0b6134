/**
 * The package's types as a program sees them that has neither the DOM's nor Node's, with every check
 * of declaration files on. This file is compiled and never run.
 */

import {
  createVectorIndex,
  open,
  openVectorIndex,
  SigilError,
  SIGIL_ERROR_CODES,
  type Durability,
  type OpenOptions,
  type SigilErrorCode,
  type SnapshotStorage,
  type Store,
} from 'sigil-store';
import { NodeFiles } from 'sigil-store/files/node';
import { OpfsFiles } from 'sigil-store/files/opfs';
import { IndexedDbStorage } from 'sigil-store/storage/indexeddb';
import { MemoryStorage } from 'sigil-store/storage/memory';
import { NodeStorage } from 'sigil-store/storage/node';
import { OpfsStorage } from 'sigil-store/storage/opfs';

export const storages: Promise<SnapshotStorage>[] = [
  Promise.resolve(new MemoryStorage()),
  NodeStorage.open('directory'),
  OpfsStorage.open('name'),
  IndexedDbStorage.open('name'),
];

export const files = [NodeFiles.open('directory'), OpfsFiles.open('name', ['slot'])];

export const own: OpenOptions = {
  storage: {
    read: async (name: string) => (name === '' ? undefined : new Uint8Array()),
    replace: async () => undefined,
    remove: async () => undefined,
  },
};

// @ts-expect-error: a storage is one of the named ones or an object
export const unknownStorage: OpenOptions = { storage: 'localstorage' };

// @ts-expect-error: codes are a closed list
export const unknownCode: SigilErrorCode = 'teapot';

export const codes: readonly SigilErrorCode[] = SIGIL_ERROR_CODES;

export function codeOf(error: unknown): SigilErrorCode | undefined {
  return error instanceof SigilError ? error.code : undefined;
}

export async function statements(store: Store): Promise<number> {
  await store.exec('INSERT INTO t VALUES (?, :b)', [1, 2n, 'x', null, true, new Uint8Array()]);
  await store.exec('INSERT INTO t VALUES (:a)', { a: 1 });
  // @ts-expect-error: a Date is no value of SQL
  await store.exec('INSERT INTO t VALUES (?)', [new Date()]);
  const rows = await store.query<{ n: number }>('SELECT 1 AS n');
  const untyped = await store.query('SELECT 1 AS n');
  // @ts-expect-error: an untyped column may be text
  const wrong: number = untyped[0]?.['n'];
  const total: number = await store.transaction(async (tx) => (await tx.exec('DELETE FROM t')).changes);
  return total + wrong + rows.reduce((sum, row) => sum + row.n, 0);
}

export async function vectors(store: Store): Promise<string[]> {
  const notes = await store.vectors.create({ name: 'notes', dimensions: 3, metric: 'l2' });
  await notes.store('a', new Float32Array([1, 2, 3]), { lang: 'en', year: 2020, tags: ['x'] });
  await notes.store('b', [1, 2, 3]);
  // @ts-expect-error: vectors are no strings
  await notes.store('c', 'abc');
  const hits = await notes.search([1, 2, 3], { k: 3, filter: { year: { $gte: 2020 }, $or: [{ lang: 'en' }, { lang: { $exists: false } }] } });
  return hits.map((hit) => hit.id);
}

export async function stores(bytes: Uint8Array): Promise<Durability> {
  await using store = await open('notes', { storage: 'auto', mode: 'image', import: bytes, timeLimit: 1_000, wasm: bytes });
  // @ts-expect-error: a store has one of two modes
  await open('notes', { mode: 'wal' });
  return store.durability();
}

export async function indexes(): Promise<number> {
  const index = await createVectorIndex({ dimensions: 3, metric: 'dot' });
  await index.add('a', [1, 2, 3], { k: 1 });
  const again = await openVectorIndex(await index.toBytes(), { wasm: { href: 'https://example.org/sigil.wasm' } });
  // @ts-expect-error: an index must know its dimensions
  await createVectorIndex({ metric: 'dot' });
  return again.count();
}
