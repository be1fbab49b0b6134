/** One leg of the journey of a store: imported into IndexedDB, changed, and exported again. */

import { open } from 'sigil-store';

import { assertEqual } from '../harness.js';

/** What the other legs agree on. */
export interface Luggage {
  /** How many synsets and vectors there are on arrival. */
  count: number;
  /** The dimensions of the collection. */
  dimensions: number;
}

/** Takes in the database at `url`, checks and changes it, and gives it back in base64. */
export async function visitBrowser(url: string, { count, dimensions }: Luggage): Promise<string> {
  const bytes = new Uint8Array(await (await fetch(url)).arrayBuffer());
  const name = `travel-${Math.random()}`;
  let store = await open(name, { storage: 'indexeddb', import: bytes });
  assertEqual((await store.query<{ n: number }>('SELECT count(*) AS n FROM synset'))[0]?.n, count, 'synsets');
  let vectors = await store.vectors.open('memory', { dimensions, metric: 'cosine' });
  assertEqual(await vectors.count(), count, 'vectors');
  await store.transaction(async (tx) => {
    await tx.exec("INSERT INTO synset VALUES ('browser', 'noun', 0, 'from a browser', 'made in Chromium')");
    await (await tx.vectors.open('memory')).store('browser', new Float32Array(dimensions).fill(0.5), { pos: 'noun', lex: 0 });
  });
  await store.close();
  store = await open(name, { storage: 'indexeddb', create: false });
  vectors = await store.vectors.open('memory', { dimensions, metric: 'cosine' });
  assertEqual((await vectors.search(new Float32Array(dimensions).fill(1), { k: 1 }))[0]?.id, 'browser', 'nearest');
  const changed = await store.export();
  await store.close();
  let text = '';
  for (let at = 0; at < changed.length; at += 0x8000) text += String.fromCharCode(...changed.subarray(at, at + 0x8000));
  return btoa(text);
}
