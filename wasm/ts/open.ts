/** Opening a store. */

import type { OpenOptions, Store } from './api.js';
import { openStore } from './open-store.js';

/**
 * Opens the store `name`, creating it when there is none.
 *
 * In Node the name is the path of a directory. In a browser it is any text, and the store belongs to
 * the origin. Rejects with `locked` when another process, tab, Worker or handle has the store.
 *
 * @example
 * const store = await open('notes');
 * await store.exec('CREATE TABLE IF NOT EXISTS note (id INTEGER PRIMARY KEY, text TEXT NOT NULL)');
 * await store.exec('INSERT INTO note (text) VALUES (?)', ['hello']);
 * console.log(await store.query('SELECT * FROM note')); // [{ id: 1, text: 'hello' }]
 * await store.close();
 */
export async function open(name: string, options?: OpenOptions): Promise<Store> {
  return openStore(name, options);
}
