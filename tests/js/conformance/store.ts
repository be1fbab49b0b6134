/** What every open store must do, on whatever holds it. */

import { type ColumnValue, type OpenOptions, SigilError, type SqlValue, type Store, type WasmSource } from 'sigil-store';

import { assert, assertBytes, assertEqual, assertFails, assertSame, fresh, pattern, type Rule } from '../harness.js';

/** A way to open a store. */
export interface StoreKind {
  name: string;
  /** Opens the store, which is kept under this name if it is kept at all. */
  open(store: string, options?: OpenOptions): Promise<Store>;
  /** Whether a store can be opened again. */
  persistent: boolean;
  /** A module that panics at the SQL text PANIC. */
  panics(): Promise<WasmSource>;
}

/** The rules of a store. */
export function storeRules(kind: StoreKind): Rule[] {
  const withStore = (name: string, test: (store: Store, id: string) => Promise<void>, options?: OpenOptions): Rule => ({
    name: `store ${kind.name}: ${name}`,
    run: async () => {
      const id = fresh('store');
      const store = await kind.open(id, options);
      try {
        await test(store, id);
      } finally {
        await store.close();
      }
    },
  });
  const rules = [
    withStore('values of every type come back as they were', roundTrip),
    withStore('text of every kind and length comes back, among many rows', texts),
    withStore('columns keep their names, even odd ones', columns),
    withStore('parameters are bound by position and by name, and wrong ones are refused', parameters),
    withStore('each constraint has its code', constraints),
    withStore('what the engine cannot do is refused, and the store goes on', refusals),
    withStore('SQL of any depth neither stops the engine nor the store', depth),
    withStore('the time of SQL is that of the host', time),
    withStore('scripts run as a whole and say what they changed', scripts),
    withStore('a transaction commits, or leaves no trace', transactions),
    withStore('other calls wait for a transaction, in their order', waiting),
    withStore('a transaction within a transaction is refused', nesting),
    withStore('many calls at once all take effect', concurrency),
    withStore('a statement over its time limit is stopped', timeLimit, { timeLimit: 100 }),
    withStore('a closed store says so', closing),
    withStore('an export is a database, which an import opens', exporting(kind)),
  ];
  if (!kind.persistent) return rules;
  return [
    ...rules,
    { name: `store ${kind.name}: everything acknowledged is there when it is opened again`, run: () => reopening(kind) },
    { name: `store ${kind.name}: a store that may not be created is not`, run: () => notCreating(kind) },
    { name: `store ${kind.name}: a second handle is refused`, run: () => locking(kind) },
    { name: `store ${kind.name}: a panic ends the handle and loses nothing`, run: () => panicking(kind) },
    { name: `store ${kind.name}: random work leaves what a model says`, run: () => model(kind) },
  ];
}

