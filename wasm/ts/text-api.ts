/** The types of full text search: indexes of tables, queries and hits. */

import type { Filter, Json } from './api.js';
import type { TimeInput } from './stores/records.js';

/** A language whose words are stemmed, so that `running` finds `runs`. */
export type TextLanguage =
  | 'arabic'
  | 'armenian'
  | 'basque'
  | 'catalan'
  | 'danish'
  | 'dutch'
  | 'english'
  | 'finnish'
  | 'french'
  | 'german'
  | 'greek'
  | 'hungarian'
  | 'indonesian'
  | 'italian'
  | 'norwegian'
  | 'portuguese'
  | 'romanian'
  | 'russian'
  | 'spanish'
  | 'swedish'
  | 'turkish';

/**
 * What a text index is of, and how texts are cut into words; fixed when it is created.
 *
 * Words are runs of letters and digits, in lower case and without diacritics, as in SQLite's FTS5.
 *
 * @example
 * const options: TextIndexOptions = { table: 'article', columns: ['title', 'body'], stemming: 'english' };
 */
export interface TextIndexOptions {
  /** The table; it must have row numbers, which all have that are not WITHOUT ROWID. */
  table: string;
  /** The columns whose texts are searched, from 1 to 64. Numbers are searched as their text. */
  columns: readonly string[];
  /** A column with RFC 3339 times, to rank by and to search a range of. */
  time?: string;
  /** Columns that filters may ask for, by their names. */
  attributes?: readonly string[];
  /** A column with a JSON object, whose members filters may ask for too. */
  metadata?: string;
  /** The language that words are stemmed in; they are found as they are when it is left out. */
  stemming?: TextLanguage;
  /** Words that are left out, at most 4,096 of at most 128 bytes each. */
  stopWords?: readonly string[];
  /**
   * Whether writing without spaces (Han, Kana, Thai, Lao, Khmer, Myanmar) is found from any character
   * on, by pairs of them; a run of Han is one word otherwise.
   */
  bigrams?: boolean;
  /** The lengths of prefixes, in characters from 1 to 16, that are indexed so that they are found faster. */
  prefixes?: readonly number[];
}

/** A text index as {@link Executor.textIndexes} lists it. */
export interface TextIndexInfo {
  readonly name: string;
  readonly table: string;
  readonly columns: readonly string[];
  readonly time?: string;
  readonly attributes: readonly string[];
  readonly metadata?: string;
  readonly stemming?: TextLanguage;
  readonly stopWords: readonly string[];
  readonly bigrams: boolean;
  readonly prefixes: readonly number[];
}

/**
 * What to search for: a string in the query language, or an object that says it.
 *
 * The query language is that of SQLite's FTS5: `word`, `"some words"`, `wor*`, `^first`,
 * `NEAR(one two, 5)`, `title:word`, `one two` or `one AND two`, `one OR two`, `one NOT two`, and
 * parentheses. What is wrong in it is `invalid-input`. Nothing in the texts of the objects has a
 * meaning, but for `typed`.
 *
 * | object | matches |
 * |---|---|
 * | `{ typed }` | what a person types into a search box; nothing in it is an error |
 * | `{ phrase }` | the words one after the other |
 * | `{ prefix }` | the same, where the last word may go on |
 * | `{ near, distance }` | the phrases with at most so many words between them, 10 when it is left out |
 * | `{ and }`, `{ or }` | all, or one, of the queries in it |
 * | `{ not: [a, b] }` | the first without the second |
 * | `{ columns, query }` | the query, only in these columns |
 *
 * A query has at most 128 KiB and 16,384 words, and 60 levels of objects: past that it is `limit`,
 * but what is typed is cut off there.
 *
 * @example
 * const query: TextQuery = { not: [{ or: ['title:storage', { prefix: 'page ca' }] }, { phrase: 'in memory' }] };
 */
export type TextQuery =
  | string
  | { readonly typed: string }
  | { readonly phrase: string }
  | { readonly prefix: string }
  | { readonly near: readonly string[]; readonly distance?: number }
  | { readonly and: readonly TextQuery[] }
  | { readonly or: readonly TextQuery[] }
  | { readonly not: readonly [TextQuery, TextQuery] }
  | { readonly columns: readonly string[]; readonly query: TextQuery };

/**
 * What hits are ranked by: `relevance`, which is BM25; `newest`, the time alone; or both, where a row
 * of {@link TextRecency.now} keeps its score, and older ones lose.
 */
export type TextRanking = 'relevance' | 'newest' | TextRecency;

/** A score that gets lower with age. */
export interface TextRecency {
  /** After so many milliseconds a row has lost half of what it can lose. */
  halfLifeMs: number;
  /** How much of its score a row can lose, from 0 to 1; 1 when it is left out. */
  weight?: number;
  /** The moment; that of the call when it is left out. */
  now?: TimeInput;
}

