/** A gateway in an open store. */

import type { Store, Transaction } from '../api.js';
import { checkText } from '../check.js';
import type { Audit, Gateway, GatewayStores, GatewayTransaction, Pairings, Users } from './api.js';
import { Caller, checkId } from './caller.js';
import { Handle, type StoreHost } from './handle.js';
import type {
  AuditEntry,
  AuditQuery,
  Listing,
  NewAuditEntry,
  NewPairing,
  NewUser,
  Paging,
  Paired,
  Pairing,
  PairingStatus,
  Time,
  User,
} from './records.js';
import { auditQueryShape, auditShape, pagingShape, pairingShape, pairingStatus, userShape } from './shapes.js';

/** {@link GatewayStores} by a {@link Caller}. */
class CalledStores<T extends Time> implements GatewayStores<T> {
  readonly users: Users<T>;
  readonly pairings: Pairings<T>;
  readonly audit: Audit<T>;

  constructor(caller: Caller) {
    this.users = new CalledUsers<T>(caller);
    this.pairings = new CalledPairings<T>(caller);
    this.audit = new CalledAudit<T>(caller);
  }
}

/** {@link Gateway} in a store. */
export class OpenGateway<T extends Time> extends CalledStores<T> implements Gateway<T> {
  readonly #handle: Handle;
  readonly #caller: Caller;

  /** The gateway of `host`, which has been opened; closing it closes the store when it is `owned`. */
  constructor(host: StoreHost, dates: boolean, owned: boolean) {
    const handle = new Handle(host, 'the gateway', owned);
    const caller = new Caller(handle, dates);
    super(caller);
    this.#handle = handle;
    this.#caller = caller;
  }

  get store(): Store {
    return this.#handle.host;
  }

  async transaction<R>(work: (tx: GatewayTransaction<T>) => R | Promise<R>): Promise<R> {
    return this.#handle.transact(work, (tx, runner) => new StoresTransaction<T>(this.#caller.through(runner), tx));
  }

  async forgetUser(id: string, actor: string): Promise<void> {
    return this.#handle.forgotten(this.#caller.call<void>('gateway.forgetUser', checkId(id), checkText('the actor', actor)));
  }

  async close(): Promise<void> {
    return this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

class StoresTransaction<T extends Time> extends CalledStores<T> implements GatewayTransaction<T> {
  readonly store: Transaction;

  constructor(caller: Caller, store: Transaction) {
    super(caller);
    this.store = store;
  }
}

class CalledUsers<T extends Time> implements Users<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async create(user: NewUser): Promise<User<T>> {
    return this.#caller.create(userShape, 'users.create', user);
  }

  async get(id: string): Promise<User<T>> {
    return this.#caller.one(userShape, 'users.get', checkId(id));
  }

  async getByIdentity(platform: string, platformUserId: string): Promise<User<T>> {
    const identity = [checkText('the platform', platform), checkText('the id on the platform', platformUserId)];
    return this.#caller.one(userShape, 'users.getByIdentity', ...identity);
  }

  async update(user: Parameters<Users['update']>[0]): Promise<User<T>> {
    const now = this.#caller.filler().now();
    const times = { createdAt: now, updatedAt: now };
    const whole = typeof user === 'object' && user !== null ? { ...times, ...user } : user;
    return this.#caller.one(userShape, 'users.update', userShape.write(userShape.what, whole));
  }

  list(paging: Paging = {}): Listing<User<T>> {
    return this.#caller.list(userShape, () => pagingShape.write('the paging', paging), 'users.list', () => []);
  }

  async delete(id: string): Promise<void> {
    return this.#caller.call('users.delete', checkId(id));
  }
}

class CalledPairings<T extends Time> implements Pairings<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async create(pairing: NewPairing): Promise<Paired> {
    return this.#caller.call('pairings.create', pairingShape.write(pairingShape.what, pairing, this.#caller.filler()));
  }

  async getByChannel(channelType: string, channelId: string): Promise<Pairing<T>> {
    const channel = [checkText('the kind of channel', channelType), checkText('the channel', channelId)];
    return this.#caller.one(pairingShape, 'pairings.getByChannel', ...channel);
  }

  async getByUser(userId: string): Promise<Pairing<T>[]> {
    return this.#caller.many(pairingShape, 'pairings.getByUser', checkId(userId));
  }

  async setStatus(id: string, status: PairingStatus): Promise<void> {
    return this.#caller.call('pairings.setStatus', checkId(id), pairingStatus.write('the status', status));
  }

  async delete(id: string): Promise<void> {
    return this.#caller.call('pairings.delete', checkId(id));
  }
}

class CalledAudit<T extends Time> implements Audit<T> {
  readonly #caller: Caller;

  constructor(caller: Caller) {
    this.#caller = caller;
  }

  async append(entry: NewAuditEntry): Promise<AuditEntry<T>> {
    return this.#caller.create(auditShape, 'audit.append', entry);
  }

  query(query: AuditQuery = {}): Listing<AuditEntry<T>> {
    return this.#caller.list(auditShape, () => auditQueryShape.write('the query', query), 'audit.query', () => []);
  }
}
