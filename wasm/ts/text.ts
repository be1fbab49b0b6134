/** The text indexes of a store: what is asked of the module, and what it found. */

import type { PackedTextHits, PackedTextInfo, PackedTextSearch } from './bindings/glue.js';
import { checkFlag, checkNumber, checkOptions, checkText, checkWhole, elements, filterJson, invalid, kindOf } from './check.js';
import type { Runner } from './executor.js';
import { firstPace, inSteps, timed } from './steps.js';
import type { TimeInput } from './stores/records.js';
import { isTime, writeTime } from './stores/time.js';
import type {
  TextCursor,
  TextFacetOptions,
  TextFacets,
  TextHighlight,
  TextHighlightOptions,
  TextHit,
  TextIndex,
  TextIndexes,
  TextIndexInfo,
  TextIndexOptions,
  TextMatchOptions,
  TextQuery,
  TextRanking,
  TextSearchOptions,
  TextSnippet,
  TextSnippetOptions,
} from './text-api.js';
import { packQuery, texts } from './text-query.js';
import { unpackHighlights, unpackSnippet } from './text-shown.js';

const INDEX_OPTIONS = ['table', 'columns', 'time', 'attributes', 'metadata', 'stemming', 'stopWords', 'bigrams', 'prefixes'] as const;
const MATCH_OPTIONS = ['filter', 'from', 'to', 'keys', 'typos'] as const;
const SEARCH_OPTIONS = ['k', 'ranking', 'weights', 'after', ...MATCH_OPTIONS] as const;
const K = 10;
const MOST_VALUES = 10;
/** As `SnippetOptions` in the core. */
const TOKENS = 24;
const TOKENS_MAX = 64;

/** {@link TextIndexes} by a {@link Runner}. */
export class StoreTexts implements TextIndexes {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  async createTextIndex(name: string, options: TextIndexOptions): Promise<TextIndex> {
    checkName(name);
    const packed = packOptions(options);
    return new StoreText(this.#runner, await this.#runner.run((store) => store.createTextIndex(name, packed)));
  }

