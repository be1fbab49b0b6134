/** What the stores of a workspace must do, in every store. */

import type { Message, NewMessage, NewSession, Store, Summary, ThreatInfo, Workspace } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, type Rule } from '../harness.js';
import { at, collect, contents, iso, said, workspaceRule } from './memory.js';
import type { StoreKind } from './store.js';

/** The rules of a workspace. */
export function workspaceRules(kind: StoreKind): Rule[] {
  const rule = workspaceRule(kind);
  return [
    rule('sessions are created, read, updated, listed and deleted', sessions),
    rule('every number of a budget comes back, whatever its size', budgets),
    rule('a transcript has its newest messages, in their order', transcript),
    rule('what was found in a message comes back', threats),
    rule('messages are found by their words, and by nothing else', search),
    rule('messages are read by time, counted, deleted and trimmed', messages),
    rule('summaries are pending, then committed', summaries),
    rule('pending summaries are swept with what belongs to them', sweeping),
    rule('entities and relationships are stored and replaced', entities),
    rule('a traversal goes as far as it may', traversal),
    rule('facts are replaced by what they say, and deleted by source and id', facts),
    rule('vectors are found by distance and metadata', vectors),
  ];
}

async function sessions(workspace: Workspace): Promise<void> {
  const { sessions, id } = workspace;
  const made = await sessions.create({ userId: 'ada', createdAt: at(0), updatedAt: at(0) });
  assertSame(made, {
    id: made.id,
    workspaceId: id,
    userId: 'ada',
    summary: '',
    modelOverride: '',
    toolBudget: { maxPerTurn: 0, maxPerSession: 0, used: 0 },
    tokenBudget: { session: { max: 0, used: 0 }, hour: { max: 0, used: 0 }, day: { max: 0, used: 0 } },
    status: 'active',
    createdAt: iso(0),
    updatedAt: iso(0),
  });
  assert(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(made.id), `no UUID: ${made.id}`);
  assertSame(await sessions.get(made.id), made);
  await assertFails('conflict', () => sessions.create({ userId: 'bob', id: made.id }));
  await assertFails('invalid-input', () => sessions.create({ userId: 'bob', workspaceId: 'another' }));

  const changed = { ...made, summary: 'tea', status: 'paused', lastCompaction: at(5), modelOverride: 'm', createdAt: at(99) } as const;
  const before = new Date().toISOString();
  const updated = await sessions.update(changed);
  assertSame(updated, { ...changed, lastCompaction: iso(5), createdAt: iso(0), updatedAt: updated.updatedAt });
  assert(updated.updatedAt.slice(0, 23) >= before.slice(0, 23), `updated at ${updated.updatedAt}, before ${before}`);
  assertSame(await sessions.get(made.id), updated);
  await assertFails('not-found', () => sessions.update({ ...made, id: 'nobody' }));
  const incomplete = await assertFails('invalid-input', () => sessions.update({ id: made.id, userId: 'ada' } as never));
  assert(incomplete.message.includes('missing'), incomplete.message);

  for (let i = 1; i <= 4; i++) await sessions.create({ id: `s${i}`, userId: i % 2 === 0 ? 'ada' : 'bob', createdAt: at(i) });
  const listed = async (query: Parameters<typeof sessions.list>[0]): Promise<string[]> =>
    (await sessions.list(query)).items.map((session) => session.id);
  assertSame(await listed({}), ['s4', 's3', 's2', 's1', made.id]);
  assertSame(await listed({ userId: 'bob' }), ['s3', 's1']);
  assertSame(await listed({ status: 'paused' }), [made.id]);
  assertSame(await listed({ limit: 2, offset: 1 }), ['s3', 's2']);
  assertSame(await listed({ limit: -5, offset: -5 }), ['s4', 's3', 's2', 's1', made.id]);
  assertSame(await listed({ limit: Number.MAX_SAFE_INTEGER }), ['s4', 's3', 's2', 's1', made.id]);
  assertSame(await listed({ limit: 2 ** 32, offset: 2 }), ['s2', 's1', made.id]);
  assertSame(await listed({ limit: Number.MAX_SAFE_INTEGER, offset: Number.MAX_SAFE_INTEGER }), []);

  assertEqual((await workspace.archive('s1')).status, 'archived');
  assertEqual((await sessions.get('s1')).status, 'archived');
  await assertFails('not-found', () => workspace.archive('nobody'));

  await sessions.append('s2', { role: 'user', content: 'x', id: 'm' });
  await sessions.delete('s2');
  await assertFails('not-found', () => sessions.get('s2'));
  await assertFails('not-found', () => sessions.delete('s2'));
  // Its messages went with it, and so did their ids.
  await sessions.append('s3', { role: 'user', content: 'x', id: 'm' });
}