async function roundTrip(store: Store): Promise<void> {
  await store.exec('CREATE TABLE v (id INTEGER PRIMARY KEY, v)');
  const cases: [SqlValue, string, ColumnValue][] = [
    [null, 'null', null],
    [true, 'integer', 1],
    [false, 'integer', 0],
    [0, 'integer', 0],
    [-0, 'integer', 0],
    [42, 'integer', 42],
    [-1, 'integer', -1],
    [2 ** 53 - 1, 'integer', 2 ** 53 - 1],
    [-(2 ** 53 - 1), 'integer', -(2 ** 53 - 1)],
    [2 ** 53, 'real', 2 ** 53],
    [0.1, 'real', 0.1],
    [1e308, 'real', 1e308],
    [5e-324, 'real', 5e-324],
    [Infinity, 'real', Infinity],
    [-Infinity, 'real', -Infinity],
    [7n, 'integer', 7],
    [2n ** 53n, 'integer', 2n ** 53n],
    [-(2n ** 53n), 'integer', -(2n ** 53n)],
    [2n ** 63n - 1n, 'integer', 2n ** 63n - 1n],
    [-(2n ** 63n), 'integer', -(2n ** 63n)],
    ['', 'text', ''],
    ['plain', 'text', 'plain'],
    ['gr\u00fc\u00df \u4e16\u754c \u{1f600}', 'text', 'gr\u00fc\u00df \u4e16\u754c \u{1f600}'],
    ['\ufeffmark', 'text', '\ufeffmark'],
    ['it\'s "quoted"; -- not', 'text', 'it\'s "quoted"; -- not'],
    ['\ufffd', 'text', '\ufffd'],
    [new Uint8Array(), 'blob', new Uint8Array()],
    [new Uint8Array([0, 1, 255]), 'blob', new Uint8Array([0, 1, 255])],
    [pattern(3_000_000, 1), 'blob', pattern(3_000_000, 1)],
    [pattern(100, 2).subarray(10, 20), 'blob', pattern(100, 2).slice(10, 20)],
  ];
  for (const [i, [value, type, expected]] of cases.entries()) {
    const { changes, lastInsertRowid } = await store.exec('INSERT INTO v (v) VALUES (?)', [value]);
    assertEqual(changes, 1, 'changes');
    assertEqual(lastInsertRowid, i + 1, 'rowid');
    const [row] = await store.query<{ v: ColumnValue; type: string }>('SELECT v, typeof(v) AS type FROM v WHERE id = ?', [i + 1]);
    assert(row !== undefined, 'no row');
    assertEqual(row.type, type, `type of ${String(value).slice(0, 40)}`);
    assertValue(row.v, expected);
  }
  const all = await store.table('SELECT v FROM v ORDER BY id');
  assertEqual(all.rows.length, cases.length, 'rows');
  cases.forEach(([, , expected], i) => assertValue(all.rows[i]?.[0] as ColumnValue, expected));
  const far = 2n ** 60n;
  const { lastInsertRowid } = await store.exec('INSERT INTO v (id) VALUES (?)', [far]);
  assertEqual(lastInsertRowid, far, 'rowid');
}

function assertValue(actual: ColumnValue, expected: ColumnValue): void {
  if (expected instanceof Uint8Array) assertBytes(actual as Uint8Array, expected);
  else assertEqual(actual, expected);
}

async function texts(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)');
  const text = (i: number): string => ['', 'x', '\u{1f600}', 'gr\u00fc\u00df', 'y'.repeat(i % 700), '\u4e16'.repeat(i % 90)][i % 6] as string;
  await store.transaction(async (tx) => {
    for (let i = 0; i < 3_000; i++) await tx.exec('INSERT INTO t VALUES (?, ?, ?, ?)', [i, text(i), i % 3 === 0 ? null : text(i * 7), pattern(i % 5, i)]);
    await tx.exec('INSERT INTO t (id, a) VALUES (3000, ?)', ['long\u00e9'.repeat(200_000)]);
  });
  const rows = await store.query<{ id: number; a: string; b: string | null; c: Uint8Array }>('SELECT * FROM t ORDER BY id');
  assertEqual(rows.length, 3_001, 'rows');
  for (const { id, a, b, c } of rows.slice(0, 3_000)) {
    assertEqual(a, text(id), `a of ${id}`);
    assertEqual(b, id % 3 === 0 ? null : text(id * 7), `b of ${id}`);
    assertBytes(c, pattern(id % 5, id));
  }
  assertEqual(rows[3_000]?.a, 'long\u00e9'.repeat(200_000));
}

async function columns(store: Store): Promise<void> {
  const [row] = await store.query('SELECT 1 AS "__proto__", 2 AS "a b", 3 AS "", 4 AS "constructor"');
  assertSame(Object.keys(row ?? {}), ['__proto__', 'a b', '', 'constructor']);
  assertEqual(Object.getPrototypeOf(row), Object.prototype, 'prototype');
  const table = await store.table('SELECT 1 AS a, 2 AS a');
  assertSame(table, { columns: ['a', 'a'], rows: [[1, 2]] });
  assertSame(await store.query('SELECT 1 AS a, 2 AS a'), [{ a: 2 }]);
  assertSame(await store.table('SELECT 1 AS a WHERE 0'), { columns: ['a'], rows: [] });
  assertSame(await store.query('SELECT 1 AS a WHERE 0'), []);
}

