/** The committed stores of vectors and their questions: tests/harness/vector_fixture.rs says what is in them. */

import * as fs from 'node:fs';
import * as path from 'node:path';

import type { ExplainedSearch, SearchHit, SearchOptions, Store } from 'sigil-store';

/** The folder of the fixtures. */
export const FOLDER = path.join(import.meta.dirname, '../../../fixtures/v1');

/** What a store is asked, and what its builder found. */
export interface Question {
  collection: string;
  call: 'search' | 'within' | 'like' | 'recommend';
  options: SearchOptions;
  k: number;
  query: number[];
  distance: number;
  id: string;
  positive: string[];
  negative: string[];
  ids: string[];
  scores: number[];
}

/** The questions of the fixture `name`. */
export function questionsOf(name: string): Question[] {
  const lines = fs.readFileSync(path.join(FOLDER, `${name}.expect`), 'utf8').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Question);
}

/** What a store finds, and how where the call explains itself. */
export async function ask(store: Store, question: Question): Promise<{ hits: SearchHit[] } & Partial<ExplainedSearch>> {
  const { call, k, query, distance, id, positive, negative } = question;
  const collection = await store.vectors.open(question.collection);
  const options = { ...question.options, k };
  switch (call) {
    case 'search':
      return collection.explain(query, options);
    case 'within':
      return { hits: await collection.within(query, distance, question.options) };
    case 'like':
      return { hits: await collection.searchLike(id, options) };
    case 'recommend':
      return { hits: await collection.recommend({ positive, negative }, options) };
  }
}