async function budgets({ sessions }: Workspace): Promise<void> {
  const safe = Number.MAX_SAFE_INTEGER;
  const toolBudget = { maxPerTurn: safe, maxPerSession: 2n ** 53n, used: 1 };
  const tokenBudget = { session: { max: 2n ** 63n - 1n, used: 2n ** 62n }, hour: { max: 7, used: 7 }, day: { max: 0, used: 9 } };
  const made = await sessions.create({ id: 's', userId: 'ada', toolBudget, tokenBudget });
  for (const found of [made, await sessions.get('s'), await sessions.update(made), (await sessions.list()).items[0]]) {
    assertSame(found?.toolBudget, toolBudget);
    assertSame(found?.tokenBudget, tokenBudget);
  }
  const partly = await sessions.create({ userId: 'ada', toolBudget: { used: 3 }, tokenBudget: { hour: { max: 5n } } });
  assertSame(partly.toolBudget, { maxPerTurn: 0, maxPerSession: 0, used: 3 });
  assertSame(partly.tokenBudget, { session: { max: 0, used: 0 }, hour: { max: 5, used: 0 }, day: { max: 0, used: 0 } });
  const broken: NonNullable<NewSession['toolBudget']>[] = [
    { used: -1 },
    { maxPerTurn: -1n },
    { maxPerSession: 1, used: 2 },
    { used: 1.5 },
    { used: Number.NaN },
    { used: Infinity },
    { used: 2 ** 53 },
    { used: 2n ** 63n },
    { used: '1' as never },
  ];
  for (const budget of broken) await assertFails('invalid-input', () => sessions.create({ userId: 'ada', toolBudget: budget }));
  await assertFails('invalid-input', () => sessions.create({ userId: 'ada', tokenBudget: { day: { max: 1, used: 2 } } }));
  await assertFails('invalid-input', () => sessions.update({ ...made, toolBudget: { used: 1 } as never }));
  assertSame((await sessions.get('s')).toolBudget, toolBudget);
}

async function transcript({ sessions }: Workspace): Promise<void> {
  await sessions.create({ id: 's', userId: 'ada' });
  await sessions.create({ id: 'other', userId: 'ada' });
  const first = await sessions.append('s', { role: 'user', content: 'm0', sessionId: 'other', createdAt: at(0) });
  assertSame(first, {
    id: first.id,
    sessionId: 's',
    role: 'user',
    content: 'm0',
    toolCallId: '',
    toolName: '',
    createdAt: iso(0),
    metadata: {},
  });
  for (let i = 1; i < 5; i++) await sessions.append('s', { role: 'assistant', content: `m${i}`, createdAt: at(i) });
  assertSame(contents(await sessions.activeWindow('s', 3)), ['m2', 'm3', 'm4']);
  assertSame(await sessions.activeWindow('s', 0), []);
  assertSame((await sessions.activeWindow('s', -1)).length, 5);
  assertSame((await sessions.activeWindow('s'))[0], first);
  assertSame(await sessions.activeWindow('nobody', 3), []);
  assertSame(await sessions.activeWindow('other', 3), []);

  // Messages of one time are in the order in which they were stored.
  for (let i = 0; i < 60; i++) await sessions.append('other', { role: 'user', content: `t${i}`, createdAt: at(9) });
  assertSame(contents(await sessions.activeWindow('other')), Array.from({ length: 50 }, (_, i) => `t${i + 10}`));
  assertEqual((await sessions.history('other')).items.length, 60);
  assertSame(contents(await collect(sessions.history('other', { limit: 7 }))), Array.from({ length: 60 }, (_, i) => `t${i}`));
  assertSame(await sessions.history('nobody'), { items: [] });

  await assertFails('not-found', () => sessions.append('nobody', { role: 'user', content: 'x' }));
  await assertFails('conflict', () => sessions.append('other', { role: 'user', content: 'x', id: first.id }));
  await assertFails('invalid-input', () => sessions.append('s', { role: 'user', content: '' }));
  await assertFails('invalid-input', () => sessions.append('s', { role: 'tool', content: '', toolName: 'clock' }));
  const tool = await sessions.append('s', { role: 'tool', content: '', toolName: 'clock', toolCallId: 'c1', origin: 'tool_output' });
  assertSame((await sessions.activeWindow('s', 1))[0], tool);
  await assertFails('limit', () => sessions.append('s', { role: 'user', content: 'x'.repeat((16 << 20) + 1) }));
}

