/** Searches of a workspace: what is asked of the module, and what it found. */

import { checkFlag, checkNumber, checkOptions, checkText, checkVector, checkWhole, elements, filterJson, invalid, kindOf } from '../check.js';
import type { Caller } from './caller.js';
import { MEMORY_SOURCES, type MemoryFusion, type MemoryHit, type MemorySearch, type MemoryText, type MemoryWeights, type Recency } from './hybrid-api.js';
import { ROLES, type Time } from './records.js';
import { type Kind, oneOf, time } from './shape.js';
import { factShape, messageShape, summaryShape } from './shapes.js';

const OPTIONS = [
  'text', 'vector', 'k', 'sources', 'filter', 'session', 'role', 'from', 'to', 'weights', 'fusion', 'recency', 'diversity', 'distinct',
  'window', 'typos', 'candidates',
] as const satisfies readonly (keyof MemorySearch)[];

/** How many typos a word may have at most; the core has the same limit. */
const TYPOS_MAX = 2;

const source = oneOf(MEMORY_SOURCES);
const role = oneOf(ROLES);

/** What `wanted` finds in the workspace of `caller`. */
export async function searchMemory<T extends Time>(caller: Caller, wanted: MemorySearch): Promise<MemoryHit<T>[]> {
  if (wanted === undefined) throw invalid('a search must be an object, this is undefined');
  const json = JSON.stringify(write(wanted));
  const vector = wanted.vector === undefined ? undefined : checkVector('the vector of a search', wanted.vector);
  return caller.found(hitKind, (store) => store.searchMemory(json, vector));
}

/** What is wanted but for the vector, as the core takes it. */
function write(wanted: MemorySearch): object {
  const given = checkOptions('the options of a search', wanted, OPTIONS);
  const { k = 10, text, sources, filter, session, weights, fusion, recency, diversity, window, typos, candidates } = given;
  const kind = (name: 'role' | 'from' | 'to', by: Kind): unknown =>
    given[name] === undefined ? undefined : by.write(`the ${name} of a search`, given[name]);
  return {
    k: checkWhole('k', k, 0),
    ...(text === undefined ? {} : { text: writeText(text) }),
    ...(sources === undefined ? {} : { sources: elements('the sources of a search', sources).map((name) => source.write('a source of a search', name)) }),
    // Checked as JSON, and then part of another.
    ...(filter === undefined ? {} : { filter: JSON.parse(filterJson(filter)) as unknown }),
    ...(session === undefined ? {} : { session: checkText('the session of a search', session) }),
    role: kind('role', role),
    from: kind('from', time),
    to: kind('to', time),
    ...(weights === undefined ? {} : { weights: writeWeights(weights) }),
    ...(fusion === undefined ? {} : { fusion: writeFusion(fusion) }),
    ...(recency === undefined ? {} : { recency: writeRecency(recency) }),
    ...(diversity === undefined ? {} : { diversity: checkNumber('the diversity', diversity, 0, 1) }),
    distinct: checkFlag('distinct', given.distinct),
    ...(window === undefined ? {} : { window: checkWhole('the window', window, 0) }),
    ...(typos === undefined ? {} : { typos: checkWhole('the number of typos', typos, 0, TYPOS_MAX) }),
    ...(candidates === undefined ? {} : { candidates: checkWhole('the number of candidates', candidates, 0) }),
  };
}

function writeText(text: MemoryText): object {
  if (typeof text === 'string') return { typed: checkText('the text of a search', text) };
  if (typeof text !== 'object' || text === null) throw invalid(`the text of a search must be a string or an object, this is ${kindOf(text)}`);
  const [way, ...others] = Object.keys(text);
  if ((way !== 'typed' && way !== 'query') || others.length > 0) {
    throw invalid('the text of a search must be a string, { typed: string } or { query: string }');
  }
  return { [way]: checkText('the text of a search', (text as Record<string, unknown>)[way]) };
}

function writeWeights(weights: MemoryWeights): object {
  const { text = 1, vector = 1 } = checkOptions('the weights of a search', weights, ['text', 'vector']);
  return {
    text: checkNumber('the weight of the text', text, 0, Number.MAX_VALUE),
    vector: checkNumber('the weight of the vector', vector, 0, Number.MAX_VALUE),
  };
}

function writeFusion(fusion: MemoryFusion): unknown {
  if (fusion === 'scores') return fusion;
  if (fusion === 'reciprocalRank') return { reciprocalRank: {} };
  if (typeof fusion !== 'object' || fusion === null) {
    throw invalid("the fusion of a search must be 'reciprocalRank', 'scores' or { k: number }");
  }
  const { k } = checkOptions('the options of a fusion', fusion, ['k']);
  return { reciprocalRank: { k: checkNumber('the k of the fusion', k, 0, Number.MAX_VALUE) } };
}

function writeRecency(recency: Recency): object {
  const { halfLifeMs, weight = 1, now = new Date() } = checkOptions('the options of recency', recency, ['halfLifeMs', 'weight', 'now']);
  return {
    halfLifeMs: checkWhole('the halfLifeMs of recency', halfLifeMs, 1, Number.MAX_SAFE_INTEGER),
    weight: checkNumber('the weight of recency', weight, 0, 1),
    now: time.write('the now of recency', now),
  };
}

const RECORDS = { message: messageShape, summary: summaryShape, fact: factShape, vector: undefined } as const;

/** Hits as the core gives them, read in place. */
const hitKind = {
  read(value: unknown, dates: boolean): unknown {
    const { source: of, record, before = [], after = [] } = value as MemoryHit<Time>;
    RECORDS[of]?.read(record, dates);
    for (const message of [...before, ...after]) messageShape.read(message, dates);
    return value;
  },
};