async function parameters(store: Store): Promise<void> {
  assertSame(await store.table('SELECT ?, ?', [1, 'a']).then(({ rows }) => rows), [[1, 'a']]);
  assertSame(await store.table('SELECT ?2, ?1', [1, 'a']).then(({ rows }) => rows), [['a', 1]]);
  assertSame(await store.table('SELECT :a, @b, $c, :a', { a: 1, b: 2, c: 3 }).then(({ rows }) => rows), [[1, 2, 3, 1]]);
  assertSame(await store.query('SELECT 1 AS a', []), [{ a: 1 }]);
  const wrong: [string, unknown][] = [
    ['SELECT ?', undefined],
    ['SELECT ?', []],
    ['SELECT ?', [1, 2]],
    ['SELECT :a', { b: 1 }],
    ['SELECT :a', {}],
    ['SELECT :a, :b', { a: 1 }],
    ['SELECT ?', [undefined]],
    ['SELECT ?', [NaN]],
    ['SELECT ?', [new Date()]],
    ['SELECT ?', [{}]],
    ['SELECT ?', [[1]]],
    ['SELECT ?', [() => 1]],
    ['SELECT ?', [Symbol('s')]],
    ['SELECT ?', [2n ** 63n]],
    ['SELECT ?', [-(2n ** 63n) - 1n]],
    ['SELECT ?', ['half \ud83d']],
    ['SELECT ?', ['\udc00\ufffd']],
    ['SELECT ?', new Uint8Array([1])],
    ['SELECT ?', 'a'],
    ['SELECT ?', 1],
    ['SELECT ?', null],
  ];
  for (const [sql, params] of wrong) {
    await assertFails('invalid-input', () => store.query(sql, params as SqlValue[]));
    await assertFails('invalid-input', () => store.exec(sql, params as SqlValue[]));
  }
  for (const sql of [undefined, 7, null, {}, "SELECT '\ud800'"]) await assertFails('invalid-input', () => store.query(sql as string));
  await assertFails('invalid-input', () => store.query('SELECT 1; SELECT 2'));
  await assertFails('invalid-input', () => store.exec('SELECT 1; SELECT ?', [1]));
}

async function constraints(store: Store): Promise<void> {
  await store.exec(`
    CREATE TABLE parent (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, age INTEGER CHECK (age >= 0));
    CREATE TABLE child (id INTEGER PRIMARY KEY, parent INTEGER REFERENCES parent (id));
    CREATE TABLE strict (n INTEGER) STRICT;
    INSERT INTO parent VALUES (1, 'a', 1)`);
  await assertFails('constraint-unique', () => store.exec("INSERT INTO parent VALUES (2, 'a', 1)"));
  await assertFails('constraint-unique', () => store.exec("INSERT INTO parent VALUES (1, 'b', 1)"));
  await assertFails('constraint-not-null', () => store.exec('INSERT INTO parent VALUES (2, NULL, 1)'));
  await assertFails('constraint-check', () => store.exec("INSERT INTO parent VALUES (2, 'b', -1)"));
  await assertFails('constraint-foreign-key', () => store.exec('INSERT INTO child VALUES (1, 99)'));
  await assertFails('constraint', () => store.exec("INSERT INTO strict VALUES ('x')"));
  await assertFails('sql', () => store.exec('INSERT INTO nothing VALUES (1)'));
  await assertFails('sql', () => store.query('SELEKT 1'));
  assertSame(await store.query('SELECT count(*) AS n FROM parent'), [{ n: 1 }]);
}

async function refusals(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (a)');
  const unsupported = [
    'CREATE TEMP TABLE x (a)',
    'CREATE TEMPORARY VIEW x AS SELECT 1',
    "ATTACH 'other.db' AS other",
    'DETACH other',
    'VACUUM',
    'PRAGMA journal_mode = DELETE',
    'BEGIN',
    'BEGIN; INSERT INTO t VALUES (1)',
    'SAVEPOINT s',
  ];
  for (const sql of unsupported) {
    await assertFails('unsupported', () => store.exec(sql));
    assertSame(await store.query('SELECT count(*) AS n FROM t'), [{ n: 0 }]);
  }
  await assertFails('unsupported', () => store.query('BEGIN'));
  await store.exec('INSERT INTO t VALUES (1)');
  await store.exec('PRAGMA wal_checkpoint');
  assertSame(await store.query('SELECT * FROM t'), [{ a: 1 }]);
}

