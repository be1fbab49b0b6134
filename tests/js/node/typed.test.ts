/** The typed stores in Node. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, test } from 'node:test';

import { open, openGateway, openWorkspace, type SnapshotStorage, type Store } from 'sigil-store';
import { MemoryStorage } from 'sigil-store/storage/memory';

import { typedRules } from '../conformance/typed.js';
import { assert, assertEqual, assertFails, assertSame, fresh } from '../harness.js';
import { storesIn } from './kinds.js';

const { at, kinds, root } = storesIn('sigil-typed-');
after(() => fs.rmSync(root, { recursive: true, force: true }));

for (const { name, run } of kinds.flatMap(typedRules)) test(name, run);

test('a workspace that is opened alone owns its store', async () => {
  const directory = at(fresh('workspace'));
  const workspace = await openWorkspace(directory, { id: 'home', dimensions: 3, metric: 'cosine', times: 'date', mode: 'image' });
  const session = await workspace.sessions.create({ userId: 'ada' });
  assert(session.createdAt instanceof Date, 'no Date');
  assertEqual((await workspace.store.durability()).mode, 'image');
  await assertFails('locked', () => openWorkspace(directory));
  await workspace.close();
  await assertFails('closed', () => workspace.store.query('SELECT 1'));
  // An open that is refused lets go of the store.
  await assertFails('conflict', () => openWorkspace(directory, { id: 'work', mode: 'image' }));
  await assertFails('invalid-input', () => openWorkspace(directory, { times: 'unix' as never }));
  await assertFails('invalid-input', () => openWorkspace(directory, { dimension: 3 } as never));
  await assertFails('invalid-input', () => openWorkspace(directory, 'options' as never));
  const again = await openWorkspace(directory, { mode: 'image' });
  assertEqual((await again.sessions.get(session.id)).createdAt.slice(0, 23), session.createdAt.toISOString().slice(0, 23));
  await again[Symbol.asyncDispose]();
  const store = await open(directory, { mode: 'image' });
  assertEqual((await store.workspace()).id, 'home');
  await store.close();
});

test('a gateway that is opened alone owns its store', async () => {
  const directory = at(fresh('gateway'));
  const gateway = await openGateway(directory);
  await gateway.users.create({ id: 'ada' });
  await gateway.close();
  await assertFails('closed', () => gateway.users.list());
  await assertFails('invalid-input', () => openGateway(directory, { dimensions: 3 } as never));
  const again = await openGateway(directory, { times: 'date' });
  assert((await again.users.get('ada')).createdAt instanceof Date, 'no Date');
  await again.close();
});

test('what is on the files when a call resolves, a process that is killed then leaves behind', async () => {
  const directory = at(fresh('workspace'));
  const workspace = await openWorkspace(directory, { dimensions: 3 });
  await workspace.messages.append({ sessionId: 's', role: 'user', content: 'kept' });
  // Copied as they are, without a close: what a crash of the process would leave.
  const copy = at(fresh('copy'));
  fs.cpSync(directory, copy, { recursive: true, filter: (file) => !file.endsWith('lock') });
  await workspace.close();
  const found = await openWorkspace(copy);
  assertEqual((await found.messages.oldest(1))[0]?.content, 'kept');
  await found.close();
});

/** Which of the words are in a file of the directory. */
function wordsIn(directory: string, words: string[]): string[] {
  const bytes = fs.readdirSync(directory).map((name) => fs.readFileSync(path.join(directory, name)));
  return words.filter((word) => bytes.some((one) => one.includes(word)));
}

const SECRETS = ['secretsession', 'secretcontent', 'secretmetadata', 'secretfact', 'secretvector', 'secretsummary', 'secretuser', 'secretname', 'secretchannel'];