async function threats({ sessions }: Workspace): Promise<void> {
  await sessions.create({ id: 's', userId: 'ada' });
  const states: [Partial<ThreatInfo> | undefined, ThreatInfo | undefined][] = [
    [undefined, undefined],
    [{}, { scanned: false, detected: false, rules: [], bypassed: false, matchCount: 0, highestSeverity: '' }],
    [
      { scanned: true, stage: 'input' },
      { scanned: true, detected: false, rules: [], stage: 'input', bypassed: false, matchCount: 0, highestSeverity: '' },
    ],
    [
      { scanned: true, detected: true, rules: ['b', 'a'], stage: 'output', matchCount: 2, highestSeverity: 'high' },
      { scanned: true, detected: true, rules: ['b', 'a'], stage: 'output', bypassed: false, matchCount: 2, highestSeverity: 'high' },
    ],
    [
      { bypassed: true },
      { scanned: false, detected: false, rules: [], bypassed: true, matchCount: 0, highestSeverity: '' },
    ],
  ];
  for (const [i, [threat, expected]] of states.entries()) {
    const metadata: Record<string, string> = i === 0 ? {} : { lang: 'en', '\u4e16': '\u{1f600}' };
    const given: NewMessage = { role: 'user', content: `m${i}`, createdAt: at(i), metadata, ...(threat === undefined ? {} : { threat }) };
    const stored = await sessions.append('s', given);
    assertSame(stored.threat, expected);
    assertSame(stored.metadata, metadata);
  }
  const window = await sessions.activeWindow('s');
  states.forEach(([, expected], i) => assertSame(window[i]?.threat, expected));
  for (const threat of [
    { scanned: true, detected: true },
    { scanned: true, rules: ['a'] },
    { detected: true, rules: ['a'] },
    { scanned: true, bypassed: true },
    { matchCount: -1 },
    { matchCount: 2 ** 40 },
    { stage: 'exit' as never },
    { rules: [1 as never] },
    { seen: true } as never,
  ] satisfies Partial<ThreatInfo>[]) {
    await assertFails('invalid-input', () => sessions.append('s', { role: 'user', content: 'x', threat }));
  }
  assertEqual((await sessions.activeWindow('s')).length, states.length);
}

async function search({ messages }: Workspace): Promise<void> {
  const texts = [
    'Kubernetes cluster OR something',
    'Update NOT required',
    'running smoothly, NEAR the end',
    'the cluster:main is up',
    'they said "quoted" words',
    'an asterisk* and more',
    'handle (carefully) please',
    'Gr\u00fc\u00dfe aus K\u00f6ln',
  ];
  await messages.appendMany(texts.map((text, i) => said('s', text, i)));
  const hits: [string, number][] = [
    ['Kubernetes OR Terraform', 0],
    ['Update NOT required', 1],
    ['running NEAR/5 smoothly', 0],
    ['cluster:main', 1],
    ['cluster-main', 1],
    ['"quoted"', 1],
    ['asterisk*', 1],
    ['(carefully)', 1],
    ['cluster-smoothly', 0],
    ['kubernetes', 1],
    ['Kubernetes cluster', 1],
    ['cluster Kubernetes', 0],
    ['"Kubernetes" OR "Terraform"', 0],
    ['kub', 0],
    ['koln', 1],
    ['', 0],
    ['*"()', 0],
    ['main\0', 1],
    ['missing', 0],
  ];
  for (const [phrase, count] of hits) assertEqual((await messages.search(phrase)).items.length, count, `hits of ${JSON.stringify(phrase)}`);
  assertSame(contents((await messages.search('cluster')).items), ['the cluster:main is up', 'Kubernetes cluster OR something']);
  assertEqual((await messages.search('cluster', { limit: 1 })).items.length, 1);
  assertEqual((await messages.search('cluster', { offset: 1 })).items[0]?.content, texts[0]);
}

