/** Typed stores as handles: times, bad input, opening, closing, and what is there afterwards. */

import type { Store, Workspace } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, type Rule } from '../harness.js';
import { compactionRules } from './compaction.js';
import { gatewayRules } from './gateway.js';
import { hybridRules } from './hybrid.js';
import { at, contents, iso, said } from './memory.js';
import type { StoreKind } from './store.js';
import { togetherRules } from './together.js';
import { workspaceRules } from './workspace.js';

/** The rules of the typed stores, all of them. */
export function typedRules(kind: StoreKind): Rule[] {
  return [workspaceRules, hybridRules, togetherRules, compactionRules, gatewayRules, handleRules].flatMap((rules) => rules(kind));
}

/** The rules of handles. */
function handleRules(kind: StoreKind): Rule[] {
  const rule = (name: string, test: (workspace: Workspace, store: Store) => Promise<void>): Rule => ({
    name: `typed ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('typed'));
      try {
        await test(await store.workspace({ id: 'home', dimensions: 3 }), store);
      } finally {
        await store.close();
      }
    },
  });
  const rules = [
    rule('times come back as text, whatever they went in as', textTimes),
    rule('times come back as Date where that was asked for', dates),
    rule('what is no time is refused by name', badTimes),
    rule('bad input is refused by name, and changes nothing', badInput),
    rule('a handle ends by itself, and with its store', closing),
    rule('what cannot be opened says why', badOptions),
  ];
  if (!kind.persistent) return rules;
  return [...rules, { name: `typed ${kind.name}: everything is there when it is opened again`, run: () => reopening(kind) }];
}

async function textTimes({ messages, sessions }: Workspace): Promise<void> {
  const cases: [string | Date, string][] = [
    [at(0), '2026-03-01T12:00:00.000000000Z'],
    ['2026-03-01T12:00:00Z', '2026-03-01T12:00:00.000000000Z'],
    ['2026-03-01T12:00:00.5+01:30', '2026-03-01T10:30:00.500000000Z'],
    ['2026-03-01t12:00:00.123456789z', '2026-03-01T12:00:00.123456789Z'],
    ['2024-02-29T23:59:59.999999999-00:01', '2024-03-01T00:00:59.999999999Z'],
    ['0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000000000Z'],
    ['9999-12-31T23:59:59.999999999Z', '9999-12-31T23:59:59.999999999Z'],
    [new Date(-1), '1969-12-31T23:59:59.999000000Z'],
    [new Date('0001-01-01T00:00:00Z'), '0001-01-01T00:00:00.000000000Z'],
  ];
  for (const [given, expected] of cases) {
    const stored = await messages.append({ ...said('s', 'x'), createdAt: given });
    assertEqual(stored.createdAt, expected);
    assertEqual((await messages.get(stored.id)).createdAt, expected);
  }
  const now = Date.now();
  const { createdAt, updatedAt } = await sessions.create({ userId: 'ada' });
  assertEqual(createdAt, updatedAt);
  assert(Math.abs(Date.parse(`${createdAt.slice(0, 23)}Z`) - now) < 60_000, `created at ${createdAt}`);
  const sorted = (await messages.range()).items.map((message) => message.createdAt);
  assertSame(sorted, [...sorted].sort());
}

async function dates(iso: Workspace, store: Store): Promise<void> {
  const workspace = await store.workspace({ times: 'date' });
  const { sessions, messages, summaries, knowledge } = workspace;
  const session = await sessions.create({ id: 's', userId: 'ada', createdAt: at(0), lastCompaction: '2026-03-01T12:00:00.0019Z' });
  const found = [session, await sessions.get('s'), (await sessions.list()).items[0]];
  for (const { createdAt, lastCompaction } of found as typeof session[]) {
    assert(createdAt instanceof Date && lastCompaction instanceof Date, 'no Date');
    assertEqual(createdAt.getTime(), at(0).getTime());
    assertEqual(lastCompaction.getTime(), at(0).getTime() + 1, 'rounded down');
  }
  const updated = await sessions.update(session);
  assert(updated.updatedAt instanceof Date, 'no Date');
  assertEqual((await iso.sessions.get('s')).lastCompaction, '2026-03-01T12:00:00.001000000Z');
  for (const [text, ms] of [
    ['1969-12-31T23:59:59.999999999Z', -1],
    ['2016-12-31T23:59:59.9999Z', Date.UTC(2017, 0, 1) - 1],
    ['0000-01-01T00:00:00Z', Date.UTC(2000, 0, 1) - (2000 * 365 + 485) * 86_400_000],
    ['9999-12-31T23:59:59.999999999Z', Date.UTC(10_000, 0, 1) - 1],
  ] as const) {
    const { createdAt } = await messages.append({ ...said('s', 'x'), createdAt: text });
    assertEqual(createdAt.getTime(), ms, text);
  }
  const listed = await messages.range();
  assert(listed.items.every(({ createdAt }) => createdAt instanceof Date), 'no Date in a list');
  for await (const { createdAt } of messages.range({ from: at(-1e9) })) assert(createdAt instanceof Date, 'no Date in an iteration');
  const summary = await summaries.store({ fromTime: at(1), toTime: at(2), status: 'committed' });
  assertSame([summary.fromTime.getTime(), summary.toTime.getTime()], [at(1).getTime(), at(2).getTime()]);
  await knowledge.putEntity({ id: 'a', type: 't' });
  assert((await knowledge.traverse('a')).entities[0]?.updatedAt instanceof Date, 'no Date in a graph');
  assert((await knowledge.putFact({ entityId: 'a', predicate: 'b' })).createdAt instanceof Date, 'no Date in a fact');
  await workspace.transaction(async (tx) => assert((await tx.sessions.get('s')).createdAt instanceof Date, 'no Date inside'));
  await workspace.compact({
    batch: 2,
    summarize: (batch) => {
      assert(batch.every(({ createdAt }) => createdAt instanceof Date), 'no Date in a batch');
      return 'x';
    },
    embed: () => [1, 2, 3],
  });
  const gateway = await store.gateway({ times: 'date' });
  const user = await gateway.users.create({ createdAt: at(3) });
  assertEqual(user.createdAt.getTime(), at(3).getTime());
  assert((await gateway.audit.append({})).timestamp instanceof Date, 'no Date in the log');
  await gateway.pairings.create({ userId: user.id, channelType: 'a', channelId: 'b' });
  assert((await gateway.pairings.getByUser(user.id))[0]?.createdAt instanceof Date, 'no Date in a pairing');
}

const NO_TIMES = [
  '', 'not-a-timestamp', '2024-13-01T00:00:00Z', '2024-00-01T00:00:00Z', '2024/01/01', '2024-01-01', '2024-01-01T00:00:00',
  '2023-02-29T00:00:00Z', '2024-04-31T00:00:00Z', '2024-01-01T24:00:00Z', '2024-01-01T00:60:00Z', '2024-01-01T00:00:00+24:00',
  '2024-01-01T00:00:00Z\0', ' 2024-01-01T00:00:00Z', '10000-01-01T00:00:00Z', '0000-01-01T00:00:00+01:00', '9999-12-31T23:59:59-01:00',
  new Date(Number.NaN), new Date(8.64e15), new Date(-8.64e15), 0, 1_700_000_000_000, null, {}, [], true, 5n,
];

async function badTimes({ messages, sessions, summaries }: Workspace): Promise<void> {
  for (const time of NO_TIMES) {
    const error = await assertFails('invalid-input', () => messages.append({ ...said('s', 'x'), createdAt: time as never }));
    // Two are only out of range once their offset is taken off, which the core does.
    assert(error.message.includes('createdAt') || String(time).includes('1:00'), `createdAt is not named: ${error.message}`);
    await assertFails('invalid-input', () => messages.range({ from: time as never }));
    await assertFails('invalid-input', () => sessions.create({ userId: 'ada', lastCompaction: time as never }));
    await assertFails('invalid-input', () => summaries.store({ fromTime: time as never, toTime: at(0), status: 'pending' }));
  }
  assertEqual(await messages.count(), 0);
}

/** Calls that must be refused, and what their error must name. */
function refused({ sessions, messages, summaries, knowledge, vectors }: Workspace): [() => unknown, string][] {
  const message = { role: 'user', content: 'x' } as const;
  return [
    [() => sessions.create(undefined as never), 'session'],
    [() => sessions.create('ada' as never), 'session'],
    [() => sessions.create([] as never), 'session'],
    [() => sessions.create({} as never), 'userId'],
    [() => sessions.create({ userId: '' }), 'user id'],
    [() => sessions.create({ userId: 'a\0b' }), 'NUL'],
    [() => sessions.create({ userId: null as never }), 'userId'],
    [() => sessions.create({ userId: 'ada', id: 5 as never }), 'id'],
    [() => sessions.create({ userId: 'half \ud800 pair' }), 'userId'],
    [() => sessions.create({ userId: 'ada', user_id: 'bob' } as never), 'user_id'],
    [() => sessions.create({ userId: 'ada', status: 'gone' as never }), 'status'],
    [() => sessions.create({ userId: 'ada', tokenBudget: { week: { max: 1 } } as never }), 'week'],
    [() => sessions.get(undefined as never), 'id'],
    [() => sessions.get('\udfff'), 'id'],
    [() => sessions.list({ limit: 1.5 }), 'limit'],
    [() => sessions.list({ limit: Number.NaN }), 'limit'],
    [() => sessions.list({ limit: Infinity }), 'limit'],
    [() => sessions.list({ limit: 2 ** 60 }), 'limit'],
    [() => sessions.list({ limit: '5' as never }), 'limit'],
    [() => sessions.list({ offset: 5n as never }), 'offset'],
    [() => sessions.list({ status: '' as never }), 'status'],
    [() => sessions.list({ user: 'ada' } as never), 'user'],
    [() => sessions.list({ after: '2026/5' }), 'cursor'],
    [() => sessions.list(null as never), 'query'],
    [() => sessions.activeWindow('s', 0.5), 'number of messages'],
    [() => sessions.activeWindow('s', Infinity), 'number of messages'],
    [() => sessions.append('s', 'hello' as never), 'message'],
    [() => sessions.append('s', { role: 'robot' as never, content: 'x' }), 'role'],
    [() => sessions.append('s', { role: 'user' } as never), 'content'],
    [() => sessions.append('', message), 'session'],
    [() => messages.append(message as never), 'sessionId'],
    [() => messages.append({ ...message, sessionId: 's', origin: 'elsewhere' as never }), 'origin'],
    [() => messages.append({ ...message, sessionId: 's', metadata: { n: 1 as never } }), 'metadata'],
    [() => messages.append({ ...message, sessionId: 's', metadata: { s: '\ud800' } }), 'metadata'],
    [() => messages.append({ ...message, sessionId: 's', metadata: new Map() as never }), 'metadata'],
    [() => messages.append({ ...message, sessionId: 's', threat: 'none' as never }), 'threat'],
    [() => messages.appendMany([{ ...message, sessionId: 's' }, { ...message, sessionId: 7 as never }]), 'position 1'],
    [() => messages.appendMany('messages' as never), 'array'],
    [() => messages.delete(['a', 5 as never]), 'position 1'],
    [() => messages.delete('a' as never), 'ids'],
    [() => messages.search(5 as never), 'phrase'],
    [() => messages.search('\ud800'), 'phrase'],
    [() => messages.trim(undefined as never), 'number of messages'],
    [() => messages.oldest(Number.NaN), 'number of messages'],
    [() => summaries.store({ fromTime: at(0), toTime: at(0), status: 'committed', messageIds: ['a', null as never] }), 'messageIds'],
    [() => summaries.latest('all' as never), 'number of summaries'],
    [() => knowledge.putEntity({ type: '' }), 'type'],
    [() => knowledge.putEntity({ type: 't', properties: { f: (() => 1) as never } }), 'properties'],
    [() => knowledge.putEntity({ type: 't', properties: { n: -Infinity } }), 'properties'],
    [() => knowledge.putEntity({ type: 't', properties: { '\ud800': 1 } }), 'properties'],
    [() => knowledge.putEntities([{ type: 't' }, { kind: 't' } as never]), 'kind'],
    [() => knowledge.putRelationship({ fromId: 'a', toId: 'b' } as never), 'type'],
    [() => knowledge.relationships('a', { direction: 'up' as never }), 'direction'],
    [() => knowledge.traverse('a', { depth: 1.5 }), 'depth'],
    [() => knowledge.traverse('a', { types: [1 as never] }), 'types'],
    [() => knowledge.traverse('a', { deep: true } as never), 'deep'],
    [() => knowledge.putFact({ entityId: 'a', predicate: 'b', confidence: '1' as never }), 'confidence'],
    [() => knowledge.deleteFactsBySource(undefined as never), 'source'],
    [() => vectors.search([1, 2, 3], { k: -1 }), 'k'],
    [() => vectors.store('x', [1, 2, 3], { d: new Date() as never }), 'metadata'],
  ];
}

async function badInput(workspace: Workspace): Promise<void> {
  const { sessions, messages, knowledge } = workspace;
  await sessions.create({ id: 's', userId: 'ada' });
  for (const [call, name] of refused(workspace)) {
    const error = await assertFails('invalid-input', call);
    assert(error.message.includes(name), `'${name}' is not named: ${error.message}`);
  }
  const long = 'x'.repeat(513);
  await assertFails('limit', () => sessions.create({ userId: long }));
  await assertFails('limit', () => messages.append({ ...said('s', 'x'), id: long }));
  await assertFails('limit', () => messages.append({ ...said('s', 'x'), metadata: { k: 'x'.repeat(65_536) } }));
  await assertFails('limit', () => knowledge.putFact({ entityId: 'a', predicate: 'b', value: 'x'.repeat((1 << 20) + 1) }));
  assertEqual((await sessions.list()).items.length, 1);
  assertEqual((await sessions.activeWindow('s')).length + (await messages.count()), 0);
  assertEqual((await knowledge.findEntities()).items.length + (await knowledge.findFacts()).items.length, 0);
  // What looks dangerous and is only text, comes back.
  const text = '\'; DROP TABLE sigil_session; -- \u0000 \u2028 \ufeff \ufffd "\\u0000"';
  const stored = await messages.append({ ...said('s', text), metadata: { __proto__x: text, constructor: 'c' } });
  assertEqual(stored.content, text);
  assertSame((await messages.get(stored.id)).metadata, { __proto__x: text, constructor: 'c' });
  const properties = JSON.parse('{"__proto__": {"polluted": 1}, "a": 1}');
  assertSame(Object.keys((await knowledge.putEntity({ id: 'p', type: 't', properties })).properties).sort(), ['__proto__', 'a']);
  assertEqual(({} as { polluted?: number }).polluted, undefined);
}

async function closing(workspace: Workspace, store: Store): Promise<void> {
  const other = await store.workspace();
  assertEqual(other.id, 'home');
  assertEqual(other.store, store);
  const gateway = await store.gateway();
  await workspace.messages.append(said('s', 'x'));
  await workspace.close();
  await workspace.close();
  const calls = (handle: Workspace): (() => unknown)[] => [
    () => handle.messages.count(),
    () => handle.sessions.create({ userId: 'ada' }),
    () => handle.sessions.list(),
    () => handle.vectors.store('x', [1, 2, 3]),
    () => handle.vectors.storeMany([{ id: 'x', vector: [1, 2, 3] }]),
    () => handle.vectors.delete(['x']),
    () => handle.transaction(() => undefined),
    () => handle.compact({ batch: 1, summarize: () => '', embed: () => [1, 2, 3] }),
    () => handle.forget('workspace'),
    () => handle.archive('s'),
    () => handle.sweepPending(at(0)),
  ];
  for (const call of calls(workspace)) await assertFails('closed', call);
  assertEqual(await other.messages.count(), 1);
  const begun = other.messages.append(said('s', 'y'));
  await store.close();
  await begun;
  for (const call of calls(other)) await assertFails('closed', call);
  await assertFails('closed', () => gateway.users.list());
  await assertFails('closed', () => gateway.forgetUser('ada', 'admin'));
  await assertFails('closed', () => store.workspace());
  await other.close();
}

async function badOptions(workspace: Workspace, store: Store): Promise<void> {
  for (const [code, options] of [
    ['conflict', { id: 'work' }],
    ['conflict', { dimensions: 4 }],
    ['conflict', { metric: 'dot' }],
    ['invalid-input', { id: '' }],
    ['invalid-input', { id: 5 }],
    ['invalid-input', { id: '\ud800' }],
    ['invalid-input', { dimensions: 0 }],
    ['invalid-input', { dimensions: 2.5 }],
    ['invalid-input', { metric: 'manhattan' }],
    ['invalid-input', { times: 'unix' }],
    ['invalid-input', { name: 'home' }],
    ['invalid-input', 'home'],
  ] as const) {
    await assertFails(code, () => store.workspace(options as never));
  }
  await assertFails('invalid-input', () => store.gateway({ times: 5 as never }));
  await assertFails('invalid-input', () => store.gateway({ id: 'x' } as never));
  await assertFails('busy', () => store.transaction(() => store.workspace() as never));
  assertEqual(await workspace.messages.count(), 0);
}

async function reopening(kind: StoreKind): Promise<void> {
  const id = fresh('typed');
  let store = await kind.open(id);
  const workspace = await store.workspace({ id: 'a/../b: \u4e16', dimensions: 4, metric: 'cosine' });
  const session = await workspace.sessions.create({ userId: 'ada', tokenBudget: { day: { max: 2n ** 60n } } });
  await Promise.all(Array.from({ length: 30 }, (_, i) => workspace.sessions.append(session.id, { role: 'user', content: `m${i}` })));
  await workspace.messages.appendMany(Array.from({ length: 20 }, (_, i) => said(session.id, `tea ${i}`, i)));
  await workspace.vectors.store('v', [1, 2, 3, 4], { kind: 'x' });
  await workspace.knowledge.putEntity({ id: 'ada', type: 'person' });
  const compacted = await workspace.compact({ batch: 5, summarize: () => 'five of tea', embed: () => [4, 3, 2, 1] });
  await workspace.forget({ user: 'bob' });
  const gateway = await store.gateway();
  await gateway.users.create({ id: 'ada', createdAt: at(0) });
  const wanted = { text: 'tea', vector: [1, 2, 3, 4], k: 5, window: 1 };
  const found = await workspace.search(wanted);
  assertSame([found.length, found[0]?.record.id], [5, compacted[0]?.summaryId]);
  await store.close();

  store = await kind.open(id);
  const again = await store.workspace();
  assertSame([again.id, again.vectors.dimensions, again.vectors.metric], ['a/../b: \u4e16', 4, 'cosine']);
  assertSame(await again.sessions.get(session.id), session);
  assertSame(await again.search(wanted), found);
  assertSame(contents(await again.sessions.activeWindow(session.id)), Array.from({ length: 30 }, (_, i) => `m${i}`));
  assertEqual((await again.messages.search('tea', { limit: 99 })).items.length, 15);
  assertSame((await again.vectors.search([1, 2, 3, 4], { k: 2 })).map((hit) => hit.id), ['v', compacted[0]?.summaryId]);
  assertEqual((await again.summaries.latest(1))[0]?.content, 'five of tea');
  assertEqual((await again.knowledge.entity('ada')).type, 'person');
  assertEqual((await (await store.gateway()).users.get('ada')).createdAt, iso(0));
  await assertFails('conflict', () => store.workspace({ id: 'other' }));
  await store.close();
}
