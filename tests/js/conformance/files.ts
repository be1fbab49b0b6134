/** What every SyncFiles owes, whatever it is made of. */

import type { SyncFiles } from 'sigil-store';

import { assert, assertBytes, assertEqual, assertFails, fresh, pattern, type Rule } from '../harness.js';

/** One adapter under test. */
export interface FilesKind {
  name: string;
  /** Opens a store in which the files `sigil.db`, `sigil.db-wal`, `a` and `b` can be opened. */
  open(store: string): Promise<SyncFiles>;
  /** Closes it, and resolves when it can be opened again. */
  close(files: SyncFiles): Promise<void>;
}

/** Every rule, as tests of `kind`. */
export function filesRules(kind: FilesKind): Rule[] {
  return RULES.map(([name, run]) => ({
    name: `files ${kind.name}: ${name}`,
    run: async () => {
      const store = fresh('files');
      const files = await kind.open(store);
      try {
        await run(files, { kind, store });
      } finally {
        await kind.close(files);
      }
    },
  }));
}

/** What files owe when the host has no space for `length` bytes. */
export function fullFilesRules(kind: FilesKind, length: number): Rule[] {
  return [
    {
      name: `files ${kind.name}: a full host is reported and what was synced stays`,
      run: async () => {
        const files = await kind.open(fresh('full'));
        try {
          const file = files.open('a', true);
          files.write(file, 0, pattern(1_000, 1));
          files.sync(file);
          const error = await assertFails('full', () => {
            files.write(file, 1_000, pattern(length, 2));
            files.sync(file);
          });
          assert(error.message.includes("'a'"), `the message does not name the file: ${error.message}`);
          assertBytes(readAll(files, file).slice(0, 1_000), pattern(1_000, 1));
        } finally {
          await kind.close(files);
        }
      },
    },
  ];
}

function readAll(files: SyncFiles, file: number): Uint8Array {
  const bytes = new Uint8Array(files.size(file));
  assertEqual(files.read(file, 0, bytes), bytes.length, 'bytes read');
  return bytes;
}

type Check = (files: SyncFiles, context: { kind: FilesKind; store: string }) => Promise<void>;

