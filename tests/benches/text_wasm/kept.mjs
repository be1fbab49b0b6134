// A store of ours where the host keeps it: a directory in Node, the origin's files in a browser.

import { opened } from './ours.mjs';

/** Keeps `bytes` as the store `place`, then opens it, asks `query` and closes it `rounds` times. */
export async function openKept(host, bytes, { place, query, k, rounds }) {
  const { open } = await host.ours();
  const made = await open(place, { import: bytes });
  await made.close();
  const times = [];
  for (let round = 0; round < rounds; round++) {
    const start = performance.now();
    const engine = await opened(host, place, { create: false });
    const there = performance.now();
    const hits = await engine.search(query.kind)(query, k);
    const answered = performance.now();
    await engine.close();
    times.push({ opening: (there - start) / 1e3, with_first_query: (answered - start) / 1e3, hits: hits.length });
  }
  return times;
}
