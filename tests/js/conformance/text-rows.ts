/** What text indexes must tell of the rows that match: which, how many, what they have, and where. */

import {
  marked,
  pieces,
  type Filter,
  type Store,
  type TextFacetOptions,
  type TextHighlightOptions,
  type TextIndex,
  type TextMatchOptions,
  type TextQuery,
  type TextSnippetOptions,
} from 'sigil-store';

import { assert, assertEqual, assertFails, assertSame, fresh, type Rule } from '../harness.js';
import type { StoreKind } from './store.js';

/** The rules of what is told of rows that match. */
export function textRowRules(kind: StoreKind): Rule[] {
  const withStore = (name: string, test: (store: Store) => Promise<void>): Rule => ({
    name: `text rows ${kind.name}: ${name}`,
    run: async () => {
      const store = await kind.open(fresh('store'));
      try {
        await test(store);
      } finally {
        await store.close();
      }
    },
  });
  return [
    withStore('filters leave the rows that they match', filters),
    withStore('rows and their values are counted', counts),
    withStore('highlights and snippets say where a row matches', shown),
    withStore('places count UTF-16 units', units),
    withStore('bad input is refused', badInput),
  ];
}

const ROWS: readonly [body: string, kind: string | null, year: number | null, tags: string][] = [
  ['a page of words', 'note', 2020, '{"tags":["a","b"]}'],
  ['words and words', 'note', 2021, '{"tags":["b"]}'],
  ['more words', 'draft', 2021, '{}'],
  ['nothing here', 'note', 2020, '{"tags":["a"]}'],
  ['last words', null, null, '{"tags":[]}'],
];

async function made(store: Store): Promise<TextIndex> {
  await store.exec('CREATE TABLE item (id INTEGER PRIMARY KEY, title TEXT, body TEXT, kind TEXT, year INT, meta TEXT)');
  const index = await store.createTextIndex('items', { table: 'item', columns: ['title', 'body'], attributes: ['kind', 'year'], metadata: 'meta' });
  for (const row of ROWS) await store.exec("INSERT INTO item (title, body, kind, year, meta) VALUES ('', ?, ?, ?, ?)", row);
  return index;
}

async function filters(store: Store): Promise<void> {
  const index = await made(store);
  const cases: [Filter, number[]][] = [
    [{}, [1, 2, 3, 5]],
    [{ kind: 'note' }, [1, 2]],
    [{ year: { $gt: 2020 } }, [2, 3]],
    [{ tags: 'b' }, [1, 2]],
    [{ kind: 'note', tags: 'a' }, [1]],
    [{ $or: [{ kind: 'draft' }, { tags: 'a' }] }, [1, 3]],
    [{ kind: 'other' }, []],
  ];
  for (const [filter, expected] of cases) {
    const hits = await index.search('words', { filter });
    assertSame(hits.map((hit) => Number(hit.key)).sort(), expected);
    assertEqual(await index.countMatching('words', { filter }), expected.length, JSON.stringify(filter));
  }
  const all = await index.search('words');
  const notes = await index.search('words', { filter: { kind: 'note' } });
  assertSame(notes, all.filter((hit) => notes.some(({ key }) => key === hit.key)));
  await store.transaction(async (tx) => {
    await tx.exec("UPDATE item SET kind = 'note' WHERE id = 3");
    assertEqual(await (await tx.textIndex('items')).countMatching('words', { filter: { kind: 'note' } }), 3, 'in a transaction');
  });
}

async function counts(store: Store): Promise<void> {
  const index = await made(store);
  assertSame([await index.countMatching('words'), await index.countMatching('words NOT page'), await index.countMatching('absent')], [4, 3, 0]);
  assertSame(await index.countMatching('words', { keys: [1n, 4, 5] }), 2);
  assertSame(await index.countMatching('wrods', { typos: 1 }), 4);
  assertSame(await index.countMatching('wroxs', { typos: 1 }), 0);
  assertSame(await index.countMatching('wordz', { typos: 1 }), 4);
  const kinds = { key: 'kind', values: [{ value: 'note', rows: 2 }, { value: 'draft', rows: 1 }], distinct: 2 };
  const facets = await index.facets('words', ['kind', 'tags', 'absent']);
  assertEqual(facets.rows, 4, 'rows');
  // Whether NULL is a value is for the index to say; how the others are counted is not.
  const known = facets.facets.map((facet) => ({ key: facet.key, values: facet.values.filter(({ value }) => value !== null) }));
  assertSame(known[0], { key: kinds.key, values: kinds.values });
  assertSame(known[1], { key: 'tags', values: [{ value: 'b', rows: 2 }, { value: 'a', rows: 1 }] });
  assertSame(known[2], { key: 'absent', values: [] });
  const [first] = (await index.facets('words', ['tags'], { most: 1, filter: { kind: 'note' } })).facets;
  assertSame(first, { key: 'tags', values: [{ value: 'b', rows: 2 }], distinct: 2 });
  assertSame(await index.facets('words', []), { rows: 4, facets: [] });
}

