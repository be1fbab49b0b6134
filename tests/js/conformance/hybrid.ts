/** What a search of a workspace by words and by nearness must do, in every store. */

import type { MemoryHit, MemorySearch, Store, Workspace } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, type Rule } from '../harness.js';
import { at, contents, iso, said, workspaceRule } from './memory.js';
import type { StoreKind } from './store.js';

/** The rules of a search by words and nearness. */
export function hybridRules(kind: StoreKind): Rule[] {
  const rule = workspaceRule(kind);
  return [
    rule('a search by words and nearness finds each record once, and says how', both),
    rule('a search by words and nearness keeps to what it is asked for', restricted),
    rule('a search by words and nearness weighs, ages and spreads what it finds', ranked),
    rule('a search by words and nearness gives times as they were asked for, also inside a transaction', typed),
    rule('a search by words and nearness that is none is refused by name', badInput),
  ];
}

/** Messages m0 to m3 of two sessions, a summary, a fact, and vectors: of m0, of m2, and one of its own. */
async function fill({ messages, summaries, knowledge, vectors }: Workspace): Promise<void> {
  await messages.appendMany([
    { ...said('s', 'I drink green tea', 0), id: 'm0', metadata: { lang: 'en' } },
    { ...said('s', 'coffee keeps me awake', 1), id: 'm1', role: 'assistant' },
    { ...said('s', 'rain all day', 2), id: 'm2' },
    { ...said('t', 'black tea with milk', 3), id: 'm3' },
  ]);
  await summaries.store({ id: 'sum', fromTime: at(0), toTime: at(3), status: 'committed', content: 'they talked about tea', sessionIds: ['s'], createdAt: at(4) });
  await knowledge.putFact({ id: 'fact', entityId: 'ada', predicate: 'likes', value: 'tea', source: 's', createdAt: at(5) });
  await vectors.store('m0', [1, 0, 0], { lang: 'en' });
  await vectors.store('m2', [0, 1, 0], { lang: 'en' });
  await vectors.store('own', [0.9, 0.1, 0], { session_id: 't' });
}

const ids = (hits: readonly MemoryHit[]): string[] => hits.map((hit) => hit.record.id);
const sorted = (hits: readonly MemoryHit[]): string[] => ids(hits).sort();

async function both(workspace: Workspace): Promise<void> {
  assertSame(await workspace.search({ text: 'tea', vector: [1, 0, 0] }), []);
  await fill(workspace);
  const hits = await workspace.search({ text: 'green tea', vector: [1, 0, 0], k: 3 });
  assertSame(ids(hits), ['m0', 'own', 'm2']);
  const [first, second] = hits as [MemoryHit, MemoryHit];
  assert(first.source === 'message', `a ${first.source}`);
  assertSame(first.record, await workspace.messages.get('m0'));
  assertSame([first.text?.rank, first.vector], [1, { rank: 1, distance: 0 }]);
  assert((first.text?.score as number) > 0, 'it was found by no word');
  assertEqual(first.score, 2 / 61);
  assertSame(second, { source: 'vector', record: { id: 'own', metadata: { session_id: 't' } }, score: 1 / 62, vector: second.vector });
  assertEqual(second.vector?.rank, 2);

  const byWords = await workspace.search({ text: 'tea' });
  assertSame(sorted(byWords), ['fact', 'm0', 'm3', 'sum']);
  assertSame(byWords.map((hit) => hit.text?.rank), [1, 2, 3, 4]);
  assertSame(byWords.map((hit) => hit.source).sort(), ['fact', 'message', 'message', 'summary']);
  assert(byWords.every((hit) => !('vector' in hit) && !('recency' in hit) && !('before' in hit)), 'it has what was not asked for');
  assertSame(ids(await workspace.search({ vector: Float32Array.of(0, 1, 0) })), ['m2', 'own', 'm0']);

  assertSame(await workspace.search({ text: 'tea', vector: [1, 0, 0], k: 0 }), []);
  assertSame(await workspace.search({ vector: [1, 0, 0], k: 0, candidates: 0 }), []);
  assertEqual((await workspace.search({ text: 'tea', vector: [1, 0, 0], k: 2 ** 32 - 1 })).length, 6);
}

