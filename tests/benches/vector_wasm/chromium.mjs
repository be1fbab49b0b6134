// One engine in headless Chromium: `node chromium.mjs ENGINE` answers a command a line.

import * as path from 'node:path';
import { run } from '../chromium_host.mjs';
import { directory, modules, ourPackage } from './places.mjs';

await run(process.argv[2], {
  title: 'vectors',
  roots: {
    dist: ourPackage,
    modules: () => modules,
    bench: () => import.meta.dirname,
    data: () => path.join(directory, 'data'),
  },
});
