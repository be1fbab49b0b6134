/** What differs in browsers, and wherever else there is no Node. */

import type { OpenOptions } from '../api.js';
import type { Backend } from '../backend.js';
import { SigilError } from '../error.js';

/** The module at `address`, compiled; the one beside this package when it is left out. */
export async function loadModule(address?: string): Promise<WebAssembly.Module> {
  // Bundlers look for this expression as it stands.
  const response = await fetch(address ?? new URL('../bindings/sigil.wasm', import.meta.url));
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}`);
  // Compiling a stream needs the right media type, which not every server gives.
  if (response.headers.get('content-type')?.startsWith('application/wasm') === true) {
    return WebAssembly.compileStreaming(response);
  }
  return WebAssembly.compile(await response.arrayBuffer());
}

/** Opens the storage of the store `name`. */
export async function openBackend(name: string, _options: OpenOptions): Promise<Backend> {
  throw new SigilError('unsupported', name);
}
