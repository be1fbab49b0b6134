// Exact search over 20,000 x 384 in Node, on the built npm package: the wasm twin of vector_exact.rs.
//
//   (cd wasm && npm ci && npm run build) && node tests/benches/wasm_exact.mjs
//
// SIGIL_BENCH_DATA names a directory with wordnet-50k.f16 and queries-1k.f16; without it the rows
// are noise of unit length, which costs the same.

import * as fs from 'node:fs';
import * as path from 'node:path';
import { createVectorIndex } from '../../wasm/dist/index.js';

const [ROWS, DIMENSIONS, QUERIES, K, ROUNDS] = [20_000, 384, 200, 10, 7];

function halves(file, rows) {
  const bytes = fs.readFileSync(file).subarray(0, rows * DIMENSIONS * 2);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: rows * DIMENSIONS }, (_, i) => {
    const bits = view.getUint16(i * 2, true);
    const exponent = (bits >> 10) & 31;
    const fraction = (bits & 1023) / 1024;
    const size = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
    return bits >> 15 ? -size : size;
  });
}

function noise(rows, seed) {
  let state = seed;
  const next = () => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1) / 11.3;
  return Float32Array.from({ length: rows * DIMENSIONS }, next);
}

const data = process.env.SIGIL_BENCH_DATA;
const rows = data ? halves(path.join(data, 'wordnet-50k.f16'), ROWS) : noise(ROWS, 1);
const queries = data ? halves(path.join(data, 'queries-1k.f16'), QUERIES) : noise(QUERIES, 2);
const row = (of, i) => of.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS);

const index = await createVectorIndex({ dimensions: DIMENSIONS, metric: 'dot' });
for (let i = 0; i < ROWS; i++) await index.add(`v${i}`, row(rows, i), { n: i % 100 });

const time = async (filter) => {
  const times = [];
  for (let round = 0; round < ROUNDS; round++) {
    const began = performance.now();
    for (let i = 0; i < QUERIES; i++) await index.search(row(queries, i), { k: K, ...(filter && { filter }) });
    times.push((performance.now() - began) / QUERIES);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1].toFixed(3);
};

console.log(`${ROWS} x ${DIMENSIONS} (${data ?? 'noise'}), k = ${K}, Node ${process.version}, median of ${ROUNDS}`);
console.log(`dot                 ${await time()} ms`);
console.log(`dot, filter on 10 % ${await time({ n: { $lt: 10 } })} ms`);
await index.close();
