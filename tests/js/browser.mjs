// Runs the browser tests in headless Chromium, served from localhost without COOP or COEP headers.

import * as fs from 'node:fs';
import * as http from 'node:http';
import * as os from 'node:os';
import * as path from 'node:path';

const here = import.meta.dirname;
const PAGE = '<!doctype html><meta charset="utf-8"><title>tests</title><script type="module" src="/entry.js"></script>';
const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const QUOTA_BYTES = 20_000_000;
const PASS_MS_MAX = 480_000;

/**
 * Bundles the tests, serves them, and reports each through `report(where, outcome)`. At the end
 * `visit(page, served)` may use the page and the directory that is served.
 */
export async function testInBrowser(require, report, visit) {
  const { buildSync } = require('esbuild');
  const { chromium } = require('playwright-core');
  const out = path.join(here, 'out', 'served');
  buildSync({
    entryPoints: [path.join(here, 'out', 'browser', 'entry.js')],
    outdir: out,
    bundle: true,
    format: 'esm',
    sourcemap: 'inline',
    target: 'es2022',
  });
  const installed = path.join(here, 'node_modules', 'sigil-store', 'dist', 'bindings', 'sigil.wasm');
  const beside = path.join(out, 'bindings');
  fs.mkdirSync(beside, { recursive: true });
  // Where the bundle, in which all modules have one address, looks for it.
  fs.copyFileSync(installed, path.join(beside, 'sigil.wasm'));
  fs.copyFileSync(path.join(here, 'out', 'panics.wasm'), path.join(out, 'panics.wasm'));
  const server = await serve(out);
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-chromium-'));
  const launch = () =>
    chromium.launchPersistentContext(profile, {
      executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
      headless: true,
      args: ARGS,
    });
  try {
    let context = await launch();
    let page = await openPage(context, server);
    await pass(page, 'rules', report);
    await pass(await openPageWithQuota(context, server), 'full', report);
    await pass(page, 'leave', report);
    await killBrowser(context, profile);
    context = await launch();
    page = await openPage(context, server);
    await pass(page, 'find', report);
    await visit?.(page, out);
    await context.close();
  } finally {
    server.close();
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** What `work` gives, or an error when that takes too long: a browser that hangs says nothing. */
function within(ms, work, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end within ${ms / 1000} s`)), ms);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function pass(page, name, report) {
  for (const where of ['page', 'worker']) {
    const pending = page.evaluate(([place, which]) => globalThis.runTests[place](which), [where, name]);
    const outcomes = await within(PASS_MS_MAX, pending, `the pass ${name} (${where})`);
    for (const outcome of outcomes) report(`chromium ${where}`, outcome);
    if (outcomes.length === 0) throw new Error(`no tests ran in the pass ${name} (${where})`);
  }
}

async function openPage(context, server, host = 'localhost') {
  const page = await context.newPage();
  if (process.env.WATCH_BROWSER) page.on('console', (message) => console.log(message.text()));
  page.on('pageerror', (error) => console.error(`page error: ${error.message}`));
  await page.goto(`http://${host}:${server.address().port}/`);
  await page.waitForFunction(() => globalThis.runTests !== undefined);
  return page;
}

/** A page of another origin, which may store little: the browser caches how much an origin has left. */
async function openPageWithQuota(context, server) {
  const page = await openPage(context, server, '127.0.0.1');
  const session = await context.newCDPSession(page);
  const origin = `http://127.0.0.1:${server.address().port}`;
  await session.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: QUOTA_BYTES });
  return page;
}

/** Kills the browser that runs on `profile`, as a crash would. */
async function killBrowser(context, profile) {
  const closed = new Promise((resolve) => context.on('close', resolve));
  const pids = fs.readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((pid) => {
    try {
      const args = fs.readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
      return args.includes(`--user-data-dir=${profile}`) && !args.some((arg) => arg.startsWith('--type='));
    } catch {
      return false;
    }
  });
  if (pids.length === 0) throw new Error('the browser process was not found');
  for (const pid of pids) process.kill(Number(pid), 'SIGKILL');
  await closed;
}

async function serve(directory) {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const file = path.join(directory, path.normalize(pathname));
    if (pathname === '/') {
      response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    } else if (file.startsWith(directory) && fs.existsSync(file)) {
      const type = file.endsWith('.wasm') ? 'application/wasm' : 'text/javascript';
      response.writeHead(200, { 'content-type': type }).end(fs.readFileSync(file));
    } else {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}
