/** What the searches of every store's collections, and of an index without one, must find. */

import {
  createVectorIndex,
  cursorAfter,
  openVectorIndex,
  type Collection,
  type Filter,
  type Metadata,
  type Precision,
  type SearchCursor,
  type SearchHit,
  type SearchOptions,
  type Store,
  type VectorIndex,
  type VectorSearch,
} from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, type Rule } from '../harness.js';
import type { StoreKind } from './store.js';

const DIMENSIONS = 8;
const COUNT = 1_500;

interface Entry {
  id: string;
  vector: Float32Array;
  metadata: Metadata;
}

/** Numbers from 0 to 1, the same in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Vectors around thirty centres. */
const ENTRIES: Entry[] = (() => {
  const next = numbers(7);
  const centres = Array.from({ length: 30 }, () => Float32Array.from({ length: DIMENSIONS }, () => next() * 8 - 4));
  return Array.from({ length: COUNT }, (_, i) => {
    const centre = centres[i % centres.length] as Float32Array;
    const metadata = { i, group: i % centres.length, lang: i % 3 === 0 ? 'en' : 'de' };
    return { id: `v${String(i).padStart(4, '0')}`, vector: centre.map((x) => x + next() - 0.5), metadata };
  });
})();

const QUERIES = Array.from({ length: 8 }, (_, i) => (ENTRIES[i * 101] as Entry).vector.map((x) => x + 0.05));

const FILTERS: [Filter | undefined, (entry: Entry) => boolean][] = [
  [undefined, () => true],
  [{ lang: 'en' }, ({ metadata }) => metadata['lang'] === 'en'],
  [{ i: { $lt: 40 } }, ({ metadata }) => (metadata['i'] as number) < 40],
  [{ $or: [{ group: 3 }, { i: { $gte: 1_490 } }] }, ({ metadata }) => metadata['group'] === 3 || (metadata['i'] as number) >= 1_490],
  [{ nothing: true }, () => false],
];

const filtered = (filter: Filter | undefined): { filter?: Filter } => (filter === undefined ? {} : { filter });

function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Math.sqrt(Array.from(a).reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0));
}

/** The entries that match, nearest first, by comparing all of them. */
function byForce(query: ArrayLike<number>, matches: (entry: Entry) => boolean = () => true): { id: string; score: number }[] {
  const scored = ENTRIES.filter(matches).map(({ id, vector }) => ({ id, score: distance(query, vector) }));
  return scored.sort((a, b) => a.score - b.score || (a.id < b.id ? -1 : 1));
}

const ids = (hits: readonly { id: string }[]): string[] => hits.map((hit) => hit.id);

/** How many of `expected` are not among `found`. */
const missed = (found: readonly { id: string }[], expected: readonly { id: string }[]): number =>
  ids(expected).filter((id) => !ids(found).includes(id)).length;

async function fillIndex(precision: Precision): Promise<VectorIndex> {
  const index = await createVectorIndex({ dimensions: DIMENSIONS, metric: 'l2', precision });
  for (const { id, vector, metadata } of ENTRIES) await index.add(id, vector, metadata);
  return index;
}

async function fillCollection(store: Store, name: string, resident: Precision): Promise<Collection> {
  const collection = await store.vectors.create({ name, dimensions: DIMENSIONS, metric: 'l2', resident });
  await collection.storeMany(ENTRIES);
  return collection;
}

/** The rules of searches in the collections of a store. */
export function searchRules(kind: StoreKind): Rule[] {
  const withStore = (test: (store: Store) => Promise<void>) => async (): Promise<void> => {
    const store = await kind.open(fresh('store'));
    try {
      await test(store);
    } finally {
      await store.close();
    }
  };
  const shared = (['f32', 'int8'] as const).map((resident) => {
    // What is rounded is compared with every row of the table where it has to be exact.
    const queries = resident === 'f32' ? QUERIES : QUERIES.slice(0, 2);
    const run = withStore(async (store) => checkAll(await fillCollection(store, 'c', resident), queries));
    return { name: `searches ${kind.name}: find what comparing everything finds, held as ${resident}`, run };
  });
  return [
    ...shared,
    { name: `searches ${kind.name}: bad input is refused`, run: withStore(async (store) => badInput(await fillCollection(store, 'c', 'f32'))) },
    { name: `searches ${kind.name}: collections keep to their precision`, run: withStore(precisions) },
    { name: `searches ${kind.name}: those of a workspace are the same`, run: withStore(inWorkspace) },
    { name: `searches ${kind.name}: an index is made in steps, with what is stored in between`, run: withStore(inSteps) },
  ];
}

