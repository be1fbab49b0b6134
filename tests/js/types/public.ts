/**
 * The package's types as a program sees them that has neither the DOM's nor Node's, with every check
 * of declaration files on. This file is compiled and never run.
 */

import {
  createVectorIndex,
  cursorAfter,
  marked,
  open,
  openGateway,
  openVectorIndex,
  openWorkspace,
  pieces,
  SigilError,
  SIGIL_ERROR_CODES,
  type CompactOptions,
  type Durability,
  type Explanation,
  type Gateway,
  type Integer,
  type Listing,
  type MemoryHit,
  type MemorySearch,
  type Message,
  type NewMessage,
  type OpenOptions,
  type Page,
  type Precision,
  type SearchCursor,
  type SearchHit,
  type Session,
  type SigilErrorCode,
  type SnapshotStorage,
  type Store,
  type TextCursor,
  type TextFacets,
  type TextHit,
  type TextIndex,
  type TextIndexInfo,
  type TextQuery,
  type Time,
  type VectorSearch,
  type Workspace,
  type WorkspaceStores,
} from 'sigil-store';
import { NodeFiles } from 'sigil-store/files/node';
import { OpfsFiles } from 'sigil-store/files/opfs';
import { IndexedDbStorage } from 'sigil-store/storage/indexeddb';
import { MemoryStorage } from 'sigil-store/storage/memory';
import { NodeStorage } from 'sigil-store/storage/node';
import { OpfsStorage } from 'sigil-store/storage/opfs';

export const storages: Promise<SnapshotStorage>[] = [
  Promise.resolve(new MemoryStorage()),
  NodeStorage.open('directory'),
  OpfsStorage.open('name'),
  IndexedDbStorage.open('name'),
];

export const files = [NodeFiles.open('directory'), OpfsFiles.open('name', ['slot'])];

export const own: OpenOptions = {
  storage: {
    read: async (name: string) => (name === '' ? undefined : new Uint8Array()),
    replace: async () => undefined,
    remove: async () => undefined,
  },
};

// @ts-expect-error: a storage is one of the named ones or an object
export const unknownStorage: OpenOptions = { storage: 'localstorage' };

// @ts-expect-error: codes are a closed list
export const unknownCode: SigilErrorCode = 'teapot';

export const codes: readonly SigilErrorCode[] = SIGIL_ERROR_CODES;

export function codeOf(error: unknown): SigilErrorCode | undefined {
  return error instanceof SigilError ? error.code : undefined;
}

export async function statements(store: Store): Promise<number> {
  await store.exec('INSERT INTO t VALUES (?, :b)', [1, 2n, 'x', null, true, new Uint8Array()]);
  await store.exec('INSERT INTO t VALUES (:a)', { a: 1 });
  // @ts-expect-error: a Date is no value of SQL
  await store.exec('INSERT INTO t VALUES (?)', [new Date()]);
  const rows = await store.query<{ n: number }>('SELECT 1 AS n');
  const untyped = await store.query('SELECT 1 AS n');
  // @ts-expect-error: an untyped column may be text
  const wrong: number = untyped[0]?.['n'];
  const total: number = await store.transaction(async (tx) => (await tx.exec('DELETE FROM t')).changes);
  return total + wrong + rows.reduce((sum, row) => sum + row.n, 0);
}

export async function vectors(store: Store): Promise<string[]> {
  const notes = await store.vectors.create({ name: 'notes', dimensions: 3, metric: 'l2', precision: 'f16', resident: 'int8' });
  // @ts-expect-error: precisions are a closed list
  await store.vectors.open('notes', { precision: 'f64' });
  await notes.store('a', new Float32Array([1, 2, 3]), { lang: 'en', year: 2020, tags: ['x'] });
  await notes.store('b', [1, 2, 3]);
  // @ts-expect-error: vectors are no strings
  await notes.store('c', 'abc');
  const hits = await notes.search([1, 2, 3], { k: 3, filter: { year: { $gte: 2020 }, $or: [{ lang: 'en' }, { lang: { $exists: false } }] } });
  return hits.map((hit) => hit.id);
}

export async function searches(of: VectorSearch, query: Float32Array): Promise<SearchHit[]> {
  const first = await of.search(query, { k: 5, effort: { scanned: 500, candidates: 50 }, diversity: 0.5 });
  const after: SearchCursor | undefined = cursorAfter(first);
  const rest = await of.within(query, 0.5, { filter: { lang: 'en' }, after });
  // @ts-expect-error: all within a distance are wanted
  await of.within(query, 0.5, { k: 3 });
  // @ts-expect-error: an effort has two numbers
  await of.search(query, { effort: { scanned: 500 } });
  const [many = []] = await of.searchMany([query, [1, 2, 3]], { k: 1 });
  const like = await of.recommend({ positive: ['a'], negative: new Set(['b']) }, { exact: true });
  // @ts-expect-error: there is nothing to recommend from
  await of.recommend({ negative: ['b'] });
  const { recall } = await of.recallCheck({ sample: 10 });
  return recall < 0.9 ? like : [...first, ...rest, ...many, ...(await of.searchLike('a'))];
}