async function messages({ messages, sessions }: Workspace): Promise<void> {
  const stored = await messages.appendMany(Array.from({ length: 5 }, (_, i) => said('s', `m${i}`, i * 3_600)));
  assertSame(contents(stored), ['m0', 'm1', 'm2', 'm3', 'm4']);
  assertSame(await messages.get(stored[2]?.id as string), stored[2]);
  assertSame(await messages.appendMany([]), []);
  const range = async (query: Parameters<typeof messages.range>[0]): Promise<string[]> => contents((await messages.range(query)).items);
  assertSame(await range({ from: at(3_600), to: at(4 * 3_600) }), ['m1', 'm2', 'm3']);
  assertSame(await range({ from: iso(3_600) }), ['m1', 'm2', 'm3', 'm4']);
  assertSame(await range({ to: '2026-03-01T14:00:00+01:00' }), ['m0']);
  assertSame(await range({ limit: 2 }), ['m0', 'm1']);
  assertSame(await range({ limit: 0 }), ['m0', 'm1', 'm2', 'm3', 'm4']);
  assertSame(await range({}), ['m0', 'm1', 'm2', 'm3', 'm4']);
  assertSame(contents(await messages.oldest(2)), ['m0', 'm1']);
  assertEqual((await messages.oldest(99)).length, 5);
  for (const n of [0, -1]) await assertFails('invalid-input', () => messages.oldest(n));
  assertEqual(await messages.count(), 5);

  const [a, b] = stored as [Message, Message];
  await assertFails('conflict', () => messages.append({ ...said('s', 'again'), id: a.id }));
  await assertFails('conflict', () => messages.appendMany([said('s', 'new'), { ...said('s', 'again'), id: a.id }]));
  assertEqual(await messages.count(), 5, 'after a batch that failed');
  // A message of the transcript is another than the one that is searched, and may have its id.
  await sessions.create({ id: 's', userId: 'ada' });
  assertEqual((await sessions.append('s', a)).id, a.id);
  assertEqual(await messages.delete([a.id, b.id, 'missing']), 2);
  assertEqual(await messages.delete([]), 0);
  await assertFails('not-found', () => messages.get(a.id));

  const many = await messages.appendMany(Array.from({ length: 1_001 }, (_, i) => said('s', `n${i}`, 1e6)));
  assertEqual(await messages.delete(new Set(many.map(({ id }) => id))), 1_001);
  await messages.appendMany(Array.from({ length: 7 }, (_, i) => said('s', `t${i}`, 2e6)));
  assertEqual(await messages.trim(-1), 0);
  assertEqual(await messages.trim(3), 7);
  assertSame(contents(await messages.oldest(9)), ['t4', 't5', 't6']);
  assertEqual(await messages.trim(0), 3);
  assertEqual(await messages.count(), 0);
}