async function inSteps(store: Store): Promise<void> {
  const collection = await fillCollection(store, 'c', 'f32');
  // Enough for a pause, however fast the machine.
  for (const again of ['b', 'c', 'd']) await collection.storeMany(ENTRIES.map((entry) => ({ ...entry, id: again + entry.id })));
  let turns = 0;
  const timer = setInterval(() => turns++);
  const ready = collection.prepare();
  const gone = await Promise.all(['v0000', 'v0700', 'v1499'].map((id) => collection.delete(id)));
  const [query] = QUERIES as [Float32Array];
  await collection.store('new', query);
  await ready;
  clearInterval(timer);
  assert(turns >= 1, 'other tasks had no turn');
  assertSame(gone, [true, true, true]);
  assertEqual(await collection.count(), 4 * COUNT - 2);
  assertSame(ids(await collection.search(query, { k: 1 })), ['new']);
  await collection.prepare();
  await assertFails('busy', () => store.transaction((tx) => tx.vectors.open('c').then((inside) => inside.prepare())));
}

/** The rules of searches in an index without a store. */
export const indexSearchRules: Rule[] = [
  {
    name: 'searches index: find what comparing everything finds',
    run: async () => {
      const index = await fillIndex('f32');
      await checkAll(index);
      const again = await openVectorIndex(await index.toBytes());
      assertEqual(again.precision, 'f32');
      await checkAll(again);
    },
  },
  { name: 'searches index: bad input is refused', run: async () => badInput(await fillIndex('f32')) },
  {
    name: 'searches index: it keeps to its precision',
    run: async () => {
      const memory: number[] = [];
      for (const precision of ['f32', 'f16', 'int8'] as const) {
        const index = await fillIndex(precision);
        const again = await openVectorIndex(await index.toBytes());
        assertSame([index.precision, again.precision], [precision, precision]);
        await nearlyExact(index, precision);
        assertSame(await again.get('v0007'), await index.get('v0007'));
        memory.push(await index.memory());
        await index.close();
        await assertFails('closed', () => index.memory());
        await assertFails('closed', () => index.searchLike('v0007'));
      }
      const [f32, f16, int8] = memory as [number, number, number];
      assert(f32 > f16 && f16 > int8 && int8 > COUNT * DIMENSIONS, `memory of ${memory.join(', ')} bytes`);
    },
  },
  {
    name: 'searches index: the cursor behind a page is of its farthest hit',
    run: async () => cursors(),
  },
];

async function checkAll(of: VectorSearch, queries = QUERIES): Promise<void> {
  await exactSearches(of, queries);
  await pages(of);
  await ranges(of, queries);
  await byExample(of);
  await diverse(of, queries);
  await explained(of);
}

async function exactSearches(of: VectorSearch, queries: Float32Array[]): Promise<void> {
  for (const [filter, matches] of FILTERS) {
    const found = await of.searchMany(queries, { k: 12, exact: true, ...filtered(filter) });
    assertEqual(found.length, queries.length, 'lists of hits');
    for (const [at, query] of queries.entries()) {
      const expected = byForce(query, matches);
      const hits = found[at] as SearchHit[];
      assertSame(ids(hits), ids(expected.slice(0, 12)));
      hits.forEach(({ score }, i) => assert(Math.abs(score - (expected[i]?.score ?? NaN)) < 1e-4, `a score of ${score}`));
      assertSame(await of.search(query, { k: 12, exact: true, ...filtered(filter) }), hits);
      for (const effort of [undefined, { scanned: 1, candidates: 1 }, { scanned: 400, candidates: 100 }]) {
        for (const k of [0, 1, 12, COUNT + 1]) {
          const usual = await of.search(query, { k, ...(effort && { effort }), ...filtered(filter) });
          assertEqual(usual.length, Math.min(k, expected.length), `hits of ${k} with ${JSON.stringify([effort, filter])}`);
        }
      }
      const usual = await of.search(query, { k: 12, effort: { scanned: COUNT, candidates: 300 }, ...filtered(filter) });
      assertEqual(missed(usual, hits), 0, 'hits that are missed');
    }
  }
  assertSame(await of.searchMany([]), []);
  assertSame(await of.searchMany(new Set([QUERIES[0] as Float32Array]), { k: 1 }), [await of.search([...(QUERIES[0] as Float32Array)], { k: 1 })]);
}

