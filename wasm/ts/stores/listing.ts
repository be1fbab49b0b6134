/** Long lists: a page when awaited, everything when iterated. */

import type { Listing, Page } from './records.js';

/** Reads the page behind `after`, the first when that is missing; `iterating` when all of them are wanted. */
export type ReadPage<T> = (after: string | undefined, iterating: boolean) => Promise<Page<T>>;

/** {@link Listing} by a function that reads a page. */
export class PagedListing<T> implements Listing<T> {
  readonly #read: ReadPage<T>;
  #page: Promise<Page<T>> | undefined;

  constructor(read: ReadPage<T>) {
    this.#read = read;
  }

  get [Symbol.toStringTag](): string {
    return 'Listing';
  }

  // A Promise by the letter of its interface, so that all that takes one takes a listing.
  then<R = Page<T>, E = never>(
    done?: ((page: Page<T>) => R | PromiseLike<R>) | null,
    failed?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    this.#page ??= this.#read(undefined, false);
    return this.#page.then(done, failed);
  }

  catch<E = never>(failed?: ((reason: unknown) => E | PromiseLike<E>) | null): Promise<Page<T> | E> {
    return this.then(undefined, failed);
  }

  finally(done?: (() => void) | null): Promise<Page<T>> {
    return this.then().finally(done);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    let after: string | undefined;
    do {
      const page = await this.#read(after, true);
      yield* page.items;
      after = page.next;
    } while (after !== undefined);
  }
}
