/** One holder at a time, in the order in which they came. */
export class Turns {
  #taken = false;
  readonly #waiting: (() => void)[] = [];

  /** Takes the turn: at once when nothing is returned, else when the promise resolves. */
  take(): Promise<void> | undefined {
    if (!this.#taken) {
      this.#taken = true;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Hands the turn to whoever waits longest. */
  give(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }

  /** Runs `work` when it is its turn. */
  async run<T>(work: () => T): Promise<T> {
    const turn = this.take();
    if (turn !== undefined) await turn;
    try {
      return work();
    } finally {
      this.give();
    }
  }
}
