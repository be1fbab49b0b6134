/** What holds for the stores of a workspace together: lists, transactions, forgetting, turns. */

import type { Store, Workspace, WorkspaceTransaction } from 'sigil-store';

import { assertEqual, assertFails, assertSame, type Rule } from '../harness.js';
import { at, collect, contents, said, workspaceRule } from './memory.js';
import type { StoreKind } from './store.js';

/** The rules of a workspace as a whole. */
export function togetherRules(kind: StoreKind): Rule[] {
  const rule = workspaceRule(kind);
  return [
    rule('a long list is whole, page by page, also among equal times', listings),
    rule('a transaction commits all stores, or none', transactions),
    rule('a transaction and the handle outside keep out of each other', turns),
    rule('a session, a user, everything is forgotten', forgetting),
    rule('many calls at once all take effect, in their order', concurrency),
  ];
}

async function listings({ sessions, messages, knowledge }: Workspace): Promise<void> {
  const n = 23;
  const ids = Array.from({ length: n }, (_, i) => `i${String(i).padStart(2, '0')}`);
  const newestFirst = [...ids].reverse();
  // Three times at most, so that pages end among equals.
  const time = (i: number): Date => at(Math.floor(i / 10));
  for (const [i, id] of ids.entries()) await sessions.create({ id, userId: 'ada', createdAt: time(i) });
  await messages.appendMany(ids.map((id, i) => ({ ...said('s', `tea number ${i}`), id, createdAt: time(i) })));
  await knowledge.putEntities(ids.map((id, i) => ({ id, type: 't', createdAt: time(i) })));
  await knowledge.putRelationships(ids.slice(1).map((id) => ({ id, fromId: 'i00', toId: id, type: 't' })));
  await knowledge.putFacts(ids.map((id, i) => ({ id, entityId: id, predicate: 'p', createdAt: time(i) })));
  const all = async (list: AsyncIterable<{ id: string }>): Promise<string[]> => (await collect(list)).map(({ id }) => id);
  for (const limit of [1, 4, n - 1, n, n + 1, 0, undefined]) {
    const paging = limit === undefined ? {} : { limit };
    assertSame(await all(sessions.list({ ...paging, userId: 'ada' })), newestFirst);
    assertSame(await all(messages.range(paging)), ids);
    assertSame(await all(messages.search('tea number', paging)), newestFirst);
    assertSame(await all(knowledge.findEntities({ ...paging, type: 't' })), ids);
    assertSame(await all(knowledge.findFacts({ ...paging, predicate: 'p' })), newestFirst);
    assertSame(await all(knowledge.relationships('i00', { ...paging, type: 't' })), ids.slice(1));
  }
  const page = await messages.range({ limit: 4 });
  assertEqual(page.items.length, 4);
  const rest = await messages.range({ limit: 100, after: page.next as string });
  assertSame(rest.items.map(({ id }) => id), ids.slice(4));
  assertEqual('next' in rest, false);
  assertSame(await all(messages.range({ offset: 20, limit: 2 })), ids.slice(20));

  // Deletions and insertions meanwhile neither repeat nor hide the others.
  const seen: string[] = [];
  for await (const { id } of messages.range({ limit: 5 })) {
    seen.push(id);
    if (id === 'i04') await messages.delete(['i00', 'i04', 'i07']);
    if (id === 'i12') await messages.append({ ...said('s', 'late'), id: 'late', createdAt: time(n) });
  }
  assertSame(seen, [...ids.filter((id) => id !== 'i07'), 'late']);
  // An iteration may be left early, and a listing asked twice.
  const listing = sessions.list({ limit: 3 });
  for await (const { id } of listing) if (id === 'i20') break;
  assertSame((await listing).items.map(({ id }) => id), newestFirst.slice(0, 3));
  assertSame(await all(listing), newestFirst);
  assertSame(await listing.finally(() => undefined), await listing);
  const bad = sessions.list({ after: 'nowhere' });
  assertEqual(await bad.catch(() => 'caught'), 'caught');
  await assertFails('invalid-input', () => bad);
  await assertFails('invalid-input', () => collect(bad));
}

async function transactions(workspace: Workspace, store: Store): Promise<void> {
  const { sessions, messages, knowledge, vectors } = workspace;
  await store.exec('CREATE TABLE mine (a)');
  await vectors.store('v', [1, 2, 3]);
  // An index that nobody has used yet cannot be opened inside a transaction.
  await vectors.search([1, 2, 3]);
  await vectors.store('v', [1, 2, 4]);
  const work = async (tx: WorkspaceTransaction): Promise<string> => {
    assertEqual(tx.id, workspace.id);
    const session = await tx.sessions.create({ userId: 'ada' });
    const message = await tx.sessions.append(session.id, { role: 'user', content: 'remember tea' });
    await tx.messages.append(message);
    await tx.summaries.store({ fromTime: message.createdAt, toTime: message.createdAt, status: 'committed' });
    await tx.knowledge.putFacts([{ entityId: 'ada', predicate: 'likes', value: 'tea' }, { entityId: 'ada', predicate: 'is', value: 'here' }]);
    await tx.vectors.storeMany([{ id: message.id, vector: [1, 2, 3] }]);
    await tx.store.exec('INSERT INTO mine VALUES (1)');
    assertEqual((await tx.messages.search('tea')).items.length, 1, 'hits inside');
    assertEqual((await tx.vectors.search([1, 2, 3])).length, 1, 'vectors that are committed');
    assertEqual(await tx.vectors.count(), 2, 'vectors, the transaction\'s own among them');
    return session.id;
  };
  const counts = async (): Promise<number[]> => [
    (await sessions.list()).items.length,
    await messages.count(),
    (await messages.search('tea')).items.length,
    (await knowledge.findFacts()).items.length,
    await vectors.count(),
    (await vectors.search([1, 2, 3])).length,
    (await store.query('SELECT * FROM mine')).length,
  ];
  const thrown = new TypeError('changed my mind');
  const error = await workspace
    .transaction(async (tx) => {
      await work(tx);
      throw thrown;
    })
    .catch((caught: unknown) => caught);
  assertEqual(error, thrown);
  assertSame(await counts(), [0, 0, 0, 0, 1, 1, 0]);
  await assertFails('conflict', () =>
    workspace.transaction(async (tx) => {
      const id = await work(tx);
      await tx.sessions.create({ id, userId: 'bob' });
    }),
  );
  assertSame(await counts(), [0, 0, 0, 0, 1, 1, 0]);
  // A call that fails and is caught leaves no trace, and the rest of the transaction stands.
  const id = await workspace.transaction(async (tx) => {
    const made = await work(tx);
    await assertFails('conflict', () => tx.messages.appendMany([said(made, 'one'), { ...said(made, 'two'), id: 'same' }, { ...said(made, 'three'), id: 'same' }]));
    return made;
  });
  assertSame(await counts(), [1, 1, 1, 2, 2, 2, 1]);
  assertEqual((await sessions.get(id)).userId, 'ada');
}

