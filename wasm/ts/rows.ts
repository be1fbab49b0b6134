/** Rows, unpacked from how the module hands them over (wasm/src/convert.rs). */

import type { ColumnValue, Row, Table } from './api.js';
import type { PackedRows } from './bindings/glue.js';

const NULL = 0;
const NUMBER = 1;
const BIGINT = 2;
const TEXT = 3;

/** Takes texts out of the strings that hold many of them, one after another. */
export class Texts {
  readonly #texts: readonly string[];
  #text = 0;
  #at = 0;

  constructor(texts: readonly string[]) {
    this.#texts = texts;
  }

  /** The next text, which has this length. */
  next(length: number): string {
    if (length === 0) return '';
    let chunk = this.#texts[this.#text] as string;
    if (this.#at === chunk.length) {
      chunk = this.#texts[++this.#text] as string;
      this.#at = 0;
    }
    const start = this.#at;
    this.#at = start + length;
    return length === chunk.length ? chunk : chunk.slice(start, start + length);
  }
}

/** Takes the cells out of packed rows, one after another. */
class Cells {
  readonly #tags: Uint8Array;
  readonly #numbers: Float64Array;
  readonly #bigints: BigInt64Array;
  readonly #texts: Texts;
  readonly #blobs: Uint8Array;
  #tag = 0;
  #number = 0;
  #bigint = 0;
  #blobAt = 0;

  constructor([, tags, numbers, bigints, texts, blobs]: PackedRows) {
    this.#tags = tags;
    this.#numbers = numbers;
    this.#bigints = bigints;
    this.#texts = new Texts(texts);
    this.#blobs = blobs;
  }

  next(): ColumnValue {
    switch (this.#tags[this.#tag++]) {
      case NULL:
        return null;
      case NUMBER:
        return this.#numbers[this.#number++] as number;
      case BIGINT:
        return this.#bigints[this.#bigint++] as bigint;
      case TEXT:
        return this.#texts.next(this.#numbers[this.#number++] as number);
      default:
        return this.#nextBlob(this.#numbers[this.#number++] as number);
    }
  }

  #nextBlob(length: number): Uint8Array {
    const start = this.#blobAt;
    this.#blobAt = start + length;
    return length === this.#blobs.length ? this.#blobs : this.#blobs.slice(start, start + length);
  }
}

/** Packed rows as arrays. */
export function unpackTable(packed: PackedRows): Table {
  const [columns, tags] = packed;
  const cells = new Cells(packed);
  const rows: ColumnValue[][] = [];
  const count = columns.length === 0 ? 0 : tags.length / columns.length;
  for (let i = 0; i < count; i++) {
    const row: ColumnValue[] = [];
    for (let j = 0; j < columns.length; j++) row.push(cells.next());
    rows.push(row);
  }
  return { columns, rows };
}

/** Packed rows as objects. */
export function unpackObjects(packed: PackedRows): Row[] {
  const [columns, tags] = packed;
  const cells = new Cells(packed);
  const rows: Row[] = [];
  const count = columns.length === 0 ? 0 : tags.length / columns.length;
  // Assigning to a property of this name would change the object's prototype.
  const plain = !columns.includes('__proto__');
  for (let i = 0; i < count; i++) {
    const row: Row = {};
    for (let j = 0; j < columns.length; j++) {
      const name = columns[j] as string;
      if (plain || name !== '__proto__') row[name] = cells.next();
      else Object.defineProperty(row, name, { value: cells.next(), enumerable: true, configurable: true, writable: true });
    }
    rows.push(row);
  }
  return rows;
}
