/** A workspace in an open store. */

import type { Store, Transaction } from '../api.js';
import type { PackedWorkspace } from '../bindings/glue.js';
import { invalid, kindOf } from '../check.js';
import type { CompactOptions, Workspace, WorkspaceTransaction } from './api.js';
import { Caller, checkId } from './caller.js';
import { compact } from './compact.js';
import { Handle, type StoreHost } from './handle.js';
import { CalledStores } from './memory.js';
import type { Compacted, Forget, Forgotten, Session, Time, TimeInput } from './records.js';
import { time } from './shape.js';
import { sessionShape } from './shapes.js';

/** {@link Workspace} in a store. */
export class OpenWorkspace<T extends Time> extends CalledStores<T> implements Workspace<T> {
  readonly #handle: Handle;
  readonly #caller: Caller;
  readonly #opened: PackedWorkspace;

  /** The workspace of `host`, which has been `opened`; closing it closes the store when it is `owned`. */
  constructor(host: StoreHost, opened: PackedWorkspace, dates: boolean, owned: boolean) {
    const handle = new Handle(host, `the workspace '${opened.id}'`, owned);
    const caller = new Caller(handle, dates, opened.id);
    super(caller, opened);
    this.#handle = handle;
    this.#caller = caller;
    this.#opened = opened;
  }

  get store(): Store {
    return this.#handle.host;
  }

  async transaction<R>(work: (tx: WorkspaceTransaction<T>) => R | Promise<R>): Promise<R> {
    return this.#handle.transact(
      work,
      (tx, runner) => new StoresTransaction<T>(this.#caller.through(runner), this.#opened, tx),
    );
  }

  async compact(options: CompactOptions<T>): Promise<Compacted[]> {
    return compact(this.#caller, options);
  }

  async forget(what: Forget): Promise<Forgotten> {
    return this.#handle.forgotten(this.#caller.call<Forgotten>('workspace.forget', writeForget(what)));
  }

  async sweepPending(before: TimeInput): Promise<string[]> {
    return this.#caller.call('compaction.sweepPending', time.write('the time', before));
  }

  async archive(sessionId: string): Promise<Session<T>> {
    return this.#caller.one(sessionShape, 'workspace.archive', checkId(sessionId));
  }

  async close(): Promise<void> {
    return this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class StoresTransaction<T extends Time> extends CalledStores<T> implements WorkspaceTransaction<T> {
  readonly store: Transaction;

  constructor(caller: Caller, opened: PackedWorkspace, store: Transaction) {
    super(caller, opened);
    this.store = store;
  }
}

/** What is to be forgotten, as the core takes it. */
function writeForget(what: Forget): object {
  if (what === 'workspace') return { scope: 'workspace' };
  const scopes = typeof what === 'object' && what !== null ? Object.keys(what) : [];
  const [scope] = scopes;
  if (scopes.length !== 1 || (scope !== 'session' && scope !== 'user')) {
    const said = scopes.length === 0 ? kindOf(what) : `one with ${scopes.join(', ')}`;
    throw invalid(`what is to be forgotten must be 'workspace', { session: id } or { user: id }, this is ${said}`);
  }
  return { scope, id: checkId((what as Record<string, unknown>)[scope]) };
}