export async function texts(store: Store): Promise<TextHit[]> {
  const articles = await store.createTextIndex('articles', { table: 'article', columns: ['title', 'body'], time: 'at', stemming: 'english', prefixes: [3] });
  // @ts-expect-error: an index is of a table
  await store.createTextIndex('articles', { columns: ['title'] });
  // @ts-expect-error: languages are a closed list
  await store.createTextIndex('articles', { table: 'article', columns: ['title'], stemming: 'klingon' });
  const query: TextQuery = { not: [{ or: ['a', { near: ['b', 'c'], distance: 3 }] }, { columns: ['title'], query: { prefix: 'd' } }] };
  // @ts-expect-error: two queries, what is wanted and what is not
  const one: TextQuery = { not: ['a'] };
  const first = await articles.search(query, { k: 5, ranking: { halfLifeMs: 1_000, now: new Date() }, weights: { title: 2 }, typos: 1 });
  const after: TextCursor | undefined = first.at(-1);
  const next = await articles.search(one, { ranking: 'newest', weights: [1, 2], from: '2026-03-01T12:00:00Z', keys: [1, 2n], after });
  // @ts-expect-error: at most two typos are looked for
  await articles.search('a', { typos: 3 });
  // @ts-expect-error: rankings are a closed list
  await articles.search('a', { ranking: 'oldest' });
  // @ts-expect-error: a key may be beyond what a number can hold
  const key: number = first[0]?.key ?? 0;
  const known: TextIndexInfo[] = await store.transaction(async (tx) => ((await tx.textIndex('articles')).info.columns.length > key ? tx.textIndexes() : []));
  // @ts-expect-error: what an index is of cannot be changed
  articles.info.table = 'other';
  return known.length > 0 && (await articles.prepare(10)) ? first : next;
}

export async function shown(articles: TextIndex): Promise<TextFacets> {
  const filter = { year: { $gte: 2020 } };
  const count: number = await articles.countMatching('a', { filter, typos: 1, from: new Date(), keys: [1, 2n] });
  // @ts-expect-error: all are counted
  await articles.countMatching('a', { k: 5 });
  const part = await articles.snippet('a', count, { tokens: 8, typos: 2 });
  // @ts-expect-error: the row may be gone
  marked(part, '[', ']');
  const [title] = await articles.highlightOf({ prefix: 'a' }, ['a', 'b']);
  // @ts-expect-error: a highlight is not cut off
  title?.before;
  const texts: string[] = part && title ? pieces(part).map(({ text, matches }) => (matches ? text : marked(title, '<', '>'))) : [];
  const lost: (number | bigint)[] = await articles.unindexable();
  return articles.facets('a', [...texts, String(lost[0])], { most: 3, filter });
}

export function reason({ plan }: Explanation): string {
  return plan.kind === 'exact' ? plan.because : `${plan.scanned} in ${plan.cells}`;
}

export async function stores(bytes: Uint8Array): Promise<Durability> {
  await using store = await open('notes', { storage: 'auto', mode: 'image', import: bytes, timeLimit: 1_000, wasm: bytes });
  // @ts-expect-error: a store has one of two modes
  await open('notes', { mode: 'wal' });
  return store.durability();
}

export async function indexes(): Promise<number> {
  const index = await createVectorIndex({ dimensions: 3, metric: 'dot' });
  await index.add('a', [1, 2, 3], { k: 1 });
  const searched: VectorSearch = index;
  const precision: Precision = index.precision;
  await createVectorIndex({ dimensions: await searched.memory(), precision });
  const again = await openVectorIndex(await index.toBytes(), { wasm: { href: 'https://example.org/sigil.wasm' } });
  // @ts-expect-error: an index must know its dimensions
  await createVectorIndex({ metric: 'dot' });
  return again.count();
}

