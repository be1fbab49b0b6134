// Tests the npm package as packed: in Node with the examples of the READMEs, and on a page and in a
// Worker of headless Chromium.
//
//   node run.mjs [--node] [--browser]      both when neither is named
//
// The package must have been built (wasm/build.mjs). CHROMIUM names the browser; /usr/bin/chromium
// is the default.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { run } from 'node:test';
import { parseArgs } from 'node:util';

import { testReadmes } from './readme.mjs';

const here = import.meta.dirname;
const wasm = path.join(here, '../../wasm');
const require = createRequire(path.join(wasm, 'package.json'));
const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');

const { values: flags } = parseArgs({
  options: { node: { type: 'boolean', default: false }, browser: { type: 'boolean', default: false } },
});
const everything = flags.node === flags.browser;

let passed = 0;
let failed = 0;

/** Prints how one test went, and counts it. */
export function report(where, { name, failure, ms }) {
  console.log(`${failure === undefined ? 'ok    ' : 'FAILED'} ${where}: ${name} (${ms.toFixed(0)} ms)`);
  if (failure === undefined) passed += 1;
  else {
    failed += 1;
    console.log(failure.replace(/^/gm, '       '));
  }
}

try {
  install();
  compile();
  // Built as the tests in Rust are, so that what they share is compiled once.
  execFileSync(process.execPath, [path.join(wasm, 'build.mjs'), '--dev', '--panics-to', path.join(here, 'out', 'panics.wasm')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  if (everything || flags.node) {
    testReadmes(tsc, report);
    await testInNode();
  }
  if (everything || flags.browser) {
    const { testInBrowser } = await import('./browser.mjs');
    const { journey } = await import('./journey.mjs');
    await testInBrowser(require, report, (page, served) => journey(page, served, report));
  }
} catch (error) {
  failed += 1;
  console.error(error);
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/** Packs the package and unpacks it where the tests resolve it. */
function install() {
  const modules = path.join(here, 'node_modules');
  const target = path.join(modules, 'sigil-store');
  fs.rmSync(modules, { recursive: true, force: true });
  fs.mkdirSync(target, { recursive: true });
  const packed = execFileSync('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', modules], {
    cwd: wasm,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    shell: process.platform === 'win32',
  });
  const listed = JSON.parse(packed);
  const [{ filename, files }] = Array.isArray(listed) ? listed : Object.values(listed);
  execFileSync('tar', ['-xzf', path.join(modules, filename), '-C', target, '--strip-components', '1']);
  console.log(`packed ${filename}: ${files.length} files`);
}

function compile() {
  fs.rmSync(path.join(here, 'out'), { recursive: true, force: true });
  for (const project of ['.', 'types']) {
    execFileSync(process.execPath, [tsc, '-p', path.join(here, project)], { stdio: 'inherit' });
  }
}

async function testInNode() {
  const directory = path.join(here, 'out', 'node');
  const files = fs.readdirSync(directory).filter((name) => name.endsWith('.test.js'));
  const stream = run({ files: files.map((name) => path.join(directory, name)), concurrency: 1, timeout: 300_000 });
  const took = ({ name, details }) => ({ name, ms: details.duration_ms });
  stream.on('test:pass', (event) => {
    if (event.skip !== undefined) report('node', { ...took(event), failure: 'a test was skipped' });
    else report('node', took(event));
  });
  stream.on('test:fail', (event) => {
    const error = event.details.error?.cause ?? event.details.error;
    report('node', { ...took(event), failure: error?.stack ?? String(error) });
  });
  stream.on('test:stderr', ({ message }) => process.stderr.write(message));
  await new Promise((resolve, reject) => {
    stream.on('data', () => undefined);
    stream.on('end', resolve);
    stream.on('error', reject);
  });
}
