/** The conformance suites, over the adapters that Node runs. */

import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { after, test } from 'node:test';

import { NodeFiles } from 'sigil-store/files/node';
import { MemoryStorage } from 'sigil-store/storage/memory';
import { NodeStorage } from 'sigil-store/storage/node';

import { filesRules } from '../conformance/files.js';
import { storageRules } from '../conformance/storage.js';

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'sigil-conformance-'));
after(() => fs.rmSync(root, { recursive: true, force: true }));

const rules = [
  ...storageRules({ name: 'memory', open: async () => new MemoryStorage(), persistent: false }),
  ...storageRules({ name: 'node', open: (store) => NodeStorage.open(path.join(root, store)), persistent: true }),
  ...filesRules({
    name: 'node',
    open: async (store) => NodeFiles.open(path.join(root, store)),
    close: async (files) => files.closeAll(),
  }),
];
for (const rule of rules) test(rule.name, rule.run);
