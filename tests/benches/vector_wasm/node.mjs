// One engine in Node: `node node.mjs ENGINE` answers a command a line.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import { createWorker } from './worker.mjs';
import { modules, ourPackage } from './places.mjs';

const host = {
  ours: () => import(pathToFileURL(path.join(ourPackage(), 'index.js')).href),
  module: (name) => import(pathToFileURL(path.join(modules, name)).href),
  bytes: async (name) => fs.readFileSync(path.join(modules, name)),
  async floats(file, count) {
    const floats = new Float32Array(count);
    const bytes = new Uint8Array(floats.buffer);
    const descriptor = fs.openSync(file);
    try {
      for (let at = 0; at < bytes.length; ) {
        const read = fs.readSync(descriptor, bytes, at, Math.min(bytes.length - at, 1 << 24), at);
        if (read === 0) throw new Error(`${file} has fewer than ${count} floats`);
        at += read;
      }
    } finally {
      fs.closeSync(descriptor);
    }
    return floats;
  },
};

const answer = createWorker(process.argv[2], host);
for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
process.exit(0);
