/** Every way to hold a store in Node. */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { open } from 'sigil-store';
import { MemoryStorage } from 'sigil-store/storage/memory';

import type { StoreKind } from '../conformance/store.js';

/** Ways to hold stores that are in a new directory `root`, if they are anywhere; `at` says where in it. */
export function storesIn(prefix: string): { root: string; at(store: string): string; kinds: StoreKind[] } {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), prefix));
  const at = (store: string): string => path.join(root, store);
  const panics = async (): Promise<Uint8Array> => fs.readFileSync(path.join(import.meta.dirname, '../panics.wasm'));
  const kinds: StoreKind[] = [
    { name: 'node files', open: (store, options) => open(at(store), options), persistent: true, panics },
    { name: 'node image', open: (store, options) => open(at(store), { mode: 'image', ...options }), persistent: true, panics },
    { name: 'memory', open: (store, options) => open(store, { storage: 'memory', ...options }), persistent: false, panics },
    {
      name: 'custom',
      open: (store, options) => open(store, { storage: new MemoryStorage(), ...options }),
      persistent: false,
      panics,
    },
  ];
  return { root, at, kinds };
}
