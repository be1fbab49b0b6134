// One engine on a page: `globalThis.answer` takes a command and gives its answer.

import { createWorker } from './worker.mjs';

const host = {
  ours: () => import('/dist/index.js'),
  module: (name) => import(`/modules/${name}`),
  sqlite: '@sqlite.org/sqlite-wasm/dist/index.mjs',
  async lines(file) {
    const response = await fetch(`/data/${file.split('/').pop()}`);
    if (!response.ok) throw new Error(`${file}: ${response.status} ${await response.text()}`);
    return response.text();
  },
  heap: () => performance.memory.usedJSHeapSize,
};

globalThis.answer = createWorker(new URL(location.href).searchParams.get('engine'), host);
