/** Exclusive use of a store in a browser, by the Web Locks API. */

import { SigilError } from '../error.js';

/** Exclusive use of one name in this origin, from {@link WebLock.acquire} to {@link WebLock.release}. */
export class WebLock {
  readonly #release: () => void;
  readonly #released: Promise<unknown>;

  private constructor(release: () => void, released: Promise<unknown>) {
    this.#release = release;
    this.#released = released;
  }

  /**
   * Takes the store `name` of the kind of storage `storage` for this handle alone.
   *
   * The browser releases it when the page or Worker ends. Rejects with `locked` when another tab,
   * Worker or handle has it, and with `unsupported` where there are no Web Locks.
   */
  static async acquire(storage: string, name: string): Promise<WebLock> {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks;
    if (locks === undefined) {
      throw new SigilError('unsupported', 'this page has no Web Locks: serve it over https or from localhost');
    }
    const lockName = `sigil-store:${storage}:${name}`;
    return new Promise((resolve, reject) => {
      const released = locks.request(lockName, { ifAvailable: true }, (lock) => {
        if (lock === null) {
          reject(new SigilError('locked', `the store '${name}' is open in another tab, Worker or handle: close it there first`));
          return undefined;
        }
        return new Promise<void>((release) => resolve(new WebLock(release, released)));
      });
      released.catch((cause: unknown) => {
        reject(new SigilError('storage', `taking the lock '${lockName}': ${String(cause)}`, { cause }));
      });
    });
  }

  /** Lets the store go; resolves when others can have it. Releasing twice does nothing. */
  async release(): Promise<void> {
    this.#release();
    await this.#released;
  }
}
