/** The compiled module, which all instances share. */

import { loadModule } from '#host';

import type { WasmSource } from './api.js';
import { SigilError } from './error.js';

let shared: Promise<WebAssembly.Module> | undefined;

/** The compiled module: the one beside this package, compiled once, when `source` is left out. */
export async function compiledModule(source?: WasmSource): Promise<WebAssembly.Module> {
  if (source === undefined) {
    // A failure is not kept: a later open may find the network back.
    shared ??= attempt(() => loadModule()).catch((error: unknown) => {
      shared = undefined;
      throw error;
    });
    return shared;
  }
  if (source instanceof WebAssembly.Module) return source;
  if (source instanceof Uint8Array || source instanceof ArrayBuffer) return attempt(() => WebAssembly.compile(source as BufferSource));
  if (typeof source === 'string') return attempt(() => loadModule(source));
  const { href } = (source ?? {}) as { href?: unknown };
  if (typeof href === 'string') return attempt(() => loadModule(href));
  throw new SigilError('invalid-input', "the option 'wasm' must be an address, bytes or a WebAssembly.Module");
}

async function attempt(work: () => Promise<WebAssembly.Module>): Promise<WebAssembly.Module> {
  try {
    return await work();
  } catch (cause) {
    throw new SigilError('storage', `the wasm module cannot be loaded: ${String(cause)}; see the option 'wasm'`, { cause });
  }
}
