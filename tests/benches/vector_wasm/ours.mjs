// Every call of our npm package in this benchmark: a new setting is added here alone.

/** Our index; `variant` names a precision. */
export async function ours(variant, dimensions, host) {
  const { createVectorIndex } = await host.ours();
  const index = await createVectorIndex({ dimensions, precision: variant });
  let vectors = 0;
  return {
    async add(rows, count) {
      for (let i = 0; i < count; i++) await index.add(String(i), rows.subarray(i * dimensions, (i + 1) * dimensions));
      vectors = await index.count();
    },
    // The effort is null for the default, or so many scanned and candidates; "all" scans every vector.
    searcher(effort, k) {
      if (effort === null) return (query) => index.search(query, { k });
      const scanned = effort.scanned === 'all' ? vectors : effort.scanned;
      const asked = { k, effort: { scanned, candidates: effort.candidates } };
      return (query) => index.search(query, asked);
    },
    ids: (found) => found.map((hit) => Number(hit.id)),
    close: () => index.close(),
  };
}
