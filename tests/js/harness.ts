/** Tests as values, so that one list runs in Node, on a page and in a Worker. */

import { SigilError, type SigilErrorCode } from 'sigil-store';

/** One test. */
export interface Rule {
  name: string;
  run(): Promise<void>;
}

/** Throws with `message` unless `condition` holds. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws unless the two are the same value. */
export function assertEqual<T>(actual: T, expected: T, what = 'value'): void {
  if (!Object.is(actual, expected)) {
    throw new Error(`${what}: expected ${String(expected)}, got ${String(actual)}`);
  }
}

/** Throws unless both are missing, or both are the same bytes in a plain Uint8Array. */
export function assertBytes(actual: Uint8Array | undefined, expected: Uint8Array | undefined): void {
  if (actual === undefined || expected === undefined) {
    assertEqual(actual, expected, 'bytes');
    return;
  }
  assertEqual(Object.getPrototypeOf(actual), Uint8Array.prototype, 'prototype of the bytes');
  assertEqual(actual.length, expected.length, 'length of the bytes');
  for (let i = 0; i < actual.length; i++) {
    if (actual[i] !== expected[i]) throw new Error(`byte ${i}: expected ${expected[i]}, got ${actual[i]}`);
  }
}

/** Throws unless the two have the same structure, down to the types of their arrays. */
export function assertSame(actual: unknown, expected: unknown): void {
  const [found, wanted] = [describe(actual), describe(expected)];
  if (found !== wanted) throw new Error(`expected ${wanted}, got ${found}`);
}

function describe(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`;
    if (inner === undefined) return 'undefined';
    if (typeof inner === 'number' && !Number.isFinite(inner)) return String(inner);
    if (ArrayBuffer.isView(inner)) return [inner.constructor.name, ...(inner as Float32Array)];
    if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** Throws unless `work` fails with a SigilError of this code, and returns that error. */
export async function assertFails(code: SigilErrorCode, work: () => unknown): Promise<SigilError> {
  let result: unknown;
  try {
    result = await work();
  } catch (error) {
    assert(error instanceof SigilError, `expected a SigilError, got ${String(error)}`);
    assertEqual(error.code, code, `code of "${error.message}"`);
    assert(error.message.length > 10 && !error.message.endsWith('.'), `a poor message: "${error.message}"`);
    return error;
  }
  throw new Error(`expected a failure with the code ${code}, got the result ${String(result)}`);
}

/** `length` bytes that differ from place to place and from seed to seed. */
export function pattern(length: number, seed: number): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed >>> 0;
  for (let i = 0; i < length; i++) {
    // A linear congruential generator (Numerical Recipes); its high byte is good enough here.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** A name that no other test has. */
export function fresh(what: string): string {
  return `${what}-${crypto.randomUUID()}`;
}
