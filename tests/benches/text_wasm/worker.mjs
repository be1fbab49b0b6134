// Answers the commands of the benchmark for one engine, in Node or on a page.

import { openKept } from './kept.mjs';
import { ours } from './ours.mjs';
import { peers } from './peers.mjs';

const BATCH = 100;

/** `host.lines(path)` gives a file's text, `host.heap()` the bytes in use on JavaScript's heap. */
export function createWorker(name, host) {
  const make = { ours, ...peers }[name];
  const read = async (file) =>
    (await host.lines(file)).split('\n').filter((line) => line !== '').map((line) => JSON.parse(line));
  let engine;
  let docs;
  let queries = { path: '', rows: [] };
  let saved;

  function memory() {
    globalThis.gc();
    return { heap: host.heap(), ...engine?.bytes() };
  }

  /** Indexes all documents in batches; they are read beforehand and held meanwhile. */
  async function build({ docs: path }) {
    engine = undefined;
    docs = (await read(path)).map((doc, at) => ({ ...doc, seq: at + 1 }));
    const before = memory();
    const began = performance.now();
    engine = await make(host);
    const made = performance.now();
    for (let at = 0; at < docs.length; at += BATCH) {
      const done = engine.index(docs.slice(at, at + BATCH));
      if (done instanceof Promise) await done;
    }
    const seconds = (performance.now() - made) / 1e3;
    return { count: docs.length, loading: (made - began) / 1e3, seconds, before, after: memory() };
  }

  /**
   * Asks each query once: microseconds, or null for a kind that it does not know. A group that takes
   * more than `seconds_max` is cut off there; `warm` queries of each go before.
   */
  async function search({ queries: path, k, warm, seconds_max, answers: wanted }) {
    if (queries.path !== path) queries = { path, rows: await read(path) };
    const times = new Array(queries.rows.length).fill(null);
    const answers = new Array(queries.rows.length).fill(null);
    for (const numbers of grouped(queries.rows).values()) {
      const find = engine.search(queries.rows[numbers[0]].kind);
      if (!find) continue;
      const until = performance.now() + seconds_max * 1e3;
      for (const number of numbers.slice(0, warm)) {
        const found = find(queries.rows[number], k);
        if (found instanceof Promise) await found;
      }
      for (const number of numbers) {
        const began = performance.now();
        let found = find(queries.rows[number], k);
        if (found instanceof Promise) found = await found;
        times[number] = (performance.now() - began) * 1e3;
        answers[number] = found;
        if (performance.now() > until) break;
      }
    }
    return { times, answers: wanted ? answers.map(named) : answers.map((hits) => hits && hits.length) };
  }

  const named = (hits) => hits && hits.map(([seq, score]) => [docs[seq - 1].key, score]);

  /** Keeps what the engine saves, drops the engine and the documents, and makes it of what was kept. */
  async function reopen({ query, k }) {
    const began = performance.now();
    saved = await engine.save();
    const saving = (performance.now() - began) / 1e3;
    const bytes = saved.length;
    engine = undefined;
    docs = undefined;
    const before = memory();
    const start = performance.now();
    engine = await make(host, saved);
    const opened = performance.now();
    const hits = await engine.search(query.kind)(query, k);
    const answered = performance.now();
    // What was saved is still held, as it was before.
    const after = memory();
    saved = undefined;
    return {
      bytes,
      saving,
      opening: (opened - start) / 1e3,
      with_first_query: (answered - start) / 1e3,
      hits: hits.length,
      before,
      after,
    };
  }

  /** Keeps what the engine saves where the host keeps things, and opens it again and again. */
  async function kept({ where, ...asked }) {
    const bytes = await engine.save();
    return { times: where === 'worker' ? await host.keptInWorker(bytes, asked) : await openKept(host, bytes, asked) };
  }

  const commands = { hello: () => ({}), build, search, kept, reopen };
  return async (command) => {
    try {
      if (!make) throw new Error(`no engine is named ${name}`);
      return { ok: await commands[command.do](command) };
    } catch (error) {
      return { error: `${error?.name ?? 'thrown'}: ${error?.message ?? error}` };
    }
  };
}

const group = ({ kind, class: of }) => `${kind} ${of}`;

function grouped(rows) {
  const groups = new Map();
  rows.forEach((row, at) => {
    if (!groups.has(group(row))) groups.set(group(row), []);
    groups.get(group(row)).push(at);
  });
  return groups;
}