async function summaries({ summaries }: Workspace): Promise<void> {
  const store = (id: string, hour: number, status: Summary['status']): Promise<Summary> =>
    summaries.store({
      id,
      fromTime: at(hour * 3_600),
      toTime: at((hour + 1) * 3_600),
      status,
      content: `text of ${id}`,
      messageIds: ['b', 'a'],
      createdAt: at(hour),
    });
  const first = await store('a', 0, 'committed');
  await store('b', 1, 'committed');
  await store('c', 2, 'committed');
  await store('p', 3, 'pending');
  assertSame(await summaries.get('a'), first);
  assertSame(first.messageIds, ['b', 'a']);
  assertSame(first.sessionIds, []);
  const ids = (found: Summary[]): string[] => found.map(({ id }) => id);
  assertSame(ids(await summaries.range({ from: at(0), to: at(2 * 3_600) })), ['a', 'b']);
  assertSame(ids(await summaries.range()), ['a', 'b', 'c']);
  assertSame(ids(await summaries.latest(2)), ['c', 'b']);
  assertSame(ids(await summaries.latest(-1)), ['c', 'b', 'a']);
  assertSame(ids(await summaries.pending()), ['p']);
  assertEqual((await summaries.get('p')).status, 'pending');
  await summaries.confirm('p');
  assertSame(ids(await summaries.latest(1)), ['p']);
  const error = await assertFails('conflict', () => summaries.confirm('p'));
  assert(error.message.includes('committed'), error.message);
  await assertFails('not-found', () => summaries.confirm('missing'));
  await assertFails('conflict', () => store('a', 0, 'committed'));
  for (const status of ['', 'done', undefined]) {
    await assertFails('invalid-input', () => summaries.store({ fromTime: at(0), toTime: at(1), status: status as never }));
  }
  await assertFails('invalid-input', () => summaries.store({ fromTime: at(1), toTime: at(0), status: 'pending' }));
  assertEqual(await summaries.delete('a'), true);
  assertEqual(await summaries.delete('a'), false);
}

async function sweeping(workspace: Workspace): Promise<void> {
  const { summaries, vectors, knowledge } = workspace;
  for (const [id, seconds] of [['old', 0], ['new', 100]] as const) {
    await summaries.store({ id, fromTime: at(0), toTime: at(0), status: 'pending', createdAt: at(seconds) });
    await vectors.store(id, [1, 2, 3]);
    await knowledge.putFact({ id: `${id}-fact-1`, entityId: id, predicate: 'is', source: 'compaction' });
  }
  assertSame(await workspace.sweepPending(at(100)), ['old']);
  assertSame((await summaries.pending()).map(({ id }) => id), ['new']);
  assertEqual(await vectors.count(), 1);
  assertSame((await knowledge.findFacts()).items.map(({ id }) => id), ['new-fact-1']);
  assertSame(await workspace.sweepPending(iso(100)), []);
  await assertFails('invalid-input', () => workspace.sweepPending('soon'));
}