async function depth(store: Store): Promise<void> {
  const deep: [string, string][] = [
    ['parentheses', `SELECT ${'('.repeat(50_000)}1${')'.repeat(50_000)}`],
    ['NOT', `SELECT ${'NOT '.repeat(50_000)}1`],
    ['minus', `SELECT ${'- '.repeat(50_000)}1`],
    ['plus', `SELECT ${'1+'.repeat(50_000)}1`],
    ['OR', `SELECT ${'1 OR '.repeat(50_000)}1`],
    ['concatenation', `SELECT ${"'a'||".repeat(50_000)}'a'`],
    ['CASE', `SELECT ${'CASE WHEN 1 THEN '.repeat(5_000)}1${' END'.repeat(5_000)}`],
    ['subqueries', `SELECT ${'(SELECT '.repeat(5_000)}1${')'.repeat(5_000)}`],
    ['FROM', `SELECT * FROM ${'(SELECT * FROM '.repeat(2_000)}t${')'.repeat(2_000)}`],
    ['compounds', `SELECT 1 ${'UNION SELECT 1 '.repeat(5_000)}`],
    ['functions', `SELECT ${'abs('.repeat(5_000)}1${')'.repeat(5_000)}`],
    ['COLLATE', `SELECT 'a' ${'COLLATE NOCASE '.repeat(20_000)}`],
    ['CAST', `SELECT ${'CAST('.repeat(5_000)}1${' AS TEXT)'.repeat(5_000)}`],
    ['IN', `SELECT ${'1 IN ('.repeat(5_000)}1${')'.repeat(5_000)}`],
    ['JSON', `SELECT json('${'['.repeat(100_000)}')`],
    ['commas', `SELECT ${'1,'.repeat(50_000)}1`],
    ['text', `SELECT '${'x'.repeat(2_000_000)}'`],
  ];
  for (const [what, sql] of deep) {
    try {
      await store.query(sql);
    } catch (error) {
      assert(error instanceof SigilError && ['limit', 'sql', 'engine'].includes(error.code), `${what}: ${String(error)}`);
    }
    assertSame(await store.query('SELECT 1 AS a'), [{ a: 1 }]);
  }
}

async function time(store: Store): Promise<void> {
  const before = Date.now();
  const [row] = await store.query<{ at: string; now: string; unix: number; random: Uint8Array; other: Uint8Array }>(
    "SELECT CURRENT_TIMESTAMP AS at, datetime('now') AS now, unixepoch() AS unix, randomblob(16) AS random, randomblob(16) AS other",
  );
  assert(row !== undefined, 'no row');
  for (const said of [Date.parse(`${row.at}Z`), Date.parse(`${row.now}Z`), row.unix * 1_000]) {
    assert(said > before - 2_000 && said < Date.now() + 2_000, `the time is ${said}, not ${before}`);
  }
  assert(row.random.join() !== row.other.join(), 'no randomness');
}

async function scripts(store: Store): Promise<void> {
  const { changes, lastInsertRowid } = await store.exec(`
    -- a comment; with a semicolon
    CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT);
    INSERT INTO t (b) VALUES ('x;y'), ('z');
    UPDATE t SET b = 'w' WHERE a = 1;`);
  assertEqual(changes, 3, 'changes');
  assertEqual(lastInsertRowid, 2, 'rowid');
  await store.exec("BEGIN; INSERT INTO t (b) VALUES ('in'); COMMIT;");
  await assertFails('sql', () => store.exec("INSERT INTO t (b) VALUES ('kept'); INSERT INTO nothing VALUES (1)"));
  assertSame(await store.query('SELECT b FROM t ORDER BY a'), [{ b: 'w' }, { b: 'z' }, { b: 'in' }, { b: 'kept' }]);
  assertEqual((await store.exec('')).changes, 0, 'changes of nothing');
  assertEqual((await store.exec('DELETE FROM t WHERE a > 100')).changes, 0, 'changes');
  assertEqual((await store.exec('DELETE FROM t')).changes, 4, 'changes');
}

