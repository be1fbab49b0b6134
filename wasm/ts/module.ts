/** The compiled module, which all instances share. */

import { loadModule } from '#host';

import type { WasmSource } from './api.js';
import { SigilError } from './error.js';

let shared: Promise<WebAssembly.Module> | undefined;

/** The compiled module: the one beside this package, compiled once, when `source` is left out. */
export async function compiledModule(source?: WasmSource): Promise<WebAssembly.Module> {
  try {
    if (source === undefined) return await (shared ??= loadModule());
    if (source instanceof WebAssembly.Module) return source;
    if (source instanceof Uint8Array || source instanceof ArrayBuffer) {
      return await WebAssembly.compile(source as BufferSource);
    }
    if (typeof source === 'string') return await loadModule(source);
    if ('href' in source) return await loadModule(String(source.href));
  } catch (cause) {
    // A later open may find the network back.
    if (source === undefined) shared = undefined;
    throw new SigilError('storage', `loading the wasm module: ${String(cause)}; see the option 'wasm'`, { cause });
  }
  throw new SigilError('invalid-input', `the option 'wasm' must be an address, bytes or a WebAssembly.Module`);
}
