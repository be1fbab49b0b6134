/** The vector collections of a store. */

import type {
  Collection,
  CollectionDefinition,
  CollectionInfo,
  Metadata,
  Metric,
  SearchHit,
  SearchOptions,
  VectorEntry,
  Vectors,
} from './api.js';
import type { PackedCollection, PackedHits } from './bindings/glue.js';
import { checkFlag, checkOptions, checkText, checkVector, checkWhole, filterJson, metadataJson } from './check.js';
import { SigilError } from './error.js';
import type { Runner } from './executor.js';

/** How many vectors are handed to the module at once. */
const BATCH = 512;

/** {@link Vectors} by a {@link Runner}. */
export class StoreVectors implements Vectors {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  async create(definition: CollectionDefinition): Promise<Collection> {
    const { name, dimensions, metric } = checkDefinition(definition);
    return this.#collection(await this.#runner.run((store) => store.createCollection(name, dimensions, metric)));
  }

  async open(name: string, expected?: Omit<Partial<CollectionDefinition>, 'name'>): Promise<Collection> {
    checkText('the name of a collection', name);
    const { dimensions, metric } = checkOptions('what is expected of a collection', expected, ['dimensions', 'metric']);
    const found = await this.#runner.run((store) => store.collection(name));
    const wrong =
      (dimensions !== undefined && dimensions !== found.dimensions) || (metric !== undefined && metric !== found.metric);
    if (wrong) {
      throw new SigilError(
        'conflict',
        `the collection '${name}' has ${found.dimensions} dimensions and metric ${found.metric}, not ` +
          `${dimensions ?? found.dimensions} and ${metric ?? found.metric}: open it with its own, or drop it first`,
      );
    }
    return this.#collection(found);
  }

  async drop(name: string): Promise<void> {
    checkText('the name of a collection', name);
    return this.#runner.run((store) => store.dropCollection(name));
  }

  async list(): Promise<CollectionInfo[]> {
    const found = await this.#runner.run((store) => store.collections());
    return found.map(({ name, dimensions, metric, count }) => ({ name, dimensions, metric: metric as Metric, count: count ?? 0 }));
  }

  #collection({ name, dimensions, metric }: PackedCollection): Collection {
    return new StoreCollection(this.#runner, name, dimensions, metric as Metric);
  }
}

/** `definition` with every part of it checked as far as the module does not. */
export function checkDefinition(definition: CollectionDefinition): Required<CollectionDefinition> {
  const { name, dimensions, metric } = checkOptions('the definition of a collection', definition, ['name', 'dimensions', 'metric']);
  return {
    name: checkText('the name of a collection', name),
    dimensions: checkWhole('the number of dimensions', dimensions, 1),
    metric: checkText('the metric', metric === undefined ? 'cosine' : metric) as Metric,
  };
}

/** How to search, as the module takes it. */
export function checkSearch(options: SearchOptions | undefined): { k: number; filter: string | undefined; exact: boolean } {
  const { k, filter, exact } = checkOptions('the options of a search', options, ['k', 'filter', 'exact']);
  return { k: checkWhole('k', k === undefined ? 10 : k, 0), filter: filterJson(filter), exact: checkFlag('exact', exact) };
}

/** Hits, unpacked. */
export function unpackHits([ids, scores, metadata]: PackedHits): SearchHit[] {
  return ids.map((id, i) => ({ id, score: scores[i] as number, metadata: JSON.parse(metadata[i] as string) as Metadata }));
}

/** Vectors on their way into the module, several at a time. */
interface Batch {
  ids: string[];
  vectors: Float32Array;
  metadata: string[];
}

/** {@link Collection} by a {@link Runner}. */
export class StoreCollection implements Collection {
  readonly name: string;
  readonly dimensions: number;
  readonly metric: Metric;
  readonly #runner: Runner;

  constructor(runner: Runner, name: string, dimensions: number, metric: Metric) {
    this.#runner = runner;
    this.name = name;
    this.dimensions = dimensions;
    this.metric = metric;
  }

  async store(id: string, vector: Float32Array | readonly number[], metadata?: Metadata): Promise<void> {
    const [batch] = batches([{ id, vector, ...(metadata === undefined ? {} : { metadata }) }], this.dimensions);
    if (batch === undefined) return;
    return this.#runner.run((store) => store.storeVectors(this.name, batch.ids, batch.vectors, batch.metadata));
  }

  async storeMany(
    entries: Iterable<{ id: string; vector: Float32Array | readonly number[]; metadata?: Metadata }>,
  ): Promise<void> {
    // All of them are checked before the first is stored, so that nobody waits for a slow iterator.
    const all = batches(entries, this.dimensions);
    return this.#runner.runAll((run) => {
      for (const { ids, vectors, metadata } of all) run((store) => store.storeVectors(this.name, ids, vectors, metadata));
    });
  }

  async get(id: string): Promise<VectorEntry | undefined> {
    checkText('an id', id);
    const found = await this.#runner.run((store) => store.getVector(this.name, id));
    return found && { id, vector: found[0], metadata: JSON.parse(found[1]) as Metadata };
  }

  async delete(id: string): Promise<boolean> {
    checkText('an id', id);
    return (await this.#runner.run((store) => store.deleteVectors(this.name, [id]))) > 0;
  }

  async search(query: Float32Array | readonly number[], options?: SearchOptions): Promise<SearchHit[]> {
    const vector = checkVector('the query', query);
    const { k, filter, exact } = checkSearch(options);
    return unpackHits(await this.#runner.run((store) => store.searchVectors(this.name, vector, k, filter, exact)));
  }

  async count(): Promise<number> {
    return this.#runner.run((store) => store.countVectors(this.name));
  }
}

function batches(
  entries: Iterable<{ id: string; vector: Float32Array | readonly number[]; metadata?: Metadata }>,
  dimensions: number,
): Batch[] {
  const made: Batch[] = [];
  let ids: string[] = [];
  let vectors: Float32Array[] = [];
  let metadata: string[] = [];
  const end = (): void => {
    const joined = new Float32Array(ids.length * dimensions);
    vectors.forEach((vector, i) => joined.set(vector, i * dimensions));
    made.push({ ids, vectors: joined, metadata });
    [ids, vectors, metadata] = [[], [], []];
  };
  for (const entry of entries) {
    const id = checkText('an id', entry.id);
    const vector = checkVector(`the vector of id '${id}'`, entry.vector);
    if (vector.length !== dimensions) {
      throw new SigilError(
        'invalid-input',
        `the vector of id '${id}' has ${vector.length} dimensions, but the collection has ${dimensions}: give a vector of the same model`,
      );
    }
    ids.push(id);
    vectors.push(vector);
    metadata.push(metadataJson(`the metadata of id '${id}'`, entry.metadata));
    if (ids.length === BATCH) end();
  }
  if (ids.length > 0) end();
  return made;
}
