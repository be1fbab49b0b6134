// Answers the commands of the benchmark for one engine, in Node or on a page: the same ones, as far
// as they go, as tests/benches/vector_engine.

import { ours } from './ours.mjs';
import { peers } from './peers.mjs';

const DIMENSIONS = 384;

/** An engine by the name that wasm.py gives it. */
function make(name, host) {
  if (name.startsWith('ours-')) return ours(name.slice('ours-'.length), DIMENSIONS, host);
  return peers[name](DIMENSIONS, host);
}

/** `host.floats(path, count)` gives the first floats of a file. */
export function createWorker(name, host) {
  let engine;
  let queries = { path: '', rows: new Float32Array() };

  async function build({ rows, count }) {
    const vectors = await host.floats(rows, count * DIMENSIONS);
    await engine?.close();
    const began = performance.now();
    engine = await make(name, host);
    await engine.add(vectors, count);
    return { seconds: (performance.now() - began) / 1e3 };
  }

  async function search({ queries: path, count, k, effort, warm = 0 }) {
    if (engine === undefined) throw new Error('nothing is built');
    if (queries.path !== path || queries.rows.length !== count * DIMENSIONS) {
      queries = { path, rows: await host.floats(path, count * DIMENSIONS) };
    }
    const find = engine.searcher(effort, k);
    const each = Array.from({ length: count }, (_, i) =>
      queries.rows.subarray(i * DIMENSIONS, (i + 1) * DIMENSIONS),
    );
    for (const query of each.slice(0, warm)) await find(query);
    const found = [];
    const began = performance.now();
    for (const query of each) {
      const one = find(query);
      found.push(one instanceof Promise ? await one : one);
    }
    const seconds = (performance.now() - began) / 1e3;
    return { seconds, ids: found.map((one) => engine.ids(one).slice(0, k)) };
  }

  const commands = { hello: () => ({}), build, search };
  return async (command) => {
    try {
      return { ok: await commands[command.do](command) };
    } catch (error) {
      const message = error?.message ?? JSON.stringify(error) ?? String(error);
      return { error: `${error?.name ?? error?.code ?? 'thrown'}: ${message}` };
    }
  };
}