const RULES: [string, Check][] = [
  [
    'a missing file is not found unless it may be created',
    async (files) => {
      await assertFails('not-found', () => files.open('a', false));
      assertEqual(files.exists('a'), false);
      const file = files.open('a', true);
      assertEqual(files.exists('a'), true);
      assertEqual(files.size(file), 0);
      assertEqual(files.open('a', false), file, 'handle');
      assert(files.open('b', true) !== file, 'two files have one handle');
    },
  ],
  [
    'reads return what was written, and stop at the end',
    async (files) => {
      const file = files.open('sigil.db', true);
      files.write(file, 0, pattern(10_000, 1));
      assertBytes(readAll(files, file), pattern(10_000, 1));
      const part = new Uint8Array(100);
      assertEqual(files.read(file, 9_950, part), 50, 'bytes read at the end');
      assertBytes(part.slice(0, 50), pattern(10_000, 1).slice(9_950));
      assertBytes(part.slice(50), new Uint8Array(50));
      assertEqual(files.read(file, 10_000, part), 0, 'bytes read after the end');
      assertEqual(files.read(file, 2 ** 40, part), 0, 'bytes read far after the end');
      assertEqual(files.read(file, 0, new Uint8Array()), 0, 'bytes read into nothing');
    },
  ],
  [
    'writes change only their bytes, and only the view of a larger buffer is written',
    async (files) => {
      const file = files.open('a', true);
      const memory = pattern(100_000, 2);
      files.write(file, 0, memory.subarray(0, 50_000));
      files.write(file, 4_096, memory.subarray(90_000, 94_096));
      const expected = memory.slice(0, 50_000);
      expected.set(memory.subarray(90_000, 94_096), 4_096);
      assertBytes(readAll(files, file), expected);
      const into = new Uint8Array(60).fill(7);
      assertEqual(files.read(file, 4_096, into.subarray(20, 40)), 20, 'bytes read into a view');
      assertBytes(into.slice(0, 20), new Uint8Array(20).fill(7));
      assertBytes(into.slice(20, 40), memory.slice(90_000, 90_020));
      assertBytes(into.slice(40), new Uint8Array(20).fill(7));
      files.write(file, 10, new Uint8Array());
      assertEqual(files.size(file), 50_000);
    },
  ],
  [
    'a gap before a write is zero',
    async (files) => {
      const file = files.open('a', true);
      files.write(file, 0, pattern(10, 1));
      files.write(file, 70_000, pattern(10, 2));
      const expected = new Uint8Array(70_010);
      expected.set(pattern(10, 1));
      expected.set(pattern(10, 2), 70_000);
      assertBytes(readAll(files, file), expected);
    },
  ],
  [
    'truncating cuts, and lengthens with zeros',
    async (files) => {
      const file = files.open('a', true);
      files.write(file, 0, pattern(10_000, 1));
      files.truncate(file, 4_000);
      assertBytes(readAll(files, file), pattern(10_000, 1).slice(0, 4_000));
      files.truncate(file, 8_000);
      const expected = new Uint8Array(8_000);
      expected.set(pattern(10_000, 1).slice(0, 4_000));
      assertBytes(readAll(files, file), expected);
      files.truncate(file, 0);
      assertEqual(files.size(file), 0);
    },
  ],
  [
    'offsets beyond 4 GiB reach the right place',
    async (files) => {
      const file = files.open('a', true);
      const offset = 2 ** 32 + 12_345;
      files.write(file, 12_345, pattern(100, 1));
      files.write(file, offset, pattern(100, 2));
      assertEqual(files.size(file), offset + 100);
      const bytes = new Uint8Array(100);
      assertEqual(files.read(file, offset, bytes), 100);
      assertBytes(bytes, pattern(100, 2));
      assertEqual(files.read(file, 12_345, bytes), 100);
      assertBytes(bytes, pattern(100, 1));
      files.truncate(file, 0);
    },
  ],
  [
    'a removed file is gone, starts empty again, and removing a missing one is no error',
    async (files) => {
      files.remove('a');
      const file = files.open('a', true);
      files.write(file, 0, pattern(100, 1));
      files.remove('a');
      files.remove('a');
      assertEqual(files.exists('a'), false);
      await assertFails('not-found', () => files.open('a', false));
      await assertFails('invalid-input', () => files.size(file));
      const again = files.open('a', true);
      assertEqual(files.size(again), 0);
      files.write(again, 0, pattern(50, 2));
      assertBytes(readAll(files, again), pattern(50, 2));
    },
  ],
  [
    'what was synced is there after reopening',
    async (files, { kind, store }) => {
      for (const name of ['sigil.db', 'sigil.db-wal', 'a', 'b']) {
        const file = files.open(name, true);
        files.write(file, 0, pattern(5_000, name.length));
        files.sync(file);
      }
      files.remove('b');
      await kind.close(files);
      const again = await kind.open(store);
      try {
        for (const name of ['sigil.db', 'sigil.db-wal', 'a']) {
          assertBytes(readAll(again, again.open(name, false)), pattern(5_000, name.length));
        }
        assertEqual(again.exists('b'), false);
      } finally {
        await kind.close(again);
      }
    },
  ],
  [
    'a store is held exclusively until it is closed',
    async (files, { kind, store }) => {
      const error = await assertFails('locked', () => kind.open(store));
      assert(error.message.includes(store), `the message does not name the store: ${error.message}`);
      await kind.close(files);
      await kind.close(await kind.open(store));
    },
  ],
  [
    'what makes no sense is refused',
    async (files) => {
      for (const name of ['', '..', 'a/b', 'x'.repeat(65), 'a~']) {
        await assertFails('invalid-input', () => files.open(name, true));
        await assertFails('invalid-input', () => files.exists(name));
        await assertFails('invalid-input', () => files.remove(name));
      }
      const file = files.open('a', true);
      for (const offset of [-1, 0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
        await assertFails('invalid-input', () => files.read(file, offset, new Uint8Array(1)));
        await assertFails('invalid-input', () => files.write(file, offset, new Uint8Array(1)));
        await assertFails('invalid-input', () => files.truncate(file, offset));
      }
      await assertFails('invalid-input', () => files.write(file, 2 ** 53 - 2, new Uint8Array(10)));
      await assertFails('invalid-input', () => files.size(file + 1_000));
      assertEqual(files.size(file), 0);
    },
  ],
  [
    'closed files say so',
    async (files, { kind }) => {
      const file = files.open('a', true);
      await kind.close(files);
      files.closeAll();
      await assertFails('closed', () => files.open('a', true));
      await assertFails('closed', () => files.exists('a'));
      await assertFails('closed', () => files.size(file));
      await assertFails('closed', () => files.write(file, 0, new Uint8Array(1)));
    },
  ],
];
