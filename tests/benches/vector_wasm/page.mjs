// One engine on a page: `globalThis.answer` takes a command and gives its answer.

import { createWorker } from './worker.mjs';

async function bytes(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url}: ${response.status} ${await response.text()}`);
  return response.arrayBuffer();
}

const host = {
  ours: async () => {
    // Says why there is none.
    await bytes('/dist/index.js');
    return import('/dist/index.js');
  },
  module: (name) => import(`/modules/${name}`),
  bytes: (name) => bytes(`/modules/${name}`),
  floats: async (file, count) => {
    const name = file.split('/').pop();
    return new Float32Array(await bytes(`/data/${name}?bytes=${count * 4}`));
  },
};

globalThis.answer = createWorker(new URL(location.href).searchParams.get('engine'), host);
