// The typed stores through the npm package, on files in Node: the workloads of tests/peers.
//
//   (cd wasm && npm run build) && node tests/benches/typed_wasm.mjs [--percent P] [--runs N] [WORKLOAD...]
//
// Run `cargo run --release --manifest-path tests/peers/Cargo.toml -- --percent P --runs N` beside it
// for the same natively. Records have the same shapes and sizes here, with other words in them.

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { parseArgs } from 'node:util';

const { values: flags, positionals } = parseArgs({
  options: {
    percent: { type: 'string', default: '100' },
    runs: { type: 'string', default: '3' },
    package: { type: 'string', default: path.join(import.meta.dirname, '../../wasm/dist/index.js') },
  },
  allowPositionals: true,
});
const { openGateway, openWorkspace } = await import(flags.package);
const percent = Number(flags.percent);
const runs = Number(flags.runs);
const DIMENSIONS = 384;
const BEGINNING = Date.parse('2026-01-01T00:00:00Z');

const scaled = (full, least) => Math.max(Math.floor((full * percent) / 100), least);

/** xorshift64* would need bigints; this is mulberry32, which is as good for choosing words. */
function randomOf(seed) {
  let state = seed >>> 0;
  const unit = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { unit, below: (bound) => Math.floor(unit() * bound) };
}

class Writer {
  constructor(seed) {
    this.random = randomOf(seed);
    this.words = Array.from({ length: 5_000 }, () =>
      Array.from({ length: 2 + this.random.below(9) }, () => String.fromCharCode(97 + this.random.below(26))).join(''),
    );
  }

  word() {
    return this.words[Math.floor(this.words.length * this.random.unit() ** 2)];
  }

  prose(least, most) {
    const length = least + this.random.below(most - least);
    let text = '';
    while (text.length < length) text += `${this.word()} `;
    return text.slice(0, length);
  }

  message(sessionId, role, ms) {
    const user = role === 'user';
    return {
      id: crypto.randomUUID(),
      sessionId,
      role,
      content: this.prose(200, 2_000),
      createdAt: new Date(ms).toISOString(),
      ...(user ? { origin: 'user_input', threat: { scanned: true, stage: 'input' } } : {}),
      ...(!user && this.random.below(4) === 0 ? { metadata: { model: this.word(), lang: 'en' } } : {}),
    };
  }

  messages(sessionId, count, ms, apart) {
    return Array.from({ length: count }, (_, n) => this.message(sessionId, n % 2 === 0 ? 'user' : 'assistant', ms + n * apart));
  }

  vector() {
    return Float32Array.from({ length: DIMENSIONS }, () => (this.random.below(2_001) - 1_000) / 1e3);
  }
}

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-typed-'));
let directories = 0;

async function open() {
  const directory = path.join(root, String(directories++));
  const workspace = await openWorkspace(path.join(directory, 'workspace'), { id: 'personal:bench', dimensions: DIMENSIONS });
  const gateway = await openGateway(path.join(directory, 'gateway'));
  return {
    workspace,
    gateway,
    close: async () => {
      await workspace.close();
      await gateway.close();
      fs.rmSync(directory, { recursive: true });
    },
  };
}

/** Runs the steps and prints their median, their 95th percentile and their sum. */
async function measure(name, steps, step, before = async () => undefined) {
  const times = [];
  for (let n = 0; n < steps; n++) {
    await before(n);
    const began = performance.now();
    await step(n);
    times.push(performance.now() - began);
  }
  const total = times.reduce((sum, ms) => sum + ms, 0);
  times.sort((a, b) => a - b);
  const at = (share) => times[Math.min(Math.floor(times.length * share), times.length - 1)].toFixed(3);
  console.log(`${name.padEnd(44)} wasm  p50 ${at(0.5).padStart(9)} ms  p95 ${at(0.95).padStart(9)} ms  total ${(total / 1e3).toFixed(3).padStart(9)} s`);
}

const newSession = (writer, n) => ({
  id: crypto.randomUUID(),
  userId: `user-${n % 7}`,
  summary: writer.prose(100, 400),
  toolBudget: { maxPerTurn: 10, maxPerSession: 1_000 },
  tokenBudget: { session: { max: 100_000_000 } },
});

async function chat() {
  for (const [name, together] of [['chat turn, each call its own commit', false], ['chat turn, the workspace in one transaction', true]]) {
    const writer = new Writer(1);
    const { workspace, gateway, close } = await open();
    const sessions = await workspace.transaction(async (tx) => {
      const made = [];
      for (let n = 0; n < 200; n++) {
        const session = await tx.sessions.create(newSession(writer, n));
        for (const message of writer.messages(session.id, 20, BEGINNING, 60_000)) await tx.sessions.append(session.id, message);
        made.push(session);
      }
      return made;
    });
    const { id } = sessions[0];
    const count = scaled(1_000, 40);
    const turns = Array.from({ length: count }, (_, n) => {
      const ms = BEGINNING + 86_400_000 + n * 30_000;
      const audit = {
        id: `aud-${n}`, timestamp: new Date(ms + 4_321), action: 'chat.turn', actor: 'user-0', plugin: 'core', workspaceId: 'personal:bench',
        sessionId: id, details: { model: 'large', tokens: 1_234 + n, excerpt: writer.prose(40, 120) }, result: 'ok',
      };
      return { question: writer.message(id, 'user', ms), answer: writer.message(id, 'assistant', ms + 4_321), audit };
    });
    const turn = async (stores, { question, answer }) => {
      const session = await stores.sessions.get(id);
      await stores.sessions.append(id, question);
      await stores.sessions.activeWindow(id, 50);
      for (const span of Object.values(session.tokenBudget)) span.used += 1_234;
      await stores.sessions.update(session);
      await stores.sessions.append(id, answer);
    };
    await measure(name, count, async (n) => {
      if (together) await workspace.transaction((tx) => turn(tx, turns[n]));
      else await turn(workspace, turns[n]);
      await gateway.audit.append(turns[n].audit);
    });
    await close();
  }
}

