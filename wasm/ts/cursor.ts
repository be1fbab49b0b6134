/** Places in the hits of a search, after which the next page starts. */

import { checkNumber, checkOptions, checkText, checkWhole, invalid, kindOf } from './check.js';
import type { SearchCursor, SearchHit } from './search-api.js';

/** `cursor`, which must be a place that a search could have come to. */
export function checkCursor(cursor: SearchCursor): SearchCursor {
  const { score, id, seen } = checkOptions('a cursor', cursor, ['score', 'id', 'seen']);
  return {
    score: checkNumber('the score of a cursor', score, -Number.MAX_VALUE, Number.MAX_VALUE),
    id: checkText('the id of a cursor', id),
    seen: checkWhole('how many hits a cursor has seen', seen, 0),
  };
}

/**
 * The place behind a page of hits, for {@link SearchOptions.after}; `before` is the one that the page
 * itself was behind. There is none behind an empty page: everything was seen.
 *
 * @example
 * let after: SearchCursor | undefined;
 * do {
 *   const page = await notes.search(query, { k: 20, after });
 *   for (const hit of page) console.log(hit.id);
 *   after = cursorAfter(page, after);
 * } while (after !== undefined);
 */
export function cursorAfter(page: readonly Pick<SearchHit, 'id' | 'score'>[], before?: SearchCursor): SearchCursor | undefined {
  if (!Array.isArray(page)) throw invalid(`a page must be the hits of a search, this is ${kindOf(page)}`);
  const seen = page.length + (before === undefined ? 0 : checkCursor(before).seen);
  const places = (page as (SearchHit | undefined)[]).map((hit) =>
    checkCursor({ score: hit?.score as number, id: hit?.id as string, seen }),
  );
  // Where hits were chosen to differ, the farthest need not be the last.
  let farthest = places[0];
  for (const place of places) if (isBehind(place, farthest as SearchCursor)) farthest = place;
  return farthest;
}

/** Whether a place is behind another: by score, then by the bytes of the ids in UTF-8. */
function isBehind(hit: SearchCursor, other: SearchCursor): boolean {
  if (hit.score !== other.score) return hit.score > other.score;
  const [ids, others] = [[...hit.id], [...other.id]];
  const at = ids.findIndex((character, i) => character !== others[i]);
  return at >= 0 && (ids[at]?.codePointAt(0) ?? 0) > (others[at]?.codePointAt(0) ?? -1);
}
