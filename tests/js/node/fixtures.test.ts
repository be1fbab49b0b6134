/**
 * Stores of vectors built natively and by the npm package give the same hits when they are opened in
 * wasm; tests/integration/vector_fixtures.rs opens them natively.
 */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { after, test } from 'node:test';

import { open } from 'sigil-store';

import { assert, assertEqual, assertSame } from '../harness.js';
import { ask, FOLDER, questionsOf } from './fixture.js';
import { storesIn } from './kinds.js';

const { at, root } = storesIn('sigil-fixtures-');
after(() => fs.rmSync(root, { recursive: true, force: true }));

/** Scores are the same to the bit on every target, and text holds them nearly so. */
const TOLERANCE = 1e-12;

for (const name of ['vectors-native', 'vectors-npm']) {
  test(`the committed store ${name} gives in wasm what its builder found`, async () => {
    fs.cpSync(path.join(FOLDER, name), at(name), { recursive: true });
    const store = await open(at(name));
    const questions = questionsOf(name);
    let byCodes = 0;
    for (const question of questions) {
      const { hits, explanation } = await ask(store, question);
      assertSame(hits.map((hit) => hit.id), question.ids);
      hits.forEach(({ score }, i) => {
        const expected = question.scores[i] as number;
        assert(Math.abs(score - expected) <= TOLERANCE, `a score of ${score} and not ${expected}`);
      });
      const codes = explanation?.plan.kind === 'codes';
      // So little effort costs less than comparing all.
      assert(codes || question.options.effort === undefined, explanation?.text ?? '');
      byCodes += codes ? 1 : 0;
    }
    assert(byCodes >= 20, `${byCodes} of ${questions.length} by codes`);
    const names = (await store.vectors.list()).map((info) => [info.name, info.precision, info.resident]);
    assertSame(names, [['rounded', 'f16', 'int8'], ['whole', 'f32', 'f32']]);
    // An index that was read as it was written is not written again.
    const written = (await store.durability()).bytesWritten;
    await store.flush();
    assertEqual((await store.durability()).bytesWritten, written, 'bytes written');
    await store.close();
  });
}