/** All hits, a page at a time; the cursor goes through JSON. */
async function allPages(of: VectorSearch, query: Float32Array, options: SearchOptions): Promise<SearchHit[]> {
  const all: SearchHit[] = [];
  let after: SearchCursor | undefined;
  do {
    const page = await of.search(query, { ...options, after });
    all.push(...page);
    const next = cursorAfter(page, after);
    after = next && (JSON.parse(JSON.stringify(next)) as SearchCursor);
    assertEqual(after?.seen ?? all.length, all.length, 'hits that a cursor has seen');
  } while (after !== undefined);
  return all;
}

async function pages(of: VectorSearch): Promise<void> {
  const query = QUERIES[2] as Float32Array;
  for (const [filter, matches] of FILTERS) {
    const expected = byForce(query, matches);
    for (const exact of [true, false]) {
      const all = await allPages(of, query, { k: 70, exact, ...filtered(filter) });
      assertEqual(new Set(ids(all)).size, all.length, 'ids, none of them twice');
      if (exact) assertSame(ids(all), ids(expected));
      // What a page misses stays before its cursor.
      else assert(all.length >= expected.length * 0.97, `${all.length} of ${expected.length}`);
    }
  }
  const first = await of.search(query, { k: 20, exact: true });
  const rest = await of.within(query, Infinity, { after: cursorAfter(first) });
  assertSame(ids([...first, ...rest]), ids(byForce(query)));
}

async function ranges(of: VectorSearch, queries: Float32Array[]): Promise<void> {
  for (const [filter, matches] of FILTERS) {
    for (const query of queries) {
      for (const radius of [-1, 0, 1, 2.5]) {
        const expected = byForce(query, matches).filter(({ score }) => score <= radius);
        assertSame(ids(await of.within(query, radius, filtered(filter))), ids(expected));
      }
    }
  }
  assertEqual((await of.within(QUERIES[0] as Float32Array, Infinity)).length, COUNT, 'hits within any distance');
  assertSame((await of.within((ENTRIES[5] as Entry).vector, 0))[0], { id: 'v0005', score: 0, metadata: (ENTRIES[5] as Entry).metadata });
}

const mean = (entries: readonly Entry[]): number[] =>
  Array.from({ length: DIMENSIONS }, (_, at) => entries.reduce((sum, { vector }) => sum + (vector[at] as number), 0) / entries.length);

async function byExample(of: VectorSearch): Promise<void> {
  const named = (given: readonly string[]): Entry[] => given.map((id) => ENTRIES[Number(id.slice(1))] as Entry);
  const cases: [string[], string[]][] = [
    [['v0001'], []],
    [['v0001', 'v0031', 'v0700'], []],
    [['v0001', 'v0031'], ['v0002']],
    [['v0010', 'v0010'], ['v0044', 'v0500']],
  ];
  for (const [positive, negative] of cases) {
    const [liked, disliked] = [mean(named(positive)), mean(named(negative))];
    const query = negative.length === 0 ? liked : liked.map((x, i) => 2 * x - (disliked[i] as number));
    for (const [filter, matches] of FILTERS) {
      const expected = byForce(query, (entry) => matches(entry) && ![...positive, ...negative].includes(entry.id)).slice(0, 9);
      const examples = negative.length === 0 ? { positive } : { positive, negative: new Set(negative) };
      const hits = await of.recommend(examples, { k: 9, exact: true, ...filtered(filter) });
      assertSame(ids(hits), ids(expected));
      assertEqual((await of.recommend(examples, { k: 9, ...filtered(filter) })).length, expected.length, 'hits');
    }
  }
  for (const [filter, matches] of FILTERS) {
    const { id, vector } = ENTRIES[77] as Entry;
    const expected = byForce(vector, (entry) => matches(entry) && entry.id !== id).slice(0, 9);
    assertSame(ids(await of.searchLike(id, { k: 9, exact: true, ...filtered(filter) })), ids(expected));
  }
  await assertFails('not-found', () => of.searchLike('absent'));
  await assertFails('not-found', () => of.recommend({ positive: ['v0001', 'absent'] }));
  await assertFails('not-found', () => of.recommend({ positive: ['v0001'], negative: ['absent'] }));
}