/** Stores every secret, beside much that is none. */
async function fillWithSecrets(store: Store): Promise<void> {
  const workspace = await store.workspace({ dimensions: 3 });
  const gateway = await store.gateway();
  await workspace.sessions.create({ id: 'secretsession', userId: 'secretuser' });
  for (let i = 0; i < 30; i++) {
    const said = await workspace.sessions.append('secretsession', {
      role: 'user',
      content: 'secretcontent '.repeat(i * 20 + 1),
      metadata: { note: 'secretmetadata' },
    });
    await workspace.messages.append(said);
    await workspace.messages.append({ sessionId: 'other', role: 'user', content: `kept ${i}` });
    await workspace.vectors.store(said.id, [i, 2, 3], { session_id: 'secretsession', text: 'secretvector' });
  }
  await workspace.knowledge.putFact({ entityId: 'a', predicate: 'b', value: 'secretfact', source: 'secretsession' });
  await workspace.compact({ batch: 20, summarize: () => 'secretsummary', embed: () => [1, 2, 3] });
  await gateway.users.create({ id: 'secretuser', name: 'secretname' });
  await gateway.pairings.create({ userId: 'secretuser', channelType: 'a', channelId: 'secretchannel' });
  await store.flush();
}

for (const mode of ['files', 'image'] as const) {
  test(`what is forgotten is in no file any more, in mode ${mode}`, async () => {
    const directory = at(fresh('forget'));
    let store = await open(directory, { mode });
    await fillWithSecrets(store);
    assertSame(wordsIn(directory, SECRETS), SECRETS);
    const workspace = await store.workspace();
    const forgotten = await workspace.forget({ user: 'secretuser' });
    assertSame([forgotten.sessions, forgotten.transcript, forgotten.summaries, forgotten.facts], [1, 30, 1, 1]);
    const gateway = await store.gateway();
    const busy = workspace.messages.append({ sessionId: 'other', role: 'user', content: 'kept meanwhile' });
    await gateway.forgetUser('secretuser', 'admin');
    await busy;
    const { items } = await gateway.audit.query();
    assertSame(items.map(({ details }) => details), [{ userId: 'secretuser' }]);
    // The log names who was forgotten, and nothing else does.
    assertSame(wordsIn(directory, SECRETS), ['secretuser']);
    await store.close();
    assertSame(wordsIn(directory, SECRETS), ['secretuser']);
    store = await open(directory, { mode });
    const kept = await (await store.workspace()).messages.search('kept', { limit: 99 });
    assert(kept.items.length > 20 && kept.items[0]?.content === 'kept meanwhile', `${kept.items.length} are kept`);
    await store.close();
  });

  test(`SQL can delete and scrub, in mode ${mode}`, async () => {
    const directory = at(fresh('scrub'));
    const store = await open(directory, { mode });
    await store.exec('CREATE TABLE t (a)');
    await store.exec("INSERT INTO t VALUES ('a secret'), ('kept')");
    await store.exec("DELETE FROM t WHERE a = 'a secret'");
    assertSame(wordsIn(directory, ['a secret', 'kept']), ['a secret', 'kept']);
    await assertFails('busy', () => store.transaction(() => store.scrub()));
    await store.scrub();
    assertSame(wordsIn(directory, ['a secret', 'kept']), ['kept']);
    await store.close();
    await assertFails('closed', () => store.scrub());
  });
}

test('forgetting says when the storage keeps what it should remove, and may be tried again', async () => {
  const memory = new MemoryStorage();
  let keeps = true;
  const storage: SnapshotStorage = {
    read: (name) => memory.read(name),
    replace: (name, bytes) => memory.replace(name, bytes),
    remove: async (name) => {
      if (keeps) throw new Error('not now');
      await memory.remove(name);
    },
  };
  const store = await open('custom', { storage });
  const workspace = await store.workspace({ dimensions: 3 });
  await workspace.sessions.create({ id: 's', userId: 'ada' });
  await store.flush();
  const error = await assertFails('storage', () => workspace.forget({ session: 's' }));
  assert(error.message.includes('try again'), error.message);
  await assertFails('not-found', () => workspace.sessions.get('s'));
  await assertFails('storage', () => workspace.forget('workspace'));
  keeps = false;
  // It is not there any more, and now it is nowhere.
  await assertFails('not-found', () => workspace.forget({ session: 's' }));
  await workspace.forget('workspace');
  await store.close();
});