async function entities({ knowledge }: Workspace): Promise<void> {
  const properties = { age: 42.5, tags: ['a', null, { deep: true }], '__\u4e16': '\u{1f600}' };
  const ada = await knowledge.putEntity({ id: 'ada', type: 'person', name: 'Ada', properties, createdAt: at(0), updatedAt: at(1) });
  assertSame(ada, { id: 'ada', type: 'person', name: 'Ada', properties, createdAt: iso(0), updatedAt: iso(1) });
  assertSame(await knowledge.entity('ada'), ada);
  const zed = await knowledge.putEntity({ id: 'ada', type: 'robot', name: 'Zed', createdAt: at(0), updatedAt: at(2) });
  assertSame(await knowledge.entity('ada'), zed);
  assertSame(zed.properties, {});
  assertSame((await knowledge.findEntities({ type: 'person' })).items, []);
  await assertFails('not-found', () => knowledge.entity('nobody'));

  await knowledge.putEntities(['50% off', '500 off', '5_ off'].map((name, i) => ({ id: `e${i}`, type: 'offer', name, createdAt: at(i) })));
  const named = async (namePrefix: string): Promise<string[]> =>
    (await knowledge.findEntities({ type: 'offer', namePrefix })).items.map(({ name }) => name);
  assertSame(await named('50'), ['50% off', '500 off']);
  assertSame(await named('50%'), ['50% off']);
  assertSame(await named('5_'), ['5_ off']);
  assertSame((await knowledge.findEntities({ namePrefix: 'zE' })).items.map(({ id }) => id), ['ada']);

  const knows = await knowledge.putRelationship({
    id: 'r1',
    fromId: 'e0',
    toId: 'e1',
    type: 'knows',
    metadata: { since: 2020 },
    createdAt: '2020-05-01T00:00:00Z',
  });
  assertSame(knows, {
    id: 'r1',
    fromId: 'e0',
    toId: 'e1',
    type: 'knows',
    metadata: { since: 2020 },
    createdAt: '2020-05-01T00:00:00.000000000Z',
  });
  await knowledge.putRelationship({ id: 'r2', fromId: 'e1', toId: 'e0', type: 'likes' });
  const of = async (query: Parameters<typeof knowledge.relationships>[1]): Promise<string[]> =>
    (await knowledge.relationships('e0', query)).items.map(({ id }) => id);
  assertSame(await of({}), ['r1', 'r2']);
  assertSame(await of({ direction: 'outgoing' }), ['r1']);
  assertSame(await of({ direction: 'incoming' }), ['r2']);
  assertSame(await of({ type: 'likes' }), ['r2']);
  assertSame((await knowledge.relationships('e0')).items[0], knows);
  await assertFails('not-found', () => knowledge.relationships('nobody'));
  await assertFails('not-found', () => knowledge.putRelationship({ fromId: 'nobody', toId: 'e0', type: 'knows' }));
  await assertFails('not-found', () =>
    knowledge.putRelationships([{ id: 'r3', fromId: 'e0', toId: 'e2', type: 'knows' }, { fromId: 'nobody', toId: 'e0', type: 'x' }]),
  );
  assertSame(await of({}), ['r1', 'r2']);
  await assertFails('conflict', () => knowledge.putRelationship({ id: 'r1', fromId: 'e0', toId: 'e2', type: 'knows' }));
  assertEqual(await knowledge.deleteRelationships(['r2', 'missing']), 1);
  assertEqual(await knowledge.deleteEntities(['e1', 'missing']), 1);
  assertSame(await of({}), []);
}

async function traversal({ knowledge }: Workspace): Promise<void> {
  const chain = ['a', 'b', 'c', 'd'];
  await knowledge.putEntities(chain.map((id) => ({ id, type: 'node' })));
  await knowledge.putRelationships(chain.slice(1).map((id, i) => ({ id: `${chain[i]}${id}`, fromId: chain[i] as string, toId: id, type: i === 2 ? 'far' : 'near' })));
  await knowledge.putFacts([{ entityId: 'a', predicate: 'is', value: 'engineer' }, { entityId: 'd', predicate: 'is', value: 'engineer' }]);
  const reached = async (query: Parameters<typeof knowledge.traverse>[1]): Promise<number> =>
    (await knowledge.traverse('a', query)).entities.length;
  for (const [depth, maxDepth, count] of [[10, 1, 2], [10, 2, 3], [10, 0, 4], [3, 1, 2], [1, 5, 2], [0, 0, 2], [-4, -4, 2]] as const) {
    assertEqual(await reached({ depth, maxDepth }), count, `depth ${depth}, at most ${maxDepth}`);
  }
  assertEqual(await reached({}), 2);
  assertEqual(await reached({ depth: 9, types: ['near'] }), 3);
  const { entities, relationships } = await knowledge.traverse('b', { depth: 2 });
  assertSame(entities.map(({ id, properties }) => [id, properties]), chain.map((id) => [id, {}]));
  assertSame(relationships.map(({ id }) => id), ['ab', 'bc', 'cd']);
  await assertFails('not-found', () => knowledge.traverse('nobody'));
}