async function append() {
  const { workspace, close } = await open();
  const count = scaled(100_000, 2_000);
  const messages = new Writer(2).messages('s', count, BEGINNING, 36_000);
  await measure(`append ${count} messages, a batch of 100`, count / 100, (n) => workspace.messages.appendMany(messages.slice(n * 100, n * 100 + 100)));
  await close();
}

async function reads() {
  const { workspace, close } = await open();
  const writer = new Writer(3);
  const count = scaled(100_000, 2_000);
  const ids = [];
  for (let n = 0; n < 200; n++) ids.push((await workspace.sessions.create(newSession(writer, n))).id);
  const messages = writer.messages('', count, BEGINNING, 36_000);
  messages.forEach((message, n) => (message.sessionId = ids[n % 200]));
  for (let at = 0; at < count; at += 1_000) {
    const batch = messages.slice(at, at + 1_000);
    await workspace.transaction(async (tx) => {
      for (const message of batch) await tx.sessions.append(message.sessionId, message);
      await tx.messages.appendMany(batch);
    });
  }
  const vectors = scaled(10_000, 100);
  await workspace.vectors.storeMany(Array.from({ length: vectors }, () => ({ id: crypto.randomUUID(), vector: writer.vector() })));
  await workspace.messages.search('warm up');
  await workspace.vectors.search(writer.vector());
  const steps = scaled(2_000, 40);
  const { below } = randomOf(9);
  await measure('active window of 50', steps, () => workspace.sessions.activeWindow(ids[below(200)], 50));
  await measure('range: one hour, 100 messages', steps, async () => {
    const ms = BEGINNING + below(count / 100) * 3_600_000;
    await workspace.messages.range({ from: new Date(ms), to: new Date(ms + 3_600_000) });
  });
  await measure('phrase of two words, 50 newest hits', scaled(400, 40), () => {
    const { content } = messages[below(count)];
    return workspace.messages.search(content.slice(content.length / 2).split(' ').slice(1, 3).join(' '), { limit: 50 });
  });
  await measure('10 nearest vectors', scaled(100, 20), () => workspace.vectors.search(writer.vector(), { k: 10 }));
  await close();
}

async function traverse() {
  for (const [name, skew] of [['random', 1], ['hubs', 3]]) {
    const { workspace, close } = await open();
    const writer = new Writer(4);
    const { random } = writer;
    const entities = Array.from({ length: scaled(20_000, 500) }, () => ({
      id: crypto.randomUUID(), type: `type${random.below(8)}`, name: `${writer.word()} ${writer.word()}`,
      properties: { note: writer.prose(20, 120), rank: random.below(100) },
    }));
    const end = () => entities[Math.floor(entities.length * random.unit() ** skew)].id;
    const relationships = Array.from({ length: scaled(100_000, 2_500) }, (_, n) => ({
      id: crypto.randomUUID(), fromId: end(), toId: end(), type: `kind${random.below(8)}`, ...(n % 4 === 0 ? { metadata: { weight: random.below(1_000) } } : {}),
    }));
    for (let at = 0; at < entities.length; at += 1_000) await workspace.knowledge.putEntities(entities.slice(at, at + 1_000));
    for (let at = 0; at < relationships.length; at += 1_000) {
      // One of the same ends and type replaces another; one that is the same twice in a batch too.
      await workspace.knowledge.putRelationships(relationships.slice(at, at + 1_000));
    }
    for (let depth = 1; depth <= 4; depth++) {
      await measure(`traverse, ${name}, depth ${depth}`, depth > 2 ? 20 : scaled(200, 20), () =>
        workspace.knowledge.traverse(entities[random.below(entities.length)].id, { depth }),
      );
    }
    await close();
  }
}

async function compact() {
  for (const full of [1_000, 10_000, 100_000]) {
    const { workspace, close } = await open();
    const size = scaled(full, 100);
    const writer = new Writer(5);
    let made = 0;
    const add = async (count) => {
      const messages = writer.messages('s', count, BEGINNING + made * 36_000, 36_000);
      made += count;
      await workspace.messages.appendMany(messages);
      await workspace.vectors.storeMany(messages.map(({ id }) => ({ id, vector: writer.vector(), metadata: { session_id: 's' } })));
    };
    for (let at = 0; at < size; at += 1_000) await add(Math.min(1_000, size - at));
    await measure(
      `compact 50 of ${size} messages`,
      20,
      () =>
        workspace.compact({
          batch: 50,
          summarize: () => writer.prose(600, 1_200),
          embed: () => writer.vector(),
          extract: () => Array.from({ length: 8 }, () => ({ entityId: writer.word(), predicate: writer.word(), value: writer.prose(10, 60), confidence: 0.75 })),
        }),
      () => add(50),
    );
    await close();
  }
}

const workloads = { chat, append, reads, traverse, compact };
try {
  for (const name of positionals.length > 0 ? positionals : Object.keys(workloads)) {
    for (let run = 0; run < runs; run++) await workloads[name]();
  }
} finally {
  fs.rmSync(root, { recursive: true, force: true });
}
