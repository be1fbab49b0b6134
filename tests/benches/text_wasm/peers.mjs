// The peers on npm. Each is made empty, or of what `save` gave before, and has `index` for a batch
// of documents, `search`, which gives null for a kind that it does not know or else a function of a
// query and a number of hits, and `bytes` for what it holds outside of JavaScript's heap. Hits are
// the documents' numbers, which all of them know, with the scores.

const SCHEMA = `
  CREATE TABLE docs (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, tag INTEGER NOT NULL, text TEXT NOT NULL);
  CREATE INDEX docs_by_tag ON docs (tag);
  CREATE VIRTUAL TABLE docs_text USING fts5(
    text, content='docs', content_rowid='seq', tokenize='unicode61');
  CREATE TRIGGER docs_added AFTER INSERT ON docs BEGIN
    INSERT INTO docs_text (rowid, text) VALUES (new.seq, new.text);
  END;`;
// As natively, in tests/peers/src/text_bench/fts5.rs, but for the keys.
const SEARCH = `
  SELECT rowid, bm25(docs_text) AS score FROM docs_text
  WHERE docs_text MATCH ?1 ORDER BY score LIMIT ?2`;
const SEARCH_FILTERED = `
  SELECT d.seq, bm25(docs_text) AS score FROM docs_text t CROSS JOIN docs d ON d.seq = t.rowid
  WHERE docs_text MATCH ?1 AND d.tag = ?3 ORDER BY score LIMIT ?2`;

const quoted = (term) => `"${term}"`;
const EXPRESSIONS = {
  term: (terms) => quoted(terms[0]),
  filtered: (terms) => quoted(terms[0]),
  and: (terms) => terms.map(quoted).join(' AND '),
  or: (terms) => terms.map(quoted).join(' OR '),
  phrase: (terms) => quoted(terms.join(' ')),
  prefix: (terms) => `${quoted(terms[0])}*`,
};

/** FTS5 in memory, over a table with the documents. */
async function sqlite(host, saved) {
  const { default: init } = await host.module(host.sqlite);
  const sqlite3 = await init({ print: () => {}, printErr: () => {} });
  const database = new sqlite3.oo1.DB(':memory:');
  if (saved) {
    const { capi, wasm } = sqlite3;
    const flags = capi.SQLITE_DESERIALIZE_FREEONCLOSE | capi.SQLITE_DESERIALIZE_RESIZEABLE;
    const bytes = wasm.allocFromTypedArray(saved);
    const code = capi.sqlite3_deserialize(database.pointer, 'main', bytes, saved.length, saved.length, flags);
    database.checkRc(code);
  } else {
    // A cache and no journal file, as nothing is durable here.
    database.exec(`PRAGMA cache_size = -65536; ${SCHEMA}`);
  }
  const insert = database.prepare('INSERT INTO docs (key, tag, text) VALUES (?1, ?2, ?3)');
  const statements = { all: database.prepare(SEARCH), filtered: database.prepare(SEARCH_FILTERED) };
  return {
    index(docs) {
      database.transaction(() => {
        for (const doc of docs) insert.bind([doc.key, doc.tag, doc.text]).stepReset();
      });
    },
    search(kind) {
      const statement = kind === 'filtered' ? statements.filtered : statements.all;
      const expression = EXPRESSIONS[kind.replace(/\d/, '')];
      return ({ terms, tag }, k) => {
        statement.bind(1, expression(terms)).bind(2, k);
        if (kind === 'filtered') statement.bind(3, tag);
        const hits = [];
        while (statement.step()) hits.push([statement.getInt(0), -statement.getFloat(1)]);
        statement.reset();
        return hits;
      };
    },
    bytes: () => ({
      wasm: sqlite3.wasm.heap8().byteLength,
      image: Number(database.selectValue('SELECT page_count * page_size FROM pragma_page_count, pragma_page_size')),
      index: Number(database.selectValue("SELECT sum(length(block)) FROM docs_text_data")),
    }),
    save: () => sqlite3.capi.sqlite3_js_db_export(database.pointer),
  };
}

/** BM25+ over a radix tree, without phrases; it keeps numbers and tags, and no documents. */
async function minisearch(host, saved) {
  const { default: MiniSearch } = await host.module('minisearch/dist/es/index.js');
  const options = { idField: 'seq', fields: ['text'], storeFields: ['tag'] };
  const index = saved ? MiniSearch.loadJSON(saved, options) : new MiniSearch(options);
  const asked = {
    term: () => ({}),
    and: () => ({ combineWith: 'AND' }),
    or: () => ({ combineWith: 'OR' }),
    prefix: () => ({ prefix: true }),
    filtered: (tag) => ({ filter: (hit) => hit.tag === tag }),
  };
  return {
    index: (docs) => index.addAll(docs),
    search(kind) {
      const options = asked[kind.replace(/\d/, '')];
      if (!options) return null;
      return ({ terms, tag }, k) =>
        index.search(terms.join(' '), options(tag)).slice(0, k).map((hit) => [hit.id, hit.score]);
    },
    bytes: () => ({}),
    save: () => JSON.stringify(index),
  };
}

/**
 * BM25 over a radix tree, without phrases; it keeps the documents. A term finds what begins with it,
 * as it comes; `exact` then drops documents without the whole word as it is written, and so cannot
 * be had for one of two terms.
 */
async function orama(host, saved) {
  const { create, insertMultiple, load, save, search } = await host.module('@orama/orama/dist/browser/index.js');
  const database = create({ schema: { seq: 'number', text: 'string', tag: 'enum' } });
  if (saved) load(database, JSON.parse(saved));
  const asked = {
    term: () => ({ exact: true }),
    and: () => ({ exact: true, threshold: 0 }),
    or: () => ({ threshold: 1 }),
    prefix: () => ({}),
    filtered: (tag) => ({ exact: true, where: { tag: { eq: tag } } }),
  };
  return {
    index: (docs) => insertMultiple(database, docs, docs.length),
    search(kind) {
      const options = asked[kind.replace(/\d/, '')];
      if (!options) return null;
      return ({ terms, tag }, limit) =>
        search(database, { term: terms.join(' '), properties: ['text'], limit, ...options(tag) })
          .hits.map((hit) => [hit.document.seq, hit.score]);
    },
    bytes: () => ({}),
    save: () => JSON.stringify(save(database)),
  };
}

export const peers = { sqlite, minisearch, orama };
