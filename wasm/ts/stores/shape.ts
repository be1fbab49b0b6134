/**
 * What records are made of: how each field is checked, written as JSON and read back.
 *
 * The core checks the same again; here it is checked that JSON says what was meant, and which field
 * does not.
 */

import { checkText, elements, invalid, jsonObject, kindOf } from '../check.js';
import { isTime, readDate, writeTime } from './time.js';

/** The values of one field, or of one argument. */
export interface Kind {
  /** `value` as JSON takes it; throws `invalid-input`, naming it as `what`, for anything else. */
  write(what: string, value: unknown, filler?: Filler): unknown;
  /** What JSON gave as the public type; missing where they are the same. */
  read?(value: unknown, dates: boolean): unknown;
}

/** Makes up what a new record leaves out; all of its times are the same. */
export interface Filler {
  id(): string;
  now(): string;
  workspace: string;
}

/** One field of a record. */
export interface Field {
  kind: Kind;
  /** What a new record has that leaves it out. */
  fill?: (filler: Filler) => unknown;
  /** Whether it may be missing for good. */
  optional?: boolean;
  /** What it is when the core leaves it out. */
  absent?: () => unknown;
}

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

export const text: Kind = { write: checkText };

export const flag: Kind = {
  write(what, value) {
    if (typeof value !== 'boolean') throw invalid(`${what} must be true or false, this is ${kindOf(value)}`);
    return value;
  },
};

/** A whole number that a `number` holds exactly. */
export const whole: Kind = {
  write(what, value) {
    if (!Number.isSafeInteger(value)) {
      throw invalid(`${what} must be a whole number of at most 2^53 - 1 either way, this is ${numberOr(value)}`);
    }
    return value;
  },
};

/** A whole number of 64 bits, which JSON has as text when a `number` would not hold it. */
export const integer: Kind = {
  write(what, value) {
    if (typeof value === 'bigint' && value >= INT64_MIN && value <= INT64_MAX) return String(value);
    if (Number.isSafeInteger(value)) return value;
    throw invalid(`${what} must be a whole number of at most 2^53 - 1 either way, or a bigint of 64 bits, this is ${numberOr(value)}`);
  },
  read: (value) => (typeof value === 'string' ? BigInt(value) : value),
};

export const real: Kind = {
  write(what, value) {
    if (typeof value !== 'number' || !Number.isFinite(value)) throw invalid(`${what} must be a finite number, this is ${numberOr(value)}`);
    return value;
  },
};

export const time: Kind = {
  write(what, value) {
    if (!isTime(value)) throw invalid(`${what} must be a Date or a string, this is ${kindOf(value)}`);
    return writeTime(what, value);
  },
  read: (value, dates) => (dates ? readDate(value as string) : value),
};

/** Any JSON object. */
export const json: Kind = { write: jsonObject };

/** An object whose values are all text. */
export const texts: Kind = {
  write(what, value) {
    jsonObject(what, value);
    for (const [key, element] of Object.entries(value as object)) {
      if (typeof element !== 'string') throw invalid(`${what} has ${kindOf(element)} under '${key}': every value must be a string`);
    }
    return value;
  },
};

/** One of the texts in `values`. */
export function oneOf(values: readonly string[]): Kind {
  return {
    write(what, value) {
      if (typeof value === 'string' && values.includes(value)) return value;
      const said = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : kindOf(value);
      throw invalid(`${what} must be one of ${values.join(', ')}, this is ${said}`);
    },
  };
}

/** Any number of `kind`. */
export function listOf(kind: Kind): Kind {
  const write: Kind['write'] = (what, value, filler) =>
    elements(what, value).map((element, i) => kind.write(`element ${i} of ${what}`, element, filler));
  if (kind.read === undefined) return { write };
  return { write, read: (value, dates) => (value as unknown[]).map((element) => kind.read?.(element, dates)) };
}

function numberOr(value: unknown): string {
  return typeof value === 'number' ? String(value) : typeof value === 'bigint' ? `${value}n` : kindOf(value);
}

/** A record: its name in messages, and its fields. */
export class Shape<T> implements Kind {
  readonly what: string;
  readonly #fields: ReadonlyMap<string, Field>;
  /** Those that JSON does not give as they are, whatever times are. */
  readonly #readers: readonly [string, Field][];
  readonly #times: readonly string[];

  constructor(what: string, fields: { readonly [name in keyof Required<T>]: Field }) {
    this.what = what;
    const all = Object.entries<Field>(fields);
    this.#fields = new Map(all);
    this.#readers = all.filter(([, { kind, absent }]) => absent !== undefined || (kind !== time && kind.read !== undefined));
    this.#times = all.filter(([, { kind }]) => kind === time).map(([name]) => name);
  }

  /** The record as JSON takes it: made up by `filler` where it leaves something out, else complete. */
  write(what: string, value: unknown, filler?: Filler): Record<string, unknown> {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(`${what} must be an object, this is ${kindOf(value)}`);
    const given = value as Record<string, unknown>;
    for (const name of Object.keys(given)) if (!this.#fields.has(name)) throw this.#unknown(what, name);
    const written: Record<string, unknown> = {};
    for (const [name, { kind, fill, optional, absent }] of this.#fields) {
      let field = given[name];
      if (field === undefined) {
        if (optional === true) continue;
        if (filler !== undefined && fill !== undefined) field = fill(filler);
        else if (filler !== undefined && absent !== undefined) continue;
        else throw this.#missing(what, name, filler);
      }
      written[name] = kind.write(`the ${name} of ${what}`, field, filler);
    }
    return written;
  }

  /** What JSON gave as the public type, in place. */
  read(value: unknown, dates: boolean): T {
    const record = value as Record<string, unknown>;
    for (const [name, { kind, absent }] of this.#readers) {
      const field = record[name];
      if (field !== undefined) record[name] = kind.read === undefined ? field : kind.read(field, dates);
      else if (absent !== undefined) record[name] = absent();
    }
    if (dates) {
      for (const name of this.#times) {
        const field = record[name];
        if (field !== undefined) record[name] = readDate(field as string);
      }
    }
    return record as T;
  }

  #unknown(what: string, name: string): Error {
    const shown = JSON.stringify(name.slice(0, 80));
    return invalid(`${what} has a field ${shown}, which there is not: there are ${[...this.#fields.keys()].join(', ')}`);
  }

  #missing(what: string, name: string, filler: Filler | undefined): Error {
    const why = filler === undefined ? ': what is stored is replaced as a whole, so give all of it' : '';
    return invalid(`the ${name} of ${what} is missing${why}`);
  }
}
