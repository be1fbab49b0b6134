/** The vector collections of a store. */

import type {
  Collection,
  CollectionDefinition,
  CollectionInfo,
  Metadata,
  Metric,
  Precision,
  VectorEntry,
  Vectors,
} from './api.js';
import type { PackedCollection, WasmStore } from './bindings/glue.js';
import { checkOptions, checkText, checkVectorOf, checkWhole, metadataJson } from './check.js';
import { SigilError } from './error.js';
import type { Runner } from './executor.js';
import { askCollection, joinVectors, Searches } from './search.js';
import { firstPace, inSteps, timed } from './steps.js';

/** What a collection is made for, beside its name. */
const SHAPE = ['dimensions', 'metric', 'precision', 'resident'] as const;

/** How many vectors are handed to the module at once. */
const BATCH = 512;

/** {@link Vectors} by a {@link Runner}. */
export class StoreVectors implements Vectors {
  readonly #runner: Runner;

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  async create(definition: CollectionDefinition): Promise<Collection> {
    const { name, dimensions, metric, precision, resident } = checkDefinition(definition);
    const create = (store: WasmStore): PackedCollection => store.createCollection(name, dimensions, metric, precision, resident);
    return new StoreCollection(this.#runner, await this.#runner.run(create));
  }

  async open(name: string, expected?: Omit<Partial<CollectionDefinition>, 'name'>): Promise<Collection> {
    checkText('the name of a collection', name);
    const wanted = checkOptions('what is expected of a collection', expected, SHAPE);
    const found = await this.#runner.run((store) => store.collection(name));
    const wrong = SHAPE.filter((part) => wanted[part] !== undefined && wanted[part] !== found[part]);
    if (wrong.length > 0) {
      const said = (of: Partial<PackedCollection>): string => wrong.map((part) => `${part} ${of[part]}`).join(', ');
      throw new SigilError(
        'conflict',
        `the collection '${name}' has ${said(found)}, not ${said(wanted)}: open it with its own, or drop it first`,
      );
    }
    return new StoreCollection(this.#runner, found);
  }

  async drop(name: string): Promise<void> {
    checkText('the name of a collection', name);
    return this.#runner.run((store) => store.dropCollection(name));
  }

  async list(): Promise<CollectionInfo[]> {
    const found = await this.#runner.run((store) => store.collections());
    return found.map((info) => ({ count: 0, ...info }) as CollectionInfo);
  }
}

/** `definition` with every part of it checked as far as the module does not. */
export function checkDefinition(definition: CollectionDefinition): Required<CollectionDefinition> {
  const checked = checkOptions('the definition of a collection', definition, ['name', ...SHAPE]);
  const { name, dimensions, metric = 'cosine', precision = 'f32', resident = precision } = checked;
  checkText('the name of a collection', name);
  checkWhole('the number of dimensions', dimensions, 1);
  checkText('the metric', metric);
  checkText('the precision', precision);
  checkText('the resident precision', resident);
  return { name, dimensions, metric, precision, resident };
}

/** Vectors on their way into the module, several at a time. */
interface Batch {
  ids: string[];
  vectors: Float32Array;
  metadata: string[];
}

/** {@link Collection} by a {@link Runner}. */
export class StoreCollection extends Searches implements Collection {
  readonly name: string;
  readonly metric: Metric;
  readonly precision: Precision;
  readonly resident: Precision;
  readonly #runner: Runner;
  readonly #pace = firstPace();

  constructor(runner: Runner, { name, dimensions, metric, precision, resident }: PackedCollection) {
    super(dimensions, askCollection(runner, name));
    this.#runner = runner;
    this.name = name;
    this.metric = metric as Metric;
    this.precision = precision as Precision;
    this.resident = resident as Precision;
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

  async count(): Promise<number> {
    return this.#runner.run((store) => store.countVectors(this.name));
  }

  async prepare(): Promise<void> {
    return inSteps((most) => this.#runner.run((store) => timed(() => store.prepareVectors(this.name, most))), this.#pace);
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
    made.push({ ids, vectors: joinVectors(vectors, dimensions), metadata });
    [ids, vectors, metadata] = [[], [], []];
  };
  for (const entry of entries) {
    const id = checkText('an id', entry.id);
    ids.push(id);
    vectors.push(checkVectorOf(`the vector of id '${id}'`, entry.vector, dimensions));
    metadata.push(metadataJson(`the metadata of id '${id}'`, entry.metadata));
    if (ids.length === BATCH) end();
  }
  if (ids.length > 0) end();
  return made;
}
