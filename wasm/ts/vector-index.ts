/** A vector index in memory, without SQL and without a store. */

import type { Metadata, Metric, Precision, VectorEntry, VectorIndex, VectorIndexOptions, WasmSource } from './api.js';
import type { Instance, WasmVectorIndex } from './bindings/glue.js';
import { checkOptions, checkText, checkVector, checkWhole, metadataJson } from './check.js';
import { Engine, instantiate } from './engine.js';
import { SigilError } from './error.js';
import { compiledModule } from './module.js';
import { checkBytes } from './names.js';
import { Searches } from './search.js';

/**
 * Makes an empty index.
 *
 * @example
 * const index = await createVectorIndex({ dimensions: 3 });
 * await index.add('a', [1, 0, 0], { lang: 'en' });
 * console.log(await index.search([0.9, 0.1, 0], { k: 1 })); // [{ id: 'a', score: ..., metadata: { lang: 'en' } }]
 */
export async function createVectorIndex(options: VectorIndexOptions): Promise<VectorIndex> {
  const known = ['dimensions', 'metric', 'precision', 'wasm'] as const;
  const { dimensions, metric = 'cosine', precision = 'f32', wasm } = checkOptions('the options of an index', options, known);
  checkWhole('the number of dimensions', dimensions, 1);
  checkText('the metric', metric);
  checkText('the precision', precision);
  return make(wasm, ({ WasmVectorIndex: index }) => index.create(dimensions, metric, precision));
}

/** Opens the index that {@link VectorIndex.toBytes} gave, here or natively; rejects with `corrupt` or `newer-format`. */
export async function openVectorIndex(bytes: Uint8Array, options?: Pick<VectorIndexOptions, 'wasm'>): Promise<VectorIndex> {
  checkBytes(bytes);
  const { wasm } = checkOptions('the options of an index', options, ['wasm']);
  return make(wasm, ({ WasmVectorIndex: index }) => index.fromBytes(bytes));
}

async function make(wasm: WasmSource | undefined, work: (instance: Instance) => WasmVectorIndex): Promise<VectorIndex> {
  return new MemoryIndex(Engine.make(await instantiate(await compiledModule(wasm)), work));
}

class MemoryIndex extends Searches implements VectorIndex {
  readonly metric: Metric;
  readonly precision: Precision;
  #engine: Engine<WasmVectorIndex>;

  constructor(engine: Engine<WasmVectorIndex>) {
    super(
      engine.call((index) => index.dimensions()),
      async (work) => engine.call(work),
    );
    this.#engine = engine;
    this.metric = engine.call((index) => index.metric()) as Metric;
    this.precision = engine.call((index) => index.precision()) as Precision;
  }

  async add(id: string, vector: Float32Array | readonly number[], metadata?: Metadata): Promise<void> {
    checkText('an id', id);
    const elements = checkVector(`the vector of id '${id}'`, vector);
    const json = metadataJson(`the metadata of id '${id}'`, metadata);
    this.#engine.call((index) => index.add(id, elements, json));
  }

  async remove(id: string): Promise<boolean> {
    checkText('an id', id);
    return this.#engine.call((index) => index.remove(id));
  }

  async get(id: string): Promise<VectorEntry | undefined> {
    checkText('an id', id);
    const found = this.#engine.call((index) => index.get(id));
    return found && { id, vector: found[0], metadata: JSON.parse(found[1]) as Metadata };
  }

  async count(): Promise<number> {
    return this.#engine.call((index) => index.size());
  }

  async toBytes(): Promise<Uint8Array> {
    return this.#engine.call((index) => index.toBytes());
  }

  async close(): Promise<void> {
    this.#engine.end(new SigilError('closed', 'the index was closed'));
  }
}