/** Which of the rows that match a query are wanted. */
export interface TextMatchOptions {
  /**
   * Only rows whose attributes, and members of the metadata, this matches, as in searches among vectors.
   * `invalid-input` where the index has neither.
   */
  filter?: Filter;
  /** Only rows of this time or later. */
  from?: TimeInput;
  /** Only rows before this time. */
  to?: TimeInput;
  /** Only these rows. */
  keys?: Iterable<number | bigint>;
  /**
   * How many typos a word may have, of which two neighbours that changed places are one: one from 4
   * letters on, two from 8. Words of phrases and
   * beginnings of words are taken as they are. 0 when it is left out.
   */
  typos?: 0 | 1 | 2;
}

/** How to search a text index. */
export interface TextSearchOptions extends TextMatchOptions {
  /** How many hits are wanted; 10 when it is left out. */
  k?: number;
  /** What they are ranked by; `relevance` when it is left out. */
  ranking?: TextRanking;
  /** What an occurrence in each column is worth, in their order or by their names; 1 where nothing is said. */
  weights?: readonly number[] | Readonly<Record<string, number>>;
  /** Only hits behind this one of a search that was the same, on the page before. */
  after?: TextCursor | undefined;
}

/**
 * A place in the hits of a search, after which the next page starts: any hit is one.
 *
 * It stays good when rows are written meanwhile.
 */
export interface TextCursor {
  /** The number of the row. */
  readonly key: number | bigint;
  /** What it was ranked by. */
  readonly rank: number | string;
}

/** A row that matches. */
export interface TextHit extends TextCursor {
  /** The number of the row, to look it up or to join with; a `bigint` beyond 2^53 - 1 either way. */
  readonly key: number | bigint;
  /** How relevant it is, the higher the more: the negative of `bm25()` in FTS5. */
  readonly score: number;
  /** The score, less what its age took; where the newest come first, the time of the row in RFC 3339. */
  readonly rank: number | string;
}

/** Which rows are counted, and how many of their values are told. */
export interface TextFacetOptions extends TextMatchOptions {
  /** How many values of each key at most; 10 when it is left out. */
  most?: number;
}

/** What the rows that match have. */
export interface TextFacets {
  /** How many rows match. */
  readonly rows: number;
  /** For each key that was asked for, in that order. */
  readonly facets: readonly TextFacet[];
}

/** What the rows that match have under a key. */
export interface TextFacet {
  /** The key. */
  readonly key: string;
  /**
   * The values and how many rows have each, the most frequent first, and of equally frequent ones the
   * lower. An array has all its elements as values, and not itself.
   */
  readonly values: readonly { readonly value: Json; readonly rows: number }[];
  /** How many different values there are, also of those that are not among `values`. */
  readonly distinct: number;
}

/** How the words of a query are shown in a row. */
export interface TextHighlightOptions {
  /** How many typos a word may have, as in {@link TextMatchOptions.typos}. */
  typos?: 0 | 1 | 2;
}

/** How much of a row is shown. */
export interface TextSnippetOptions extends TextHighlightOptions {
  /** How many words at most, from 1 to 64; 24 when it is left out. */
  tokens?: number;
}

/** A text, and what of it matches; {@link marked} and {@link pieces} cut it. */
export interface TextHighlight {
  /** The name of the column. */
  readonly column: string;
  /** The text. */
  readonly text: string;
  /** Where each match begins and ends, as `text.slice` counts: ascending, and apart from each other. */
  readonly ranges: readonly (readonly [start: number, end: number])[];
}

/** The part of a row that shows best why it matches. */
export interface TextSnippet extends TextHighlight {
  /** Whether the text of the column has more in front of it. */
  readonly before: boolean;
  /** Whether the text of the column has more behind it. */
  readonly after: boolean;
}

/** A piece of a text that matches as a whole, or not at all. */
export interface TextPiece {
  /** The piece. */
  readonly text: string;
  /** Whether it matches. */
  readonly matches: boolean;
}

/**
 * A full text index of a table.
 *
 * It follows its table by itself, whatever SQL writes to it: a search sees every committed change, and
 * inside a transaction, on `tx.textIndex()`, the transaction's own too. Every call rejects with
 * `not-found` when the index was dropped.
 *
 * @example
 * await store.exec('CREATE TABLE article (id INTEGER PRIMARY KEY, title TEXT, body TEXT)');
 * const articles = await store.createTextIndex('articles', { table: 'article', columns: ['title', 'body'] });
 * await store.exec("INSERT INTO article VALUES (7, 'Storage', 'Pages and a write-ahead log')");
 * const [hit] = await articles.search('pages NOT title:log');
 * console.log(hit?.key); // 7
 */
export interface TextIndex {
  /** What it is of. */
  readonly info: TextIndexInfo;

  /**
   * The best rows that match, best first: exactly `k`, or all when they are fewer. Of equal ones the
   * lower number comes first, and by time the higher.
   *
   * Rejects with `invalid-input` for a query, options and a cursor that are none, for columns that the
   * index does not have, and for times without a column of them.
   *
   * @example
   * const first = await articles.search({ typed: 'write ahead -shm' }, { k: 20, weights: { title: 3 } });
   * const next = await articles.search({ typed: 'write ahead -shm' }, { k: 20, weights: { title: 3 }, after: first.at(-1) });
   */
  search(query: TextQuery, options?: TextSearchOptions): Promise<TextHit[]>;

