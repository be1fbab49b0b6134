/** What the module says of where rows match, unpacked. */

import type { PackedHighlight, PackedSnippet } from './bindings/glue.js';
import type { TextHighlight, TextSnippet } from './text-api.js';

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
