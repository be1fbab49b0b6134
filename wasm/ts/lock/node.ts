/**
 * Exclusive use of a data directory in Node, which has no `flock`.
 *
 * The holder is named in a file that only one process can create: its pid, and when it started, so
 * that a recycled pid is not taken for the holder. A lock whose process is gone is stale and is
 * taken over. The native program holds its own lock (`sigil.lock`, by flock, with its pid as text)
 * and honours this one; both publish first and look at the other's lock after, so of two that start
 * together at least one gives way.
 */

import { randomUUID } from 'node:crypto';
import * as fs from 'node:fs';
import * as path from 'node:path';

import { hostError, SigilError } from '../error.js';

/** The lock file of this package. */
export const NODE_LOCK_FILE = 'sigil.node-lock';
/** The lock file of the native program. */
export const NATIVE_LOCK_FILE = 'sigil.lock';

/** What a lock file says of its holder. */
interface Holder {
  pid: number;
  /** When the process started: clock ticks since boot on Linux, else milliseconds since 1970. */
  start: string;
  /** The pid namespace, where the host has them: in another one the pid means nothing. */
  namespace: string;
  /** Tells this lock from every other. */
  nonce: string;
}

const TAKEOVERS_MAX = 16;

/** Exclusive use of one directory, from {@link NodeLock.acquire} to {@link NodeLock.release}. */
export class NodeLock {
  readonly #file: string;
  readonly #nonce: string;

  private constructor(file: string, nonce: string) {
    this.#file = file;
    this.#nonce = nonce;
  }

  /**
   * Takes the directory for this handle alone.
   *
   * Throws `locked` when another process, or another handle of this one, has it.
   */
  static acquire(directory: string): NodeLock {
    const file = path.join(directory, NODE_LOCK_FILE);
    const self = describeSelf();
    take(file, self);
    const lock = new NodeLock(file, self.nonce);
    const pid = nativeHolder(path.join(directory, NATIVE_LOCK_FILE));
    if (pid !== undefined) {
      lock.release();
      throw new SigilError('locked', `'${directory}' is in use by the native process ${pid}: end it first`);
    }
    return lock;
  }