async function transactions(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY)');
  const result = await store.transaction(async (tx) => {
    await tx.exec('INSERT INTO t VALUES (1)');
    await assertFails('constraint-unique', () => tx.exec('INSERT INTO t VALUES (1)'));
    await tx.exec('INSERT INTO t VALUES (2)');
    return (await tx.query<{ n: number }>('SELECT count(*) AS n FROM t'))[0]?.n;
  });
  assertEqual(result, 2, 'what the callback returned');
  assertEqual(await store.transaction(() => 'at once'), 'at once');
  const reason = new Error('changed my mind');
  for (const fail of [
    async () => {
      throw reason;
    },
    () => {
      throw reason;
    },
  ]) {
    let caught: unknown;
    try {
      await store.transaction(async (tx) => {
        await tx.exec('DELETE FROM t');
        await tx.exec('CREATE TABLE gone (a)');
        return fail();
      });
    } catch (error) {
      caught = error;
    }
    assertEqual(caught, reason);
  }
  assertSame(await store.query('SELECT count(*) AS n FROM t'), [{ n: 2 }]);
  await assertFails('sql', () => store.query('SELECT * FROM gone'));
  let leaked: { exec(sql: string): Promise<unknown> } | undefined;
  await store.transaction((tx) => {
    leaked = tx;
  });
  await assertFails('closed', () => leaked?.exec('DELETE FROM t'));
  await assertFails('invalid-input', () => store.transaction(undefined as never));
}

async function waiting(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (a)');
  const order: string[] = [];
  const first = store.transaction(async (tx) => {
    await tx.exec('INSERT INTO t VALUES (1)');
    await new Promise((resolve) => setTimeout(resolve, 30));
    await tx.exec('INSERT INTO t VALUES (2)');
    order.push('first');
  });
  const read = store.query('SELECT count(*) AS n FROM t');
  const second = store.transaction(async (tx) => {
    order.push('second');
    await tx.exec('DELETE FROM t');
  });
  const last = store.query('SELECT count(*) AS n FROM t');
  assertSame(await read, [{ n: 2 }]);
  assertSame(await last, [{ n: 0 }]);
  await Promise.all([first, second]);
  assertSame(order, ['first', 'second']);
}

async function nesting(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (a)');
  await assertFails('busy', () => store.transaction(() => store.transaction(() => undefined)));
  await assertFails('busy', () => store.transaction(() => store.exec('DELETE FROM t')));
  await assertFails('busy', () => store.transaction(() => store.close()));
  await store.transaction(async (tx) => {
    for (const sql of ['BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT s']) await assertFails('busy', () => tx.exec(sql));
    await tx.exec('INSERT INTO t VALUES (1)');
  });
  assertSame(await store.query('SELECT count(*) AS n FROM t'), [{ n: 1 }]);
}

async function concurrency(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY)');
  const outcomes = await Promise.allSettled(
    Array.from({ length: 300 }, (_, i) =>
      i % 3 === 0
        ? store.query('SELECT count(*) AS n FROM t')
        : i % 50 === 1
          ? store.exec('INSERT INTO t VALUES (2)')
          : store.exec('INSERT INTO t VALUES (?)', [i]),
    ),
  );
  const failed = outcomes.filter((outcome) => outcome.status === 'rejected');
  assert(failed.every(({ reason }) => (reason as SigilError).code === 'constraint-unique'), 'another failure than a constraint');
  // Five of the 200 writes want the same key.
  assertEqual(failed.length, 4, 'failures');
  assertSame(await store.query('SELECT count(*) AS n FROM t'), [{ n: 196 }]);
}

async function timeLimit(store: Store): Promise<void> {
  const endless = 'WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n';
  const start = performance.now();
  await assertFails('timeout', () => store.query(endless));
  assert(performance.now() - start < 5_000, 'it was stopped late');
  assertSame(await store.query('SELECT 1 AS a'), [{ a: 1 }]);
}

async function closing(store: Store): Promise<void> {
  await store.exec('CREATE TABLE t (a)');
  const collection = await store.vectors.create({ name: 'c', dimensions: 1 });
  const pending = store.exec('INSERT INTO t VALUES (1)');
  const closed = store.close();
  await assertFails('closed', () => store.exec('INSERT INTO t VALUES (2)'));
  assertEqual((await pending).changes, 1, 'changes of the call before close');
  await closed;
  await store.close();
  await assertFails('closed', () => store.query('SELECT 1'));
  await assertFails('closed', () => store.transaction(() => 1));
  await assertFails('closed', () => store.flush());
  await assertFails('closed', () => store.export());
  await assertFails('closed', () => store.durability());
  await assertFails('closed', () => collection.count());
  await assertFails('closed', () => store.vectors.list());
}

