/** Calls of the typed stores: arguments into JSON, results out of it. */

import { checkText, elements } from '../check.js';
import type { PackedAnswer, WasmStore } from '../bindings/glue.js';
import type { Runner } from '../executor.js';
import { Texts } from '../rows.js';
import { PagedListing } from './listing.js';
import type { Listing, Page, Paging } from './records.js';
import type { Filler, Kind, Shape } from './shape.js';
import { messageShape } from './shapes.js';

/** The methods of one workspace or gateway, called through a {@link Runner}. */
export class Caller {
  readonly runner: Runner;
  readonly #dates: boolean;
  readonly #workspace: string;

  constructor(runner: Runner, dates: boolean, workspace = '') {
    this.runner = runner;
    this.#dates = dates;
    this.#workspace = workspace;
  }

  /** The same methods through another runner. */
  through(runner: Runner): Caller {
    return new Caller(runner, this.#dates, this.#workspace);
  }

  /** Calls `method`, whose result JSON gives as it is. */
  async call<R>(method: string, ...args: unknown[]): Promise<R> {
    return parse(await this.#run(method, args)) as R;
  }

  /** Calls `method`, which gives a record. */
  async one<R>(shape: Shape<unknown>, method: string, ...args: unknown[]): Promise<R> {
    return shape.read(parse(await this.#run(method, args)), this.#dates) as R;
  }

  /** Calls `method`, which gives an array of records. */
  async many<R>(shape: Shape<unknown>, method: string, ...args: unknown[]): Promise<R[]> {
    return this.#readAll(shape, parse(await this.#run(method, args)) as unknown[]) as R[];
  }

  /** Calls `method`, which stores a new record and gives it. */
  async create<R>(shape: Shape<unknown>, method: string, record: unknown): Promise<R> {
    return this.one(shape, method, shape.write(shape.what, record, this.filler()));
  }

  /** Calls `method`, which stores new records and gives them; there is nothing to call for none. */
  async createMany<R>(shape: Shape<unknown>, method: string, records: unknown): Promise<R[]> {
    const written = this.#writeMany(shape, records);
    return written.length === 0 ? [] : this.many(shape, method, written);
  }

  /** {@link Caller.create} for a message. */
  async append<R>(method: string, message: unknown): Promise<R> {
    const written = messageShape.write(messageShape.what, message, this.filler());
    const [stored] = await this.#stored<R>([written], method, written);
    return stored as R;
  }

  /** {@link Caller.createMany} for messages. */
  async appendMany<R>(method: string, messages: unknown): Promise<R[]> {
    const written = this.#writeMany(messageShape, messages);
    return written.length === 0 ? [] : this.#stored(written, method, written);
  }

  /** Runs `ask`, which gives an array of what `kind` reads. */
  async found<R>(kind: Required<Pick<Kind, 'read'>>, ask: (store: WasmStore) => PackedAnswer | undefined): Promise<R[]> {
    const found = parse(await this.runner.run(ask)) as unknown[];
    return found.map((one) => kind.read(one, this.#dates) as R);
  }

  #writeMany(shape: Shape<unknown>, records: unknown): Record<string, unknown>[] {
    const filler = this.filler();
    return elements('what is to be stored', records).map((record, i) => shape.write(`${shape.what} at position ${i}`, record, filler));
  }

  /** Calls `method`, which stores the messages `written` and gives them without their content. */
  async #stored<R>(written: Record<string, unknown>[], method: string, argument: unknown): Promise<R[]> {
    const stored = await this.many<R & { content: unknown }>(messageShape, method, argument);
    stored.forEach((message, i) => (message.content = written[i]?.['content']));
    return stored;
  }

  /** Calls `method`, which gives a page of records, with a checked `query` as its last argument. */
  list<R>(shape: Shape<unknown>, query: () => Paging, method: string, before: () => unknown[], pageSize = 0): Listing<R> {
    return new PagedListing<R>(async (after, iterating) => {
      const checked = query();
      const limit = iterating && (checked.limit ?? 0) <= 0 ? pageSize : (checked.limit ?? 0);
      const place = after === undefined ? {} : { after, offset: 0 };
      const page = await this.call<Page<unknown>>(method, ...before(), { ...checked, ...place, limit });
      this.#readAll(shape, page.items);
      return page as Page<R>;
    });
  }

  filler(): Filler {
    let now: string | undefined;
    return { id: newId, now: () => (now ??= new Date().toISOString()), workspace: this.#workspace };
  }

  /** The records of `json`, which a call gave. */
  readMany<R>(shape: Shape<unknown>, json: string): R[] {
    return this.#readAll(shape, JSON.parse(json) as unknown[]) as R[];
  }

  #readAll(shape: Shape<unknown>, records: unknown[]): unknown[] {
    for (const record of records) shape.read(record, this.#dates);
    return records;
  }

  #run(method: string, args: unknown[]): Promise<PackedAnswer | undefined> {
    const json = JSON.stringify(args);
    return this.runner.run((store: WasmStore) => store.call(method, json));
  }
}

function parse(answer: PackedAnswer | undefined): unknown {
  if (answer === undefined) return undefined;
  const [json, contents, lengths] = answer;
  const value: unknown = JSON.parse(json);
  if (contents === undefined || lengths === undefined) return value;
  const texts = new Texts(contents);
  const messages = Array.isArray(value) ? (value as { content: string }[]) : (value as Page<{ content: string }>).items;
  messages.forEach((message, i) => (message.content = texts.next(lengths[i] as number)));
  return value;
}

/** A new random id: the text of a version 4 UUID (RFC 9562). */
function newId(): string {
  // Not there on a page that was not loaded over https.
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** `id`, which must be text. */
export function checkId(id: unknown): string {
  return checkText('the id', id);
}
