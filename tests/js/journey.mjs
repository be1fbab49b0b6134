// One store on its way: written natively, changed in Node, changed in Chromium, and opened natively
// again with both changes. The C SQLite checks the database after each leg.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
const DIMENSIONS = 384;

function sigil(...args) {
  return execFileSync(path.join(target, 'debug', 'sigil'), args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}

function checkWithC(file) {
  const said = execFileSync(path.join(root, 'tools/c-sqlite3'), [file, 'PRAGMA integrity_check'], { encoding: 'utf8' });
  assert.equal(said.trim(), 'ok', `what sqlite3 says of ${file}`);
}

async function changeInNode(directory, count) {
  const { open } = await import('sigil-store');
  const store = await open(directory, { create: false });
  const vectors = await store.vectors.open('memory', { dimensions: DIMENSIONS, metric: 'cosine' });
  assert.equal(await vectors.count(), count);
  await store.transaction(async (tx) => {
    await tx.exec("INSERT INTO synset VALUES ('node', 'noun', 0, 'from node', 'made in Node')");
    await (await tx.vectors.open('memory')).store('node', new Float32Array(DIMENSIONS).fill(-0.5), { pos: 'noun', lex: 0 });
  });
  await store.close();
}

async function travel(page, served) {
  const scratch = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-journey-'));
  try {
    execFileSync('cargo', ['build', '--quiet', '-p', 'sigil-native', '--bin', 'sigil'], { cwd: root, stdio: 'inherit' });
    const first = path.join(scratch, 'first');
    sigil('demo', '--dir', first);
    checkWithC(path.join(first, 'sigil.db'));
    const count = JSON.parse(sigil('inspect', first, '--json')).collections[0].vectors;

    await changeInNode(first, count);
    checkWithC(path.join(first, 'sigil.db'));

    const leaving = path.join(served, 'travel.db');
    fs.rmSync(leaving, { force: true });
    sigil('export', first, leaving);
    const changed = await page.evaluate(
      ([url, luggage]) => globalThis.visitBrowser(url, luggage),
      ['/travel.db', { count: count + 1, dimensions: DIMENSIONS }],
    );
    const returned = path.join(scratch, 'returned.db');
    fs.writeFileSync(returned, Buffer.from(changed, 'base64'));
    checkWithC(returned);

    const second = path.join(scratch, 'second');
    sigil('import', returned, second);
    assert.match(sigil('verify', second), /^ok$/m);
    const rows = sigil('query', second, "SELECT id FROM synset WHERE id IN ('node', 'browser') ORDER BY id", '--format', 'csv');
    assert.equal(rows, 'id\nbrowser\nnode\n');
    const [collection] = JSON.parse(sigil('inspect', second, '--json')).collections;
    assert.equal(collection.vectors, count + 2);
    checkWithC(path.join(second, 'sigil.db'));
  } finally {
    fs.rmSync(scratch, { recursive: true, force: true });
  }
}

/** Makes the journey, and reports it through `report(where, outcome)`. */
export async function journey(page, served, report) {
  const start = performance.now();
  let failure;
  try {
    await travel(page, served);
  } catch (error) {
    failure = error.stack ?? String(error);
  }
  report('everywhere', { name: 'a store goes from native to Node to Chromium and back', failure, ms: performance.now() - start });
}