function exporting(kind: StoreKind): (store: Store) => Promise<void> {
  return async (store) => {
    await store.exec('CREATE TABLE t (a, b)');
    for (let i = 0; i < 50; i++) await store.exec('INSERT INTO t VALUES (?, ?)', [i, pattern(2_000, i)]);
    const collection = await store.vectors.create({ name: 'c', dimensions: 2 });
    await collection.store('x', [1, 2], { k: 'v' });
    const bytes = await store.export();
    assertEqual(new TextDecoder().decode(bytes.subarray(0, 15)), 'SQLite format 3');
    const target = fresh('store');
    const copy = await kind.open(target, { import: bytes });
    assertSame(await copy.query('SELECT count(*) AS n, sum(length(b)) AS m FROM t'), [{ n: 50, m: 100_000 }]);
    assertEqual((await (await copy.vectors.open('c')).search([1, 2], { k: 1 }))[0]?.id, 'x');
    await copy.exec('INSERT INTO t VALUES (1, 2)');
    await copy.close();
    if (kind.persistent) {
      await assertFails('conflict', () => kind.open(target, { import: bytes }));
      const again = await kind.open(target);
      assertSame(await again.query('SELECT count(*) AS n FROM t'), [{ n: 51 }]);
      await again.close();
    }
    const damaged = new Uint8Array(bytes);
    damaged[9_000] = (damaged[9_000] as number) ^ 1;
    const bad: [string, Uint8Array][] = [
      ['corrupt', damaged],
      ['corrupt', bytes.slice(0, bytes.length - 4_096)],
      ['corrupt', bytes.slice(0, 5_000)],
      ['not-a-database', pattern(10_000, 3)],
      ['not-a-database', new Uint8Array()],
      ['not-a-database', new Uint8Array(10_000)],
    ];
    for (const [code, bytes] of bad) {
      const refused = fresh('store');
      await assertFails(code as 'corrupt', () => kind.open(refused, { import: bytes }));
      // Nothing is left that would be in the way of the right one.
      const empty = await kind.open(refused, { import: await store.export() });
      assertSame(await empty.query('SELECT count(*) AS n FROM t'), [{ n: 50 }]);
      await empty.close();
    }
  };
}

async function reopening(kind: StoreKind): Promise<void> {
  const id = fresh('store');
  let store = await kind.open(id);
  const first = await store.durability();
  assertEqual(first.durable, true, 'durable');
  await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b)');
  await store.exec('INSERT INTO t (b) VALUES (?)', [pattern(100_000, 4)]);
  const after = await store.durability();
  assert(after.bytesWritten >= first.bytesWritten + 100_000, `only ${after.bytesWritten} bytes were written`);
  assert(after.lastFlush !== undefined && Math.abs(after.lastFlush - Date.now()) < 60_000, `a strange last flush: ${after.lastFlush}`);
  const collection = await store.vectors.create({ name: 'c', dimensions: 4 });
  const vectors = Array.from({ length: 600 }, (_, i) => ({ id: `v${i}`, vector: [i, 1, 0, 0], metadata: { even: i % 2 === 0 } }));
  await collection.storeMany(vectors);
  await store.close();
  for (let round = 1; round <= 3; round++) {
    store = await kind.open(id, { create: false });
    const [row] = await store.query<{ b: Uint8Array }>('SELECT b FROM t WHERE a = 1');
    assertBytes(row?.b, pattern(100_000, 4));
    assertSame(await store.query('SELECT count(*) AS n FROM t'), [{ n: round }]);
    const reopened = await store.vectors.open('c', { dimensions: 4, metric: 'cosine' });
    assertEqual(await reopened.count(), 599 + round, 'vectors');
    const hits = await reopened.search([0, 1, 0, 0], { k: 2, filter: { even: true } });
    assertSame(hits.map((hit) => hit.id), ['v0', 'v2']);
    await store.exec('INSERT INTO t (b) VALUES (1)');
    await reopened.store(`w${round}`, [1, 1, 1, 1]);
    // Without a flush of the indexes in one round, with one in the others.
    if (round === 2) await store.flush();
    await store.close();
  }
}

