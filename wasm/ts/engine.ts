/** One instance of the module, and what becomes of its failures. */

import { createInstance, type Failure, type Instance } from './bindings/glue.js';
import { isSigilErrorCode, SigilError } from './error.js';

/** A new instance of the compiled `module`. */
export async function instantiate(module: WebAssembly.Module): Promise<Instance> {
  const instance = createInstance();
  try {
    await instance({ module_or_path: module });
  } catch (cause) {
    throw new SigilError('engine', `the wasm module cannot be started: ${String(cause)}`, { cause });
  }
  return instance;
}

/**
 * An object of the module, called so that every failure is a {@link SigilError}.
 *
 * The module aborts on a panic and when its stack overflows, and its memory cannot be trusted after
 * that: the object is then poisoned, and so it is when the core says that it is.
 */
export class Engine<T extends object> {
  /** Both are let go when it ends, which gives the instance's memory back. */
  #instance: Instance | undefined;
  #object: T | undefined;
  #ended: SigilError | undefined;

  private constructor(instance: Instance, object: T) {
    this.#instance = instance;
    this.#object = object;
  }

  /** The object that `make` makes in `instance`. */
  static make<T extends object>(instance: Instance, make: (instance: Instance) => T): Engine<T> {
    try {
      return new Engine(instance, make(instance));
    } catch (thrown) {
      throw fromModule(thrown) ?? fromTrap(instance, thrown);
    }
  }

  /** Why every call fails, if it does: poisoned, or closed. */
  get ended(): SigilError | undefined {
    return this.#ended;
  }

  /** Calls `work` on the object. */
  call<R>(work: (object: T) => R): R {
    if (this.#ended !== undefined) throw this.#ended;
    try {
      return work(this.#object as T);
    } catch (thrown) {
      throw this.#failure(thrown);
    }
  }

  /** Makes every later call fail with `error`; an earlier reason stays. */
  end(error: SigilError): void {
    this.#ended ??= error;
    // Memory is given back with the whole instance. Freeing the object when it is collected could
    // run into the failure that ended it, in a callback whose error nobody catches.
    (this.#object as { __destroy_into_raw?: () => void } | undefined)?.__destroy_into_raw?.();
    this.#object = undefined;
    this.#instance = undefined;
  }

  #failure(thrown: unknown): SigilError {
    const error = fromModule(thrown);
    if (error === undefined) {
      const trap = fromTrap(this.#instance, thrown);
      this.end(trap);
      return trap;
    }
    const { poisoned } = this.#object as { poisoned?: () => Failure | undefined };
    const reason = poisoned?.call(this.#object);
    if (reason !== undefined) this.end(poisonedBy(fromModule(reason) ?? error));
    return error;
  }
}

/** The error of every call after `error` has made a handle useless. */
export function poisonedBy(error: SigilError): SigilError {
  return new SigilError('poisoned', `an earlier failure poisoned this handle, open the store again: ${error.message}`, {
    cause: error,
  });
}

/** What the core threw as an error; `undefined` for anything that is no failure of the core. */
function fromModule(thrown: unknown): SigilError | undefined {
  if (thrown instanceof SigilError) return thrown;
  if (typeof thrown !== 'object' || thrown === null || thrown instanceof Error) return undefined;
  const { code, message, cause } = thrown as Partial<Failure>;
  if (!isSigilErrorCode(code) || typeof message !== 'string') return undefined;
  return new SigilError(code, message, cause === undefined ? undefined : { cause });
}

function fromTrap(instance: Instance | undefined, cause: unknown): SigilError {
  let said: string | undefined;
  try {
    said = instance?.lastPanic();
  } catch {
    // After a stack overflow not even that can be asked.
  }
  said ??= cause instanceof Error ? cause.message : String(cause);
  return new SigilError('poisoned', `the engine stopped and this handle is of no more use, open the store again: ${said}`, {
    cause,
  });
}
