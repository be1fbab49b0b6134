/** Stores in Node: in a directory, on files and as an image, in memory, and on a storage of one's own. */

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, test } from 'node:test';

import { type OpenOptions, open, type Store } from 'sigil-store';
import { MemoryStorage } from 'sigil-store/storage/memory';

import { faultRules } from '../conformance/faults.js';
import { indexSearchRules, searchRules } from '../conformance/searches.js';
import { storeRules } from '../conformance/store.js';
import { textRowRules } from '../conformance/text-rows.js';
import { textRules } from '../conformance/text.js';
import { indexRules, vectorRules } from '../conformance/vectors.js';
import { assert, assertEqual, assertFails, assertSame, fresh } from '../harness.js';
import { storesIn } from './kinds.js';

const { at, kinds, root } = storesIn('sigil-store-');
after(() => fs.rmSync(root, { recursive: true, force: true }));

const rules = kinds.flatMap((kind) => [...storeRules(kind), ...vectorRules(kind), ...searchRules(kind), ...textRules(kind), ...textRowRules(kind)]);
for (const { name, run } of rules) test(name, run);
for (const { name, run } of [...indexRules, ...indexSearchRules, ...faultRules]) test(name, run);

/** What the C library says, which is here for the tests alone. */
function sqlite3(file: string, sql: string): string {
  const program = path.join(import.meta.dirname, '../../../../tools/c-sqlite3');
  return execFileSync(program, [file, sql], { encoding: 'utf8' }).trim();
}

test('sqlite3 reads what a store writes, and a store what sqlite3 writes', async () => {
  const directory = at(fresh('store'));
  const store = await open(directory);
  await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT, c REAL, d BLOB)');
  await store.transaction(async (tx) => {
    for (let i = 0; i < 2_000; i++) await tx.exec('INSERT INTO t (b, c, d) VALUES (?, ?, ?)', [`text ${i}`, i / 2, new Uint8Array(i % 300)]);
  });
  const notes = await store.vectors.create({ name: 'notes', dimensions: 4 });
  await notes.storeMany(Array.from({ length: 500 }, (_, i) => ({ id: `n${i}`, vector: [i, 1, 2, 3] })));
  assertEqual((await notes.search([499, 1, 2, 3], { k: 1 })).length, 1, 'hits');
  await store.exec('DELETE FROM t WHERE a % 3 = 0');
  await store.close();

  const file = path.join(directory, 'sigil.db');
  assertEqual(sqlite3(file, 'PRAGMA integrity_check'), 'ok');
  assertEqual(sqlite3(file, 'SELECT count(*), sum(c) FROM t'), '1334|666666.5');
  assertEqual(fs.existsSync(path.join(directory, 'vectors-1.index')), true, 'the snapshot of the index');

  const exported = await (async () => {
    const again = await open(directory);
    const bytes = await again.export();
    await again.close();
    return bytes;
  })();
  const copy = at(`${fresh('copy')}.db`);
  fs.writeFileSync(copy, exported);
  assertEqual(sqlite3(copy, 'PRAGMA integrity_check'), 'ok');

  const foreign = at(`${fresh('foreign')}.db`);
  const script = 'import sqlite3, sys; sqlite3.connect(sys.argv[1], isolation_level=None).executescript(sys.argv[2])';
  const sql = "CREATE TABLE f (a, b); INSERT INTO f VALUES (1, 'one'), (2, NULL); CREATE INDEX f_a ON f (a)";
  execFileSync('python3', ['-c', script, foreign, sql]);
  for (const options of [{ storage: 'memory' }, { mode: 'image' }, {}] as OpenOptions[]) {
    const imported = await open(at(fresh('store')), { ...options, import: fs.readFileSync(foreign) });
    assertSame(await imported.query('SELECT * FROM f WHERE a = 1'), [{ a: 1, b: 'one' }]);
    await (await imported.vectors.create({ name: 'v', dimensions: 1 })).store('x', [1]);
    await imported.exec("INSERT INTO f VALUES (3, 'three')");
    fs.writeFileSync(copy, await imported.export());
    assertEqual(sqlite3(copy, 'PRAGMA integrity_check'), 'ok');
    assertEqual(sqlite3(copy, 'SELECT count(*) FROM f'), '3');
    await imported.close();
  }
});