/** What maximal marginal relevance chooses, from four times as many. */
function byMarginalRelevance(query: ArrayLike<number>, k: number, diversity: number): string[] {
  const similarity = (a: ArrayLike<number>, b: ArrayLike<number>): number => 1 / (1 + distance(a, b));
  const pool = byForce(query).slice(0, 4 * k).map(({ id }) => ENTRIES[Number(id.slice(1))] as Entry);
  const chosen: Entry[] = [];
  while (chosen.length < k) {
    const score = ({ vector }: Entry): number => {
      if (chosen.length === 0) return similarity(query, vector);
      const repeated = Math.max(...chosen.map((other) => similarity(other.vector, vector)));
      return (1 - diversity) * similarity(query, vector) - diversity * repeated;
    };
    const best = pool.reduce((a, b) => (score(b) > score(a) ? b : a));
    pool.splice(pool.indexOf(best), 1);
    chosen.push(best);
  }
  return ids(chosen);
}

async function diverse(of: VectorSearch, queries: Float32Array[]): Promise<void> {
  for (const query of queries) {
    for (const diversity of [0, 0.3, 0.5, 1]) {
      assertSame(ids(await of.search(query, { k: 6, exact: true, diversity })), byMarginalRelevance(query, 6, diversity));
    }
    const all = await of.search(query, { k: 6, exact: true });
    assertSame(ids(await of.search(query, { k: 6, exact: true, diversity: 0 })), ids(all));
  }
}

async function explained(of: VectorSearch): Promise<void> {
  const query = QUERIES[1] as Float32Array;
  const options = { k: 10, effort: { scanned: 300, candidates: 60 } };
  const usual = await of.explain(query, options);
  assertSame(usual.hits, await of.search(query, options));
  const { plan } = usual.explanation;
  assert(plan.kind === 'codes' && plan.scanned > 0 && plan.cells > 0, `a plan of ${JSON.stringify(plan)}`);
  assertSame([usual.explanation.vectors, usual.explanation.listed, usual.explanation.tested], [COUNT, COUNT, false]);
  assert(usual.explanation.compared < COUNT, 'fewer are compared than there are');
  assert(/^codes: looked at \d+ of 1500/.test(usual.explanation.text), usual.explanation.text);

  const few = (await of.explain(query, { k: 10, filter: { i: { $lt: 40 } } })).explanation;
  assertSame([few.plan, few.listed, few.compared], [{ kind: 'exact', because: 'selective' }, 40, 40]);
  const asked = (await of.explain(query, { k: 10, exact: true })).explanation;
  assertSame([asked.plan, asked.compared], [{ kind: 'exact', because: 'asked' }, COUNT]);

  const recall = await of.recallCheck({ sample: 60, k: 5 });
  assertSame([recall.searches, recall.k], [60, 5]);
  assert(recall.recall >= 0.95 && recall.recall <= 1, `a recall of ${recall.recall}`);
  const { searches, k } = await of.recallCheck();
  assertSame([searches, k], [100, 10]);
  assertEqual((await of.recallCheck({ sample: 0 })).recall, 1, 'recall of no search');
  assert((await of.memory()) > COUNT * DIMENSIONS, 'memory');
}

/** Of a rounded index, searches find nearly what they find in one that is not. */
async function nearlyExact(of: VectorSearch, precision: Precision): Promise<void> {
  const found = await of.searchMany(QUERIES, { k: 10, exact: true });
  const misses = found.reduce((sum, hits, at) => sum + missed(hits, byForce(QUERIES[at] as Float32Array).slice(0, 10)), 0);
  const most = { f32: 0, f16: 2, int8: 12 }[precision];
  assert(misses <= most, `${misses} of 80 hits missed as ${precision}`);
}

