/** What a store on whole blobs must do when its storage counts, fails, or is written by somebody else. */

import { open, SigilError, type SnapshotStorage, type Store } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, pattern, type Rule } from '../harness.js';

/** Blobs that outlive the storages on them, which count what is asked of them and fail when they are told to. */
class Blobs {
  readonly blobs = new Map<string, Uint8Array>();
  /** The names that were written, in order. */
  written: string[] = [];
  /** How many more calls succeed. */
  left = Infinity;
  /** How long a write takes, in milliseconds. */
  slow = 0;
  failure: unknown = new SigilError('full', 'the quota is used up: free some space');

  storage(): SnapshotStorage {
    const call = async <T>(work: () => T, ms = 0): Promise<T> => {
      await new Promise((resolve) => setTimeout(resolve, ms));
      if (this.left-- <= 0) throw this.failure;
      return work();
    };
    return {
      read: (name) => call(() => this.blobs.get(name)?.slice()),
      replace: (name, bytes) => {
        const copy = bytes.slice();
        return call(() => {
          this.blobs.set(name, copy);
          this.written.push(name);
        }, this.slow);
      },
      remove: (name) => call(() => void this.blobs.delete(name)),
    };
  }

  open(): Promise<Store> {
    return open(fresh('custom'), { storage: this.storage() });
  }

  manifests(): number {
    return this.written.filter((name) => name.startsWith('manifest-')).length;
  }
}

/** The rules of a store on a storage of its user's own. */
export const faultRules: Rule[] = [
  { name: 'image: writes that come together share a flush', run: sharing },
  { name: 'image: a write resolves when it is stored, a read at once', run: durable },
  { name: 'image: a small write costs little, in a large store too', run: small },
  { name: 'image: whichever call fails, nothing acknowledged is lost', run: sweep },
  { name: 'image: what a storage throws is the cause, and its code the code', run: causes },
  { name: 'image: a second writer is noticed', run: fencing },
  { name: 'image: a damaged store is refused, or opened as it was before', run: damage },
];