export async function memories(store: Store): Promise<string> {
  const workspace: Workspace = await store.workspace({ id: 'home', dimensions: 3, metric: 'cosine' });
  const session: Session = await workspace.sessions.create({ userId: 'ada', createdAt: '2026-03-01T12:00:00Z', toolBudget: { used: 1n } });
  // @ts-expect-error: a session needs a user
  await workspace.sessions.create({});
  // @ts-expect-error: a field that there is not
  await workspace.sessions.create({ userId: 'ada', user: 'ada' });
  // @ts-expect-error: an update replaces all of it
  await workspace.sessions.update({ id: session.id, userId: 'ada' });
  await workspace.sessions.update({ ...session, status: 'archived', lastCompaction: new Date() });
  const message: NewMessage = { role: 'user', content: 'hi', threat: { bypassed: true }, metadata: { lang: 'en' } };
  const said = await workspace.sessions.append(session.id, message);
  await workspace.messages.append(said);
  // @ts-expect-error: whose session is it
  await workspace.messages.append(message);
  // @ts-expect-error: roles are a closed list
  await workspace.sessions.append(session.id, { role: 'robot', content: 'hi' });
  const used: Integer = session.tokenBudget.day.used;
  // @ts-expect-error: it may be a bigint
  const number: number = session.tokenBudget.day.used;
  return session.createdAt.slice(0, 10) + String(used) + number;
}

export async function dated(): Promise<number> {
  await using workspace = await openWorkspace('agent', { times: 'date', storage: 'memory', dimensions: 3 });
  await using gateway: Gateway<Date> = await openGateway('gateway', { times: 'date' });
  const { createdAt }: { createdAt: Date } = await workspace.sessions.get('s');
  const [summary] = await workspace.summaries.latest(1);
  // @ts-expect-error: an undefined summary, and no text
  const wrong: string = summary.fromTime;
  const times: Time[] = (await gateway.audit.query({ from: new Date(0) })).items.map((entry) => entry.timestamp);
  // @ts-expect-error: there are two ways
  await openWorkspace('agent', { times: 'unix' });
  // @ts-expect-error: a gateway has no vectors
  await openGateway('gateway', { dimensions: 3 });
  return createdAt.getTime() + times.length + wrong.length;
}

export async function lists({ sessions, knowledge }: WorkspaceStores): Promise<string[]> {
  const listing: Listing<Session> = sessions.list({ status: 'active', limit: 10 });
  const page: Page<Session> = await listing;
  const next: string | undefined = page.next;
  const ids: string[] = [];
  for await (const session of listing) ids.push(session.id);
  for await (const { value } of knowledge.findFacts({ entityId: 'ada' })) ids.push(value);
  const both: [Page<Session>, number] = await Promise.all([sessions.list({ after: next ?? '' }), 1]);
  // @ts-expect-error: filters are those of the query
  sessions.list({ user: 'ada' });
  return [...ids, ...both[0].items.map(({ id }) => id)];
}

export async function memory(workspace: Workspace): Promise<string[]> {
  const search: MemorySearch = { text: { query: 'tea OR coffee' }, vector: [1, 2, 3], sources: ['messages', 'facts'], weights: { text: 2 } };
  const hits: MemoryHit[] = await workspace.search({ ...search, fusion: { k: 10 }, recency: { halfLifeMs: 1_000 }, filter: { lang: 'en' } });
  // @ts-expect-error: sources are a closed list
  await workspace.search({ text: 'tea', sources: ['sessions'] });
  // @ts-expect-error: a text is typed, or a query
  await workspace.search({ text: { phrase: 'tea' } });
  // @ts-expect-error: an option that there is not
  await workspace.search({ text: 'tea', limit: 3 });
  // @ts-expect-error: there are two ways
  await workspace.search({ text: 'tea', fusion: 'sum' });
  const dated: MemoryHit<Date>[] = await (await openWorkspace('agent', { times: 'date' })).transaction((tx) => tx.search({ text: 'tea' }));
  return [...hits.map((hit) => {
    // @ts-expect-error: it may be another record
    String(hit.record.content);
    return hit.source === 'message' ? hit.record.content : hit.source === 'fact' ? hit.record.value : String(hit.text?.rank ?? hit.vector?.distance);
  }), ...dated.flatMap(({ before = [] }) => before.map(({ createdAt }) => createdAt.toISOString()))];
}

export const compaction: CompactOptions = {
  batch: 50,
  summarize: async (messages: Message[]) => messages.map(({ content }) => content).join(),
  embed: () => new Float32Array(3),
  extract: () => [{ entityId: 'ada', predicate: 'likes', value: 'tea' }],
};

export async function together(workspace: Workspace): Promise<number> {
  // @ts-expect-error: an embedding is no text
  await workspace.compact({ ...compaction, embed: () => 'vector' });
  await workspace.forget({ session: 's' });
  await workspace.forget('workspace');
  // @ts-expect-error: one of the three
  await workspace.forget({ message: 'm' });
  return workspace.transaction(async (tx) => {
    await tx.store.exec('DELETE FROM mine');
    await tx.vectors.store('v', [1, 2, 3], { session_id: 's' });
    // @ts-expect-error: a transaction has no other inside
    await tx.transaction(() => undefined);
    return tx.messages.count();
  });
}
