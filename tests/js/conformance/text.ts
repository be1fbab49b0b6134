/** What text indexes must do in every store. */

import { type Store, type TextHit, type TextIndex, type TextIndexOptions, type TextQuery, type TextSearchOptions } from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, pattern, type Rule } from '../harness.js';
import type { StoreKind } from './store.js';

/** The rules of text indexes. */
export function textRules(kind: StoreKind): Rule[] {
  const withStore = (name: string, test: (store: Store) => Promise<void>): Rule => ({
    name: `text ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('store'));
      try {
        await test(store);
      } finally {
        await store.close();
      }
    },
  });
  const rules = [
    withStore('indexes are created, opened, listed and dropped', catalogue),
    withStore('a search finds what a naive one finds, whatever was written before', naively),
    withStore('queries of every form find the same', forms),
    withStore('a transaction searches what it wrote, and a rollback undoes it', transactions),
    withStore('keys of any size, pages and rows that alone are wanted', keys),
    withStore('times rank, and bound what is found', times),
    withStore('words are folded, stemmed and left out as the index says', words),
    withStore('weights and typos', weightsAndTypos),
    withStore('bad input is refused, and changes nothing', badInput),
    withStore('huge and odd queries get an answer or an error', oddQueries),
    withStore('upkeep changes nothing that is found', upkeep),
  ];
  if (!kind.persistent) return rules;
  return [...rules, { name: `text ${kind.name}: an index is there when the store is opened again`, run: () => reopening(kind) }];
}

const ARTICLES: TextIndexOptions = { table: 'article', columns: ['title', 'body'] };

async function articles(store: Store, options: Partial<TextIndexOptions> = {}): Promise<TextIndex> {
  await store.exec('CREATE TABLE article (id INTEGER PRIMARY KEY, title TEXT, body TEXT, at TEXT)');
  return store.createTextIndex('articles', { ...ARTICLES, ...options });
}

const keysOf = (hits: readonly TextHit[]): (number | bigint)[] => hits.map((hit) => hit.key);

async function found(index: TextIndex, query: TextQuery, options?: TextSearchOptions): Promise<(number | bigint)[]> {
  return keysOf(await index.search(query, options));
}

async function catalogue(store: Store): Promise<void> {
  const index = await articles(store);
  const plain = { attributes: [], stopWords: [], bigrams: false, prefixes: [] };
  assertSame(index.info, { name: 'articles', table: 'article', columns: ['title', 'body'], ...plain });
  await assertFails('conflict', () => store.createTextIndex('articles', ARTICLES));
  await assertFails('not-found', () => store.createTextIndex('x', { ...ARTICLES, table: 'nothing' }));
  await assertFails('not-found', () => store.textIndex('other'));
  await assertFails('not-found', () => store.dropTextIndex('other'));
  const all: Required<TextIndexOptions> = {
    table: 'article',
    columns: ['body'],
    time: 'at',
    attributes: ['title'],
    metadata: 'body',
    stemming: 'english',
    stopWords: ['the', 'of'],
    bigrams: true,
    prefixes: [2, 4],
  };
  const odd = '\u4e16 "quoted" \'';
  assertSame((await store.createTextIndex(odd, all)).info, { name: odd, ...all });
  assertSame((await store.textIndex(odd)).info, { name: odd, ...all });
  const listed = [{ name: 'articles', ...ARTICLES, ...plain }, { name: odd, ...all }];
  assertSame(await store.textIndexes(), listed);
  await store.exec("INSERT INTO article (title, body) VALUES ('one', 'two')");
  assertSame([await found(index, 'one'), await index.count()], [[1], 1]);
  await store.dropTextIndex('articles');
  for (const call of [() => index.search('one'), () => index.count(), () => index.prepare(), () => index.memory()]) {
    await assertFails('not-found', call);
  }
  assertSame(await store.textIndexes(), listed.slice(1));
  assertSame(await store.query('SELECT title FROM article'), [{ title: 'one' }]);
  const again = await store.createTextIndex('articles', { table: 'article', columns: ['body'] });
  assertSame([await found(again, 'one'), await found(again, 'two')], [[], [1]]);
}

/** A row of the naive search. */
type Texts = readonly [title: string, body: string];

/** The words of a text of plain letters, and what BM25 makes of them, as FTS5 computes it. */
function naive(rows: ReadonlyMap<number, Texts>, words: readonly string[], combine: 'and' | 'or', weights: readonly number[]): [number, number][] {
  const split = (text: string): string[] => text.split(' ').filter((word) => word !== '');
  const documents = [...rows].map(([key, texts]) => ({ key, columns: texts.map(split) }));
  const length = (columns: string[][]): number => columns.reduce((sum, column) => sum + column.length, 0);
  const average = documents.reduce((sum, { columns }) => sum + length(columns), 0) / documents.length;
  const having = words.map((word) => documents.filter(({ columns }) => columns.some((column) => column.includes(word))).length);
  const hits: [number, number][] = [];
  for (const { key, columns } of documents) {
    const counts = words.map((word) => columns.reduce((sum, column, i) => sum + (weights[i] ?? 1) * column.filter((other) => other === word).length, 0));
    const matches = words.map((word) => columns.some((column) => column.includes(word)));
    if (combine === 'and' ? !matches.every(Boolean) : !matches.some(Boolean)) continue;
    let score = 0;
    counts.forEach((count, i) => {
      const idf = Math.log((documents.length - (having[i] ?? 0) + 0.5) / ((having[i] ?? 0) + 0.5));
      score += Math.max(idf, 1e-6) * ((count * 2.2) / (count + 1.2 * (0.25 + (0.75 * length(columns)) / average)));
    });
    hits.push([key, score]);
  }
  return hits.sort((a, b) => b[1] - a[1] || a[0] - b[0]);
}

async function naively(store: Store): Promise<void> {
  const index = await articles(store);
  const vocabulary = ['red', 'green', 'blue', 'grey', 'cyan', 'pink', 'gold', 'teal'];
  const rows = new Map<number, Texts>();
  const chance = pattern(20_000, 7);
  let at = 0;
  const below = (n: number): number => ((chance[at++] as number) * n) >> 8;
  const text = (): string => Array.from({ length: below(9) }, () => vocabulary[Math.min(below(8), below(8))]).join(' ');
  for (let round = 0; round < 12; round++) {
    await store.transaction(async (tx) => {
      for (let i = 0; i < 25; i++) {
        const [key, texts] = [1 + below(90), [text(), text()] as const];
        if (below(4) > 0) {
          await tx.exec('INSERT OR REPLACE INTO article (id, title, body) VALUES (?, ?, ?)', [key, ...texts]);
          rows.set(key, texts);
        } else {
          await tx.exec('DELETE FROM article WHERE id = ?', [key]);
          rows.delete(key);
        }
      }
    });
    assertEqual(await index.count(), rows.size, 'count');
    for (const combine of ['and', 'or'] as const) {
      for (const [a, b] of [['red', 'teal'], ['gold', 'pink'], ['blue', 'red']] as const) {
        for (const weights of [[], [3, 0.5]]) {
          const expected = naive(rows, [a, b], combine, weights);
          const hits = await index.search(combine === 'and' ? { and: [a, b] } : { or: [a, b] }, { k: 1_000, weights });
          assertSame(keysOf(hits).map(Number).sort(), expected.map(([key]) => key).sort());
          hits.forEach(({ score, rank }, i) => {
            assert(Math.abs(score - (expected[i]?.[1] ?? NaN)) < 1e-9, `${a} ${combine} ${b}: ${score}, not ${expected[i]?.[1]}`);
            assertEqual(rank, score, 'rank');
          });
          assertSame(await index.search(`${a} ${combine.toUpperCase()} ${b}`, { k: 7, weights }), hits.slice(0, 7));
        }
      }
    }
  }
}

async function forms(store: Store): Promise<void> {
  const index = await articles(store);
  const bodies = ['write ahead log', 'ahead of the write', 'a log of what was written', 'page cache', 'ahead'];
  for (const body of bodies) await store.exec("INSERT INTO article (title, body) VALUES ('on storage', ?)", [body]);
  await store.exec("INSERT INTO article (title, body) VALUES ('ahead', 'of time')");
  const cases: [TextQuery, TextQuery, number[]][] = [
    [{ phrase: 'write ahead' }, '"write ahead"', [1]],
    [{ prefix: 'writ' }, 'writ*', [1, 2, 3]],
    [{ prefix: 'write ah' }, '"write ah"*', [1]],
    [{ near: ['write', 'ahead'], distance: 2 }, 'NEAR(write ahead, 2)', [1, 2]],
    [{ near: ['write', 'ahead'] }, 'NEAR(write ahead)', [1, 2]],
    [{ near: ['write', 'ahead'], distance: 0 }, 'NEAR(write ahead, 0)', [1]],
    [{ and: ['log', { prefix: 'writ' }] }, 'log AND writ*', [1, 3]],
    [{ or: ['cache', { phrase: 'ahead of' }] }, 'cache OR "ahead of"', [2, 4]],
    [{ not: ['ahead', { or: ['write', 'title:ahead'] }] }, 'ahead NOT (write OR title:ahead)', [5]],
    [{ columns: ['title'], query: 'ahead' }, 'title:ahead', [6]],
    [{ columns: ['TITLE', 'body'], query: { and: ['ahead'] } }, '{title body}:ahead', [1, 2, 5, 6]],
    [{ typed: 'ahead -write "of time"' }, '(ahead "of time") NOT write', [6]],
    [{ typed: 'AND ( "' }, 'nothing', []],
    [{ phrase: 'write* OR ahead' }, '"write or ahead"', []],
    [{ phrase: '' }, '""', []],
  ];
  for (const [built, written, expected] of cases) {
    const hits = await index.search(built);
    assertSame(keysOf(hits).map(Number).sort(), expected);
    assertSame(hits, await index.search(written));
  }
}

async function transactions(store: Store): Promise<void> {
  const index = await articles(store);
  await store.exec("INSERT INTO article (body) VALUES ('old words'), ('other words')");
  const work = (fail: boolean): Promise<void> =>
    store.transaction(async (tx) => {
      const inside = await tx.textIndex('articles');
      await tx.exec("INSERT INTO article (body) VALUES ('new words')");
      await tx.exec("UPDATE article SET body = 'changed' WHERE id = 1");
      await tx.exec('DELETE FROM article WHERE id = 2');
      assertSame([await found(inside, 'words'), await found(inside, 'changed')], [[3], [1]]);
      assertEqual(await inside.count(), 2, 'count');
      for (const call of [() => inside.prepare(), () => inside.optimize(), () => inside.rebuild()]) await assertFails('busy', call);
      if (fail) throw new Error('no');
    });
  await work(true).catch((error: Error) => assertEqual(error.message, 'no'));
  assertSame([await found(index, 'words'), await found(index, 'changed')], [[1, 2], []]);
  await work(false);
  assertSame([await found(index, 'words'), await found(index, 'changed')], [[3], [1]]);

  // Indexes come and go with transactions too, and their numbers are used again.
  const create = (columns: string[], word: string, fail: boolean): Promise<void> =>
    store.transaction(async (tx) => {
      const made = await tx.createTextIndex('more', { table: 'article', columns });
      assertSame(await found(made, word), [3]);
      if (fail) throw new Error('no');
    });
  await create(['body'], 'new', true).catch((error: Error) => assertEqual(error.message, 'no'));
  await assertFails('not-found', () => store.textIndex('more'));
  await store.exec("UPDATE article SET title = 'headline' WHERE id = 3");
  await create(['title'], 'headline', false);
  const more = await store.textIndex('more');
  assertSame([await found(more, 'headline'), await found(more, 'new')], [[3], []]);
  const drop = (fail: boolean): Promise<void> =>
    store.transaction(async (tx) => {
      await tx.dropTextIndex('more');
      await assertFails('not-found', () => tx.textIndex('more'));
      if (fail) throw new Error('no');
    });
  await drop(true).catch((error: Error) => assertEqual(error.message, 'no'));
  assertSame(await found(more, 'headline'), [3]);
  await drop(false);
  await assertFails('not-found', () => more.search('headline'));
}

async function keys(store: Store): Promise<void> {
  const index = await articles(store);
  const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];
  const ids = [least, -(2n ** 53n), -7, 0, 5, 9, Number.MAX_SAFE_INTEGER, 2n ** 53n, 2n ** 53n + 1n, most];
  for (const id of ids) await store.exec("INSERT INTO article (id, body) VALUES (?, 'same words')", [id]);
  const hits = await index.search('words', { k: 100 });
  assertSame(keysOf(hits), ids);
  const pages: TextHit[] = [];
  for (let after: TextHit | undefined; ; after = pages.at(-1)) {
    const page = await index.search('words', { k: 3, after });
    pages.push(...page);
    if (page.length < 3) break;
  }
  assertSame(pages, hits);
  const { key, rank } = hits[3] as TextHit;
  assertSame(await found(index, 'words', { k: 2, after: JSON.parse(JSON.stringify({ key, rank })) as TextHit }), [5, 9]);
  assertSame(await found(index, 'words', { keys: [most, 5, 6, -7, least] }), [least, -7, 5, most]);
  assertSame(await found(index, 'words', { keys: new Set([9n]) }), [9]);
  assertSame(await found(index, 'words', { keys: [] }), []);
  assertSame(await found(index, 'words', { k: 0 }), []);
  await store.exec('DELETE FROM article WHERE id > 9007199254740991 OR id < -9007199254740991');
  assertSame(await found(index, 'words'), [-7, 0, 5, 9, Number.MAX_SAFE_INTEGER]);
}

async function times(store: Store): Promise<void> {
  const index = await articles(store, { time: 'at' });
  const day = (n: number): string => `2026-03-${String(n).padStart(2, '0')}T12:00:00.000000001Z`;
  for (const n of [3, 1, 5, 2, 4]) await store.exec("INSERT INTO article (id, body, at) VALUES (?, 'a word', ?)", [n, day(n)]);
  await store.exec("INSERT INTO article (id, body) VALUES (6, 'a word')");
  assertSame(await found(index, 'word'), [1, 2, 3, 4, 5, 6]);
  const newest = await index.search('word', { ranking: 'newest' });
  assertSame(keysOf(newest), [5, 4, 3, 2, 1, 6]);
  assertEqual(newest[0]?.rank, day(5));
  assertSame(await index.search('word', { ranking: 'newest', k: 2, after: newest[1] }), newest.slice(2, 4));
  assertSame(await found(index, 'word', { from: day(2), to: new Date('2026-03-04T12:00:00Z') }), [2, 3]);
  assertSame(await found(index, 'word', { from: '2026-03-04T13:00:00.000000001+01:00', ranking: 'newest' }), [5, 4]);
  const ranking = { halfLifeMs: 86_400_000, now: day(5) };
  const aged = await index.search('word', { ranking, k: 5 });
  assertSame(keysOf(aged), [5, 4, 3, 2, 1]);
  aged.forEach(({ score, rank }, age) => {
    assert(Math.abs((rank as number) - score * 2 ** -age) < 1e-12, `an age of ${age} days makes ${rank} of ${score}`);
  });
  const half = await index.search('word', { ranking: { ...ranking, weight: 0.5 }, after: aged[0] });
  assertSame(keysOf(half).slice(0, 4), [4, 3, 2, 1]);
  assert(Math.abs((half[0]?.rank as number) - (half[0]?.score ?? NaN) * 0.75) < 1e-12, 'half of what it can lose is a quarter');
  assertSame(await found(index, 'word', { ranking, k: 2, after: aged[1] }), [3, 2]);
  assertSame(await found(index, 'word', { ranking: { halfLifeMs: 1_000 }, k: 1, from: day(1) }), [1]);
  await assertFails('invalid-input', () => index.search('word', { after: newest[0] }));
  await assertFails('invalid-input', () => index.search('word', { ranking: 'newest', after: aged[0] }));
}

async function words(store: Store): Promise<void> {
  const index = await articles(store, { stemming: 'english', stopWords: ['The'], bigrams: true, prefixes: [2, 3] });
  const bodies = ['R\u00e9sum\u00e9s of RUNNING \u{1f600} cats', '\u6771\u4eac\u90fd\u306e\u5929\u6c17', '\u041c\u043e\u0441\u043a\u0432\u0430', 'the the'];
  for (const body of bodies) await store.exec('INSERT INTO article (body) VALUES (?)', [body]);
  assertSame(await found(index, 'resume runs CAT'), [1]);
  assertSame([await found(index, '\u4eac\u90fd'), await found(index, { phrase: '\u5929\u6c17' })], [[2], [2]]);
  assertSame(await found(index, '\u043c\u043e\u0441*'), [3]);
  assertSame(await found(index, { prefix: 'ca' }), [1]);
  assertSame(await found(index, 'the'), []);
  assertSame(await found(index, { phrase: '\u{1f600}' }), []);
}

async function weightsAndTypos(store: Store): Promise<void> {
  const index = await articles(store);
  await store.exec("INSERT INTO article (title, body) VALUES ('storage', 'engine'), ('engine', 'storage'), ('x', 'y')");
  assertSame(await found(index, 'storage'), [1, 2]);
  assertSame(await found(index, 'storage', { weights: { body: 5 } }), [2, 1]);
  assertSame(await index.search('storage', { weights: { BODY: 5 } }), await index.search('storage', { weights: [1, 5] }));
  assertSame(await index.search('storage', { weights: {} }), await index.search('storage'));
  assertSame(await found(index, 'storage', { weights: { title: 5, body: 0 } }), [1, 2]);
  assertSame([await found(index, 'storrage'), await found(index, 'storrage', { typos: 1 })], [[], [1, 2]]);
  assertSame(await found(index, { typed: 'stroge' }, { typos: 1 }), []);
  assertSame(await found(index, 'sttoragee', { typos: 2 }), [1, 2]);
  await assertFails('invalid-input', () => index.search('storage', { weights: { other: 1 } }));
}

async function badInput(store: Store): Promise<void> {
  await store.exec('CREATE TABLE without (a TEXT PRIMARY KEY) WITHOUT ROWID').catch(() => undefined);
  const index = await articles(store);
  const bad: unknown[] = [
    undefined,
    null,
    7,
    {},
    { table: 'article' },
    { columns: ['body'] },
    { table: 7, columns: ['body'] },
    { table: 'article', columns: 'body' },
    { table: 'article', columns: [] },
    { table: 'article', columns: ['nothing'] },
    { table: 'article', columns: ['body', 'BODY'] },
    { table: 'article', columns: [7] },
    { table: 'article', columns: ['\ud800'] },
    { ...ARTICLES, time: 7 },
    { ...ARTICLES, time: 'nothing' },
    { ...ARTICLES, attributes: ['nothing'] },
    { ...ARTICLES, metadata: null },
    { ...ARTICLES, stemming: 'klingon' },
    { ...ARTICLES, stopWords: 'the' },
    { ...ARTICLES, stopWords: ['two words'] },
    { ...ARTICLES, bigrams: 1 },
    { ...ARTICLES, prefixes: [0] },
    { ...ARTICLES, prefixes: [3, 2] },
    { ...ARTICLES, prefixes: [17] },
    { ...ARTICLES, language: 'english' },
  ];
  for (const options of bad) await assertFails('invalid-input', () => store.createTextIndex('x', options as TextIndexOptions));
  for (const name of ['', 'x'.repeat(1_000), 'a\0b', '\ud800', 7, undefined]) {
    await assertFails('invalid-input', () => store.createTextIndex(name as string, ARTICLES));
  }
  for (const name of ['\ud800', 7, undefined]) {
    await assertFails('invalid-input', () => store.textIndex(name as string));
    await assertFails('invalid-input', () => store.dropTextIndex(name as string));
  }
  assertSame(keysOf([]), await found(index, 'x'));
  assertEqual((await store.textIndexes()).length, 1, 'indexes');
  await badSearches(index);
}

async function badSearches(index: TextIndex): Promise<void> {
  const queries: unknown[] = [
    undefined, null, 7, [], {}, ['word'], { word: 'x' }, { phrase: 7 }, { phrase: 'x', prefix: 'y' }, { typed: null }, { near: [] },
    { near: 'word' }, { near: ['a', 'b'], distance: -1 }, { near: ['a', 'b'], distance: 1.5 }, { near: [{ prefix: 'a' }] }, { and: [] }, { or: [] },
    { and: 'word' }, { not: ['a'] }, { not: ['a', 'b', 'c'] }, { columns: ['body'] }, { columns: [], query: 'a' }, { columns: ['nothing'], query: 'a' },
    { columns: 'body', query: 'a' }, 'nothing:word', '(', '"open', 'a AND', 'NEAR(', 'a ! b', '\ud800', { typed: '\udc00' }, { near: ['\ud800'] }, { or: ['('] },
  ];
  for (const query of queries) await assertFails('invalid-input', () => index.search(query as TextQuery));
  const options: unknown[] = [
    null, 7, { limit: 1 }, { k: -1 }, { k: 1.5 }, { k: NaN }, { k: '5' }, { k: null }, { k: 2 ** 33 }, { ranking: 'best' }, { ranking: null }, { ranking: 'newest' },
    { ranking: {} }, { ranking: { halfLifeMs: 0 } }, { ranking: { halfLifeMs: 1 } }, { ranking: { halfLifeMs: 1, weight: 2 } }, { ranking: { halfLifeMs: 1, now: 'now' } },
    { weights: 7 }, { weights: ['1'] }, { weights: [-1] }, { weights: [NaN] }, { weights: [Infinity] }, { weights: { body: '1' } }, { weights: { nothing: 1 } },
    { weights: { '\ud800': 1 } }, { typos: 3 }, { typos: '1' }, { from: '2026-03-01T12:00:00Z' }, { from: 7 }, { to: new Date(NaN) }, { to: 'tomorrow' }, { keys: 7 },
    { keys: [1.5] }, { keys: ['1'] }, { keys: [2 ** 60] }, { keys: [2n ** 63n] }, { after: 7 }, { after: null }, { after: {} }, { after: { key: 1 } },
    { after: { key: '1', rank: 1 } }, { after: { key: 1, rank: NaN } }, { after: { key: 1, rank: 'x' } }, { after: { key: 1, rank: '2026-03-01T12:00:00Z' } },
  ];
  for (const given of options) await assertFails('invalid-input', () => index.search('word', given as TextSearchOptions));
  for (const most of [0, -1, 1.5, '1', null]) await assertFails('invalid-input', () => index.prepare(most as number));
}

async function oddQueries(store: Store): Promise<void> {
  const index = await articles(store);
  await store.exec('INSERT INTO article (body) VALUES (?)', ['a\0b word word0 word9999']);
  for (const query of ['a\0b', { phrase: 'a\0b' }, { typed: 'a\0b' }, { prefix: 'a\0' }] as TextQuery[]) {
    const outcome = await found(index, query).catch((error: { code?: string }) => error.code);
    assert(outcome === 'invalid-input' || (Array.isArray(outcome) && outcome[0] === 1), `a NUL makes ${String(outcome)}`);
  }
  const terms = Array.from({ length: 10_000 }, (_, i) => `word${i}`);
  assertSame(await found(index, terms.join(' OR ')), [1]);
  assertSame(await found(index, { or: terms }), [1]);
  assertSame(await found(index, { and: terms }), []);
  assertSame(await found(index, { typed: terms.join(' ') }), []);
  await assertFails('limit', () => index.search({ or: [...terms, ...terms] }));
  const long = 'x'.repeat(100_000);
  for (const query of [long, { phrase: long }, { prefix: long }, { typed: long }, `${'word '.repeat(16_000)}`] as TextQuery[]) {
    assertSame(await found(index, query), typeof query === 'string' && query !== long ? [1] : []);
  }
  const longer = 'x'.repeat(200_000);
  for (const query of [longer, { phrase: longer }, { prefix: longer }, { near: [longer, 'a'] }] as TextQuery[]) {
    await assertFails('limit', () => index.search(query));
  }
  assertSame(await found(index, { typed: longer }), []);
  const nested = (levels: number): TextQuery => {
    let query: TextQuery = 'word';
    for (let i = 0; i < levels; i++) query = i % 2 === 0 ? { and: [query, 'word0'] } : { or: [query, 'nothing'] };
    return query;
  };
  assertSame(await found(index, nested(60)), [1]);
  for (const levels of [61, 1_000, 20_000]) await assertFails('limit', () => index.search(nested(levels)));
  await assertFails('limit', () => index.search(`${'('.repeat(1_000)}word${')'.repeat(1_000)}`));
  const keys = Array.from({ length: 100_000 }, (_, i) => i + 1);
  assertSame(await found(index, 'word', { keys, k: 2 ** 32 - 1 }), [1]);
}

async function upkeep(store: Store): Promise<void> {
  const index = await articles(store);
  await store.transaction(async (tx) => {
    for (let i = 0; i < 3_000; i++) await tx.exec('INSERT INTO article (body) VALUES (?)', [`word${i % 7} number${i}`]);
  });
  assertEqual(await index.prepare(100), false, 'whether 100 of 3,000 rows are all');
  assertEqual(await index.prepare(), true, 'whether it is done');
  assertEqual(await index.prepare(1), true, 'whether it still is');
  await store.exec('DELETE FROM article WHERE id % 3 = 0');
  const before = await index.search('word3', { k: 1_000 });
  assertEqual(before.length, Array.from({ length: 3_000 }, (_, i) => i).filter((i) => i % 7 === 3 && (i + 1) % 3 !== 0).length, 'hits');
  await index.optimize();
  assertSame(await index.search('word3', { k: 1_000 }), before);
  await index.rebuild();
  assertSame(await index.search('word3', { k: 1_000 }), before);
  assertSame([await found(index, 'number2998'), await found(index, 'number2999')], [[2_999], []]);
  assertEqual(await index.count(), 2_000, 'count');
  assert((await index.memory()) > 0, 'an index takes memory');
}

async function reopening(kind: StoreKind): Promise<void> {
  const id = fresh('store');
  const store = await kind.open(id);
  const index = await articles(store, { stemming: 'english' });
  await store.transaction(async (tx) => {
    for (let i = 0; i < 1_000; i++) await tx.exec('INSERT INTO article (title, body) VALUES (?, ?)', [`title${i}`, `running word${i % 10}`]);
  });
  const query = { and: ['runs', 'word4'] };
  const before = await index.search(query, { k: 200 });
  assertEqual(before.length, 100, 'hits');
  await store.exec("UPDATE article SET body = 'walking' WHERE id = 5");
  await store.close();
  await assertFails('closed', () => index.search('runs'));
  const again = await kind.open(id, { create: false });
  try {
    const opened = await again.textIndex('articles');
    assertEqual(opened.info.stemming, 'english', 'the language');
    const after = await opened.search(query, { k: 200 });
    assertSame(keysOf(after), keysOf(before).filter((key) => key !== 5));
    assertSame([await found(opened, 'walk'), await opened.count()], [[5], 1_000]);
    await again.exec("INSERT INTO article (title, body) VALUES ('late', 'runs on')");
    assertSame(await found(opened, 'late'), [1_001]);
  } finally {
    await again.close();
  }
}
