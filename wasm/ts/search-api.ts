/** The types of searches among vectors: what collections and indexes share. */

import type { Filter, Metadata } from './api.js';

/** How to search. */
export interface SearchOptions {
  /** How many hits are wanted; 10 when it is left out. */
  k?: number;
  /** Only entries that this matches are considered; never fewer than `k` hits while `k` match. */
  filter?: Filter;
  /** Compare every matching vector rather than let the planner choose. */
  exact?: boolean;
  /** How hard to look where not every vector is compared; for recall@10 of about .99 when it is left out, .98 from 100,000 vectors on. */
  effort?: Effort;
  /**
   * Only hits behind an earlier page of the same search: its {@link cursorAfter}. What that page missed,
   * or passed over for others that differ more, comes on no later one.
   */
  after?: SearchCursor | undefined;
  /**
   * From 0 to 1, how much hits should differ from each other rather than be near the query: maximal
   * marginal relevance among four times as many. Hits then come in the order they were chosen in.
   */
  diversity?: number;
}

/** How hard a search looks that need not be exact. */
export interface Effort {
  /** How many vectors it looks at by their codes, at least 1. */
  scanned: number;
  /** How many of these it compares with the query itself, at least 1. */
  candidates: number;
}

/**
 * A place in the hits of a search, after which the next page starts; {@link cursorAfter} gives it.
 *
 * It is plain JSON and stays good for the same query, also when vectors are added and removed meanwhile.
 */
export interface SearchCursor {
  /** The score of the farthest hit so far. */
  score: number;
  /** Its id. */
  id: string;
  /** How many hits there were so far. */
  seen: number;
}

/** One entry a search found. */
export interface SearchHit {
  id: string;
  /** The distance to the query by the collection's metric: lower is nearer. */
  score: number;
  metadata: Metadata;
}

/** Examples of what is wanted, and of what is not, by their ids. */
export interface Examples {
  /** At least one. */
  positive: Iterable<string>;
  /** None when it is left out. */
  negative?: Iterable<string>;
}

/**
 * Why a search compared every vector that was wanted: it was asked to (`asked`); there are too few
 * vectors for codes (`few`); few match the filter (`selective`); most would have been compared anyway
 * (`many`); codes say nothing of the query (`query`); or there were fewer candidates than hits wanted
 * (`too-few`).
 */
export type ExactReason = 'asked' | 'few' | 'selective' | 'many' | 'query' | 'too-few';

/**
 * How a search was carried out: `exact`, by comparing every vector that was wanted, or by `codes`, of
 * which it `scanned` so many in so many `cells` to choose those to compare.
 */
export type SearchPlan = { kind: 'exact'; because: ExactReason } | { kind: 'codes'; scanned: number; cells: number };

/** What a search did. */
export interface Explanation {
  plan: SearchPlan;
  /** How many vectors there are. */
  vectors: number;
  /** How many of them may match the filter, by the index of the metadata. */
  listed: number;
  /** Whether each of these had to be tested by its metadata, where it was looked at. */
  tested: boolean;
  /** How many vectors were compared with the query, element by element. */
  compared: number;
  /** All of it, for people. */
  text: string;
}

/** The hits of a search, and how they were found. */
export interface ExplainedSearch {
  hits: SearchHit[];
  explanation: Explanation;
}

/** How to check the recall of searches. */
export interface RecallOptions {
  /** How many of the vectors are searched for; 100 when it is left out. */
  sample?: number;
  /** How many hits each search is asked for; 10 when it is left out. */
  k?: number;
}

/** How many of the true hits searches find. */
export interface Recall {
  /** How many searches were made. */
  searches: number;
  /** How many hits each was asked for. */
  k: number;
  /** The share of the true hits that were found, from 0 to 1. */
  recall: number;
}

/**
 * How vectors are searched, in a collection or an index.
 *
 * Every call rejects with `invalid-input` for options, ids and cursors that are none, and for a query
 * of other dimensions or with an element that is not finite.
 */
export interface VectorSearch {
  /**
   * The entries nearest to `query`, nearest first; of equal scores the lower id first.
   *
   * Exactly `k` of them, or all that match when these are fewer. From about a thousand vectors on it
   * may miss one in a hundred of the true hits, unless it is asked to be `exact`.
   *
   * @example
   * const first = await notes.search(query, { k: 20, filter: { lang: 'en' } });
   * const next = await notes.search(query, { k: 20, filter: { lang: 'en' }, after: cursorAfter(first) });
   */
  search(query: Float32Array | readonly number[], options?: SearchOptions): Promise<SearchHit[]>;

  /**
   * {@link VectorSearch.search} for each of several queries, at once.
   *
   * @example
   * const [tea, coffee] = await notes.searchMany([embedded.tea, embedded.coffee], { k: 3 });
   */
  searchMany(queries: Iterable<Float32Array | readonly number[]>, options?: SearchOptions): Promise<SearchHit[][]>;

  /**
   * Every entry no farther than `distance` by the metric, nearest first. None is missing: each
   * matching vector is compared.
   *
   * @example
   * const same = await notes.within(query, 0.1, { filter: { lang: 'en' } });
   */
  within(query: Float32Array | readonly number[], distance: number, options?: Pick<SearchOptions, 'filter' | 'after'>): Promise<SearchHit[]>;

  /**
   * The entries nearest to the one under `id`, which is not among them; rejects with `not-found` when
   * there is none.
   *
   * @example
   * const related = await notes.searchLike('n1', { k: 5 });
   */
  searchLike(id: string, options?: SearchOptions): Promise<SearchHit[]>;

  /**
   * The entries nearest to the `positive` examples and away from the `negative` ones, none of which is
   * among them; rejects with `not-found` for an id that nothing has.
   *
   * It searches for the mean of the positive ones, moved away from the mean of the negative ones by as
   * much as the two differ; under `cosine` all count the same, whatever their length.
   *
   * @example
   * const hits = await notes.recommend({ positive: ['liked', 'too'], negative: ['not'] }, { k: 5 });
   */
  recommend(examples: Examples, options?: SearchOptions): Promise<SearchHit[]>;

  /**
   * As {@link VectorSearch.search}, and how the hits were found.
   *
   * @example
   * const { hits, explanation } = await notes.explain(query, { k: 5, filter: { lang: 'en' } });
   * console.log(explanation.text); // exact, because the filter leaves few: compared 12 of 5000; ...
   */
  explain(query: Float32Array | readonly number[], options?: SearchOptions): Promise<ExplainedSearch>;

  /**
   * Compares usual searches for some of the vectors with exact ones. Nothing else runs in the
   * meantime, which is as long as that many exact searches take.
   *
   * @example
   * const { recall } = await notes.recallCheck({ sample: 200, k: 10 });
   */
  recallCheck(options?: RecallOptions): Promise<Recall>;

  /** How many bytes the index takes in memory. */
  memory(): Promise<number>;
}