async function shown(store: Store): Promise<void> {
  const index = await made(store);
  await store.exec("UPDATE item SET title = 'Words' WHERE id = 2");
  assertSame(await index.highlight('words', 2), [
    { column: 'title', text: 'Words', ranges: [[0, 5]] },
    { column: 'body', text: 'words and words', ranges: [[0, 5], [10, 15]] },
  ]);
  assertSame([await index.highlight('words', 99), await index.snippet('words', 99n)], [undefined, undefined]);
  const long = `${'before '.repeat(50)}the needle is here ${'after '.repeat(50)}`;
  await store.exec('UPDATE item SET body = ? WHERE id = 4', [long]);
  const part = await index.snippet('needle', 4, { tokens: 5 });
  assert(part !== undefined && part.before && part.after && part.column === 'body', 'a part of the middle');
  assertEqual(part.text.split(' ').filter((word) => word !== '').length, 5, 'words');
  assertSame(pieces(part).filter(({ matches }) => matches).map(({ text }) => text), ['needle']);
  assertEqual(pieces(part).map(({ text }) => text).join(''), part.text);
  const written = marked(part, '<', '>', '~');
  assert(written.startsWith('~') && written.endsWith('~') && written.includes('<needle>'), written);
  assertSame(await index.snippetOf('needle', ['', long], { tokens: 5 }), part);
  const [title, body] = await index.highlightOf({ prefix: 'nee' }, ['a need', 'needle']);
  assertSame([title && marked(title, '[', ']'), body && marked(body, '[', ']')], ['a [need]', '[needle]']);
  assertSame((await index.highlightOf('needel', ['', 'needle'], { typos: 0 }))[1]?.ranges, []);
  assertSame((await index.highlightOf('needlx', ['', 'needle'], { typos: 1 }))[1]?.ranges, [[0, 6]]);
  assertSame(await index.unindexable(), []);
}

async function units(store: Store): Promise<void> {
  const index = await made(store);
  const text = '\u{1f600} caf\u00e9 \u05e9\u05dc\u05d5\u05dd e\u0301t\u00e9 \u{20000} \0end';
  const words = ['caf\u00e9', '\u05e9\u05dc\u05d5\u05dd', 'e\u0301t\u00e9', '\u{20000}'];
  for (const word of words) {
    const [, column] = await index.highlightOf({ phrase: word }, ['', text]);
    assertSame(column?.ranges.map(([start, end]) => text.slice(start, end)), [word]);
    const part = await index.snippetOf({ phrase: word }, ['', text]);
    assertSame(part.ranges.map(([start, end]) => part.text.slice(start, end)), [word]);
  }
}

async function badInput(store: Store): Promise<void> {
  const index = await made(store);
  const nested = (levels: number): Filter => {
    let filter: Filter = { kind: 'note' };
    for (let i = 0; i < levels; i++) filter = { $and: [filter] };
    return filter;
  };
  const bad: unknown[] = [
    null, 7, { k: 1 }, { filter: null }, { filter: 7 }, { filter: [] }, { filter: { kind: { $no: 1 } } }, { filter: { kind: '\ud800' } },
    { filter: { kind: 1n } }, { filter: nested(5_000) }, { typos: 3 }, { keys: 7 }, { keys: ['1'] }, { from: '2026-03-01T12:00:00Z' },
  ];
  for (const options of bad) {
    await assertFails('invalid-input', () => index.countMatching('words', options as TextMatchOptions));
    await assertFails('invalid-input', () => index.facets('words', ['kind'], options as TextFacetOptions));
  }
  for (const keys of [undefined, 'kind', [7], ['\ud800']]) await assertFails('invalid-input', () => index.facets('words', keys as string[]));
  for (const most of [-1, 1.5, '1', null]) await assertFails('invalid-input', () => index.facets('words', [], { most: most as number }));
  for (const query of [undefined, 7, '(', '\ud800', 'absent:words'] as TextQuery[]) {
    await assertFails('invalid-input', () => index.countMatching(query));
    await assertFails('invalid-input', () => index.facets(query, []));
    await assertFails('invalid-input', () => index.highlight(query, 1));
    await assertFails('invalid-input', () => index.snippetOf(query, ['', '']));
  }
  for (const key of ['1', 1.5, 2n ** 63n, undefined]) {
    await assertFails('invalid-input', () => index.highlight('words', key as number));
    await assertFails('invalid-input', () => index.snippet('words', key as number));
  }
  for (const texts of [undefined, 'words', [], ['words'], ['', '', ''], [7, 7], ['\ud800', '']]) {
    await assertFails('invalid-input', () => index.highlightOf('words', texts as string[]));
    await assertFails('invalid-input', () => index.snippetOf('words', texts as string[]));
  }
  for (const options of [null, 7, { tokens: 0 }, { tokens: 65 }, { tokens: '1' }, { typos: 3 }, { words: 1 }]) {
    await assertFails('invalid-input', () => index.snippet('words', 1, options as TextSnippetOptions));
    if (!(options instanceof Object && 'tokens' in options)) await assertFails('invalid-input', () => index.highlight('words', 1, options as TextHighlightOptions));
  }
  const token = 'x'.repeat(1 << 20);
  assertSame((await index.highlightOf('words', [token, 'words']))[1]?.ranges, [[0, 5]]);
  assertEqual((await index.snippetOf('words', [token, 'words'])).column, 'body');
  await assertFails('limit', () => index.highlightOf('words', ['y '.repeat(9 << 20), '']));
  await store.exec('CREATE TABLE bare (body TEXT)');
  const bare = await store.createTextIndex('bare', { table: 'bare', columns: ['body'] });
  await assertFails('invalid-input', () => bare.search('words', { filter: { kind: 'note' } }));
  await assertFails('invalid-input', () => bare.facets('words', ['kind']));
  await store.dropTextIndex('items');
  await assertFails('not-found', () => index.countMatching('words'));
  await assertFails('not-found', () => index.unindexable());
}