  async textIndex(name: string): Promise<TextIndex> {
    checkName(name);
    return new StoreText(this.#runner, await this.#runner.run((store) => store.textIndex(name)));
  }

  async textIndexes(): Promise<TextIndexInfo[]> {
    return (await this.#runner.run((store) => store.textIndexes())).map(readInfo);
  }

  async dropTextIndex(name: string): Promise<void> {
    checkName(name);
    return this.#runner.run((store) => store.dropTextIndex(name));
  }
}

/** {@link TextIndex} by a {@link Runner}. */
class StoreText implements TextIndex {
  readonly info: TextIndexInfo;
  readonly #runner: Runner;
  readonly #pace = firstPace();

  constructor(runner: Runner, packed: PackedTextInfo) {
    this.#runner = runner;
    this.info = readInfo(packed);
  }

  async search(query: TextQuery, options?: TextSearchOptions): Promise<TextHit[]> {
    const [form, text] = packQuery(query);
    const { name } = this.info;
    if (options === undefined) return unpackHits(await this.#runner.run((store) => store.searchText(name, form, text, K, undefined, undefined)));
    const { k, packed, keys } = packSearch(options);
    return unpackHits(await this.#runner.run((store) => store.searchText(name, form, text, k, packed, keys)));
  }

  async countMatching(query: TextQuery, options?: TextMatchOptions): Promise<number> {
    const [form, text] = packQuery(query);
    const { packed, keys } = packMatching(checkOptions('the options of a count', options, MATCH_OPTIONS));
    return this.#runner.run((store) => store.countMatchingText(this.info.name, form, text, packed, keys));
  }

  async facets(query: TextQuery, keys: Iterable<string>, options?: TextFacetOptions): Promise<TextFacets> {
    const [form, text] = packQuery(query);
    const of = texts('the keys of facets', keys);
    const given = checkOptions('the options of facets', options, ['most', ...MATCH_OPTIONS]);
    const most = checkWhole('how many values', given.most === undefined ? MOST_VALUES : given.most, 0);
    const { packed, keys: rows } = packMatching(given);
    const json = await this.#runner.run((store) => store.textFacets(this.info.name, form, text, of, most, packed, rows));
    return JSON.parse(json) as TextFacets;
  }

  async highlight(query: TextQuery, key: number | bigint, options?: TextHighlightOptions): Promise<TextHighlight[] | undefined> {
    const [form, text] = packQuery(query);
    const [row, typos] = [packKey(key), packHighlight(options)];
    const { name, columns } = this.info;
    const found = await this.#runner.run((store) => store.highlightRow(name, form, text, row, typos));
    return found && unpackHighlights(columns, found);
  }

  async highlightOf(query: TextQuery, of: readonly string[], options?: TextHighlightOptions): Promise<TextHighlight[]> {
    const [form, text] = packQuery(query);
    const [given, typos] = [texts('the texts to highlight', of), packHighlight(options)];
    const { name, columns } = this.info;
    return unpackHighlights(columns, await this.#runner.run((store) => store.highlightTexts(name, form, text, given, typos)));
  }

  async snippet(query: TextQuery, key: number | bigint, options?: TextSnippetOptions): Promise<TextSnippet | undefined> {
    const [form, text] = packQuery(query);
    const [row, [tokens, typos]] = [packKey(key), packSnippet(options)];
    const { name, columns } = this.info;
    const found = await this.#runner.run((store) => store.snippetOfRow(name, form, text, row, tokens, typos));
    return found && unpackSnippet(columns, found);
  }

  async snippetOf(query: TextQuery, of: readonly string[], options?: TextSnippetOptions): Promise<TextSnippet> {
    const [form, text] = packQuery(query);
    const [given, [tokens, typos]] = [texts('the texts of a snippet', of), packSnippet(options)];
    const { name, columns } = this.info;
    return unpackSnippet(columns, await this.#runner.run((store) => store.snippetOfTexts(name, form, text, given, tokens, typos)));
  }

  async unindexable(): Promise<(number | bigint)[]> {
    const keys = await this.#runner.run((store) => store.unindexableRows(this.info.name));
    return Array.from(keys, (key) => (Number.isSafeInteger(Number(key)) ? Number(key) : key));
  }

  async count(): Promise<number> {
    return this.#runner.run((store) => store.countText(this.info.name));
  }

  async prepare(most?: number): Promise<boolean> {
    if (most !== undefined) {
      checkWhole('how many rows are read', most, 1);
      return this.#runner.run((store) => store.prepareText(this.info.name, most));
    }
    await inSteps((rows) => this.#runner.run((store) => timed(() => store.prepareText(this.info.name, rows))), this.#pace);
    return true;
  }

  async optimize(): Promise<void> {
    return this.#runner.run((store) => store.optimizeText(this.info.name));
  }

  async rebuild(): Promise<void> {
    return this.#runner.run((store) => store.rebuildText(this.info.name));
  }

  async memory(): Promise<number> {
    return this.#runner.run((store) => store.textMemory(this.info.name));
  }
}

function checkName(name: unknown): void {
  checkText('the name of a text index', name);
}

/** What an index is made for, as JSON; that it can be, the module checks. */
function packOptions(options: TextIndexOptions): string {
  const given = checkOptions('the options of a text index', options, INDEX_OPTIONS);
  const { table, columns, time, attributes, metadata, stemming, stopWords, bigrams, prefixes } = given;
  const optional = (what: string, value: unknown): string | undefined => (value === undefined ? undefined : checkText(what, value));
  return JSON.stringify({
    table: checkText('the table of a text index', table),
    columns: texts('the columns of a text index', columns),
    time: optional('the column of times', time),
    attributes: attributes === undefined ? [] : texts('the attributes', attributes),
    metadata: optional('the column of metadata', metadata),
    text: {
      stemming: optional('the language of stemming', stemming),
      stopWords: stopWords === undefined ? [] : texts('the stop words', stopWords),
      bigrams: checkFlag('bigrams', bigrams),
      prefixes: prefixes === undefined ? [] : elements('the prefixes', prefixes).map((length) => checkWhole('the length of a prefix', length, 1, 16)),
    },
  });
}

function readInfo({ name, options }: PackedTextInfo): TextIndexInfo {
  type Parts = 'table' | 'columns' | 'time' | 'attributes' | 'metadata';
  const { text, ...rest } = JSON.parse(options) as Partial<Pick<TextIndexInfo, Parts>> & { text: Partial<TextIndexInfo> };
  const { stemming, ...words } = text;
  // What is empty may be left out, and what there is not may be null.
  const made = { attributes: [], stopWords: [], bigrams: false, prefixes: [], ...rest, ...words, ...(stemming ? { stemming } : {}) };
  return { name, ...made } as unknown as TextIndexInfo;
}

interface Packed {
  k: number;
  packed: PackedTextSearch | undefined;
  keys: BigInt64Array | undefined;
}

/** How to search, as the module takes it. */
function packSearch(options: TextSearchOptions): Packed {
  const given = checkOptions('the options of a search', options, SEARCH_OPTIONS);
  const { k, ranking, weights, after } = given;
  const { packed = {}, keys } = packMatching(given);
  if (ranking !== undefined && ranking !== 'relevance') packed.ranking = packRanking(ranking);
  if (weights !== undefined) packWeights(weights, packed);
  if (after !== undefined) packed.after = packCursor(after);
  return { k: checkWhole('k', k === undefined ? K : k, 0), packed: unlessEmpty(packed), keys };
}

/** Which rows are wanted, as the module takes it. */
function packMatching({ filter, from, to, keys, typos }: TextMatchOptions): Omit<Packed, 'k'> {
  const packed: PackedTextSearch = {};
  if (filter !== undefined) packed.filter = filterJson(filter);
  if (from !== undefined) packed.from = packTime('the time from which', from);
  if (to !== undefined) packed.to = packTime('the time up to which', to);
  if (typos !== undefined) packed.typos = packTypos(typos);
  return {
    packed: unlessEmpty(packed),
    keys: keys === undefined ? undefined : BigInt64Array.from(elements('the keys', keys).map(packKey)),
  };
}

function unlessEmpty(packed: PackedTextSearch): PackedTextSearch | undefined {
  return Object.keys(packed).length === 0 ? undefined : packed;
}

function packTypos(typos: unknown): number {
  return checkWhole('the number of typos', typos, 0, 2);
}

/** The number of typos. */
function packHighlight(options: TextHighlightOptions | undefined): number {
  const { typos } = checkOptions('the options of a highlight', options, ['typos']);
  return typos === undefined ? 0 : packTypos(typos);
}

/** The number of words, and of typos. */
function packSnippet(options: TextSnippetOptions | undefined): [tokens: number, typos: number] {
  const { tokens, typos } = checkOptions('the options of a snippet', options, ['tokens', 'typos']);
  return [
    tokens === undefined ? TOKENS : checkWhole('the number of words of a snippet', tokens, 1, TOKENS_MAX),
    typos === undefined ? 0 : packTypos(typos),
  ];
}

function packRanking(ranking: Exclude<TextRanking, 'relevance'>): NonNullable<PackedTextSearch['ranking']> {
  if (ranking === 'newest') return 'newest';
  if (typeof ranking !== 'object') throw invalid(`there is no ranking '${String(ranking)}': there are relevance, newest, and an object with a half-life`);
  const { halfLifeMs, weight, now } = checkOptions('a ranking by age', ranking, ['halfLifeMs', 'weight', 'now']);
  return {
    recent: {
      halfLifeMs: checkWhole('the half-life', halfLifeMs, 1, Number.MAX_SAFE_INTEGER),
      weight: weight === undefined ? 1 : checkNumber('the weight of the age', weight, 0, 1),
      now: packTime('the moment of a ranking', now ?? new Date()),
    },
  };
}

function packWeights(weights: unknown, packed: PackedTextSearch): void {
  const check = (weight: unknown): number => checkNumber('the weight of a column', weight, 0, Number.MAX_VALUE);
  if (Array.isArray(weights)) packed.weights = weights.map(check);
  else if (typeof weights === 'object' && weights !== null) {
    packed.named = Object.entries(weights).map(([name, weight]) => [checkText('the name of a column', name), check(weight)]);
  } else throw invalid(`the weights must be an array or an object, this is ${kindOf(weights)}`);
}

function packTime(what: string, time: TimeInput): string {
  if (!isTime(time)) throw invalid(`${what} must be a Date or a string, this is ${kindOf(time)}`);
  return writeTime(what, time);
}

function packCursor(cursor: TextCursor): NonNullable<PackedTextSearch['after']> {
  if (typeof cursor !== 'object' || cursor === null) throw invalid(`a cursor must be a hit, this is ${kindOf(cursor)}`);
  const { key, rank } = cursor;
  const place = { key: packKey(key) };
  if (typeof rank === 'string') return { ...place, time: packTime('the rank of a cursor', rank) };
  return { ...place, score: checkNumber('the rank of a cursor', rank) };
}

function packKey(key: unknown): bigint {
  if (typeof key === 'bigint' && BigInt.asIntN(64, key) === key) return key;
  if (typeof key === 'number' && Number.isSafeInteger(key)) return BigInt(key);
  const said = typeof key === 'number' || typeof key === 'bigint' ? String(key) : kindOf(key);
  throw invalid(`the key of a row must be a whole number of 64 bits, a bigint beyond 2^53 - 1, this is ${said}`);
}

/** Hits, unpacked. */
function unpackHits(packed: PackedTextHits): TextHit[] {
  const isExact = packed instanceof Float64Array;
  const numbers = isExact ? packed : packed[0];
  const hits: TextHit[] = [];
  for (let i = 0; i < numbers.length; i += 3) {
    let key: number | bigint = numbers[i] as number;
    let rank: number | string = numbers[i + 2] as number;
    if (!isExact) {
      if (!Number.isSafeInteger(key)) key = packed[1][i / 3] as bigint;
      // The times are missing where scores rank.
      rank = packed[2][i / 3] ?? rank;
    }
    hits.push({ key, score: numbers[i + 1] as number, rank });
  }
  return hits;
}
