/** What every SnapshotStorage owes, whatever it is made of. */

import type { SnapshotStorage } from 'sigil-store';

import { assert, assertBytes, assertEqual, assertFails, fresh, pattern, type Rule } from '../harness.js';

/** One adapter under test. */
export interface StorageKind {
  name: string;
  open(store: string): Promise<SnapshotStorage>;
  /** Whether the data is still there when the store is opened again, and is held exclusively. */
  persistent: boolean;
}

/** Every rule, as tests of `kind`. */
export function storageRules(kind: StorageKind): Rule[] {
  const rules = kind.persistent ? [...RULES, ...PERSISTENT_RULES] : RULES;
  return rules.map(([name, run]) => ({ name: `storage ${kind.name}: ${name}`, run: () => run(kind) }));
}

/** What a storage owes when the host has no space for `length` bytes. */
export function fullRules(kind: StorageKind, length: number): Rule[] {
  return [
    {
      name: `storage ${kind.name}: a full host is reported and nothing is lost`,
      run: () =>
        using(kind, async (storage) => {
          await storage.replace('kept', pattern(1_000, 1));
          const error = await assertFails('full', () => storage.replace('kept', pattern(length, 2)));
          assert(error.message.includes('kept'), `the message does not name the blob: ${error.message}`);
          assertBytes(await storage.read('kept'), pattern(1_000, 1));
          await storage.replace('kept', pattern(2_000, 3));
          assertBytes(await storage.read('kept'), pattern(2_000, 3));
        }),
    },
  ];
}

async function using(kind: StorageKind, work: (storage: SnapshotStorage, store: string) => Promise<void>): Promise<void> {
  const store = fresh('store');
  const storage = await kind.open(store);
  try {
    await work(storage, store);
  } finally {
    await storage.close?.();
  }
}

type Check = (kind: StorageKind) => Promise<void>;

const RULES: [string, Check][] = [
  [
    'a missing blob reads as undefined',
    (kind) =>
      using(kind, async (storage) => {
        assertBytes(await storage.read('missing'), undefined);
        await storage.replace('present', pattern(3, 1));
        assertBytes(await storage.read('missing'), undefined);
      }),
  ],
  [
    'a blob reads as it was written, longer and shorter ones in its place too',
    (kind) =>
      using(kind, async (storage) => {
        for (const length of [10, 100_000, 1, 4_096]) {
          await storage.replace('blob', pattern(length, length));
          assertBytes(await storage.read('blob'), pattern(length, length));
        }
      }),
  ],
  [
    'an empty blob is there',
    (kind) =>
      using(kind, async (storage) => {
        await storage.replace('empty', new Uint8Array());
        assertBytes(await storage.read('empty'), new Uint8Array());
        await storage.replace('filled', pattern(9, 1));
        await storage.replace('filled', new Uint8Array());
        assertBytes(await storage.read('filled'), new Uint8Array());
      }),
  ],
  [
    'a blob of 5 MB survives',
    (kind) =>
      using(kind, async (storage) => {
        await storage.replace('large', pattern(5_000_000, 7));
        assertBytes(await storage.read('large'), pattern(5_000_000, 7));
      }),
  ],
  [
    'the bytes are those of the moment of the call',
    (kind) =>
      using(kind, async (storage) => {
        const bytes = pattern(200_000, 3);
        const first = storage.replace('blob', bytes);
        bytes.fill(1);
        const second = storage.replace('blob', bytes);
        bytes.fill(2);
        await first;
        await second;
        assertBytes(await storage.read('blob'), new Uint8Array(200_000).fill(1));
        const read = await storage.read('blob');
        read?.fill(9);
        assertBytes(await storage.read('blob'), new Uint8Array(200_000).fill(1));
      }),
  ],
  [
    'only the view of a larger buffer is stored',
    (kind) =>
      using(kind, async (storage) => {
        const memory = pattern(1_000_000, 4);
        await storage.replace('view', memory.subarray(500, 700));
        const read = await storage.read('view');
        assertBytes(read, memory.slice(500, 700));
        assertEqual(read?.buffer.byteLength, 200, 'the buffer behind it');
      }),
  ],
  [
    'names of 64 characters of every allowed kind work, and differ by case',
    (kind) =>
      using(kind, async (storage) => {
        const names = ['a', 'A', '0', '-', '_', '.a', 'a.', '..a', 'a..', 'x'.repeat(64), `${'x'.repeat(63)}y`, 'sigil.db-wal'];
        for (const [i, name] of names.entries()) await storage.replace(name, pattern(20, i));
        for (const [i, name] of names.entries()) assertBytes(await storage.read(name), pattern(20, i));
      }),
  ],
  [
    'other names are refused by every verb',
    (kind) =>
      using(kind, async (storage) => {
        for (const name of ['', '.', '..', 'a/b', 'a\\b', '../a', 'a b', 'x'.repeat(65), '\u00e4', 'a~', 'a\0', 'a\n']) {
          await assertFails('invalid-input', () => storage.read(name));
          await assertFails('invalid-input', () => storage.replace(name, new Uint8Array(1)));
          await assertFails('invalid-input', () => storage.remove(name));
        }
        await assertFails('invalid-input', () => storage.read(undefined as unknown as string));
        await assertFails('invalid-input', () => storage.replace('a', 'text' as unknown as Uint8Array));
        assertBytes(await storage.read('a'), undefined);
      }),
  ],
  [
    'a removed blob is gone, and removing a missing one is no error',
    (kind) =>
      using(kind, async (storage) => {
        await storage.remove('blob');
        await storage.replace('blob', pattern(10, 1));
        await storage.replace('other', pattern(10, 2));
        await storage.remove('blob');
        await storage.remove('blob');
        assertBytes(await storage.read('blob'), undefined);
        assertBytes(await storage.read('other'), pattern(10, 2));
        await storage.replace('blob', pattern(10, 3));
        assertBytes(await storage.read('blob'), pattern(10, 3));
      }),
  ],
  [
    'different names can be replaced at the same time',
    (kind) =>
      using(kind, async (storage) => {
        const names = Array.from({ length: 20 }, (_, i) => `blob-${i}`);
        await Promise.all(names.map((name, i) => storage.replace(name, pattern(50_000 + i, i))));
        await Promise.all(
          names.map(async (name, i) => assertBytes(await storage.read(name), pattern(50_000 + i, i))),
        );
      }),
  ],
  [
    'calls for one name take effect in their order',
    (kind) =>
      using(kind, async (storage) => {
        const reads: Promise<Uint8Array | undefined>[] = [];
        const writes: Promise<void>[] = [];
        for (let i = 0; i < 20; i++) {
          writes.push(i % 5 === 4 ? storage.remove('blob') : storage.replace('blob', pattern(100_000 - 4_000 * i, i)));
          reads.push(storage.read('blob'));
        }
        await Promise.all(writes);
        for (const [i, read] of (await Promise.all(reads)).entries()) {
          assertBytes(read, i % 5 === 4 ? undefined : pattern(100_000 - 4_000 * i, i));
        }
      }),
  ],
  [
    'a closed storage says so',
    (kind) =>
      using(kind, async (storage) => {
        await storage.close?.();
        await storage.close?.();
        await assertFails('closed', () => storage.read('a'));
        await assertFails('closed', () => storage.replace('a', new Uint8Array(1)));
        await assertFails('closed', () => storage.remove('a'));
      }),
  ],
];

