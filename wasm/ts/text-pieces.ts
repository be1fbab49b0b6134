/** Texts with their matches, cut up to be shown. */

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
