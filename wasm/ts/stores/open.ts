/** Opening a store for the workspace or the gateway in it. */

import type { OpenOptions } from '../api.js';
import { invalid, kindOf } from '../check.js';
import { openStore } from '../open-store.js';
import type { Gateway, OpenGatewayOptions, OpenWorkspaceOptions, Workspace } from './api.js';
import type { StoreHost } from './handle.js';
import type { Time } from './records.js';
import { checkGatewayOptions, checkWorkspaceOptions, GATEWAY_OPTIONS, gatewayIn, WORKSPACE_OPTIONS, workspaceIn } from './within.js';

/**
 * Opens the store `name`, as {@link open} does, and the workspace in it, which owns it: closing the
 * workspace closes the store.
 *
 * @example
 * const workspace = await openWorkspace('agent', { dimensions: 3, times: 'date' });
 * const session = await workspace.sessions.create({ userId: 'ada' });
 * console.log(session.createdAt.getFullYear());
 * await workspace.close();
 */
export async function openWorkspace(name: string, options: OpenWorkspaceOptions & { times: 'date' }): Promise<Workspace<Date>>;
export async function openWorkspace(name: string, options?: OpenWorkspaceOptions & { times?: 'iso' }): Promise<Workspace>;
export async function openWorkspace(name: string, options?: OpenWorkspaceOptions): Promise<Workspace<Time>>;
export async function openWorkspace(name: string, options?: OpenWorkspaceOptions): Promise<Workspace<Time>> {
  const [own, rest] = split(options, WORKSPACE_OPTIONS);
  checkWorkspaceOptions(own);
  return owning(name, rest, (store) => workspaceIn(store, own, true));
}

/** Opens the store `name` and the gateway in it, which owns it; see {@link openWorkspace}. */
export async function openGateway(name: string, options: OpenGatewayOptions & { times: 'date' }): Promise<Gateway<Date>>;
export async function openGateway(name: string, options?: OpenGatewayOptions & { times?: 'iso' }): Promise<Gateway>;
export async function openGateway(name: string, options?: OpenGatewayOptions): Promise<Gateway<Time>>;
export async function openGateway(name: string, options?: OpenGatewayOptions): Promise<Gateway<Time>> {
  const [own, rest] = split(options, GATEWAY_OPTIONS);
  checkGatewayOptions(own);
  return owning(name, rest, (store) => gatewayIn(store, own, true));
}

/** Opens a store and what is in it, or neither. */
async function owning<T>(name: string, options: OpenOptions, work: (store: StoreHost) => Promise<T>): Promise<T> {
  const store = await openStore(name, options);
  try {
    return await work(store);
  } catch (error) {
    await store.close().catch(() => undefined);
    throw error;
  }
}

/** Those of the options that are named, and those of the store. */
function split(options: object | undefined, names: readonly string[]): [object, OpenOptions] {
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw invalid(`the options must be an object, this is ${kindOf(options)}`);
  }
  const all = Object.entries(options ?? {});
  const [own, rest] = [true, false].map((named) => all.filter(([name]) => names.includes(name) === named));
  return [Object.fromEntries(own ?? []), Object.fromEntries(rest ?? [])];
}
