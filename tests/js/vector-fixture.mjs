// Makes tests/fixtures/v1/vectors-npm from vectors-native with the npm package as packed for the
// tests: the same vectors in the opposite order, and the same questions.
//
//   npm --prefix wasm test && node tests/js/vector-fixture.mjs

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

import { open } from 'sigil-store';

import { ask, FOLDER, questionsOf } from './out/node/fixture.js';

const target = path.join(FOLDER, 'vectors-npm');
const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-fixture-'));
fs.cpSync(path.join(FOLDER, 'vectors-native'), scratch, { recursive: true });
fs.rmSync(target, { recursive: true, force: true });
const source = await open(scratch);
const store = await open(target);

/** Copies one collection, the last of its vectors first. */
async function copy(number, { count, ...definition }) {
  const from = await source.vectors.open(definition.name);
  const to = await store.vectors.create(definition);
  const rows = await source.query(`SELECT id FROM sigil_vectors_${number} ORDER BY key DESC`);
  const entries = [];
  for (const { id } of rows) entries.push(await from.get(id));
  await to.storeMany(entries);
  if (entries.length !== count) throw new Error(`${entries.length} of ${count} vectors of ${definition.name}`);
}

const numbers = await source.query('SELECT id, name FROM sigil_collection');
for (const info of await source.vectors.list()) {
  await copy(numbers.find(({ name }) => name === info.name).id, info);
}
const lines = [];
for (const question of questionsOf('vectors-native')) {
  const { hits } = await ask(store, question);
  const found = { ids: hits.map(({ id }) => id), scores: hits.map(({ score }) => score) };
  if (JSON.stringify(found.ids) !== JSON.stringify(question.ids)) throw new Error(`other hits: ${JSON.stringify(question)}`);
  lines.push(`${JSON.stringify({ ...question, ...found })}\n`);
}
await source.close();
await store.close();
fs.rmSync(scratch, { recursive: true });
fs.writeFileSync(`${target}.expect`, lines.join(''));
