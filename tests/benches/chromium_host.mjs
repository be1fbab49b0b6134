// An engine on a page of headless Chromium, which is served from localhost without bundling: each
// line of the input is a command, and each line of the output the page's answer.

import * as fs from 'node:fs';
import * as http from 'node:http';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import * as readline from 'node:readline';

const TYPES = { '.wasm': 'application/wasm', '.js': 'text/javascript', '.mjs': 'text/javascript' };
const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

function page(title) {
  return `<!doctype html><meta charset="utf-8"><link rel="icon" href="data:,"><title>${title}</title>
<script type="module" src="/bench/page.mjs"></script>`;
}

/** The directory that a path begins with, and what is left of it. */
function file(pathname, roots) {
  const [, first, ...rest] = path.normalize(pathname).split('/');
  return path.join(roots[first](), ...rest);
}

function respond(request, response, { title, roots }) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  // An isolated page has a clock of 5 us; others have one of 100.
  response.setHeader('cross-origin-opener-policy', 'same-origin');
  response.setHeader('cross-origin-embedder-policy', 'require-corp');
  if (pathname === '/') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(page(title));
    return;
  }
  try {
    const found = file(pathname, roots);
    if (pathname.startsWith('/dist/') && pathname.endsWith('.js')) {
      // As bundlers resolve it: an import map is for pages alone, not for their Workers.
      const script = fs.readFileSync(found, 'utf8').replaceAll("'#host'", "'/dist/host/web.js'");
      response.writeHead(200, { 'content-type': TYPES['.js'] }).end(script);
      return;
    }
    const size = fs.statSync(found).size;
    const bytes = Math.min(size, Number(searchParams.get('bytes') ?? size));
    const type = TYPES[path.extname(found)] ?? 'application/octet-stream';
    response.writeHead(200, { 'content-type': type, 'content-length': bytes });
    if (bytes === 0) response.end();
    else fs.createReadStream(found, { end: bytes - 1 }).pipe(response);
  } catch (error) {
    response.writeHead(404).end(error.message);
  }
}

async function converse(engine, site) {
  const { chromium } = createRequire(path.join(site.roots.modules(), 'x.js'))('playwright-core');
  const server = http.createServer((request, response) => respond(request, response, site));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [...ARGS, ...(site.args ?? [])],
  });
  try {
    const tab = await context.newPage();
    tab.on('pageerror', (error) => console.error(`page error: ${error.message}`));
    tab.on('console', (message) => console.error(message.text()));
    await tab.goto(`http://localhost:${server.address().port}/?engine=${engine}`);
    await tab.waitForFunction(() => globalThis.answer !== undefined);
    for await (const line of readline.createInterface({ input: process.stdin })) {
      const command = JSON.parse(line);
      const answer = await tab
        .evaluate((asked) => globalThis.answer(asked), command)
        .catch((error) => ({ error: error.message.split('\n')[0] }));
      console.log(JSON.stringify(answer));
    }
  } finally {
    await context.close();
    server.close();
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

/**
 * Answers commands until the input ends, and ends the process. `site.roots` gives the directory for
 * the first part of a path: `modules` has playwright-core, and `bench` the script page.mjs, which
 * sets `globalThis.answer`.
 */
export async function run(engine, site) {
  let code = 0;
  await converse(engine, site).catch((error) => {
    // One line, as the last one is what the tables show.
    console.error(error.message.split('\n')[0]);
    code = 1;
  });
  process.exit(code);
}
