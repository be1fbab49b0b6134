/** Searches among vectors: what is asked of the module, and what it found. */

import type { Metadata } from './api.js';
import type { PackedHits, PackedSearch, WasmSearches, WasmStore } from './bindings/glue.js';
import { checkFlag, checkIds, checkNumber, checkOptions, checkText, checkVector, checkVectorOf, checkWhole, elements, filterJson } from './check.js';
import { checkCursor } from './cursor.js';
import type { Runner } from './executor.js';
import type {
  Effort,
  Examples,
  ExplainedSearch,
  Recall,
  RecallOptions,
  SearchHit,
  SearchOptions,
  VectorSearch,
} from './search-api.js';

const SEARCH_OPTIONS = ['k', 'filter', 'exact', 'effort', 'after', 'diversity'] as const;

/** Runs a call on the index of a collection, or on one without a store. */
export type Ask = <T>(work: (searches: WasmSearches) => T) => Promise<T>;

/** {@link VectorSearch} by an {@link Ask}. */
export class Searches implements VectorSearch {
  readonly dimensions: number;
  readonly #ask: Ask;

  constructor(dimensions: number, ask: Ask) {
    this.dimensions = dimensions;
    this.#ask = ask;
  }

  async search(query: Float32Array | readonly number[], options?: SearchOptions): Promise<SearchHit[]> {
    const vector = checkVector('the query', query);
    const packed = packSearch(options);
    return unpackHits(await this.#ask((searches) => searches.search(vector, packed)));
  }

  async searchMany(queries: Iterable<Float32Array | readonly number[]>, options?: SearchOptions): Promise<SearchHit[][]> {
    const vectors = elements('the queries', queries).map((query, i) => checkVectorOf(`query ${i}`, query, this.dimensions));
    const packed = packSearch(options);
    const joined = joinVectors(vectors, this.dimensions);
    return (await this.#ask((searches) => searches.searchMany(joined, packed))).map(unpackHits);
  }

  async within(
    query: Float32Array | readonly number[],
    distance: number,
    options?: Pick<SearchOptions, 'filter' | 'after'>,
  ): Promise<SearchHit[]> {
    const vector = checkVector('the query', query);
    checkNumber('the distance', distance);
    const packed = packSearch(checkOptions('the options of a search within a distance', options, ['filter', 'after']));
    return unpackHits(await this.#ask((searches) => searches.within(vector, distance, packed)));
  }

  async searchLike(id: string, options?: SearchOptions): Promise<SearchHit[]> {
    checkText('an id', id);
    const packed = packSearch(options);
    return unpackHits(await this.#ask((searches) => searches.searchLike(id, packed)));
  }

  async recommend(examples: Examples, options?: SearchOptions): Promise<SearchHit[]> {
    const { positive, negative } = checkOptions('the examples', examples, ['positive', 'negative']);
    const liked = checkIds('the positive examples', positive);
    const disliked = negative === undefined ? [] : checkIds('the negative examples', negative);
    const packed = packSearch(options);
    return unpackHits(await this.#ask((searches) => searches.recommend(liked, disliked, packed)));
  }

  async explain(query: Float32Array | readonly number[], options?: SearchOptions): Promise<ExplainedSearch> {
    const vector = checkVector('the query', query);
    const packed = packSearch(options);
    const [hits, explanation] = await this.#ask((searches) => searches.explain(vector, packed));
    return { hits: unpackHits(hits), explanation };
  }

  async recallCheck(options?: RecallOptions): Promise<Recall> {
    const { sample, k } = checkOptions('the options of a check of recall', options, ['sample', 'k']);
    const searches = checkWhole('the sample', sample === undefined ? 100 : sample, 0);
    const hits = checkWhole('k', k === undefined ? 10 : k, 0);
    return this.#ask((of) => of.recallCheck(searches, hits));
  }

  async memory(): Promise<number> {
    return this.#ask((searches) => searches.memory());
  }
}

/** An {@link Ask} of the collection `name` in a store. */
export function askCollection(runner: Runner, name: string): Ask {
  return (work) => runner.run((store) => work(searchesOf(store, name)));
}

function searchesOf(store: WasmStore, name: string): WasmSearches {
  return {
    search: (query, options) => store.searchVectors(name, query, options),
    searchMany: (queries, options) => store.searchManyVectors(name, queries, options),
    within: (query, distance, options) => store.vectorsWithin(name, query, distance, options),
    searchLike: (id, options) => store.vectorsLike(name, id, options),
    recommend: (positive, negative, options) => store.recommendVectors(name, positive, negative, options),
    explain: (query, options) => store.explainVectors(name, query, options),
    recallCheck: (sample, k) => store.checkRecall(name, sample, k),
    memory: () => store.vectorMemory(name),
  };
}

/** How to search, as the module takes it. */
function packSearch(options: SearchOptions | undefined): PackedSearch {
  const { k, filter, exact, effort, after, diversity } = checkOptions('the options of a search', options, SEARCH_OPTIONS);
  const packed: PackedSearch = { k: checkWhole('k', k === undefined ? 10 : k, 0), exact: checkFlag('exact', exact) };
  if (filter !== undefined) packed.filter = filterJson(filter);
  if (effort !== undefined) packed.effort = checkEffort(effort);
  if (after !== undefined) packed.after = checkCursor(after);
  if (diversity !== undefined) packed.diversity = checkNumber('the diversity', diversity, 0, 1);
  return packed;
}

function checkEffort(effort: Effort): Effort {
  const { scanned, candidates } = checkOptions('the effort of a search', effort, ['scanned', 'candidates']);
  return {
    scanned: checkWhole('how many vectors are scanned', scanned, 1),
    candidates: checkWhole('the number of candidates', candidates, 1),
  };
}

/** Hits, unpacked. */
function unpackHits([ids, scores, metadata]: PackedHits): SearchHit[] {
  return ids.map((id, i) => ({ id, score: scores[i] as number, metadata: JSON.parse(metadata[i] as string) as Metadata }));
}

/** Vectors of so many dimensions, one after another. */
export function joinVectors(vectors: readonly Float32Array[], dimensions: number): Float32Array {
  const joined = new Float32Array(vectors.length * dimensions);
  vectors.forEach((vector, i) => joined.set(vector, i * dimensions));
  return joined;
}
