// Every call of our npm package in this benchmark; see peers.mjs for what an engine has.

const SCHEMA = `
  CREATE TABLE docs (
    seq INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, tag INTEGER NOT NULL, text TEXT NOT NULL);
  CREATE INDEX docs_by_tag ON docs (tag);`;
const INSERT = 'INSERT INTO docs (key, tag, text) VALUES (?1, ?2, ?3)';
const INDEX = 'docs_text';

const asked = {
  term: ([term]) => ({ phrase: term }),
  and: (terms) => ({ and: terms.map((phrase) => ({ phrase })) }),
  or: (terms) => ({ or: terms.map((phrase) => ({ phrase })) }),
  phrase: (terms) => ({ phrase: terms.join(' ') }),
  prefix: ([prefix]) => ({ prefix }),
  filtered: ([term]) => ({ phrase: term }),
};

/** Our text index in memory, on this thread, over a table with the documents. */
export async function ours(host, saved) {
  return opened(host, 'bench', { storage: 'memory', ...(saved && { import: saved }) }, saved === undefined);
}

/** As {@link ours}, in the store `place`. */
export async function opened(host, place, options, isNew = false) {
  const { open } = await host.ours();
  const { made: store, memory } = await withMemory(() => open(place, options));
  if (isNew) {
    await store.exec(SCHEMA);
    await store.createTextIndex(INDEX, { table: 'docs', columns: ['text'], attributes: ['tag'] });
  }
  const index = await store.textIndex(INDEX);
  await index.prepare();
  return {
    async index(docs) {
      await store.transaction(async (tx) => {
        for (const doc of docs) await tx.exec(INSERT, [doc.key, doc.tag, doc.text]);
      });
      await index.prepare();
    },
    search(kind) {
      const query = asked[kind.replace(/\d/, '')];
      if (!query) return null;
      const filter = kind === 'filtered';
      return async ({ terms, tag }, k) => {
        const hits = await index.search(query(terms), filter ? { k, filter: { tag } } : { k });
        return hits.map((hit) => [hit.key, hit.score]);
      };
    },
    bytes: () => ({ wasm: memory.buffer.byteLength }),
    save: () => store.export(),
    close: () => store.close(),
  };
}

/** What `make` makes, and the memory of the module that it starts, which the package keeps to itself. */
async function withMemory(make) {
  const { instantiate } = WebAssembly;
  let memory;
  WebAssembly.instantiate = async (...given) => {
    const started = await instantiate(...given);
    ({ memory } = (started.instance ?? started).exports);
    return started;
  };
  try {
    return { made: await make(), memory };
  } finally {
    WebAssembly.instantiate = instantiate;
  }
}
