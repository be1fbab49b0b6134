/** The search of a workspace by words and by nearness, as a program uses it. */

import type { Filter, Metadata } from '../api.js';
import type { Fact, Message, Role, Summary, Time, TimeInput } from './records.js';

/** Everything that a memory is searched in. */
export const MEMORY_SOURCES = ['messages', 'summaries', 'facts', 'vectors'] as const;
/** Where a memory is searched. */
export type MemorySource = (typeof MEMORY_SOURCES)[number];

/**
 * Words to look for.
 *
 * A string, or `typed`, is what a person types into a search box, and never an error: all words must
 * be there; words in quotes are a phrase, `word*` may go on, `-word` must not be there, and `OR`
 * stands between alternatives. `query` is the query language with `AND`, `OR`, `NOT` and
 * parentheses, and rejects with `invalid-input`, naming the place, when it is malformed.
 */
export type MemoryText = string | { typed: string } | { query: string };

/** What words count, and what nearness: 1 where it is left out, 0 for nothing. */
export interface MemoryWeights {
  text?: number;
  vector?: number;
}

/**
 * How what was found by words and what was found by nearness come together.
 *
 * `reciprocalRank` adds the weight divided by `k` and the rank, where `k` is 60 unless it is given as
 * `{ k }`: the larger it is, the less the first places stand out. `scores` is the weighted mean of
 * the scores, each brought to between 0, for the last candidate, and 1, for the best.
 */
export type MemoryFusion = 'reciprocalRank' | 'scores' | { k: number };

/** How much older records count less. */
export interface Recency {
  /** After so many milliseconds a record has lost half of what it can lose. */
  halfLifeMs: number;
  /** How much a record can lose, from 0 to 1; 1 when it is left out. */
  weight?: number;
  /** The moment of the search; now when it is left out. */
  now?: TimeInput;
}

/** What to look for in a memory, and how: `text`, `vector`, or both. */
export interface MemorySearch {
  /** The words to look for. */
  text?: MemoryText;
  /** The vector to look near to, with the dimensions of the workspace. */
  vector?: Float32Array | readonly number[];
  /** How many records to find; 10 when it is left out. */
  k?: number;
  /** Where to look; everywhere when it is left out or empty. */
  sources?: readonly MemorySource[];
  /**
   * Only records whose attributes match: of messages their metadata and `session_id`, `role`,
   * `origin` and `tool_name`; of summaries `status`; of facts `entity_id`, `predicate`, `confidence`
   * and `source`; of vectors their metadata.
   */
  filter?: Filter;
  /**
   * Only what belongs to this session: its messages, summaries that name it, facts that come from
   * it, and vectors of these or whose metadata name it as `session_id` or `sessionId`.
   */
  session?: string;
  /** Only messages of this role. */
  role?: Role;
  /** Only records from this time on. */
  from?: TimeInput;
  /** Only records from before this time. */
  to?: TimeInput;
  weights?: MemoryWeights;
  /** `reciprocalRank` when it is left out. */
  fusion?: MemoryFusion;
  /** Age does not count when it is left out. */
  recency?: Recency;
  /**
   * From 0 to 1, how much results should differ from each other rather than be good: maximal marginal
   * relevance over their vectors, or over their words where they have none.
   */
  diversity?: number;
  /** Whether of records with the same words only the best is found. */
  distinct?: boolean;
  /** How many messages to give from before and after each message in its session; none when it is left out. */
  window?: number;
  /** How many typos a word may have, up to 2; none when it is left out. */
  typos?: number;
  /**
   * How many records words and nearness find each, before they are brought together; at least four
   * times `k`, and 50, when it is left out.
   */
  candidates?: number;
}

/** A vector that stands for no record. */
export interface MemoryVector {
  id: string;
  metadata: Metadata;
}

/** A record that a search may find, and what it is. */
export type MemoryRecord<T extends Time = string> =
  | { source: 'message'; record: Message<T> }
  | { source: 'summary'; record: Summary<T> }
  | { source: 'fact'; record: Fact<T> }
  | { source: 'vector'; record: MemoryVector };

/** A record that was found: what it is says `source`. */
export type MemoryHit<T extends Time = string> = MemoryRecord<T> & {
  /** How good it is all in all: the higher, the better. */
  score: number;
  /** How it was found by words, if it was: its place from 1, and its BM25. */
  text?: { rank: number; score: number };
  /** How it was found by nearness, if it was: its place from 1, and how far its vector is. */
  vector?: { rank: number; distance: number };
  /** What its score was multiplied by for its age, if that counts. */
  recency?: number;
  /** The messages before it in its session, oldest first; missing when there are none. */
  before?: Message<T>[];
  /** The messages after it in its session, oldest first; missing when there are none. */
  after?: Message<T>[];
};