async function precisions(store: Store): Promise<void> {
  const memory: Record<string, number> = {};
  for (const [precision, resident] of [['f32', 'f32'], ['f32', 'int8'], ['f16', 'f16'], ['f16', 'int8'], ['int8', 'int8']] as const) {
    const name = `${precision} ${resident}`;
    const made = await store.vectors.create({ name, dimensions: DIMENSIONS, metric: 'l2', precision, resident });
    assertSame([made.precision, made.resident], [precision, resident]);
    await made.storeMany(ENTRIES);
    await nearlyExact(made, precision);
    memory[name] = await made.memory();
    const opened = await store.vectors.open(name, { precision, resident });
    assertSame([opened.precision, opened.resident], [precision, resident]);
    const other = precision === 'f16' ? 'int8' : 'f16';
    await assertFails('conflict', () => store.vectors.open(name, { precision: other }));
    await assertFails('conflict', () => store.vectors.create({ name, dimensions: DIMENSIONS, metric: 'l2', precision: other }));
  }
  assert((memory['f32 f32'] as number) > (memory['f16 f16'] as number), JSON.stringify(memory));
  assert((memory['f16 f16'] as number) > (memory['f32 int8'] as number), JSON.stringify(memory));
  const half = await store.vectors.open('f16 f16');
  await assertFails('invalid-input', () => half.store('x', Array.from({ length: DIMENSIONS }, () => 65_520)));
  const rounded = (await half.get('v0003'))?.vector as Float32Array;
  assert(distance(rounded, (ENTRIES[3] as Entry).vector) < 0.01, 'an element is rounded');
  // Few enough vectors are compared one by one.
  const few = await store.vectors.create({ name: 'few', dimensions: DIMENSIONS });
  await few.storeMany(ENTRIES.slice(0, 50));
  assertSame(await few.recallCheck({ sample: 500, k: 3 }), { searches: 50, k: 3, recall: 1 });
  assertSame((await few.explain(QUERIES[0] as Float32Array)).explanation.plan, { kind: 'exact', because: 'few' });
}

async function inWorkspace(store: Store): Promise<void> {
  const workspace = await store.workspace({ dimensions: DIMENSIONS, metric: 'l2' });
  await workspace.vectors.storeMany(ENTRIES);
  await explained(workspace.vectors);
  await ranges(workspace.vectors, QUERIES);
  await workspace.transaction(async (tx) => {
    await tx.vectors.store('new', QUERIES[0] as Float32Array);
    const hits = await tx.vectors.within(QUERIES[0] as Float32Array, 0);
    assertSame(hits, []);
  });
  assertSame(ids(await workspace.vectors.within(QUERIES[0] as Float32Array, 0)), ['new']);
}

async function badInput(of: VectorSearch): Promise<void> {
  const query = QUERIES[0] as Float32Array;
  const refused = (work: () => Promise<unknown>): Promise<unknown> => assertFails('invalid-input', work);
  const searches: ((options: SearchOptions) => Promise<unknown>)[] = [
    (options) => of.search(query, options),
    (options) => of.searchMany([query], options),
    (options) => of.searchLike('v0001', options),
    (options) => of.recommend({ positive: ['v0001'] }, options),
    (options) => of.explain(query, options),
  ];
  for (const options of BAD_OPTIONS) for (const search of searches) await refused(() => search(options as SearchOptions));
  for (const options of [{ k: 1 }, { exact: true }, { diversity: 0.1 }, { filter: { $xor: [] } }, { after: 'v0001' }, 7]) {
    await refused(() => of.within(query, 1, options as never));
  }
  for (const radius of [NaN, '1', null, undefined, 1n]) await refused(() => of.within(query, radius as number));
  for (const bad of [[], [1], [...query, 1], query.map(() => NaN), ['1', 2, 3, 4, 5, 6, 7, 8], 'abcdefgh', undefined, null]) {
    await refused(() => of.search(bad as number[]));
    await refused(() => of.explain(bad as number[]));
    await refused(() => of.within(bad as number[], 1));
    await refused(() => of.searchMany([query, bad as number[]]));
  }
  for (const bad of [undefined, null, 'abc', 7, query, { 0: query }]) await refused(() => of.searchMany(bad as never));
  for (const bad of [undefined, 7, '\udc00', null]) await refused(() => of.searchLike(bad as string));
  for (const examples of BAD_EXAMPLES) await refused(() => of.recommend(examples as never));
  for (const options of [{ sample: -1 }, { sample: 1.5 }, { k: NaN }, { k: '1' }, { size: 1 }, null, 7]) {
    await refused(() => of.recallCheck(options as never));
  }
}

