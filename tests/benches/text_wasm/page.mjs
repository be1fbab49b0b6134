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
  keptInWorker: (bytes, asked) =>
    new Promise((resolve, reject) => {
      const worker = new Worker('/bench/kept_worker.mjs', { type: 'module' });
      worker.onerror = ({ message }) => reject(new Error(message));
      worker.onmessage = ({ data: { times, error } }) => {
        worker.terminate();
        if (times) resolve(times);
        else reject(new Error(error));
      };
      worker.postMessage({ bytes, asked }, [bytes.buffer]);
    }),
  heap: () => performance.memory.usedJSHeapSize,
};

globalThis.answer = createWorker(new URL(location.href).searchParams.get('engine'), host);
