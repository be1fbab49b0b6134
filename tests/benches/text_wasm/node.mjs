// One engine in Node: `node --expose-gc node.mjs ENGINE` answers a command a line.

import * as fs from 'node:fs';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { pathToFileURL } from 'node:url';
import { createWorker } from './worker.mjs';
import { modules, ourPackage } from '../vector_wasm/places.mjs';

const host = {
  ours: () => import(pathToFileURL(path.join(ourPackage(), 'index.js')).href),
  module: (name) => import(pathToFileURL(path.join(modules, name)).href),
  sqlite: '@sqlite.org/sqlite-wasm/dist/node.mjs',
  lines: async (file) => fs.readFileSync(file, 'utf8'),
  heap: () => process.memoryUsage().heapUsed,
};

const answer = createWorker(process.argv[2], host);
for await (const line of readline.createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line))));
}
process.exit(0);
