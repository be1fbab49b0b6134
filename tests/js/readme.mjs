// Compiles and runs the examples of the READMEs against the package as packed: every block of ts or
// js, each as a program of its own in an empty directory. What follows `// -> ` is what a program
// prints, line by line.

import { execFileSync } from 'node:child_process';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const out = path.join(here, 'out', 'readme');

/** The examples of all READMEs. */
export function examples() {
  return ['README.md', 'wasm/README.md'].flatMap((file) => {
    const lines = fs.readFileSync(path.join(root, file), 'utf8').split('\n');
    const found = [];
    lines.forEach((line, at) => {
      if (!/^```(ts|js)$/.test(line)) return;
      const end = lines.indexOf('```', at);
      const name = `${file.replace(/\W/g, '-')}-${at + 1}`;
      found.push({ where: `${file}, line ${at + 1}`, name, lines: lines.slice(at + 1, end) });
    });
    if (found.length === 0) throw new Error(`${file} has no example: see tests/js/readme.mjs`);
    return found;
  });
}

/** Type-checks all of them, then runs each and reports it through `report(where, outcome)`. */
export function testReadmes(tsc, report) {
  const all = examples();
  fs.rmSync(out, { recursive: true, force: true });
  fs.mkdirSync(out, { recursive: true });
  // The module of an example knows its neighbours by this.
  fs.writeFileSync(path.join(out, 'package.json'), '{ "type": "module" }\n');
  for (const { name, lines } of all) fs.writeFileSync(path.join(out, `${name}.ts`), [...lines, 'export {};', ''].join('\n'));
  const options = ['--ignoreConfig', '--target', 'es2022', '--module', 'nodenext', '--strict', '--types', 'node'];
  const typeRoots = path.join(root, 'wasm/node_modules/@types');
  const files = all.map(({ name }) => path.join(out, `${name}.ts`));
  execFileSync(process.execPath, [tsc, ...options, '--typeRoots', typeRoots, ...files], { stdio: 'inherit', cwd: here });
  for (const example of all) report('readme', run(example));
}

function run({ where, name, lines }) {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-readme-'));
  const began = performance.now();
  const outcome = { name: where };
  try {
    const printed = execFileSync(process.execPath, [path.join(out, `${name}.js`)], {
      cwd: directory,
      encoding: 'utf8',
      timeout: 120_000,
    });
    const promised = lines.flatMap((line) => line.split('// -> ').slice(1));
    const said = printed.trimEnd().split('\n');
    if (promised.length > 0 && said.join('\n') !== promised.join('\n')) {
      outcome.failure = `it prints\n${said.join('\n')}\nand not\n${promised.join('\n')}`;
    }
  } catch (error) {
    outcome.failure = `${error.message}\n${error.stderr ?? ''}`;
  } finally {
    fs.rmSync(directory, { recursive: true, force: true });
  }
  return { ...outcome, ms: performance.now() - began };
}
