/** What a directory goes through beside the conformance suite: crashes, other processes, permissions. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';

import { NodeFiles } from 'sigil-store/files/node';
import { NodeStorage } from 'sigil-store/storage/node';

import { assert, assertBytes, assertEqual, assertFails, fresh, pattern } from '../harness.js';

const LOCK = 'sigil.node-lock';
const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-directory-'));
const children = new Set<ChildProcess>();
after(() => {
  for (const child of children) child.kill('SIGKILL');
  fs.rmSync(root, { recursive: true, force: true });
});

function newDirectory(): string {
  const directory = path.join(root, fresh('directory'));
  fs.mkdirSync(directory);
  return directory;
}

/** A process of child.ts, and its lines. */
function start(command: string, directory: string): { child: ChildProcess; lines: AsyncIterator<string> } {
  const script = path.join(import.meta.dirname, 'child.js');
  const child = spawn(process.execPath, [script, command, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  assert(child.stdout !== null, 'the child has no output');
  return { child, lines: readline.createInterface({ input: child.stdout })[Symbol.asyncIterator]() };
}

async function line(lines: AsyncIterator<string>): Promise<string> {
  const next = await lines.next();
  assert(next.done !== true, 'the child ended early');
  return next.value;
}

async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
  children.delete(child);
}

test('a torn temporary file left behind is ignored and cleared, other files are not touched', async () => {
  const directory = newDirectory();
  const storage = await NodeStorage.open(directory);
  await storage.replace('blob', pattern(100, 1));
  await storage.close();
  const torn = path.join(directory, `blob.${crypto.randomUUID()}~`);
  fs.writeFileSync(torn, pattern(50, 2));
  fs.writeFileSync(path.join(directory, 'notes.txt~'), 'an editor left this');
  const again = await NodeStorage.open(directory);
  assertBytes(await again.read('blob'), pattern(100, 1));
  assertEqual(fs.existsSync(torn), false, 'torn file present');
  assertEqual(fs.readFileSync(path.join(directory, 'notes.txt~'), 'utf8'), 'an editor left this');
  await again.close();
});

test('nothing but the blobs stays behind', async () => {
  const directory = newDirectory();
  const storage = await NodeStorage.open(directory);
  await storage.replace('a', pattern(10, 1));
  await storage.replace('b', pattern(10, 1));
  await storage.remove('b');
  assertEqual(fs.readdirSync(directory).sort().join(), `a,${LOCK}`);
  await storage.close();
  assertEqual(fs.readdirSync(directory).join(), 'a');
});

test('files and directories are the owner\'s alone', async () => {
  if (process.platform === 'win32') return; // Windows has no such modes
  const directory = path.join(newDirectory(), 'deep', 'er');
  const storage = await NodeStorage.open(directory);
  await storage.replace('a', pattern(10, 1));
  const mode = (name: string): string => (fs.statSync(path.join(directory, name)).mode & 0o777).toString(8);
  assertEqual(mode('a'), '600');
  assertEqual(mode(LOCK), '600');
  assertEqual(mode('.'), '700');
  await storage.close();
  const files = NodeFiles.open(directory);
  files.open('sigil.db', true);
  assertEqual(mode('sigil.db'), '600');
  files.closeAll();
});

test('a blob written by a process that is killed is whole, and none acknowledged is lost', async () => {
  const directory = newDirectory();
  for (let round = 0; round < 12; round++) {
    const { child, lines } = start('write', directory);
    let acknowledged = Number(await line(lines));
    // At another point of the next replacement each time.
    await setTimeout(3 * round);
    await kill(child);
    for (let next = await lines.next(); next.done !== true; next = await lines.next()) acknowledged = Number(next.value);
    const storage = await NodeStorage.open(directory);
    const bytes = await storage.read('blob');
    const last = (bytes?.length ?? 0) - 4_000_000;
    assert(last === acknowledged || last === acknowledged + 1, `round ${round}: ${last} is stored, ${acknowledged} acknowledged`);
    assertBytes(bytes, pattern(4_000_000 + last, last));
    await storage.close();
    assertEqual(fs.readdirSync(directory).filter((name) => name.endsWith('~')).join(), '', 'left-over files');
  }
});

test('a directory another process holds is refused, and free when that process is killed', async () => {
  const directory = newDirectory();
  const { child, lines } = start('hold', directory);
  assertEqual(await line(lines), 'held');
  const error = await assertFails('locked', () => NodeStorage.open(directory));
  assert(error.message.includes(String(child.pid)), `the message does not name the process: ${error.message}`);
  await assertFails('locked', () => NodeFiles.open(directory));
  await kill(child);
  const storage = await NodeStorage.open(directory);
  await storage.close();
});

test('a lock whose pid belongs to another process by now is stale', async () => {
  const directory = newDirectory();
  const lock = { pid: process.ppid, start: '1', namespace: '', nonce: crypto.randomUUID() };
  try {
    lock.namespace = fs.readlinkSync('/proc/self/ns/pid');
  } catch {
    // Elsewhere than on Linux a start cannot be looked up, and the lock counts as held.
    fs.writeFileSync(path.join(directory, LOCK), JSON.stringify(lock));
    await assertFails('locked', () => NodeStorage.open(directory));
    return;
  }
  fs.writeFileSync(path.join(directory, LOCK), JSON.stringify(lock));
  await (await NodeStorage.open(directory)).close();

  fs.writeFileSync(path.join(directory, LOCK), JSON.stringify({ ...lock, pid: process.pid }));
  await (await NodeStorage.open(directory)).close();

  fs.writeFileSync(path.join(directory, LOCK), JSON.stringify({ ...lock, namespace: 'pid:[1]' }));
  const error = await assertFails('locked', () => NodeStorage.open(directory));
  assert(error.message.includes(LOCK), `the message does not name the lock: ${error.message}`);

  fs.writeFileSync(path.join(directory, LOCK), '{"pid":');
  await assertFails('locked', () => NodeStorage.open(directory));
});

test('of several processes that find a stale lock at once, one gets the directory', async () => {
  const stale = newDirectory();
  const holder = start('hold', stale);
  assertEqual(await line(holder.lines), 'held');
  await kill(holder.child);

  const contested = newDirectory();
  const names = Array.from({ length: 300 }, (_, i) => `store-${i}`);
  for (const name of names) {
    fs.mkdirSync(path.join(contested, name));
    fs.copyFileSync(path.join(stale, LOCK), path.join(contested, name, LOCK));
  }
  const contenders = Array.from({ length: 4 }, () => start('contend', contested));
  for (const { lines } of contenders) assertEqual(await line(lines), 'ready');
  fs.writeFileSync(path.join(contested, 'go'), '');
  const outcomes = (await Promise.all(contenders.map(({ lines }) => line(lines)))).flatMap((said) => said.split(','));
  for (const name of names) {
    const own = outcomes.filter((outcome) => outcome.startsWith(`${name} `)).map((outcome) => outcome.split(' ')[1]);
    assertEqual(own.sort().join(), 'locked,locked,locked,won', name);
    assertEqual(fs.readdirSync(path.join(contested, name)).join(), LOCK, 'left-over files');
  }
  const winners = contenders.filter((_, i) => outcomes.slice(i * names.length, (i + 1) * names.length).some((outcome) => outcome.endsWith('won')));
  assert(winners.length > 1, 'the contenders did not meet');
  await Promise.all(contenders.map(({ child }) => kill(child)));
});

test('a directory the native program holds is refused, its dead or foreign pid is not', async () => {
  const directory = newDirectory();
  const { child, lines } = start('hold-native', directory);
  assertEqual(await line(lines), 'held');
  const error = await assertFails('locked', () => NodeStorage.open(directory));
  assert(error.message.includes(String(child.pid)), `the message does not name the process: ${error.message}`);
  assertEqual(fs.existsSync(path.join(directory, LOCK)), false, 'a lock was left behind');
  await kill(child);
  await (await NodeStorage.open(directory)).close();
  if (process.platform === 'linux') {
    fs.writeFileSync(path.join(directory, 'sigil.lock'), `${process.ppid}\n`);
    await (await NodeStorage.open(directory)).close();
  }
  fs.writeFileSync(path.join(directory, 'sigil.lock'), '');
  await (await NodeStorage.open(directory)).close();
});

test('a path that is a file, or below one, is refused with a clear error', async () => {
  const file = path.join(newDirectory(), 'file');
  fs.writeFileSync(file, 'x');
  for (const target of [file, path.join(file, 'below')]) {
    const error = await assertFails('storage', () => NodeStorage.open(target));
    assert(error.message.includes(target) && error.cause !== undefined, `a poor error: ${error.message}`);
    await assertFails('storage', () => NodeFiles.open(target));
  }
  assertEqual(fs.readFileSync(file, 'utf8'), 'x');
});

test('a file that may not grow is reported as full and nothing is lost', async () => {
  if (process.platform === 'win32') return; // there is no such limit on Windows
  const script = path.join(import.meta.dirname, 'child.js');
  // 128 blocks are 64 or 128 KiB, by the shell; without the trap the signal would end the process.
  const shell = 'trap "" XFSZ; ulimit -f 128; exec "$0" "$@"';
  const child = spawn('sh', ['-c', shell, process.execPath, script, 'full', newDirectory()], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.add(child);
  const lines: string[] = [];
  for await (const text of readline.createInterface({ input: child.stdout })) lines.push(text);
  assertEqual(child.exitCode ?? (await once(child, 'exit'))[0], 0, 'exit code');
  assertEqual(lines.length, 2, 'rules that held');
});