const BAD_OPTIONS: unknown[] = [
  { k: -1 },
  { exact: 'yes' },
  { effort: 10 },
  { effort: {} },
  { effort: null },
  { effort: { scanned: 10 } },
  { effort: { scanned: 0, candidates: 10 } },
  { effort: { scanned: 10, candidates: 1.5 } },
  { effort: { scanned: 10, candidates: 2 ** 32 } },
  { effort: { scanned: 10, candidates: 10, more: 1 } },
  { after: 'v0001' },
  { after: null },
  { after: [] },
  { after: { score: 1, id: 'v0001' } },
  { after: { score: 1, seen: 1 } },
  { after: { score: NaN, id: 'v0001', seen: 1 } },
  { after: { score: -Infinity, id: 'v0001', seen: 1 } },
  { after: { score: '1', id: 'v0001', seen: 1 } },
  { after: { score: 1, id: '\ud800', seen: 1 } },
  { after: { score: 1, id: 'v0001', seen: -1 } },
  { after: { score: 1, id: 'v0001', seen: 0.5 } },
  { after: { score: 1, id: 'v0001', seen: 1, distance: 1 } },
  { diversity: -0.1 },
  { diversity: 1.1 },
  { diversity: NaN },
  { diversity: true },
  { diversty: 0.5 },
  null,
  'k',
];

const BAD_EXAMPLES: unknown[] = [
  undefined,
  null,
  {},
  'v0001',
  ['v0001'],
  { positive: [] },
  { positive: [], negative: ['v0001'] },
  { positive: 'v0001' },
  { positive: [7] },
  { positive: ['v0001'], negative: 'v0002' },
  { positive: ['v0001'], negative: [null] },
  { positive: ['v0001'], negative: null },
  { positive: ['\ud800'] },
  { positive: ['v0001'], neutral: [] },
];

async function cursors(): Promise<void> {
  assertEqual(cursorAfter([]), undefined);
  const page = [{ id: 'b', score: 2 }, { id: 'a', score: 3 }, { id: 'c', score: 1 }];
  assertSame(cursorAfter(page), { score: 3, id: 'a', seen: 3 });
  assertSame(cursorAfter(page, { score: 0, id: 'z', seen: 7 }), { score: 3, id: 'a', seen: 10 });
  // By the bytes of UTF-8 the ids are in the order of their characters, which JavaScript's is not.
  const tied = ['\u{1f600}', 'a', '\uff5e', 'ab'].map((id) => ({ id, score: 1 }));
  assertEqual(cursorAfter(tied)?.id, '\u{1f600}');
  assertEqual(cursorAfter([{ id: 'ab', score: 1 }, { id: 'a', score: 1 }])?.id, 'ab');
  const index = await createVectorIndex({ dimensions: 1, metric: 'l2' });
  for (const { id } of tied) await index.add(id, [1]);
  assertSame(ids(await allPages(index, Float32Array.of(0), { k: 1 })), ['a', 'ab', '\uff5e', '\u{1f600}']);
  await index.close();
  const bad = [undefined, 7, 'hits', {}, [null], [{ id: 'a' }], [{ score: 1 }], [{ id: 'a', score: NaN }], [{ id: 7, score: 1 }]];
  for (const given of bad) await assertFails('invalid-input', () => cursorAfter(given as never));
  for (const before of [null, 7, 'a', { seen: 1 }]) await assertFails('invalid-input', () => cursorAfter(page, before as never));
}
