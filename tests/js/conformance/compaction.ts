/** Compaction, whose functions are asynchronous and may take their time. */

import type { CompactOptions, Message, Store, Workspace } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, type Rule } from '../harness.js';
import { at, contents, iso, said } from './memory.js';
import type { StoreKind } from './store.js';

/** The rules of compaction. */
export function compactionRules(kind: StoreKind): Rule[] {
  const rule = (name: string, test: (workspace: Workspace, store: Store) => Promise<void>): Rule => ({
    name: `compaction ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('compaction'));
      try {
        const workspace = await store.workspace({ dimensions: 3 });
        const messages = await workspace.messages.appendMany(Array.from({ length: 7 }, (_, i) => said(`s${i % 2}`, `m${i}`, i)));
        await workspace.vectors.storeMany(messages.map(({ id }) => ({ id, vector: [1, 2, 3] })));
        await test(workspace, store);
      } finally {
        await store.close();
      }
    },
  });
  return [
    rule('a batch becomes a summary, its facts and its vector', passes),
    rule('messages that arrive while it waits stay, and other calls go on', meanwhile),
    rule('what a function throws is what it rejects with, and nothing changes', failures),
    rule('what a function gives is checked, and nothing changes', badResults),
    rule('a batch that changed while it was summarised is left alone', conflicts),
    rule('bad options are refused', badOptions),
  ];
}

const functions: Pick<CompactOptions, 'summarize' | 'embed'> = {
  summarize: async (messages) => contents(messages).join(' '),
  embed: (text) => [text.length, 0, 0],
};

const slow = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Everything that a compaction could change. */
async function state({ messages, summaries, knowledge, vectors }: Workspace): Promise<unknown[]> {
  return [
    contents((await messages.range()).items),
    (await summaries.latest(-1)).map(({ content }) => content),
    (await summaries.pending()).length,
    (await knowledge.findFacts()).items.map(({ value, confidence }) => [value, confidence]),
    await vectors.count(),
  ];
}

async function passes(workspace: Workspace): Promise<void> {
  const seen: string[][] = [];
  const done = await workspace.compact({
    ...functions,
    batch: 3,
    maxPasses: 9,
    summarize: (messages) => {
      seen.push(contents(messages));
      // Nobody else sees what a function does to its messages.
      for (const message of messages.splice(1)) message.content = 'changed';
      return seen.at(-1)?.join(' ') as string;
    },
    extract: async (messages) => {
      assertEqual(messages.length, 3, 'messages for the extractor');
      await slow(1);
      return [0.5, 7, -7, Number.NaN, undefined].map((confidence, i) => ({
        entityId: 'ada',
        predicate: 'says',
        value: `${messages[0]?.content} ${i}`,
        ...(confidence === undefined ? {} : { confidence }),
      }));
    },
  });
  assertSame(seen, [['m0', 'm1', 'm2'], ['m3', 'm4', 'm5']]);
  assertSame(done.map(({ messages, facts }) => [messages, facts]), [[3, 5], [3, 5]]);
  const [first] = done;
  const summary = await workspace.summaries.get(first?.summaryId as string);
  assertSame([summary.content, summary.fromTime, summary.toTime, summary.status], ['m0 m1 m2', iso(0), iso(2), 'committed']);
  assertSame(summary.sessionIds, ['s0', 's1']);
  assertEqual(summary.messageIds.length, 3);
  const vector = await workspace.vectors.get(summary.id);
  assertSame(vector?.vector, new Float32Array([8, 0, 0]));
  assertEqual(vector?.metadata['kind'], 'summary');
  const [messages, texts, pending, facts, vectors] = await state(workspace);
  assertSame([messages, texts, pending, vectors], [['m6'], ['m3 m4 m5', 'm0 m1 m2'], 0, 3]);
  const expected = ['m3', 'm0'].flatMap((value) => [4, 3, 2, 1, 0].map((i) => [`${value} ${i}`, [0.5, 1, 0, 0, 0][i]]));
  assertSame((facts as unknown[]).length, 10);
  for (const fact of expected) assert(JSON.stringify(facts).includes(JSON.stringify(fact)), `no fact ${JSON.stringify(fact)}`);
  assertSame((await workspace.knowledge.findFacts({ source: 'compaction' })).items.length, 10);
  assertSame(await workspace.compact({ ...functions, batch: 3, maxPasses: 9 }), []);
  assertSame(await workspace.compact(functions), []);
}

async function meanwhile(workspace: Workspace): Promise<void> {
  const log: string[] = [];
  const compacting = workspace.compact({
    batch: 5,
    summarize: async (messages) => {
      log.push('summarize');
      await slow(20);
      // An older message than those of the batch is not one of them.
      await workspace.messages.append(said('s', 'from inside', -5));
      await workspace.transaction((tx) => tx.messages.append(said('s', 'from a transaction', 50)));
      return contents(messages).join(' ');
    },
    embed: async (text) => {
      log.push('embed');
      await slow(20);
      return Float32Array.of(text.length, 1, 1);
    },
  });
  await slow(1);
  for (let i = 0; i < 3; i++) await workspace.messages.append(said('s', `late ${i}`, 60 + i));
  log.push('appended');
  const [pass] = await compacting;
  assertEqual(pass?.messages, 5);
  assertSame(log.sort(), ['appended', 'embed', 'summarize']);
  assertSame((await state(workspace)).slice(0, 2), [
    ['from inside', 'm5', 'm6', 'from a transaction', 'late 0', 'late 1', 'late 2'],
    ['m0 m1 m2 m3 m4'],
  ]);
  assertSame((await workspace.messages.search('late')).items.length, 3);
  assertSame((await workspace.messages.search('m0')).items.length, 0);
}

async function failures(workspace: Workspace): Promise<void> {
  const before = await state(workspace);
  const thrown: unknown[] = [new RangeError('no model'), 'a string', undefined, { code: 'conflict', message: 'not ours' }];
  for (const [i, error] of thrown.entries()) {
    for (const part of ['summarize', 'embed', 'extract'] as const) {
      const fail = (): never => {
        throw error;
      };
      const failLater = async (): Promise<never> => {
        await slow(1);
        throw error;
      };
      const caught = await workspace.compact({ ...functions, batch: 3, [part]: i % 2 === 0 ? fail : failLater }).then(
        () => 'nothing was thrown',
        (reason: unknown) => reason,
      );
      assertEqual(caught, error, part);
    }
  }
  assertSame(await state(workspace), before);
  // The passes before the failing one have been done.
  let calls = 0;
  const caught = await workspace
    .compact({
      ...functions,
      batch: 3,
      maxPasses: 2,
      embed: () => {
        if (++calls === 2) throw new Error('the second');
        return [1, 2, 3];
      },
    })
    .catch((error: unknown) => error);
  assertEqual((caught as Error).message, 'the second');
  assertSame((await state(workspace))[0], ['m3', 'm4', 'm5', 'm6']);
}

async function badResults(workspace: Workspace): Promise<void> {
  const before = await state(workspace);
  const bad: Partial<Record<keyof CompactOptions, unknown>>[] = [
    { summarize: () => undefined },
    { summarize: () => 42 },
    { summarize: () => 'half \ud83d' },
    { embed: () => [1, 2] },
    { embed: () => [1, Number.NaN, 3] },
    { embed: () => 'vector' },
    { embed: () => undefined },
    { extract: () => undefined },
    { extract: () => [null] },
    { extract: () => [{ entityId: 'a' }] },
    { extract: () => [{ entityId: 'a', predicate: 'b', sure: 1 }] },
    { extract: () => [{ entityId: 'a', predicate: 'b', confidence: '1' }] },
  ];
  for (const part of bad) {
    await assertFails('invalid-input', () => workspace.compact({ ...functions, batch: 3, ...part } as CompactOptions));
  }
  assertSame(await state(workspace), before);
  // A fact about nothing, or that says nothing, is left out.
  const facts = [{ entityId: '', predicate: 'a' }, { entityId: 'a', predicate: '' }, { entityId: 'a', predicate: 'b' }];
  assertEqual((await workspace.compact({ ...functions, batch: 3, extract: () => facts }))[0]?.facts, 1);
}

async function conflicts(workspace: Workspace): Promise<void> {
  const oldest = await workspace.messages.oldest(2);
  const error = await assertFails('conflict', () =>
    workspace.compact({
      ...functions,
      batch: 3,
      summarize: async (messages: Message[]) => {
        await workspace.messages.delete([oldest[1]?.id as string]);
        return contents(messages).join();
      },
    }),
  );
  assert(error.message.includes('another batch'), error.message);
  assertSame((await state(workspace)).slice(0, 2), [['m0', 'm2', 'm3', 'm4', 'm5', 'm6'], []]);
  // Of two that take the same batch, one does it.
  const both = await Promise.allSettled([
    workspace.compact({ ...functions, batch: 3 }),
    workspace.compact({ ...functions, batch: 3 }),
  ]);
  assertSame(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  await assertFails('conflict', () => Promise.reject(both.find((one) => one.status === 'rejected')?.reason));
  assertSame((await state(workspace)).slice(0, 2), [['m4', 'm5', 'm6'], ['m0 m2 m3']]);
  assertSame(await workspace.compact({ ...functions, batch: 3, maxPasses: 2 }).then((done) => done.length), 1);
  await workspace.messages.append({ ...said('s', 'x', 0), createdAt: at(9) });
}

async function badOptions(workspace: Workspace, store: Store): Promise<void> {
  const bad: unknown[] = [
    undefined,
    {},
    'all',
    { ...functions, batch: 0 },
    { ...functions, batch: -1 },
    { ...functions, batch: 1.5 },
    { ...functions, batch: Number.NaN },
    { ...functions, batch: 2 ** 40 },
    { ...functions, maxPasses: 0 },
    { ...functions, passes: 2 },
    { summarize: functions.summarize },
    { embed: functions.embed },
    { ...functions, summarize: 'tersely' },
    { ...functions, extract: null },
  ];
  for (const options of bad) await assertFails('invalid-input', () => workspace.compact(options as CompactOptions));
  assertEqual(await workspace.messages.count(), 7);
  // A store that is closed meanwhile takes nothing any more.
  await assertFails('closed', () =>
    workspace.compact({
      ...functions,
      batch: 3,
      summarize: async () => {
        await store.close();
        return 'too late';
      },
    }),
  );
}
