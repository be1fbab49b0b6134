// One engine in headless Chromium: `node chromium.mjs ENGINE` answers a command a line.

import * as path from 'node:path';
import { run } from '../chromium_host.mjs';
import { directory, modules, ourPackage } from '../vector_wasm/places.mjs';

await run(process.argv[2], {
  title: 'text',
  args: ['--enable-precise-memory-info', '--js-flags=--expose-gc'],
  roots: {
    dist: ourPackage,
    modules: () => modules,
    bench: () => import.meta.dirname,
    data: () => path.join(directory, 'data'),
  },
});
