/** Arguments, checked before they reach the module, which takes every surprise for a failure of its own. */

import type { Json, Metadata } from './api.js';
import { SigilError } from './error.js';

/** How deep metadata and filters may be nested; the core has the same limit or a lower one. */
const JSON_DEPTH_MAX = 128;

const UINT32_MAX = 2 ** 32 - 1;

/** The error for an argument that is outside what a call accepts. */
export function invalid(message: string, cause?: unknown): SigilError {
  return new SigilError('invalid-input', message, cause === undefined ? undefined : { cause });
}

/** What a value is called in a message. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Array.isArray(value) ? 'an array' : 'an object';
}

/** `value`, which must be text that UTF-8 can hold. */
export function checkText(what: string, value: unknown): string {
  if (typeof value !== 'string') throw invalid(`${what} must be a string, this is ${kindOf(value)}`);
  if (!isWellFormed(value)) throw invalid(`${what} holds half a surrogate pair, which no UTF-8 text can hold`);
  return value;
}

function isWellFormed(text: string): boolean {
  const { isWellFormed: native } = text as { isWellFormed?: () => boolean };
  return native === undefined ? !/\p{Surrogate}/u.test(text) : native.call(text);
}

/** `value`, which must be a whole number from `min` to `max`. */
export function checkWhole(what: string, value: unknown, min: number, max = UINT32_MAX): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < min || value > max) {
    const said = typeof value === 'number' ? String(value) : kindOf(value);
    throw invalid(`${what} must be a whole number from ${min} to ${max}, this is ${said}`);
  }
  return value;
}

/** `value`, which must be a number from `min` to `max`, and so not NaN. */
export function checkNumber(what: string, value: unknown, min = -Infinity, max = Infinity): number {
  if (typeof value !== 'number' || !(value >= min && value <= max)) {
    const said = typeof value === 'number' ? String(value) : kindOf(value);
    throw invalid(`${what} must be a number${min === -Infinity ? '' : ` from ${min} to ${max}`}, this is ${said}`);
  }
  return value;
}

/** `value`, which must be a boolean or missing. */
export function checkFlag(what: string, value: unknown): boolean {
  if (value !== undefined && typeof value !== 'boolean') throw invalid(`${what} must be true or false, this is ${kindOf(value)}`);
  return value ?? false;
}

/** `value` as an object of options. */
export function checkOptions<T extends object>(what: string, value: T | undefined, known: readonly (keyof T & string)[]): T {
  if (value === undefined) return {} as T;
  if (typeof value !== 'object' || value === null) throw invalid(`${what} must be an object, this is ${kindOf(value)}`);
  for (const key of Object.keys(value)) {
    if (!(known as readonly string[]).includes(key)) throw invalid(`${what} have no '${key}': there are ${known.join(', ')}`);
  }
  return value;
}

/** `value` as 32-bit floats; that they are finite, the module checks. */
export function checkVector(what: string, value: unknown): Float32Array {
  if (value instanceof Float32Array) return value;
  if (!Array.isArray(value) && !(value instanceof Float64Array)) {
    throw invalid(`${what} must be a Float32Array or an array of numbers, this is ${kindOf(value)}`);
  }
  const wrong = (value as unknown[]).findIndex?.((element) => typeof element !== 'number');
  if (wrong >= 0) throw invalid(`${what} has ${kindOf(value[wrong])} at position ${wrong}: every element must be a number`);
  return Float32Array.from(value as ArrayLike<number>);
}

/** `value` as a vector of so many dimensions. */
export function checkVectorOf(what: string, value: unknown, dimensions: number): Float32Array {
  const vector = checkVector(what, value);
  if (vector.length !== dimensions) {
    throw invalid(`${what} has ${vector.length} dimensions and not ${dimensions}: give a vector of the same model`);
  }
  return vector;
}

/** The elements of an array or another iterable object. */
export function elements(what: string, value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null || !(Symbol.iterator in value)) {
    throw invalid(`${what} must be an array, this is ${kindOf(value)}`);
  }
  return [...(value as Iterable<unknown>)];
}

/** `ids`, which must be texts. */
export function checkIds(what: string, ids: unknown): string[] {
  return elements(what, ids).map((id, i) => checkText(`the id at position ${i} of ${what}`, id));
}

/** `metadata` as JSON; `{}` when it is missing. */
export function metadataJson(what: string, metadata: Metadata | undefined): string {
  if (metadata === undefined) return '{}';
  return JSON.stringify(jsonObject(what, metadata));
}

/** `value`, which must be an object that JSON can hold. */
export function jsonObject(what: string, value: unknown): object {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`${what} must be an object, this is ${kindOf(value)}`);
  }
  checkJson(what, value, 0);
  return value;
}

/** `filter` as JSON. */
export function filterJson(filter: object): string {
  return JSON.stringify(jsonObject('the filter', filter));
}

/** Refuses what JSON.stringify would change without a word. */
function checkJson(what: string, value: unknown, depth: number): asserts value is Json {
  switch (typeof value) {
    case 'string':
      checkText(what, value);
      return;
    case 'boolean':
      return;
    case 'number':
      if (!Number.isFinite(value)) throw invalid(`${what} holds ${value}, which JSON cannot`);
      return;
    case 'object':
      if (value === null) return;
      if (depth >= JSON_DEPTH_MAX) throw invalid(`${what} is nested deeper than ${JSON_DEPTH_MAX} levels`);
      if (Array.isArray(value)) {
        for (const element of value) checkJson(what, element, depth + 1);
        return;
      }
      checkObject(what, value, depth);
      return;
    default:
      throw invalid(`${what} holds ${kindOf(value)}, which JSON cannot`);
  }
}

function checkObject(what: string, value: object, depth: number): void {
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = prototype === null || Object.getPrototypeOf(prototype) === null;
  if (!plain || typeof (value as { toJSON?: unknown }).toJSON === 'function') {
    throw invalid(`${what} holds an object of a class, which JSON cannot: give plain objects`);
  }
  for (const [name, property] of Object.entries(value)) {
    checkText(`a name in ${what}`, name);
    // A property that is undefined is a missing one, in TypeScript as in JSON.
    if (property !== undefined) checkJson(what, property, depth + 1);
  }
}
