/** Calls under one key, one after another, in the order they were made. */
export class Ordered {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs `work` when all earlier work under `key` has finished, whatever its outcome. */
  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key);
    const result = before === undefined ? work() : before.then(work, work);
    // The tail never rejects, so that a failure is reported to its own caller only.
    const tail: Promise<void> = result.then(
      () => this.#done(key, tail),
      () => this.#done(key, tail),
    );
    this.#tails.set(key, tail);
    return result;
  }

  /** Resolves when everything under way now has finished. */
  async idle(): Promise<void> {
    await Promise.all(this.#tails.values());
  }

  #done(key: string, tail: Promise<void>): void {
    if (this.#tails.get(key) === tail) this.#tails.delete(key);
  }
}
