/** Compaction with functions that take their time. */

import { checkOptions, checkText, checkVector, checkWhole, elements, invalid, kindOf } from '../check.js';
import type { CompactOptions } from './api.js';
import type { Caller } from './caller.js';
import type { Compacted, Message, Time } from './records.js';
import { extractedFactShape, messageShape } from './shapes.js';

const OPTIONS = ['batch', 'maxPasses', 'summarize', 'embed', 'extract'] as const;
const BATCH = 50;

/**
 * Runs passes until there is nothing to do, or there have been enough.
 *
 * A pass holds nothing while it waits for the functions: it takes its messages, and hands them back
 * when it commits, so that the core can tell whether they are still the same.
 */
export async function compact<T extends Time>(caller: Caller, options: CompactOptions<T>): Promise<Compacted[]> {
  const { batch = BATCH, maxPasses = 1 } = checkOptions('the options of a compaction', options, OPTIONS);
  checkWhole('the batch', batch, 1);
  checkWhole('the number of passes', maxPasses, 1);
  checkFunctions(options);
  const passes: Compacted[] = [];
  while (passes.length < maxPasses) {
    const taken = await caller.runner.run((store) => store.call('compaction.take', JSON.stringify([batch])));
    if (taken === undefined) break;
    passes.push(await pass(caller, options, taken[0]));
  }
  return passes;
}

async function pass<T extends Time>(caller: Caller, options: CompactOptions<T>, taken: string): Promise<Compacted> {
  // Each function gets messages of its own, which it may change.
  const messages = (): Message<T>[] => caller.readMany(messageShape, taken);
  const summary = checkText('the summary', await options.summarize(messages()));
  const facts = options.extract === undefined ? [] : writeFacts(await options.extract(messages()));
  const vector = checkVector('the vector of the summary', await options.embed(summary));
  const digest = JSON.stringify([summary, facts]);
  const committed = await caller.runner.run((store) => store.commitBatch(taken, digest, vector));
  return JSON.parse((committed as [string])[0]) as Compacted;
}

function checkFunctions<T extends Time>({ summarize, embed, extract }: Partial<CompactOptions<T>> = {}): void {
  for (const [name, value] of Object.entries({ summarize, embed, ...(extract === undefined ? {} : { extract }) })) {
    if (typeof value !== 'function') throw invalid(`${name} must be a function, this is ${kindOf(value)}`);
  }
}

function writeFacts(facts: unknown): object[] {
  const given = elements('what was extracted', facts);
  return given.map((fact, i) => {
    const what = `the extracted fact at position ${i}`;
    if (typeof fact !== 'object' || fact === null) throw invalid(`${what} must be an object, this is ${kindOf(fact)}`);
    const { confidence } = fact as { confidence?: unknown };
    return extractedFactShape.write(what, { ...fact, ...(typeof confidence === 'number' ? { confidence: bounded(confidence) } : {}) });
  });
}

/** JSON has neither NaN nor infinities. */
function bounded(confidence: number): number {
  return Number.isNaN(confidence) ? 0 : Math.min(1, Math.max(0, confidence));
}