test('a directory holds a store in one mode, and opens in that', async () => {
  for (const [mode, other] of [['files', 'image'], ['image', 'files']] as const) {
    const directory = at(fresh('store'));
    const store = await open(directory, { mode });
    await store.exec('CREATE TABLE t (a)');
    assertEqual((await store.durability()).mode, mode);
    await store.close();
    const error = await assertFails('conflict', () => open(directory, { mode: other }));
    assert(error.message.includes(mode), `the message does not name the mode: ${error.message}`);
    const again = await open(directory);
    assertSame([(await again.durability()).mode, await again.query('SELECT * FROM t')], [mode, []]);
    await again.close();
  }
});

test('durability says what holds the data', async () => {
  const of = async (store: Store): Promise<unknown> => {
    const { storage, mode, durable, survivesPowerLoss, evictable } = await store.durability();
    await store.close();
    return [storage, mode, durable, survivesPowerLoss, evictable];
  };
  assertSame(await of(await open(at(fresh('store')))), ['node', 'files', true, true, false]);
  assertSame(await of(await open(at(fresh('store')), { storage: 'node', mode: 'image' })), ['node', 'image', true, true, false]);
  assertSame(await of(await open('m', { storage: 'memory' })), ['memory', 'image', false, false, false]);
  assertSame(await of(await open('c', { storage: new MemoryStorage() })), ['custom', 'image', true, true, false]);
});

test('options that cannot be met are refused, and never replaced by memory', async () => {
  const directory = at(fresh('store'));
  for (const storage of ['opfs', 'indexeddb'] as const) await assertFails('unsupported', () => open(directory, { storage }));
  const invalid = [
    { storage: 'disk' },
    { storage: {} },
    { storage: null },
    { mode: 'wal' },
    { storage: 'memory', mode: 'files' },
    { storage: new MemoryStorage(), mode: 'files' },
    { import: 'bytes' },
    { create: 1 },
    { timeLimit: -1 },
    { cacheBytes: 1.5 },
    { wasm: 7 },
    { readonly: true },
    7,
  ];
  for (const options of invalid) await assertFails('invalid-input', () => open(directory, options as OpenOptions));
  await assertFails('invalid-input', () => open(undefined as never));
  assertEqual(fs.existsSync(directory), false, 'the directory was made');
  await assertFails('storage', () => open(directory, { wasm: '/nowhere/sigil.wasm' }));
  await assertFails('storage', () => open(directory, { wasm: new Uint8Array([0, 1, 2]) }));
  const file = at('a-file');
  fs.writeFileSync(file, 'x');
  await assertFails('storage', () => open(path.join(file, 'store')));
});

test('the module can be had as an address, as bytes and compiled', async () => {
  const wasm = path.join(import.meta.dirname, '../panics.wasm');
  const url = new URL(`file://${wasm}`);
  const compiled = await WebAssembly.compile(fs.readFileSync(wasm));
  for (const source of [wasm, url, url.href, fs.readFileSync(wasm), compiled]) {
    const store = await open('m', { storage: 'memory', wasm: source });
    assertSame(await store.query('SELECT 1 AS a'), [{ a: 1 }]);
    await store.close();
  }
});

test('a database that is none, or damaged, is refused and left as it is', async () => {
  const cases: [string, string, (bytes: Buffer) => Buffer][] = [
    ['not-a-database', 'sigil.db', () => Buffer.from('this is no database at all, '.repeat(500))],
    ['corrupt', 'sigil.db', (bytes) => bytes.subarray(0, 6_000)],
    ['corrupt', 'sigil.db', (bytes) => Buffer.from(bytes.map((byte, i) => (i === 5_000 ? byte ^ 1 : byte)))],
  ];
  for (const [code, name, change] of cases) {
    const directory = at(fresh('store'));
    const store = await open(directory);
    await store.exec('CREATE TABLE t (a)');
    await store.close();
    const file = path.join(directory, name);
    const changed = change(fs.readFileSync(file));
    fs.writeFileSync(file, changed);
    await assertFails(code as 'corrupt', () => open(directory));
    await assertFails(code as 'corrupt', () => open(directory));
    assertEqual(fs.readFileSync(file).equals(changed), true, 'the file was left alone');
  }
});

test('a store is disposed of by await using', async () => {
  const directory = at(fresh('store'));
  const store = await open(directory);
  await store[Symbol.asyncDispose]();
  await assertFails('closed', () => store.query('SELECT 1'));
  await (await open(directory)).close();
});