  /**
   * How many rows match. Rejects as {@link TextIndex.search}.
   *
   * @example
   * const drafts = await articles.countMatching('storage', { filter: { state: 'draft' } });
   */
  countMatching(query: TextQuery, options?: TextMatchOptions): Promise<number>;

  /**
   * How many rows match, and what they have under each of some keys: names of attributes, or of members
   * of the metadata. Equal numbers are one value.
   *
   * Rejects as {@link TextIndex.search}, and with `invalid-input` where the index has neither.
   *
   * @example
   * const { rows, facets } = await articles.facets('storage', ['author', 'tags'], { most: 5 });
   */
  facets(query: TextQuery, keys: Iterable<string>, options?: TextFacetOptions): Promise<TextFacets>;

  /**
   * The texts of the row numbered `key`, one for each column, and what of them matches; `undefined` when
   * there is no such row.
   *
   * A phrase is marked as a whole, and so is what stemming, a star or typos make match; nothing behind a
   * NOT is. Of a row that does not match, everything that is there is marked. Rejects with
   * `invalid-input` for a query and options that are none, and with `limit` for rows too long to be
   * searched.
   *
   * @example
   * const columns = await articles.highlight('pages', 7);
   * console.log(columns?.map((column) => marked(column, '[', ']'))); // ['Storage', '[Pages] and a write-ahead log']
   */
  highlight(query: TextQuery, key: number | bigint, options?: TextHighlightOptions): Promise<TextHighlight[] | undefined>;

  /** As {@link TextIndex.highlight}, of these texts: one for each column of the index. */
  highlightOf(query: TextQuery, texts: readonly string[], options?: TextHighlightOptions): Promise<TextHighlight[]>;

  /**
   * The part of the row numbered `key` that shows best why it matches; `undefined` when there is no such
   * row.
   *
   * It is the one with the most different phrases of the query, then with the most of them, then the
   * first; where nothing matches, it is the beginning. Rejects as {@link TextIndex.highlight}.
   *
   * @example
   * const part = await articles.snippet({ typed: 'pages' }, hit.key, { tokens: 12 });
   * if (part) element.replaceChildren(...pieces(part).map(({ text, matches }) => {
   *   const child = document.createElement(matches ? 'mark' : 'span');
   *   child.textContent = text;
   *   return child;
   * }));
   */
  snippet(query: TextQuery, key: number | bigint, options?: TextSnippetOptions): Promise<TextSnippet | undefined>;

  /** As {@link TextIndex.snippet}, of these texts: one for each column of the index. */
  snippetOf(query: TextQuery, texts: readonly string[], options?: TextSnippetOptions): Promise<TextSnippet>;

  /** The numbers of the rows that no search finds, because they have more text than is searched: 16 MiB. */
  unindexable(): Promise<(number | bigint)[]>;

  /** How many rows are in it. */
  count(): Promise<number>;

  /**
   * Brings the index up to date by reading about `most` rows, and says whether that was all. Without
   * `most` it reads all, in steps of some milliseconds with room for other tasks in between.
   *
   * Every search does this by itself and all at once, which would hold up a page for a while where the
   * table is new to the index and has many rows. Rejects with `busy` inside a transaction.
   *
   * @example
   * await articles.prepare();
   */
  prepare(most?: number): Promise<boolean>;

  /**
   * Makes one segment of all, without anything that was deleted: what searches fastest. Nothing needs
   * this, as segments are merged while rows are written. Rejects with `busy` inside a transaction.
   */
  optimize(): Promise<void>;

  /** Throws the index away and makes it again from the table. Rejects with `busy` inside a transaction. */
  rebuild(): Promise<void>;

  /** How many bytes of memory it takes now. */
  memory(): Promise<number>;
}

/** The text indexes of a store. */
export interface TextIndexes {
  /**
   * Creates a full text index of a table, whose rows are read when it is first used.
   *
   * Rejects with `conflict` when the name is taken, with `not-found` without such a table, and with
   * `invalid-input` for columns that it does not have.
   *
   * @example
   * const articles = await store.createTextIndex('articles', { table: 'article', columns: ['title', 'body'], stemming: 'english' });
   */
  createTextIndex(name: string, options: TextIndexOptions): Promise<TextIndex>;

  /**
   * Opens a text index; rejects with `not-found`.
   *
   * @example
   * const articles = await store.textIndex('articles');
   */
  textIndex(name: string): Promise<TextIndex>;

  /** What every text index is of, by name. */
  textIndexes(): Promise<TextIndexInfo[]>;

  /** Drops a text index, and leaves its table as it is; rejects with `not-found`. */
  dropTextIndex(name: string): Promise<void>;
}
