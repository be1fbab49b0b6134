/** Long work in short steps, with room for other tasks in between. */

/** How many rows the first step reads, and how long a step may take, in ms. */
const FIRST_STEP = 32;
const STEP_MS = 8;

/** Calls `step` with how much it may do, until it says that this was all. */
export async function inSteps(step: (most: number) => Promise<{ isDone: boolean; took: number }>): Promise<void> {
  let most = FIRST_STEP;
  for (;;) {
    const { isDone, took } = await step(most);
    if (isDone) return;
    // Clocks may be coarse, and steps differ.
    most = Math.max(1, Math.min(most * 2, Math.floor((most * STEP_MS) / Math.max(took, 0.1))));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** What `work` says of being done, and how many milliseconds it took. */
export function timed(work: () => boolean): { isDone: boolean; took: number } {
  const began = performance.now();
  const isDone = work();
  return { isDone, took: performance.now() - began };
}
