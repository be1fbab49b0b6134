/** What vector collections must do in every store, and an index without one. */

import { createVectorIndex, openVectorIndex, type Collection, type Filter, type Metadata, type Store } from 'sigil-store';

import { assert, assertBytes, assertEqual, assertFails, assertSame, fresh, pattern, type Rule } from '../harness.js';
import type { StoreKind } from './store.js';

/** The rules of collections. */
export function vectorRules(kind: StoreKind): Rule[] {
  const withStore = (name: string, test: (store: Store) => Promise<void>): Rule => ({
    name: `vectors ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('store'));
      try {
        await test(store);
      } finally {
        await store.close();
      }
    },
  });
  return [
    withStore('collections are created, opened, listed and dropped', catalogue),
    withStore('vectors come back as they were stored', entries),
    withStore('a search finds the nearest that match', searching),
    withStore('bad input is refused, and changes nothing', badInput),
    withStore('many are stored together or not at all', many),
    withStore('vectors and rows commit together', together),
  ];
}

async function catalogue(store: Store): Promise<void> {
  const notes = await store.vectors.create({ name: 'notes', dimensions: 3 });
  assertSame([notes.name, notes.dimensions, notes.metric], ['notes', 3, 'cosine']);
  assertSame([notes.precision, notes.resident], ['f32', 'f32']);
  await store.vectors.create({ name: 'notes', dimensions: 3, metric: 'cosine' });
  await assertFails('conflict', () => store.vectors.create({ name: 'notes', dimensions: 4 }));
  await assertFails('conflict', () => store.vectors.create({ name: 'notes', dimensions: 3, metric: 'l2' }));
  await assertFails('conflict', () => store.vectors.open('notes', { dimensions: 4 }));
  await assertFails('conflict', () => store.vectors.open('notes', { metric: 'dot' }));
  await assertFails('not-found', () => store.vectors.open('other'));
  await assertFails('not-found', () => store.vectors.drop('other'));
  await store.vectors.create({ name: '\u4e16 "quoted" \'', dimensions: 1, metric: 'dot', precision: 'f16' });
  await notes.store('a', [1, 2, 3]);
  assertSame(await store.vectors.list(), [
    { name: 'notes', dimensions: 3, metric: 'cosine', precision: 'f32', resident: 'f32', count: 1 },
    { name: '\u4e16 "quoted" \'', dimensions: 1, metric: 'dot', precision: 'f16', resident: 'f16', count: 0 },
  ]);
  await store.vectors.drop('notes');
  await assertFails('not-found', () => notes.search([1, 2, 3]));
  await assertFails('not-found', () => notes.store('a', [1, 2, 3]));
  const again = await store.vectors.create({ name: 'notes', dimensions: 2, metric: 'l2' });
  assertEqual(await again.count(), 0, 'count');
}

async function entries(store: Store): Promise<void> {
  const notes = await store.vectors.create({ name: 'notes', dimensions: 3 });
  const metadata: Metadata = { text: '\u{1f600}', n: 1.5, yes: true, none: null, list: [1, 'a', [2]], deep: { a: { b: 'c' } } };
  await notes.store('id \u4e16', new Float32Array([0.1, -2, 1e30]), metadata);
  assertSame(await notes.get('id \u4e16'), { id: 'id \u4e16', vector: new Float32Array([0.1, -2, 1e30]), metadata });
  assertEqual(await notes.get('nothing'), undefined);
  await notes.store('id \u4e16', [1, 2, 3]);
  assertSame(await notes.get('id \u4e16'), { id: 'id \u4e16', vector: new Float32Array([1, 2, 3]), metadata: {} });
  const proto = JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}') as Metadata;
  await notes.store('proto', [1, 1, 1], proto);
  const found = (await notes.get('proto'))?.metadata;
  assertSame(Object.keys(found ?? {}).sort(), ['__proto__', 'a']);
  assertEqual(({} as { polluted?: number }).polluted, undefined);
  await notes.store('gap', [1, 1, 1], { a: 1, b: undefined } as unknown as Metadata);
  assertSame((await notes.get('gap'))?.metadata, { a: 1 });
  assertEqual(await notes.delete('gap'), true);
  assertEqual(await notes.delete('gap'), false);
  assertEqual(await notes.count(), 2, 'count');
}

async function searching(store: Store): Promise<void> {
  for (const metric of ['l2', 'cosine', 'dot'] as const) {
    const numbers = await store.vectors.create({ name: metric, dimensions: 2, metric });
    await fill((id, vector, metadata) => numbers.store(id, vector, metadata));
    await checkSearches(numbers, metric);
  }
}

const fill = async (add: (id: string, vector: number[], metadata: Metadata) => Promise<void>): Promise<void> => {
  for (let i = 0; i < 30; i++) {
    await add(`n${String(i).padStart(2, '0')}`, [i, 30 - i], { i, parity: i % 2 === 0 ? 'even' : 'odd', ...(i % 5 === 0 ? { five: true } : {}) });
  }
};

async function checkSearches(of: Pick<Collection, 'search'>, metric: 'l2' | 'cosine' | 'dot'): Promise<void> {
  const query = [20, 10];
  const distance = (i: number): number => {
    const [x, y] = [i, 30 - i];
    const dot = 20 * x + 10 * y;
    if (metric === 'dot') return -dot;
    if (metric === 'l2') return Math.hypot(20 - x, 10 - y);
    return 1 - dot / (Math.hypot(x, y) * Math.hypot(20, 10));
  };
  const filters: [Filter | undefined, (i: number) => boolean][] = [
    [undefined, () => true],
    [{ parity: 'odd' }, (i) => i % 2 === 1],
    [{ i: { $gte: 10, $lt: 20 } }, (i) => i >= 10 && i < 20],
    [{ i: { $in: [3, 4, 99] } }, (i) => i === 3 || i === 4],
    [{ $or: [{ i: 1 }, { five: { $exists: true } }] }, (i) => i === 1 || i % 5 === 0],
    [{ $not: { parity: 'even' } }, (i) => i % 2 === 1],
    [{ parity: { $ne: 'even' }, i: { $gt: 25 } }, (i) => i % 2 === 1 && i > 25],
    [{ nothing: 1 }, () => false],
  ];
  for (const [filter, matches] of filters) {
    for (const k of [0, 1, 7, 1_000]) {
      const expected = Array.from({ length: 30 }, (_, i) => i)
        .filter(matches)
        .map((i) => ({ i, score: distance(i) }))
        .sort((a, b) => a.score - b.score || a.i - b.i)
        .slice(0, k);
      for (const exact of [true, false]) {
        const hits = await of.search(query, { k, exact, ...(filter === undefined ? {} : { filter }) });
        assertEqual(hits.length, expected.length, `hits of ${metric} ${JSON.stringify(filter)}`);
        hits.forEach(({ id, score, metadata }, at) => {
          const close = Math.abs(score - (expected[at]?.score ?? NaN)) < 1e-4;
          assert(close, `${metric} ${JSON.stringify(filter)}: ${id} scores ${score}, not ${expected[at]?.score}`);
          assertEqual(metadata['i'], Number(id.slice(1)), 'metadata');
        });
      }
    }
  }
  assertEqual((await of.search(query)).length, 10, 'hits when k is left out');
}

async function badInput(store: Store): Promise<void> {
  for (const definition of [
    { name: 'x', dimensions: 0 },
    { name: 'x', dimensions: -1 },
    { name: 'x', dimensions: 1.5 },
    { name: 'x', dimensions: 65_537 },
    { name: 'x', dimensions: 2 ** 40 },
    { name: '', dimensions: 1 },
    { name: '\ud800', dimensions: 1 },
    { name: 'x'.repeat(1_000), dimensions: 1 },
    { name: 'x', dimensions: 1, metric: 'hamming' },
    { name: 'x', dimensions: 1, precision: 'f64' },
    { name: 'x', dimensions: 1, precision: null },
    { name: 'x', dimensions: 1, resident: 'F16' },
    { name: 'x', dimensions: 1, precision: 'int8', resident: 'f16' },
    { name: 'x', dimensions: 1, quantise: true },
    { name: 7, dimensions: 1 },
    { dimensions: 1 },
    { name: 'x' },
    undefined,
  ]) {
    await assertFails('invalid-input', () => store.vectors.create(definition as never));
  }
  assertSame(await store.vectors.list(), []);
  const c = await store.vectors.create({ name: 'c', dimensions: 2 });
  await badEntries((id, vector, metadata) => c.store(id, vector, metadata));
  await badSearches(c);
  for (const id of [undefined, 7, '\udc00']) {
    await assertFails('invalid-input', () => c.get(id as string));
    await assertFails('invalid-input', () => c.delete(id as string));
  }
  assertEqual(await c.count(), 0, 'count');
}

async function badEntries(add: (id: string, vector: number[], metadata?: Metadata) => Promise<unknown>): Promise<void> {
  const vectors = [[], [1], [1, 2, 3], [NaN, 1], [1, Infinity], [1e39, 1], ['1', 2], [undefined, 1], 'ab', null, new Uint8Array(2), { length: 2 }];
  for (const vector of vectors) await assertFails('invalid-input', () => add('a', vector as number[]));
  for (const id of ['', 'x'.repeat(513), 'a\0b', '\ud800', 7, null, undefined]) await assertFails('invalid-input', () => add(id as string, [1, 2]));
  const cycle: Metadata = {};
  cycle['self'] = cycle;
  let deep: Metadata = {};
  for (let i = 0; i < 1_000; i++) deep = { deep };
  const metadata = [[], 'text', 7, null, { a: NaN }, { a: 1n }, { a: () => 1 }, { a: new Date() }, { a: new Map() }, { a: [undefined] }, { a: '\ud800' }, { '\ud800': 1 }, cycle, deep];
  for (const bad of metadata) await assertFails('invalid-input', () => add('a', [1, 2], bad as Metadata));
}

async function badSearches(c: Pick<Collection, 'search'>): Promise<void> {
  for (const k of [-1, 1.5, NaN, '5', 2 ** 33, null]) await assertFails('invalid-input', () => c.search([1, 2], { k: k as number }));
  for (const query of [[], [1], [NaN, 1], 'ab', undefined]) await assertFails('invalid-input', () => c.search(query as number[]));
  const filters = [7, 'x', [], null, { $xor: [] }, { a: { $gt: {} } }, { a: { $near: 1 } }, { $and: 7 }, { $or: [7] }, { a: NaN }, { a: { $in: 7 } }, { a: new Date() }];
  for (const filter of filters) await assertFails('invalid-input', () => c.search([1, 2], { filter: filter as Filter }));
  await assertFails('invalid-input', () => c.search([1, 2], { exact: 1 as never }));
  await assertFails('invalid-input', () => c.search([1, 2], { limit: 1 } as never));
}

async function many(store: Store): Promise<void> {
  const c = await store.vectors.create({ name: 'c', dimensions: 8, metric: 'l2' });
  const entry = (i: number): { id: string; vector: Float32Array; metadata: Metadata } => ({
    id: `v${i}`,
    vector: Float32Array.from(pattern(8, i), (byte) => byte - 128),
    metadata: { i },
  });
  await c.storeMany([]);
  await c.storeMany(Array.from({ length: 1_500 }, (_, i) => entry(i)));
  assertEqual(await c.count(), 1_500, 'count');
  assertSame((await c.get('v1499'))?.vector, entry(1_499).vector);
  assertEqual((await c.search(entry(777).vector, { k: 1 }))[0]?.id, 'v777');
  // An entry the collection takes and the module refuses, in the last of several batches.
  const bad = [...Array.from({ length: 1_200 }, (_, i) => entry(10_000 + i)), { ...entry(1), id: 'x'.repeat(600) }];
  await assertFails('invalid-input', () => c.storeMany(bad));
  await assertFails('invalid-input', () => c.storeMany([entry(9_999), { id: 'short', vector: [1] }]));
  await assertFails('invalid-input', () =>
    c.storeMany(
      (function* () {
        yield entry(9_999);
        yield { id: 7 as never, vector: [1] };
      })(),
    ),
  );
  assertEqual(await c.count(), 1_500, 'count');
  assertEqual(await c.get('v10000'), undefined);
}

async function together(store: Store): Promise<void> {
  await store.exec('CREATE TABLE note (id TEXT PRIMARY KEY)');
  const c = await store.vectors.create({ name: 'c', dimensions: 1, metric: 'l2' });
  await c.store('old', [5]);
  assertEqual(await c.count(), 1, 'count');
  const work = (fail: boolean): Promise<void> =>
    store.transaction(async (tx) => {
      await tx.exec("INSERT INTO note VALUES ('n')");
      const inside = await tx.vectors.open('c');
      await inside.store('new', [1]);
      await inside.storeMany([{ id: 'more', vector: [2] }]);
      await inside.delete('old');
      assertEqual((await inside.get('new'))?.vector[0], 1, 'its own write');
      if (fail) throw new Error('no');
    });
  await work(true).catch((error: Error) => assertEqual(error.message, 'no'));
  assertSame(await store.query('SELECT * FROM note'), []);
  assertSame((await c.search([1])).map((hit) => hit.id), ['old']);
  await work(false);
  assertSame((await c.search([1])).map((hit) => hit.id), ['new', 'more']);
}

/** The rules of an index without a store. */
export const indexRules: Rule[] = [
  {
    name: 'index: adds, removes and searches like a collection',
    run: async () => {
      for (const metric of ['l2', 'cosine', 'dot'] as const) {
        const index = await createVectorIndex({ dimensions: 2, metric });
        assertSame([index.dimensions, index.metric], [2, metric]);
        await fill((id, vector, metadata) => index.add(id, vector, metadata));
        await checkSearches(index, metric);
        await badEntries((id, vector, metadata) => index.add(id, vector, metadata));
        await badSearches(index);
        assertSame(await index.get('n03'), { id: 'n03', vector: new Float32Array([3, 27]), metadata: { i: 3, parity: 'odd' } });
        assertEqual(await index.remove('n03'), true);
        assertEqual(await index.remove('n03'), false);
        assertEqual(await index.count(), 29, 'count');
        await index.close();
        await assertFails('closed', () => index.count());
      }
    },
  },
  {
    name: 'index: its bytes make the same index again, and damaged ones none',
    run: async () => {
      const index = await createVectorIndex({ dimensions: 2 });
      await fill((id, vector, metadata) => index.add(id, vector, metadata));
      const bytes = await index.toBytes();
      const again = await openVectorIndex(bytes);
      assertSame([again.dimensions, again.metric, await again.count()], [2, 'cosine', 30]);
      await checkSearches(again, 'cosine');
      assertBytes(await again.toBytes(), bytes);
      for (let at = 0; at < bytes.length; at += 37) {
        const damaged = new Uint8Array(bytes);
        damaged[at] = (damaged[at] as number) ^ 4;
        const error = await openVectorIndex(damaged).then(
          () => undefined,
          (failure: { code: string }) => failure.code,
        );
        assert(error === 'corrupt' || error === 'newer-format', `byte ${at}: ${error}`);
      }
      await assertFails('corrupt', () => openVectorIndex(new Uint8Array()));
      await assertFails('invalid-input', () => openVectorIndex('bytes' as never));
      for (const options of [{ dimensions: 0 }, { dimensions: 2, metric: 'x' }, { dimensions: 2, precision: 'x' }, { dimensions: 2, resident: 'f16' }, {}, undefined]) {
        await assertFails('invalid-input', () => createVectorIndex(options as never));
      }
    },
  },
];