const PERSISTENT_RULES: [string, Check][] = [
  [
    'what was acknowledged is there after reopening',
    (kind) =>
      using(kind, async (storage, store) => {
        await storage.replace('a', pattern(1_000, 1));
        await storage.replace('b', new Uint8Array());
        await storage.replace('c', pattern(10, 2));
        await storage.remove('c');
        await storage.close?.();
        const again = await kind.open(store);
        assertBytes(await again.read('a'), pattern(1_000, 1));
        assertBytes(await again.read('b'), new Uint8Array());
        assertBytes(await again.read('c'), undefined);
        await again.close?.();
      }),
  ],
  [
    'closing waits for what is under way',
    (kind) =>
      using(kind, async (storage, store) => {
        const writes = [1, 2, 3].map((i) => storage.replace(`blob-${i}`, pattern(300_000, i)));
        await storage.close?.();
        await Promise.all(writes);
        const again = await kind.open(store);
        for (const i of [1, 2, 3]) assertBytes(await again.read(`blob-${i}`), pattern(300_000, i));
        await again.close?.();
      }),
  ],
  [
    'a store is held exclusively until it is closed, others are not',
    (kind) =>
      using(kind, async (storage, store) => {
        await storage.replace('a', pattern(10, 1));
        const error = await assertFails('locked', () => kind.open(store));
        assert(error.message.includes(store), `the message does not name the store: ${error.message}`);
        assertBytes(await storage.read('a'), pattern(10, 1));
        const other = await kind.open(fresh('other'));
        await other.close?.();
        await storage.close?.();
        const again = await kind.open(store);
        assertBytes(await again.read('a'), pattern(10, 1));
        await again.close?.();
      }),
  ],
  [
    'of ten that open a store at once, one gets it',
    (kind) =>
      using(kind, async (storage, store) => {
        await storage.close?.();
        const opened = await Promise.allSettled(Array.from({ length: 10 }, () => kind.open(store)));
        const winners = opened.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
        assertEqual(winners.length, 1, 'handles');
        for (const result of opened) {
          if (result.status === 'rejected') await assertFails('locked', () => Promise.reject(result.reason));
        }
        await winners[0]?.close?.();
      }),
  ],
  [
    'different names of stores are different stores',
    (kind) =>
      using(kind, async (storage, store) => {
        const other = await kind.open(`${store}.2`);
        await storage.replace('a', pattern(10, 1));
        await other.replace('a', pattern(10, 2));
        assertBytes(await storage.read('a'), pattern(10, 1));
        assertBytes(await other.read('a'), pattern(10, 2));
        await other.close?.();
      }),
  ],
];
