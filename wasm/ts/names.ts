/** Names of blobs, files and stores, checked before they reach a host. */

import { SigilError } from './error.js';

const BLOB_NAME = /^[A-Za-z0-9._-]{1,64}$/;
const STORE_NAME_LENGTH_MAX = 200;

/** Throws `invalid-input` unless `name` may be the name of a blob or a file. */
export function checkName(name: string): void {
  if (typeof name !== 'string' || !BLOB_NAME.test(name) || name === '.' || name === '..') {
    throw new SigilError(
      'invalid-input',
      `${JSON.stringify(name)} cannot name a blob or file: use 1 to 64 ASCII letters, digits, '.', '-' or '_'`,
    );
  }
}

/** Throws `invalid-input` unless `bytes` is a `Uint8Array`. */
export function checkBytes(bytes: Uint8Array): void {
  if (!(bytes instanceof Uint8Array)) {
    throw new SigilError('invalid-input', 'the bytes of a blob or file must be a Uint8Array');
  }
}

/** Throws `invalid-input` unless `value` is a whole number from 0 to 2^53 - 1. */
export function checkOffset(what: string, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new SigilError('invalid-input', `the ${what} ${value} is not a whole number from 0 to 2^53 - 1`);
  }
}

/**
 * The store's name as one harmless path segment: percent-encoded, so that different names stay
 * different and none can climb out of the directory that holds the stores.
 */
export function storeSegment(name: string): string {
  let segment: string;
  try {
    segment = encodeURIComponent(name).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16)}`);
  } catch (cause) {
    throw new SigilError('invalid-input', 'the name of a store holds half a surrogate pair', { cause });
  }
  if (segment === '.' || segment === '..') segment = segment.replaceAll('.', '%2e');
  if (segment.length === 0 || segment.length > STORE_NAME_LENGTH_MAX) {
    throw new SigilError(
      'invalid-input',
      `the name of a store must be 1 to ${STORE_NAME_LENGTH_MAX} bytes in percent-encoding: ${JSON.stringify(name)}`,
    );
  }
  return segment;
}