async function sharing(): Promise<void> {
  const blobs = new Blobs();
  blobs.slow = 5;
  const store = await blobs.open();
  await store.exec('CREATE TABLE t (a)');
  const before = blobs.manifests();
  await Promise.all(Array.from({ length: 200 }, (_, i) => store.exec('INSERT INTO t VALUES (?)', [i])));
  const flushes = blobs.manifests() - before;
  assert(flushes >= 1 && flushes <= 2, `200 writes took ${flushes} flushes`);
  // One after another they cannot share.
  for (let i = 0; i < 5; i++) await store.exec('INSERT INTO t VALUES (?)', [i]);
  assertEqual(blobs.manifests() - before - flushes, 5, 'flushes of 5 writes');
  // While a flush is under way the engine goes on, and what it does is in the next one.
  const during = blobs.manifests();
  const writes: Promise<unknown>[] = [];
  for (let i = 0; i < 40; i++) {
    writes.push(store.exec('INSERT INTO t VALUES (?)', [i]));
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  await Promise.all(writes);
  assert(blobs.manifests() - during < 20, `40 writes took ${blobs.manifests() - during} flushes`);
  await store.close();
  const again = await blobs.open();
  assertSame(await again.query('SELECT count(*) AS n FROM t'), [{ n: 245 }]);
  await again.close();
}

async function durable(): Promise<void> {
  const blobs = new Blobs();
  const store = await blobs.open();
  await store.exec('CREATE TABLE t (a)');
  blobs.slow = 50;
  const before = blobs.manifests();
  const write = store.exec('INSERT INTO t VALUES (1)').then(() => blobs.manifests());
  const read = store.query('SELECT count(*) AS n FROM t').then((rows) => [rows, blobs.manifests()]);
  assertSame(await read, [[{ n: 1 }], before]);
  assertEqual(await write, before + 1, 'manifests when the write resolved');
  assertEqual((await store.exec('UPDATE t SET a = 2 WHERE a = 99')).changes, 0, 'changes');
  assertEqual(blobs.manifests(), before + 1, 'manifests after a statement that changed nothing');
  const other = await blobs.open();
  assertSame(await other.query('SELECT a FROM t'), [{ a: 1 }]);
  await store.close();
}

async function small(): Promise<void> {
  const blobs = new Blobs();
  const store = await blobs.open();
  await store.exec('CREATE TABLE t (a INTEGER PRIMARY KEY, b)');
  await store.transaction(async (tx) => {
    for (let i = 0; i < 20; i++) await tx.exec('INSERT INTO t (b) VALUES (?)', [pattern(1_000_000, i)]);
  });
  await store.flush();
  await store.exec('INSERT INTO t (b) VALUES (1)');
  for (let i = 0; i < 20; i++) {
    const { bytesWritten } = await store.durability();
    await store.exec('INSERT INTO t (b) VALUES (?)', [i]);
    const cost = (await store.durability()).bytesWritten - bytesWritten;
    assert(cost < 65_536 * 2, `write ${i} cost ${cost} bytes`);
  }
  await store.close();
}

/** Runs `writes` one after another until one fails, and returns how many were acknowledged. */
async function work(store: Store): Promise<number> {
  let acknowledged = 0;
  await store.exec('CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b)');
  for (let i = 1; i <= 12; i++) {
    if (i % 4 === 0) await store.transaction(async (tx) => void (await tx.exec('INSERT INTO t VALUES (?, ?)', [i, pattern(300_000, i)])));
    else await store.exec('INSERT INTO t VALUES (?, ?)', [i, i]);
    acknowledged = i;
    counted?.(acknowledged);
  }
  return acknowledged;
}

let counted: ((acknowledged: number) => void) | undefined;

async function sweep(): Promise<void> {
  let finished = false;
  for (let calls = 0; !finished; calls++) {
    assert(calls < 500, 'the work never ends');
    const blobs = new Blobs();
    blobs.left = calls;
    if (calls % 2 === 1) blobs.failure = new DOMException('the quota is used up', 'QuotaExceededError');
    let acknowledged = 0;
    counted = (n) => (acknowledged = n);
    let store: Store | undefined;
    try {
      store = await blobs.open();
      await work(store);
      finished = true;
    } catch (error) {
      assert(error instanceof SigilError && error.code === 'full', `call ${calls}: ${String(error)}`);
      if (store !== undefined) {
        await assertFails('poisoned', () => store?.exec('INSERT INTO t VALUES (99, 99)'));
        await assertFails('poisoned', () => store?.query('SELECT 1'));
      }
    } finally {
      counted = undefined;
    }
    blobs.left = finished ? 0 : Infinity;
    if (finished) await store?.close().catch(() => undefined);
    else await store?.close();
    blobs.left = Infinity;
    const again = await blobs.open();
    await again.exec('CREATE TABLE IF NOT EXISTS t (a INTEGER PRIMARY KEY, b)');
    const rows = await again.query<{ a: number }>('SELECT a FROM t ORDER BY a');
    assert(
      rows.length === acknowledged || rows.length === acknowledged + 1,
      `call ${calls}: ${rows.length} rows are there, ${acknowledged} were acknowledged`,
    );
    rows.forEach(({ a }, i) => assertEqual(a, i + 1, `call ${calls}: row`));
    assertSame(await again.query('PRAGMA integrity_check'), [{ integrity_check: 'ok' }]);
    await again.close();
  }
}

async function causes(): Promise<void> {
  const cause = new DOMException('no room', 'QuotaExceededError');
  const other = new TypeError('a bug of the storage');
  for (const [failure, code] of [
    [cause, 'full'],
    [other, 'storage'],
    ['text', 'storage'],
    [new SigilError('read-only', 'the storage is sealed: unseal it'), 'read-only'],
  ] as const) {
    const blobs = new Blobs();
    const store = await blobs.open();
    blobs.left = 0;
    blobs.failure = failure;
    const error = await assertFails(code, () => store.exec('CREATE TABLE t (a)'));
    assertEqual(failure instanceof SigilError ? error : error.cause, failure, 'the cause');
    const poisoned = await assertFails('poisoned', () => store.exec('CREATE TABLE t (a)'));
    assert(poisoned.message.includes(error.message), `the message does not say why: ${poisoned.message}`);
    await store.close();
  }
}

async function fencing(): Promise<void> {
  const blobs = new Blobs();
  const [first, second] = [await blobs.open(), await blobs.open()];
  await first.exec('CREATE TABLE t (a)');
  await first.exec('INSERT INTO t VALUES (1)');
  await assertFails('conflict', () => second.exec('CREATE TABLE u (a)'));
  await assertFails('poisoned', () => second.exec('CREATE TABLE u (a)'));
  await first.exec('INSERT INTO t VALUES (2)');
  await first.close();
  await second.close();
  const again = await blobs.open();
  assertSame(await again.query('SELECT count(*) AS n FROM t'), [{ n: 2 }]);
  await again.close();
}

async function damage(): Promise<void> {
  const blobs = new Blobs();
  const store = await blobs.open();
  await store.exec('CREATE TABLE t (a)');
  for (let i = 0; i < 5; i++) await store.exec('INSERT INTO t VALUES (?)', [i]);
  await store.close();
  const whole = new Map(blobs.blobs);
  let refused = 0;
  for (const [name, bytes] of whole) {
    for (const damaged of [undefined, bytes.slice(0, bytes.length - 1), bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 8 : byte))]) {
      blobs.blobs.clear();
      for (const [other, kept] of whole) blobs.blobs.set(other, kept);
      if (damaged === undefined) blobs.blobs.delete(name);
      else blobs.blobs.set(name, damaged);
      let opened: Store | undefined;
      try {
        opened = await blobs.open();
      } catch (error) {
        assert(error instanceof SigilError && error.code === 'corrupt', `${name}: ${String(error)}`);
        refused += 1;
        continue;
      }
      // It was not needed, or can be done without.
      assertSame(await opened.query('SELECT count(*) AS n FROM t'), [{ n: 5 }]);
      await opened.close();
    }
  }
  assert(refused > 0, 'no damage was noticed');
}