async function turns(workspace: Workspace): Promise<void> {
  const { messages } = workspace;
  // The handle waits for the transaction, in the order of the calls.
  const order: string[] = [];
  const transaction = workspace.transaction(async (tx) => {
    for (let i = 0; i < 3; i++) {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await tx.messages.append(said('s', `inside ${i}`));
    }
    order.push('transaction');
  });
  const outside = messages.count().then((count) => order.push(`outside ${count}`));
  await Promise.all([transaction, outside]);
  assertSame(order, ['transaction', 'outside 3']);

  await assertFails('busy', () => workspace.transaction(() => messages.count() as never));
  await assertFails('busy', () => workspace.transaction(() => workspace.transaction(() => undefined) as never));
  await assertFails('invalid-input', () => workspace.transaction('BEGIN' as never));
  let kept: WorkspaceTransaction | undefined;
  let late: Promise<unknown> | undefined;
  await workspace.transaction((tx) => {
    kept = tx;
    late = new Promise((resolve) => setTimeout(resolve, 10)).then(() => tx.messages.append(said('s', 'late')));
    late.catch(() => undefined);
  });
  await assertFails('closed', () => late);
  await assertFails('closed', () => kept?.messages.count());
  await assertFails('closed', () => kept?.vectors.delete(['x']));
  await assertFails('closed', () => kept?.store.exec('SELECT 1'));
  await assertFails('closed', () => kept?.sessions.list());
  assertEqual(await messages.count(), 3);
}

async function forgetting(workspace: Workspace): Promise<void> {
  const { sessions, messages, knowledge, vectors, summaries } = workspace;
  for (const [id, userId] of [['s1', 'ada'], ['s2', 'ada'], ['s3', 'bob']] as const) {
    await sessions.create({ id, userId });
    await sessions.append(id, { role: 'user', content: 'hi' });
    const message = await messages.append(said(id, `tea of ${id}`));
    await vectors.store(message.id, [1, 2, 3], { session_id: id });
    await knowledge.putFact({ entityId: userId, predicate: 'said', value: id, source: id });
  }
  await knowledge.putFact({ entityId: 'ada', predicate: 'is', value: 'here', source: 'ada' });
  await summaries.store({ id: 'sum', fromTime: at(0), toTime: at(1), status: 'committed', sessionIds: ['s2', 's3'] });
  const none = { sessions: 0, transcript: 0, messages: 0, summaries: 0, entities: 0, relationships: 0, facts: 0, vectors: 0 };
  assertSame(await workspace.forget({ session: 's1' }), { ...none, sessions: 1, transcript: 1, messages: 1, facts: 1, vectors: 1 });
  await assertFails('not-found', () => workspace.forget({ session: 's1' }));
  await assertFails('not-found', () => sessions.get('s1'));
  assertSame(await workspace.forget({ user: 'ada' }), { ...none, sessions: 1, transcript: 1, messages: 1, summaries: 1, facts: 2, vectors: 1 });
  assertSame(await workspace.forget({ user: 'ada' }), none);
  assertSame((await messages.search('tea')).items.map(({ sessionId }) => sessionId), ['s3']);
  assertSame((await vectors.search([1, 2, 3])).map(({ metadata }) => metadata), [{ session_id: 's3' }]);
  for (const what of ['everything', {}, { session: 1 }, { session: 's3', user: 'bob' }, { workspace: true }, null, undefined]) {
    await assertFails('invalid-input', () => workspace.forget(what as never));
  }
  assertSame(await workspace.forget('workspace'), { ...none, sessions: 1, transcript: 1, messages: 1, facts: 1, vectors: 1 });
  assertEqual((await sessions.list()).items.length + (await messages.count()) + (await vectors.count()), 0);
  await sessions.create({ id: 's1', userId: 'ada' });
}

async function concurrency({ sessions, messages }: Workspace): Promise<void> {
  await sessions.create({ id: 's', userId: 'ada' });
  const n = 150;
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < n; i++) {
    calls.push(sessions.append('s', { role: 'user', content: `m${i}`, createdAt: at(0) }));
    if (i % 10 === 0) calls.push(messages.append(said('s', `n${i}`)), sessions.get('s'), assertFails('not-found', () => messages.get('missing')));
  }
  await Promise.all(calls);
  assertSame(contents(await sessions.activeWindow('s', -1)), Array.from({ length: n }, (_, i) => `m${i}`));
  assertEqual(await messages.count(), n / 10);
}