async function facts({ knowledge }: Workspace): Promise<void> {
  const fact = await knowledge.putFact({ id: 'f', entityId: 'ada', predicate: 'likes', value: 'tea', source: 's1', createdAt: at(0) });
  assertSame(fact, { id: 'f', entityId: 'ada', predicate: 'likes', value: 'tea', confidence: 1, source: 's1', createdAt: iso(0) });
  await knowledge.putFact({ id: 'g', entityId: 'ada', predicate: 'likes', value: 'tea', confidence: 0.25, source: 's2', createdAt: at(1) });
  assertSame((await knowledge.findFacts()).items.map(({ id, confidence }) => [id, confidence]), [['g', 0.25]]);
  await knowledge.putFacts([
    { id: 'h', entityId: 'ada', predicate: 'type', value: 'x', source: 's2', createdAt: at(2) },
    { id: 'i', entityId: 'bob', predicate: 'likes', source: '', createdAt: at(3) },
  ]);
  const found = async (query: Parameters<typeof knowledge.findFacts>[0]): Promise<string[]> =>
    (await knowledge.findFacts(query)).items.map(({ id }) => id);
  assertSame(await found({}), ['i', 'h', 'g']);
  assertSame(await found({ entityId: 'ada' }), ['h', 'g']);
  assertSame(await found({ predicate: 'likes' }), ['i', 'g']);
  assertSame(await found({ source: 's2', entityId: 'ada', predicate: 'type' }), ['h']);
  await assertFails('conflict', () => knowledge.putFact({ id: 'i', entityId: 'bob', predicate: 'hates' }));
  await assertFails('conflict', () => knowledge.putFacts([{ entityId: 'new', predicate: 'p' }, { id: 'i', entityId: 'bob', predicate: 'hates' }]));
  for (const confidence of [Number.NaN, Infinity]) {
    await assertFails('invalid-input', () => knowledge.putFact({ entityId: 'a', predicate: 'b', confidence }));
  }
  assertSame(await found({ entityId: 'new' }), []);
  assertEqual(await knowledge.deleteFactsBySource('nothing'), 0);
  assertEqual(await knowledge.deleteFactsBySource('s2'), 2);
  assertEqual(await knowledge.deleteFactsBySource(''), 1);
  await knowledge.putFacts([{ id: 'x', entityId: 'a', predicate: 'b' }, { id: 'y', entityId: 'a', predicate: 'c' }]);
  assertEqual(await knowledge.deleteFacts(['x', 'missing']), 1);
  assertSame(await found({}), ['y']);
}

async function vectors({ vectors }: Workspace, store: Store): Promise<void> {
  assertSame([vectors.dimensions, vectors.metric], [3, 'l2']);
  await vectors.store('x', [1, 0, 0], { kind: 'a', version: 1 });
  await vectors.storeMany([
    { id: 'y', vector: [0.9, 0.1, 0], metadata: { kind: 'b' } },
    { id: 'z', vector: new Float32Array([0, 1, 0]) },
  ]);
  const hits = await vectors.search([1, 0, 0], { k: 2 });
  assertSame(hits.map(({ id, metadata }) => [id, metadata]), [['x', { kind: 'a', version: 1 }], ['y', { kind: 'b' }]]);
  assertEqual(hits[0]?.score, 0);
  assert(Math.abs((hits[1]?.score as number) - Math.SQRT2 / 10) < 1e-6, `score ${hits[1]?.score}`);
  assertSame((await vectors.search([1, 0, 0], { filter: { kind: 'b' } })).map(({ id }) => id), ['y']);
  await vectors.store('x', [0, 0, 1], { version: 2 });
  assertSame(await vectors.get('x'), { id: 'x', vector: new Float32Array([0, 0, 1]), metadata: { version: 2 } });
  assertEqual(await vectors.get('missing'), undefined);
  assertEqual(await vectors.count(), 3);
  assertEqual(await vectors.delete(['x', 'y', 'missing']), 2);
  assertEqual(await vectors.delete([]), 0);
  assertSame((await vectors.search([1, 0, 0], { k: 10 })).map(({ id }) => id), ['z']);
  for (const vector of [[], [1, 2], [1, 2, 3, 4], [1, Number.NaN, 3], [1, Infinity, 3]]) {
    await assertFails('invalid-input', () => vectors.store('bad', vector));
    await assertFails('invalid-input', () => vectors.search(vector));
  }
  await assertFails('invalid-input', () => vectors.delete('x' as never));
  await assertFails('conflict', () => store.workspace({ dimensions: 4 }));
  await assertFails('conflict', () => store.workspace({ metric: 'cosine' }));
  assertEqual((await store.workspace({ dimensions: 3, metric: 'l2' })).vectors.dimensions, 3);
}
