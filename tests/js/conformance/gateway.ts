/** What a gateway must do, in every store. */

import type { AuditEntry, Gateway, NewUser, Store, User } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, type Rule } from '../harness.js';
import { at, collect, iso } from './memory.js';
import type { StoreKind } from './store.js';

/** The rules of a gateway. */
export function gatewayRules(kind: StoreKind): Rule[] {
  const rule = (name: string, test: (gateway: Gateway, store: Store) => Promise<void>): Rule => ({
    name: `gateway ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('gateway'));
      try {
        await test(await store.gateway(), store);
      } finally {
        await store.close();
      }
    },
  });
  return [
    rule('users are stored with who they are elsewhere', users),
    rule('a channel has one pairing, the first', pairings),
    rule('the audit log is added to and asked', audit),
    rule('long lists are whole, also among equal times', listings),
    rule('a transaction commits all stores, or none', transactions),
    rule('a user is forgotten, and the log says so', forgetting),
    rule('bad input is refused by name, and changes nothing', badInput),
  ];
}

const mail = (platformUserId: string, displayName?: string): NonNullable<NewUser['identities']>[number] => ({
  platform: 'mail',
  platformUserId,
  ...(displayName === undefined ? {} : { displayName }),
});

async function users({ users }: Gateway): Promise<void> {
  const identities = [{ platform: 'z', platformUserId: '1', displayName: 'Z' }, mail('b'), mail('a', 'A')];
  const ada = await users.create({ name: 'Ada', role: 'admin', identities, createdAt: at(0), updatedAt: at(1) });
  assertSame(ada, {
    id: ada.id,
    name: 'Ada',
    role: 'admin',
    identities: [mail('a', 'A'), mail('b', ''), { platform: 'z', platformUserId: '1', displayName: 'Z' }],
    createdAt: iso(0),
    updatedAt: iso(1),
  });
  assertSame(await users.get(ada.id), ada);
  assertSame(await users.getByIdentity('mail', 'b'), ada);
  await assertFails('not-found', () => users.get('nobody'));
  await assertFails('not-found', () => users.getByIdentity('mail', 'nobody'));
  await assertFails('conflict', () => users.create({ id: ada.id }));
  await assertFails('conflict', () => users.create({ id: 'bob', identities: [mail('new'), mail('a')] }));
  await assertFails('not-found', () => users.get('bob'));
  await assertFails('not-found', () => users.getByIdentity('mail', 'new'));

  const updated = await users.update({ ...ada, role: '', identities: [mail('c', 'C')], createdAt: at(9), updatedAt: at(2) });
  assertSame(updated, { ...ada, role: '', identities: [mail('c', 'C')], updatedAt: iso(2) });
  await assertFails('not-found', () => users.getByIdentity('mail', 'a'));
  const { createdAt: _, updatedAt: __, ...rest } = ada;
  const now = await users.update({ ...rest, identities: [mail('c')] });
  assertEqual(now.createdAt, iso(0));
  assert(now.updatedAt > iso(2), now.updatedAt);
  assertSame(now.identities, [mail('c', '')]);
  await assertFails('not-found', () => users.update({ ...ada, id: 'nobody', identities: [] }));
  await assertFails('invalid-input', () => users.update({ id: ada.id, name: 'Ada' } as never));
  const bob = await users.create({ identities: [mail('bob')] });
  await assertFails('conflict', () => users.update({ ...ada, identities: [mail('bob')] }));
  assertSame((await users.get(ada.id)).identities, [mail('c', '')]);
  await users.delete(bob.id);
  await assertFails('not-found', () => users.delete(bob.id));
  assertSame((await users.create({ id: 'bob', identities: [mail('bob')] })).name, '');
}

async function pairings({ pairings, users }: Gateway): Promise<void> {
  await users.create({ id: 'ada' });
  await users.create({ id: 'bob' });
  const channel = { channelType: 'chat', channelId: 'c1' };
  const made = await pairings.create({ userId: 'ada', ...channel, createdAt: at(0) });
  assertEqual(made.inserted, true);
  assertSame(await pairings.getByChannel('chat', 'c1'), {
    id: made.id,
    userId: 'ada',
    ...channel,
    workspaceId: '',
    status: 'pending',
    createdAt: iso(0),
  });
  assertSame(await pairings.create({ userId: 'bob', ...channel, status: 'active' }), { id: made.id, inserted: false });
  assertEqual((await pairings.getByChannel('chat', 'c1')).userId, 'ada');
  await pairings.setStatus(made.id, 'denied');
  assertEqual((await pairings.getByChannel('chat', 'c1')).status, 'denied');
  await assertFails('not-found', () => pairings.setStatus('missing', 'denied'));
  await assertFails('invalid-input', () => pairings.setStatus(made.id, 'open' as never));
  await pairings.create({ id: 'p2', userId: 'ada', channelType: 'mail', channelId: 'c1', workspaceId: 'home', createdAt: at(2) });
  await pairings.create({ id: 'p3', userId: 'ada', channelType: 'chat', channelId: 'c2', createdAt: at(1) });
  assertSame((await pairings.getByUser('ada')).map(({ id }) => id), [made.id, 'p3', 'p2']);
  assertSame(await pairings.getByUser('bob'), []);
  await assertFails('not-found', () => pairings.create({ userId: 'nobody', channelType: 'chat', channelId: 'c9' }));
  await assertFails('conflict', () => pairings.create({ id: 'p2', userId: 'ada', channelType: 'chat', channelId: 'c9' }));
  await pairings.delete('p2');
  await assertFails('not-found', () => pairings.delete('p2'));
  await assertFails('not-found', () => pairings.getByChannel('mail', 'c1'));
  await users.delete('ada');
  assertSame(await pairings.getByUser('ada'), []);
}

async function audit({ audit }: Gateway): Promise<void> {
  const entry = await audit.append({
    id: 'a0',
    timestamp: at(0),
    action: 'tool.call',
    actor: 'ada',
    plugin: 'clock',
    workspaceId: 'home',
    sessionId: 's1',
    details: { tool: 'now', ms: 42 },
    result: 'ok',
  });
  assertSame((await audit.query()).items, [entry]);
  assertSame(entry.details, { tool: 'now', ms: 42 });
  await assertFails('conflict', () => audit.append({ id: 'a0' }));
  for (let i = 1; i < 4; i++) {
    await audit.append({ id: `a${i}`, timestamp: at(i / 2), action: i % 2 === 0 ? 'tool.call' : 'login', actor: 'bob' });
  }
  const ids = async (query: Parameters<typeof audit.query>[0]): Promise<string[]> => (await audit.query(query)).items.map(({ id }) => id);
  assertSame(await ids({ action: 'tool.call' }), ['a0', 'a2']);
  assertSame(await ids({ actor: 'bob' }), ['a1', 'a2', 'a3']);
  assertSame(await ids({ plugin: 'clock', workspaceId: 'home', sessionId: 's1' }), ['a0']);
  assertSame(await ids({ from: at(0.5), to: at(1.5) }), ['a1', 'a2']);
  assertSame(await ids({ to: iso(1) }), ['a0', 'a1']);
  assertSame(await ids({ limit: 2, offset: 1 }), ['a1', 'a2']);
  const plain: AuditEntry = (await audit.query({ offset: 3 })).items[0] as AuditEntry;
  assertSame(plain, {
    id: 'a3',
    timestamp: '2026-03-01T12:00:01.500000000Z',
    action: 'login',
    actor: 'bob',
    plugin: '',
    workspaceId: '',
    sessionId: '',
    details: {},
    result: '',
  });
  await Promise.all(Array.from({ length: 50 }, (_, i) => audit.append({ action: 'burst', details: { i } })));
  assertSame((await audit.query({ action: 'burst' })).items.map(({ details }) => details['i']), Array.from({ length: 50 }, (_, i) => i));
}

async function listings({ users, audit }: Gateway): Promise<void> {
  const ids = Array.from({ length: 17 }, (_, i) => `i${String(i).padStart(2, '0')}`);
  await Promise.all(ids.map((id, i) => users.create({ id, identities: [mail(id)], createdAt: at(Math.floor(i / 8)) })));
  await Promise.all(ids.map((id, i) => audit.append({ id, action: 'x', timestamp: at(Math.floor(i / 8)) })));
  const all = async (list: AsyncIterable<{ id: string }>): Promise<string[]> => (await collect(list)).map(({ id }) => id);
  for (const limit of [1, 5, 16, 17, 0]) {
    assertSame(await all(users.list({ limit })), ids);
    assertSame(await all(audit.query({ limit, action: 'x', to: at(99) })), ids);
  }
  assertSame((await users.list({ limit: 2, offset: 3 })).items.map(({ identities }) => identities), [[mail('i03', '')], [mail('i04', '')]]);
}

async function transactions(gateway: Gateway, store: Store): Promise<void> {
  // A store may hold a gateway and a workspace.
  const workspace = await store.workspace({ dimensions: 3 });
  const thrown = new Error('no');
  const caught = await gateway
    .transaction(async (tx) => {
      await tx.users.create({ id: 'ada' });
      await tx.pairings.create({ userId: 'ada', channelType: 'a', channelId: 'b' });
      await tx.audit.append({ action: 'x' });
      throw thrown;
    })
    .catch((error: unknown) => error);
  assertEqual(caught, thrown);
  assertSame((await gateway.users.list()).items.length + (await gateway.audit.query()).items.length, 0);
  const made: User = await gateway.transaction(async (tx) => {
    await tx.audit.append({ action: 'x' });
    await tx.store.exec('CREATE TABLE mine (a)');
    return tx.users.create({ id: 'ada' });
  });
  assertSame(await gateway.users.get('ada'), made);
  assertEqual((await gateway.audit.query()).items.length, 1);
  assertSame(await store.query('SELECT * FROM mine'), []);
  assertEqual((await workspace.sessions.list()).items.length, 0);
  await assertFails('busy', () => gateway.transaction(() => gateway.users.get('ada') as never));
}

async function forgetting(gateway: Gateway): Promise<void> {
  const { users, pairings, audit } = gateway;
  await users.create({ id: 'ada', identities: [mail('ada')] });
  await pairings.create({ userId: 'ada', channelType: 'a', channelId: 'b' });
  await gateway.forgetUser('ada', 'admin');
  await assertFails('not-found', () => users.get('ada'));
  await assertFails('not-found', () => pairings.getByChannel('a', 'b'));
  await gateway.forgetUser('ada', 'admin');
  const { items } = await audit.query({ action: 'forget.user', actor: 'admin' });
  assertSame(items.map(({ details, result }) => [details, result]), Array(2).fill([{ userId: 'ada' }, 'ok']));
  await assertFails('invalid-input', () => gateway.forgetUser('ada', undefined as never));
}

async function badInput({ users, pairings, audit }: Gateway): Promise<void> {
  const bad: [() => unknown, string][] = [
    [() => users.create(undefined as never), 'user'],
    [() => users.create({ id: '' }), 'id'],
    [() => users.create({ id: 'a\0b' }), 'NUL'],
    [() => users.create({ nmae: 'x' } as never), 'nmae'],
    [() => users.create({ name: 1 as never }), 'name'],
    [() => users.create({ name: '\udc00' }), 'name'],
    [() => users.create({ identities: [{ platform: 'x' } as never] }), 'platformUserId'],
    [() => users.create({ identities: [mail('')] }), 'platform'],
    [() => users.create({ identities: 'mail' as never }), 'identities'],
    [() => users.create({ createdAt: 5 as never }), 'createdAt'],
    [() => users.list({ limit: Number.NaN }), 'limit'],
    [() => users.list({ offset: Infinity }), 'offset'],
    [() => users.list({ cursor: 'x' } as never), 'cursor'],
    [() => pairings.create({ userId: 'ada', channelType: 'a', channelId: 'b', status: 'open' as never }), 'status'],
    [() => pairings.create({ userId: 'ada', channelType: 'a' } as never), 'channelId'],
    [() => audit.append({ details: { when: new Date() as never } }), 'details'],
    [() => audit.append({ details: { n: Number.NaN } }), 'NaN'],
    [() => audit.append({ details: { n: 1n as never } }), 'details'],
    [() => audit.append({ details: ['x'] as never }), 'details'],
    [() => audit.query({ from: 'yesterday' }), 'from'],
    [() => audit.query({ to: new Date(Number.NaN) }), 'to'],
    [() => audit.query({ result: 'ok' } as never), 'result'],
  ];
  for (const [call, name] of bad) {
    const error = await assertFails('invalid-input', call);
    assert(error.message.includes(name), `'${name}' is not named: ${error.message}`);
  }
  await assertFails('limit', () => users.create({ name: 'x'.repeat(65_537) }));
  assertSame((await users.list()).items, []);
  assertSame((await audit.query()).items, []);
}
