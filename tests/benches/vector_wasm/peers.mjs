// The peers on npm: each gives `add`, a `searcher` for an effort, and the `ids` of what it found.

const row = (rows, i, dimensions) => rows.subarray(i * dimensions, (i + 1) * dimensions);

/**
 * HNSW; the effort is how many results it is asked for, as ef cannot be set after building, or
 * "rescore N": a scan of the vectors' bits, and N candidates a result compared anew.
 */
async function edgevec(dimensions, host) {
  const { EdgeVec, EdgeVecConfig, initSync } = await host.module('edgevec/edgevec.js');
  initSync({ module: await host.bytes('edgevec/edgevec_bg.wasm') });
  const config = new EdgeVecConfig(dimensions);
  // On vectors of unit length this ranks as the cosine does; with 'cosine' it finds the farthest.
  config.metric = 'l2';
  const index = new EdgeVec(config);
  const numbers = new Map();
  return {
    add(rows, count) {
      for (let i = 0; i < count; i++) numbers.set(index.insert(row(rows, i, dimensions)), i);
      index.enableBQ();
    },
    searcher(effort, k) {
      if (!String(effort).startsWith('rescore ')) return (query) => index.search(query, effort ?? k);
      const factor = Number(effort.slice('rescore '.length));
      return (query) => index.searchBQRescored(query, k, factor);
    },
    ids: (found) => found.map((hit) => numbers.get(hit.id)),
    close: () => index.free(),
  };
}

/** HNSW of M 16 and efConstruction 200; the effort is efSearch. */
async function hnswlib(dimensions, host) {
  const { loadHnswlib } = await host.module('hnswlib-wasm/dist/hnswlib.js');
  const library = await loadHnswlib();
  const index = new library.HierarchicalNSW('ip', dimensions, '');
  return {
    add(rows, count) {
      index.initIndex(count, 16, 200, 100);
      for (let i = 0; i < count; i++) index.addPoint(row(rows, i, dimensions), i, false);
    },
    searcher(effort, k) {
      index.setEfSearch(effort ?? 50);
      return (query) => index.searchKnn(query, k, undefined);
    },
    ids: (found) => [...found.neighbors],
    close: () => index.delete(),
  };
}

/** A k-d tree, without an effort. */
async function voy(dimensions, host) {
  const bindings = await host.module('voy-search/voy_search_bg.js');
  const bytes = await host.bytes('voy-search/voy_search_bg.wasm');
  const { instance } = await WebAssembly.instantiate(bytes, { './voy_search_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  let index;
  return {
    add(rows, count) {
      const embeddings = Array.from({ length: count }, (_, i) => ({
        id: String(i),
        title: '',
        url: '',
        embeddings: Array.from(row(rows, i, dimensions)),
      }));
      index = new bindings.Voy({ embeddings });
    },
    searcher: (_, k) => (query) => index.search(query, k),
    ids: (found) => found.neighbors.map((hit) => Number(hit.id)),
    close: () => index?.free(),
  };
}

/** Compares with every vector, in JavaScript. */
async function orama(dimensions, host) {
  const { create, insert, searchVector } = await host.module('@orama/orama/dist/browser/index.js');
  const database = create({ schema: { v: `vector[${dimensions}]` } });
  return {
    async add(rows, count) {
      for (let i = 0; i < count; i++) {
        await insert(database, { id: String(i), v: Array.from(row(rows, i, dimensions)) });
      }
    },
    searcher: (_, k) => (query) =>
      searchVector(database, { mode: 'vector', vector: { value: query, property: 'v' }, similarity: 0, limit: k }),
    ids: (found) => found.hits.map((hit) => Number(hit.id)),
    close: () => {},
  };
}

export const peers = { edgevec, hnswlib, voy, orama };
