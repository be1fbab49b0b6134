/** Long work in short steps, with room for other tasks in between. */

/** How many rows the first step reads, and any step at most. */
const FIRST_STEP = 32;
const MOST = 1 << 20;

/** For how long steps go on without a pause, in ms. */
const BURST_MS = 8;

/** What a step counts for at least, in ms, as clocks may be coarse. */
const STEP_MS_MIN = 0.1;

/** How many rows may be read in a step, as steps before have shown. */
export interface Pace {
  most: number;
}

/** The pace to begin with. */
export function firstPace(): Pace {
  return { most: FIRST_STEP };
}

/** Calls `step` with how much it may do, until it says that this was all. */
export async function inSteps(step: (most: number) => Promise<{ isDone: boolean; took: number }>, pace: Pace): Promise<void> {
  let spent = 0;
  for (;;) {
    const { isDone, took } = await step(pace.most);
    if (isDone) return;
    const counted = Math.max(took, STEP_MS_MIN);
    spent += counted;
    // A pause takes longer than the few rows that could be read in what is left.
    if (spent > BURST_MS * 0.75) {
      await pause();
      spent = 0;
    }
    pace.most = Math.max(1, Math.min(pace.most * 2, Math.floor((pace.most * (BURST_MS - spent)) / counted), MOST));
  }
}

/** Resolves when other tasks had their turn. Timers would do, but browsers make them wait 4 ms. */
function pause(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof MessageChannel === 'undefined') {
      setTimeout(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}

/** What `work` says of being done, and how many milliseconds it took. */
export function timed(work: () => boolean): { isDone: boolean; took: number } {
  const began = performance.now();
  const isDone = work();
  return { isDone, took: performance.now() - began };
}
