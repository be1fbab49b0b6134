/** Queries of text on their way into the module. */

import { checkOptions, checkText, checkWhole, elements, invalid, kindOf } from './check.js';
import { SigilError } from './error.js';
import type { TextQuery } from './text-api.js';

/** How a query is given (wasm/src/text.rs). */
const LANGUAGE = 0;
const TYPED = 1;
const BUILT = 2;

/** How deep objects may be nested, which is less than the module can read. */
const DEPTH_MAX = 60;

/** As `TextQuery::DISTANCE_DEFAULT` in the core. */
const DISTANCE_DEFAULT = 10;

/** The form of a query, and its text in that form. */
export type PackedQuery = readonly [form: number, text: string];

/** `query` as the module takes it. */
export function packQuery(query: TextQuery): PackedQuery {
  if (typeof query === 'string') return [LANGUAGE, checkText('the query', query)];
  const built = build(query, 0);
  return 'typed' in built ? [TYPED, built['typed'] as string] : [BUILT, JSON.stringify(built)];
}

const FORMS: Readonly<Record<string, readonly string[]>> = {
  typed: [],
  phrase: [],
  prefix: [],
  near: ['distance'],
  and: [],
  or: [],
  not: [],
  columns: ['query'],
};

/** A query as the module reads it from JSON. */
function build(query: unknown, depth: number): Record<string, unknown> {
  if (typeof query === 'string') return { query: checkText('a query', query) };
  if (typeof query !== 'object' || query === null || Array.isArray(query)) {
    throw invalid(`a query must be a string or an object, this is ${kindOf(query)}`);
  }
  if (depth === DEPTH_MAX) throw new SigilError('limit', `a query nested more than ${DEPTH_MAX} levels deep: write it flatter`);
  const form = Object.keys(FORMS).find((name) => Object.hasOwn(query, name));
  if (form === undefined) throw invalid(`a query must have one of ${Object.keys(FORMS).join(', ')}: this has none of them`);
  const given = checkOptions<Record<string, unknown>>(`a query with '${form}'`, query as Record<string, unknown>, [form, ...(FORMS[form] as string[])]);
  const value = given[form];
  const parts = (): Record<string, unknown>[] => elements(`'${form}' of a query`, value).map((part) => build(part, depth + 1));
  switch (form) {
    case 'near':
      return { near: { phrases: texts("'near' of a query", value), distance: distanceOf(given['distance']) } };
    case 'columns':
      return { columns: { names: texts("'columns' of a query", value), query: build(given['query'], depth + 1) } };
    case 'and':
    case 'or':
      return { [form]: parts() };
    case 'not': {
      const both = parts();
      if (both.length !== 2) throw invalid(`'not' of a query must have two, what is wanted and what is not, this has ${both.length}`);
      return { not: both };
    }
    default:
      return { [form]: checkText(`'${form}' of a query`, value) };
  }
}

function distanceOf(distance: unknown): number {
  return checkWhole("'distance' of a query", distance === undefined ? DISTANCE_DEFAULT : distance, 0);
}

/** The texts in an array. */
export function texts(what: string, value: unknown): string[] {
  return elements(what, value).map((text, i) => checkText(`the text at position ${i} of ${what}`, text));
}
