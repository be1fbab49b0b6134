/** Runs the tests of one pass where it is loaded, and reports each of them. */

import { type Pass, suites } from './suites.js';
import { visitBrowser } from './travel.js';

/** How one test went. */
export interface Outcome {
  name: string;
  failure?: string;
  ms: number;
}

/** How long one test may take before it counts as hung. */
const TEST_MS_MAX = 120_000;

function within(ms: number, work: Promise<void>): Promise<void> {
  const late = new Promise<void>((_, reject) => setTimeout(() => reject(new Error(`no end after ${ms} ms`)), ms));
  return Promise.race([work, late]);
}

async function runAll(pass: Pass): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const rule of suites(pass)) {
    const start = performance.now();
    const outcome: Outcome = { name: rule.name, ms: 0 };
    // Seen where the page is watched, when a test never ends.
    console.debug(`begins: ${rule.name}`);
    try {
      await within(TEST_MS_MAX, rule.run());
    } catch (error) {
      outcome.failure = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    }
    outcome.ms = performance.now() - start;
    outcomes.push(outcome);
  }
  return outcomes;
}

function runInWorker(pass: Pass): Promise<Outcome[]> {
  const worker = new Worker(import.meta.url, { type: 'module' });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data as Outcome[]);
    worker.onerror = (event) => reject(new Error(`the Worker failed: ${event.message}`));
    worker.postMessage(pass);
  });
}

if (typeof document === 'undefined') {
  globalThis.onmessage = async ({ data }) => globalThis.postMessage(await runAll(data as Pass));
} else {
  Object.assign(globalThis, { runTests: { page: runAll, worker: runInWorker }, visitBrowser });
}
