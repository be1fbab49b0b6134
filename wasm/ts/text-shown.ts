/** What is shown of rows that match: texts with their matches. */

import type { PackedHighlight, PackedSnippet } from './bindings/glue.js';
import type { TextHighlight, TextPiece, TextSnippet } from './text-api.js';

/**
 * The pieces of a text in their order, those that match apart from those that do not; none is empty.
 *
 * This is what to make elements of in a page: nothing has to be escaped.
 *
 * @example
 * const cut = pieces({ text: 'a page cache', ranges: [[2, 6]] });
 * // [{ text: 'a ', matches: false }, { text: 'page', matches: true }, { text: ' cache', matches: false }]
 */
export function pieces({ text, ranges }: Pick<TextHighlight, 'text' | 'ranges'>): TextPiece[] {
  const cut: TextPiece[] = [];
  const push = (start: number, end: number, matches: boolean): void => {
    if (start < end) cut.push({ text: text.slice(start, end), matches });
  };
  let at = 0;
  for (const [start, end] of ranges) {
    push(at, start, false);
    push(start, end, true);
    at = end;
  }
  push(at, text.length, false);
  return cut;
}

/**
 * A text with `open` and `close` around each match, and `ellipsis` where a snippet was cut off.
 *
 * Nothing in the text is escaped: for HTML, make elements of its {@link pieces}.
 *
 * @example
 * console.log(marked(await articles.snippetOf('log', ['', 'the log of pages']), '*', '*')); // the *log* of pages
 */
export function marked(found: TextHighlight | TextSnippet, open: string, close: string, ellipsis = '...'): string {
  const text = pieces(found).map((piece) => (piece.matches ? open + piece.text + close : piece.text));
  const around = (side: 'before' | 'after'): string => ((found as Partial<TextSnippet>)[side] ? ellipsis : '');
  return around('before') + text.join('') + around('after');
}

/** Highlights as the module packed them. */
export function unpackHighlights(columns: readonly string[], packed: readonly PackedHighlight[]): TextHighlight[] {
  return packed.map(([text, places], i) => ({ column: columns[i] as string, text, ranges: pairs(places) }));
}

/** A snippet as the module packed it. */
export function unpackSnippet(columns: readonly string[], [column, text, places, before, after]: PackedSnippet): TextSnippet {
  return { column: columns[column] as string, text, ranges: pairs(places), before, after };
}

function pairs(places: Uint32Array): [number, number][] {
  const ranges: [number, number][] = [];
  for (let i = 0; i < places.length; i += 2) ranges.push([places[i] as number, places[i + 1] as number]);
  return ranges;
}