async function notCreating(kind: StoreKind): Promise<void> {
  const id = fresh('store');
  await assertFails('not-found', () => kind.open(id, { create: false }));
  await assertFails('not-found', () => kind.open(id, { create: false }));
  await (await kind.open(id)).close();
  await (await kind.open(id, { create: false })).close();
}

async function locking(kind: StoreKind): Promise<void> {
  const id = fresh('store');
  const store = await kind.open(id);
  await assertFails('locked', () => kind.open(id));
  await store.exec('CREATE TABLE t (a)');
  await store.close();
  const again = await kind.open(id);
  assertSame(await again.query('SELECT * FROM t'), []);
  await again.close();
}

async function panicking(kind: StoreKind): Promise<void> {
  const id = fresh('store');
  const wasm = await kind.panics();
  const store = await kind.open(id, { wasm });
  const other = await kind.open(fresh('store'), { wasm });
  await store.exec('CREATE TABLE t (a)');
  await store.exec('INSERT INTO t VALUES (1)');
  const waiting = Promise.allSettled([store.exec('PANIC'), store.exec('INSERT INTO t VALUES (2)')]);
  const error = await assertFails('poisoned', () => store.exec('PANIC'));
  assert(error.message.includes('asked to panic'), `the message does not say why: ${error.message}`);
  const [panicked, after] = await waiting;
  assertEqual(panicked.status, 'rejected');
  assertEqual(after.status, 'rejected');
  await assertFails('poisoned', () => store.query('SELECT 1'));
  await assertFails('poisoned', () => store.transaction(() => 1));

  // Opening again needs no close of the handle that is gone.
  const again = await kind.open(id);
  assertSame(await again.query('SELECT * FROM t'), [{ a: 1 }]);
  await store.close();
  await assertFails('closed', () => store.query('SELECT 1'));
  await again.exec('INSERT INTO t VALUES (3)');
  await again.close();

  // Another store lives in another instance.
  assertSame(await other.query('SELECT 1 AS a'), [{ a: 1 }]);
  await other.close();
}

async function model(kind: StoreKind): Promise<void> {
  const seed = Math.floor(Math.random() * 2 ** 32);
  let state = seed;
  const random = (n: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
  const id = fresh('store');
  let store = await kind.open(id);
  await store.exec('CREATE TABLE t (k INTEGER PRIMARY KEY, v BLOB)');
  await store.vectors.create({ name: 'c', dimensions: 2, metric: 'l2' });
  let expected = new Map<number, number>();
  try {
    for (let step = 0; step < 150; step++) {
      const [k, size] = [random(20), random(9_000)];
      const draft = new Map(expected);
      draft.set(k, size);
      const put = async (to: Pick<Store, 'exec' | 'vectors'>): Promise<void> => {
        await to.exec('INSERT INTO t VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v', [k, pattern(size, k)]);
        await (await to.vectors.open('c')).store(String(k), [k, size]);
      };
      switch (random(8)) {
        case 0: {
          await store.close();
          store = await kind.open(id);
          break;
        }
        case 1: {
          const abandoned = store.transaction(async (tx) => {
            await put(tx);
            throw new Error('abandoned');
          });
          await abandoned.catch((error: Error) => assertEqual(error.message, 'abandoned'));
          break;
        }
        case 2:
          await store.flush();
          break;
        case 3:
          await store.transaction(async (tx) => {
            await tx.exec('DELETE FROM t WHERE k = ?', [k]);
            await (await tx.vectors.open('c')).delete(String(k));
          });
          expected.delete(k);
          break;
        default:
          await store.transaction(put);
          expected = draft;
      }
      const rows = await store.query<{ k: number; v: Uint8Array }>('SELECT k, v FROM t ORDER BY k');
      assertSame(rows.map((row) => [row.k, row.v.length]), [...expected].sort(([a], [b]) => a - b));
      for (const row of rows) assertBytes(row.v, pattern(row.v.length, row.k));
      const hits = await (await store.vectors.open('c')).search([0, 0], { k: 100 });
      const ids = hits.map((hit) => Number(hit.id)).sort((a, b) => a - b);
      assertSame(ids, [...expected.keys()].sort((a, b) => a - b));
    }
    await store.close();
  } catch (error) {
    throw new Error(`with the seed ${seed}: ${(error as Error).stack}`, { cause: error });
  }
}
