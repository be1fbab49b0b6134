// One engine in headless Chromium: `node chromium.mjs ENGINE` answers a command a line, each on a
// page that is served from localhost without bundling.

import * as fs from 'node:fs';
import * as http from 'node:http';
import { createRequire } from 'node:module';
import * as os from 'node:os';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { directory, modules, ourPackage } from './places.mjs';

const PAGE = `<!doctype html><meta charset="utf-8"><title>vectors</title>
<script type="importmap">{"imports": {"#host": "/dist/host/web.js"}}</script>
<script type="module" src="/bench/page.mjs"></script>`;
const TYPES = { '.wasm': 'application/wasm', '.js': 'text/javascript', '.mjs': 'text/javascript' };
const ARGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];

/** The directory that a path begins with, and what is left of it. */
function file(pathname) {
  const [, first, ...rest] = path.normalize(pathname).split('/');
  const roots = {
    dist: ourPackage,
    modules: () => modules,
    bench: () => import.meta.dirname,
    data: () => path.join(directory, 'data'),
  };
  return path.join(roots[first](), ...rest);
}

function respond(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    return;
  }
  try {
    const found = file(pathname);
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

async function main(engine) {
  const { chromium } = createRequire(path.join(modules, 'x.js'))('playwright-core');
  const server = http.createServer(respond);
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: ARGS,
  });
  try {
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`page error: ${error.message}`));
    page.on('console', (message) => console.error(message.text()));
    await page.goto(`http://localhost:${server.address().port}/?engine=${engine}`);
    await page.waitForFunction(() => globalThis.answer !== undefined);
    for await (const line of readline.createInterface({ input: process.stdin })) {
      const command = JSON.parse(line);
      const answer = await page
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

let code = 0;
await main(process.argv[2]).catch((error) => {
  // One line, as the last one is what the tables show.
  console.error(error.message.split('\n')[0]);
  code = 1;
});
process.exit(code);