async function restricted(workspace: Workspace): Promise<void> {
  await fill(workspace);
  const wanted: [MemorySearch, string[]][] = [
    [{ text: 'tea', sources: ['messages'] }, ['m0', 'm3']],
    [{ text: 'tea', sources: ['summaries', 'facts'] }, ['fact', 'sum']],
    [{ text: 'tea', vector: [1, 0, 0], sources: ['vectors'] }, ['own']],
    [{ text: 'tea', session: 's' }, ['fact', 'm0', 'sum']],
    [{ vector: [1, 0, 0], session: 't' }, ['own']],
    [{ text: 'tea OR coffee', role: 'assistant' }, ['m1']],
    [{ text: 'tea', vector: [1, 0, 0], filter: { lang: 'en' } }, ['m0', 'm2']],
    [{ text: 'tea', filter: { predicate: { $in: ['likes'] } } }, ['fact']],
    [{ text: 'tea', from: at(3), to: at(5) }, ['m3', 'sum']],
    [{ text: 'tea', from: iso(4) }, ['fact', 'sum']],
    [{ text: '"tea green"' }, []],
    [{ text: '"green tea' }, ['m0']],
    [{ text: { typed: 'tea -milk' }, sources: ['messages'] }, ['m0']],
    [{ text: { query: '(green OR milk) AND tea' } }, ['m0', 'm3']],
    [{ text: 'cofee' }, []],
    [{ text: 'cofee', typos: 1 }, ['m1']],
    [{ text: '' }, []],
  ];
  for (const [search, found] of wanted) assertSame({ search, found: sorted(await workspace.search(search)) }, { search, found });
}

async function ranked(workspace: Workspace): Promise<void> {
  await fill(workspace);
  const search: MemorySearch = { text: 'coffee', vector: [0, 1, 0], k: 2 };
  for (const fusion of ['reciprocalRank', 'scores', { k: 1 }] as const) {
    assertEqual(ids(await workspace.search({ ...search, fusion, weights: { vector: 0.1 } }))[0], 'm1');
    assertEqual(ids(await workspace.search({ ...search, fusion, weights: { text: 0.1 } }))[0], 'm2');
  }
  assertEqual((await workspace.search({ ...search, fusion: { k: 1 } }))[0]?.score, 0.5);

  const recency = { halfLifeMs: 1_000, now: at(3) };
  const aged = await workspace.search({ text: 'tea', sources: ['messages'], recency });
  assertSame(aged.map((hit) => [hit.record.id, hit.recency]), [['m3', 1], ['m0', 0.125]]);
  const [today] = await workspace.search({ text: 'coffee', recency: { halfLifeMs: 1, weight: 0.5 } });
  assertEqual(today?.recency, 0.5);

  const [middle] = await workspace.search({ text: 'coffee', window: 5 });
  assertSame([contents(middle?.before ?? []), contents(middle?.after ?? [])], [['I drink green tea'], ['rain all day']]);
  const [, after] = await workspace.messages.oldest(3);
  assertSame((await workspace.search({ text: 'rain', window: 1 }))[0]?.before, [after]);

  await workspace.messages.append({ ...said('t', 'Rain, all day!', 9), id: 'm4' });
  assertSame(sorted(await workspace.search({ text: 'rain' })), ['m2', 'm4']);
  assertEqual((await workspace.search({ text: 'rain', distinct: true })).length, 1);
  // m0 and the vector beside it say the same.
  assertSame(ids(await workspace.search({ vector: [1, 0, 0], k: 2, diversity: 1 })), ['m0', 'm2']);
}

async function typed(workspace: Workspace, store: Store): Promise<void> {
  await fill(workspace);
  const dated = await store.workspace({ times: 'date' });
  for (const hit of await dated.search({ text: 'tea', window: 1 })) {
    assert(hit.source !== 'vector' && hit.record.createdAt instanceof Date, 'no Date');
    for (const message of [...(hit.before ?? []), ...(hit.after ?? [])]) assert(message.createdAt instanceof Date, 'no Date beside it');
    if (hit.source === 'summary') assert(hit.record.fromTime instanceof Date, 'no Date in a summary');
  }
  await workspace.transaction(async (tx) => {
    await tx.messages.append({ ...said('s', 'matcha is tea too', 6), id: 'm5' });
    assertSame(ids(await tx.search({ text: 'matcha', vector: [1, 0, 0], k: 1, weights: { vector: 0 } })), ['m5']);
  });
  assertSame(ids(await workspace.search({ text: 'matcha' })), ['m5']);
  await workspace.messages.delete(['m5']);
  assertSame(await workspace.search({ text: 'matcha' }), []);
}

