// Builds the npm package: the wasm module, the glue around it, and the TypeScript.
//
//   node build.mjs              the release module, not optimised for size
//   node build.mjs --optimize   the same through wasm-opt -Oz (about two minutes more)
//   node build.mjs --dev        a quick module with debug assertions
//   node build.mjs --ts-only    the TypeScript alone, beside the module of the last build
//   node build.mjs --panics-to FILE   into FILE a module that panics at the SQL text PANIC, for the
//                               tests; with --dev if the last build was that

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import { parseArgs } from 'node:util';
import { brotliCompressSync, gzipSync } from 'node:zlib';

const here = import.meta.dirname;
const root = path.dirname(here);
const dist = path.join(here, 'dist');
const require = createRequire(import.meta.url);

const { values: flags } = parseArgs({
  options: {
    dev: { type: 'boolean', default: false },
    optimize: { type: 'boolean', default: false },
    'ts-only': { type: 'boolean', default: false },
    'panics-to': { type: 'string' },
  },
});

try {
  if (flags['panics-to'] !== undefined) buildPanicking(flags['panics-to']);
  else {
    if (!flags['ts-only']) buildModule();
    buildTypeScript();
  }
} catch (error) {
  console.error(`build.mjs: ${error.message}`);
  process.exitCode = 1;
}

function buildModule() {
  const { wasm, glue } = compileModule(path.join(here, 'pkg'), []);
  if (flags.optimize) optimize(wasm);
  const bindings = path.join(dist, 'bindings');
  fs.mkdirSync(bindings, { recursive: true });
  fs.copyFileSync(wasm, path.join(bindings, 'sigil.wasm'));
  fs.writeFileSync(path.join(bindings, 'glue.js'), glue);
  printSizes(wasm);
}

/** The module with the feature test-panic, which runs under the glue of the shipped one. */
function buildPanicking(file) {
  const { wasm, glue } = compileModule(path.join(here, 'pkg-panics'), ['--features', 'test-panic']);
  if (glue !== fs.readFileSync(path.join(dist, 'bindings', 'glue.js'), 'utf8')) {
    throw new Error('the module that panics needs another glue than the last build: build both in the same way');
  }
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.copyFileSync(wasm, file);
}

/** Compiles the module into `pkg`, and makes the glue for it. */
function compileModule(pkg, features) {
  checkBindgenVersion();
  const profile = flags.dev ? 'dev' : 'wasm';
  // The flags of the target are in .cargo/config.toml, which the environment would override.
  run(
    'cargo',
    ['build', '--locked', '-p', 'sigil-wasm', '--profile', profile, '--target', 'wasm32-unknown-unknown', ...features],
    { RUSTFLAGS: undefined, CARGO_ENCODED_RUSTFLAGS: undefined },
  );
  const target = process.env.CARGO_TARGET_DIR ?? path.join(root, 'target');
  const module = path.join(target, 'wasm32-unknown-unknown', flags.dev ? 'debug' : 'wasm', 'sigil_wasm.wasm');
  fs.rmSync(pkg, { recursive: true, force: true });
  run('wasm-bindgen', [
    ...['--target', 'no-modules', '--no-typescript', '--omit-default-module-path'],
    ...(flags.dev ? ['--keep-debug'] : ['--remove-name-section', '--remove-producers-section']),
    ...['--out-dir', pkg, '--out-name', 'sigil', module],
  ]);
  const glue = asFactory(fs.readFileSync(path.join(pkg, 'sigil.js'), 'utf8'));
  return { wasm: path.join(pkg, 'sigil_bg.wasm'), glue };
}

/**
 * The glue as a function that makes a new instance at each call.
 *
 * wasm-bindgen keeps its state in variables of the module, one instance a module. In a function
 * they belong to the call: every store gets an instance of its own, so that a trap in one leaves
 * the others alone, and closing a store gives its memory back.
 */
function asFactory(glue) {
  if (!glue.startsWith('let wasm_bindgen = (function(exports) {')) {
    throw new Error('the glue of wasm-bindgen does not begin as expected: see asFactory in build.mjs');
  }
  return `export function createInstance() {\n${glue}\nreturn wasm_bindgen;\n}\n`;
}

function checkBindgenVersion() {
  const lock = fs.readFileSync(path.join(root, 'Cargo.lock'), 'utf8');
  const locked = /name = "wasm-bindgen"\nversion = "([^"]+)"/.exec(lock)?.[1];
  const install = `cargo install wasm-bindgen-cli --version ${locked} --locked`;
  let installed;
  try {
    installed = execFileSync('wasm-bindgen', ['--version'], { encoding: 'utf8' }).trim().split(' ')[1];
  } catch {
    throw new Error(`the command wasm-bindgen is missing: ${install}`);
  }
  if (installed !== locked) {
    throw new Error(`wasm-bindgen is version ${installed}, but Cargo.lock says ${locked}: ${install}`);
  }
}

function optimize(wasm) {
  const cli = path.join(path.dirname(require.resolve('binaryen')), 'bin', 'wasm-opt');
  console.log('wasm-opt -Oz ...');
  const optimized = `${wasm}.opt`;
  run(process.execPath, [cli, wasm, '-Oz', '-o', optimized]);
  fs.renameSync(optimized, wasm);
}

function buildTypeScript() {
  fs.mkdirSync(dist, { recursive: true });
  for (const entry of fs.readdirSync(dist)) removeCompiled(path.join(dist, entry));
  const tsc = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');
  run(process.execPath, [tsc, '-p', here]);
}

/** Removes what an earlier tsc left, but not the module and its glue. */
function removeCompiled(entry) {
  const kept = ['sigil.wasm', 'glue.js'].map((name) => path.join(dist, 'bindings', name));
  if (fs.statSync(entry).isDirectory()) {
    for (const name of fs.readdirSync(entry)) removeCompiled(path.join(entry, name));
    if (fs.readdirSync(entry).length === 0) fs.rmdirSync(entry);
  } else if (!kept.includes(entry)) {
    fs.unlinkSync(entry);
  }
}

function printSizes(wasm) {
  const bytes = fs.readFileSync(wasm);
  const mb = (n) => `${(n / 1e6).toFixed(2)} MB`;
  const sizes = [`raw ${mb(bytes.length)}`];
  if (!flags.dev) sizes.push(`gzip ${mb(gzipSync(bytes, { level: 9 }).length)}`, `brotli ${mb(brotliCompressSync(bytes).length)}`);
  console.log(`sigil.wasm: ${sizes.join(', ')}`);
}

function run(command, args, env = {}) {
  try {
    execFileSync(command, args, { cwd: root, stdio: 'inherit', env: { ...process.env, ...env } });
  } catch (error) {
    throw new Error(`${path.basename(command)} ${args[0]} failed: ${error.message.split('\n')[0]}`);
  }
}