  /** Lets the directory go; releasing twice does nothing. */
  release(): void {
    if (readHolder(this.#file)?.nonce !== this.#nonce) return;
    try {
      fs.unlinkSync(this.#file);
    } catch (cause) {
      throw hostError(`removing '${this.#file}'`, cause);
    }
  }
}

/** Creates `file` naming `self`, taking over from holders that are gone. */
function take(file: string, self: Holder): void {
  for (let i = 0; i < TAKEOVERS_MAX; i++) {
    if (createExclusive(file, self)) return;
    const holder = readHolder(file);
    if (holder === undefined) continue; // released in the meantime
    if (isAlive(holder)) throw lockedBy(file, holder);
    removeStale(file, holder, self);
  }
  throw new SigilError('locked', `'${file}' changes hands all the time: try again`);
}

/**
 * Removes the lock of `stale`, unless somebody else did.
 *
 * Whoever creates the claim named after the stale lock's nonce is the only one who may remove it,
 * and looks again before doing so: without the claim, two processes that both saw the stale lock
 * could remove each other's fresh one.
 */
function removeStale(file: string, stale: Holder, self: Holder): void {
  const claim = `${file}.stale-${stale.nonce}~`;
  if (!createExclusive(claim, self)) {
    const claimant = readHolder(claim);
    if (claimant !== undefined && isAlive(claimant)) throw lockedBy(file, claimant);
    fs.rmSync(claim, { force: true });
    return;
  }
  try {
    if (readHolder(file)?.nonce === stale.nonce) fs.unlinkSync(file);
  } catch (cause) {
    throw hostError(`removing the stale lock '${file}'`, cause);
  } finally {
    fs.rmSync(claim, { force: true });
  }
}

function lockedBy(file: string, holder: Holder): SigilError {
  const elsewhere = holder.namespace !== describeSelf().namespace;
  const advice = elsewhere
    ? `it runs in another container: end it, and remove '${file}' if it is gone`
    : 'close it there first';
  return new SigilError('locked', `'${path.dirname(file)}' is in use by process ${holder.pid}: ${advice}`);
}

/** Creates `file` with all of its content at once; `false` when it is there already. */
function createExclusive(file: string, holder: Holder): boolean {
  const temporary = `${file}.new-${randomUUID()}~`;
  try {
    fs.writeFileSync(temporary, JSON.stringify(holder), { flag: 'wx', mode: 0o600, flush: true });
    fs.linkSync(temporary, file);
    return true;
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return false;
    if (code === 'ENOSYS' || code === 'ENOTSUP' || code === 'EPERM' || code === 'EISDIR') {
      return createUnlinked(file, holder);
    }
    throw hostError(`locking '${path.dirname(file)}'`, cause);
  } finally {
    fs.rmSync(temporary, { force: true });
  }
}

/** As {@link createExclusive}, on a file system without hard links: readers may see a part of it. */
function createUnlinked(file: string, holder: Holder): boolean {
  try {
    fs.writeFileSync(file, JSON.stringify(holder), { flag: 'wx', mode: 0o600 });
    return true;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw hostError(`locking '${path.dirname(file)}'`, cause);
  }
}

/** Whom the lock file names; `undefined` when there is none. */
function readHolder(file: string): Holder | undefined {
  let text: string;
  try {
    text = fs.readFileSync(file, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw hostError(`reading '${file}'`, cause);
  }
  try {
    const { pid, start, namespace, nonce } = JSON.parse(text) as Partial<Holder>;
    if (Number.isSafeInteger(pid) && typeof start === 'string' && /^[0-9a-f-]{36}$/.test(nonce ?? '')) {
      return { pid: pid as number, start, namespace: String(namespace ?? ''), nonce: nonce as string };
    }
  } catch {
    // Falls through to the refusal: it may be half written by a process that is alive.
  }
  throw new SigilError('locked', `'${file}' cannot be read as a lock: remove it if no process uses the directory`);
}

function isAlive(holder: Holder): boolean {
  const self = describeSelf();
  if (holder.namespace !== self.namespace) return true;
  if (holder.pid === self.pid) return sameStart(holder.start, self.start);
  if (!pidExists(holder.pid)) return false;
  const found = linuxProcess(holder.pid);
  return found === undefined || (found.start === holder.start && found.state !== 'Z');
}

/** Milliseconds since 1970 are computed from two clocks and may differ a little from call to call. */
function sameStart(a: string, b: string): boolean {
  return a === b || (process.platform !== 'linux' && Math.abs(Number(a) - Number(b)) < 2_000);
}

function describeSelf(): Holder {
  const start = linuxProcess(process.pid)?.start ?? String(Math.round(Date.now() - process.uptime() * 1_000));
  let namespace = '';
  try {
    namespace = fs.readlinkSync('/proc/self/ns/pid');
  } catch {
    // Only Linux has them.
  }
  return { pid: process.pid, start, namespace, nonce: randomUUID() };
}

function pidExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Fields 3 and 22 of /proc/PID/stat (proc(5)): the state and the start of a process.
 *
 * They are counted after the last `)`, because the name before it may hold anything.
 */
function linuxProcess(pid: number): { state: string; start: string } | undefined {
  try {
    const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, start] = [fields[0], fields[19]];
    return state === undefined || start === undefined ? undefined : { state, start };
  } catch {
    return undefined;
  }
}

/** The pid of the native process that holds `file`, if one does. */
function nativeHolder(file: string): number | undefined {
  let pid: number;
  try {
    pid = Number.parseInt(fs.readFileSync(file, 'latin1'), 10);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw hostError(`reading '${file}'`, cause);
  }
  if (!Number.isSafeInteger(pid) || pid <= 0 || pid === process.pid || !pidExists(pid)) return undefined;
  return hasOpen(pid, file) ? pid : undefined;
}

/**
 * Whether the process has the file open; `true` where that cannot be seen.
 *
 * The native lock ends with its process, but its text stays, and the pid may have gone to another.
 */
function hasOpen(pid: number, file: string): boolean {
  try {
    const lock = fs.statSync(file, { bigint: true });
    return fs.readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        const open = fs.statSync(`/proc/${pid}/fd/${fd}`, { bigint: true });
        return open.ino === lock.ino && open.dev === lock.dev;
      } catch {
        return false; // closed in the meantime, or not a file
      }
    });
  } catch {
    return true;
  }
}
