/** Runs the tests of one pass where it is loaded, and reports each of them. */

import { type Pass, suites } from './suites.js';

/** How one test went. */
export interface Outcome {
  name: string;
  failure?: string;
  ms: number;
}

async function runAll(pass: Pass): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const rule of suites(pass)) {
    const start = performance.now();
    const outcome: Outcome = { name: rule.name, ms: 0 };
    try {
      await rule.run();
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
  Object.assign(globalThis, { runTests: { page: runAll, worker: runInWorker } });
}