/** Searches that must be refused, and what their error must name. */
const REFUSED: [unknown, string][] = [
  [undefined, 'search'],
  [null, 'search'],
  ['tea', 'search'],
  [{}, 'text'],
  [{ k: 3, filter: { a: 1 } }, 'text'],
  [{ text: 'tea', limit: 3 }, 'limit'],
  [{ text: null }, 'text'],
  [{ text: 5 }, 'text'],
  [{ text: {} }, 'text'],
  [{ text: { typed: 'a', query: 'b' } }, 'text'],
  [{ text: { phrase: 'a' } }, 'text'],
  [{ text: { query: 5 } }, 'text'],
  [{ text: { query: 'tea AND )' } }, 'byte 8'],
  [{ text: '\ud800' }, 'surrogate'],
  [{ text: { query: 'half \udfff' } }, 'surrogate'],
  [{ vector: [1, 2] }, 'dimensions'],
  [{ vector: [1, 2, Number.NaN] }, 'finite'],
  [{ vector: Float32Array.of(1, 2, Infinity) }, 'finite'],
  [{ vector: 'abc' }, 'vector'],
  [{ vector: ['1', 2, 3] }, 'position 0'],
  [{ text: 'a', k: -1 }, 'k'],
  [{ text: 'a', k: 1.5 }, 'k'],
  [{ text: 'a', k: '3' }, 'k'],
  [{ text: 'a', sources: ['message'] }, 'source'],
  [{ text: 'a', sources: 5 }, 'sources'],
  [{ text: 'a', filter: { a: { $near: 1 } } }, '$near'],
  [{ text: 'a', filter: { a: '\ud800' } }, 'filter'],
  [{ text: 'a', filter: 'a' }, 'filter'],
  [{ text: 'a', session: 5 }, 'session'],
  [{ text: 'a', session: '\ud800' }, 'session'],
  [{ text: 'a', role: 'robot' }, 'role'],
  [{ text: 'a', from: 'yesterday' }, 'from'],
  [{ text: 'a', to: 5 }, 'to'],
  [{ text: 'a', weights: { text: Number.NaN } }, 'weight'],
  [{ text: 'a', weights: { vector: -1 } }, 'weight'],
  [{ text: 'a', weights: { vector: Infinity } }, 'weight'],
  [{ text: 'a', weights: { words: 1 } }, 'words'],
  [{ text: 'a', fusion: 'sum' }, 'fusion'],
  [{ text: 'a', fusion: { k: -1 } }, 'k'],
  [{ text: 'a', fusion: {} }, 'k'],
  [{ text: 'a', recency: {} }, 'halfLifeMs'],
  [{ text: 'a', recency: { halfLifeMs: 0 } }, 'halfLifeMs'],
  [{ text: 'a', recency: { halfLifeMs: 1, weight: 2 } }, 'weight'],
  [{ text: 'a', recency: { halfLifeMs: 1, now: 'now' } }, 'now'],
  [{ text: 'a', diversity: 1.5 }, 'diversity'],
  [{ text: 'a', diversity: Number.NaN }, 'diversity'],
  [{ text: 'a', distinct: 'yes' }, 'distinct'],
  [{ text: 'a', window: -1 }, 'window'],
  [{ text: 'a', typos: 3 }, 'typos'],
  [{ text: 'a', candidates: 0.5 }, 'candidates'],
];

async function badInput(workspace: Workspace): Promise<void> {
  await fill(workspace);
  for (const [search, name] of REFUSED) {
    const error = await assertFails('invalid-input', () => workspace.search(search as MemorySearch));
    assert(error.message.includes(name), `'${name}' is not named: ${error.message}`);
  }
  await workspace.close();
  await assertFails('closed', () => workspace.search({ text: 'tea' }));
}
