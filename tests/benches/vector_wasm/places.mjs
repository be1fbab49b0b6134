// Where the packages are: ours as it was built, the peers' where tests/benches/vectors put them.

import * as fs from 'node:fs';
import * as path from 'node:path';

/** The directory that tests/benches/vectors works in. */
export const directory = process.env.SIGIL_BENCH_DIRECTORY ?? '';

/** The peers' packages. */
export const modules = path.join(directory, 'npm', 'node_modules');

/** Our package, which is not built here: that takes minutes. */
export function ourPackage() {
  const dist = path.join(import.meta.dirname, '..', '..', '..', 'wasm', 'dist');
  if (!fs.existsSync(path.join(dist, 'bindings', 'sigil.wasm'))) {
    throw new Error('wasm/dist is not built: run `npm ci && npm run build` in wasm/');
  }
  return dist;
}
