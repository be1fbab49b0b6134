/** What the tests run in processes of their own: `node child.js COMMAND DIRECTORY`. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { setTimeout } from 'node:timers/promises';

import { SigilError } from 'sigil-store';
import { NodeFiles } from 'sigil-store/files/node';
import { NodeStorage } from 'sigil-store/storage/node';

import { fullFilesRules } from '../conformance/files.js';
import { fullRules } from '../conformance/storage.js';
import { pattern } from '../harness.js';

const [command, directory = ''] = process.argv.slice(2);
const say = (line: string): boolean => fs.writeSync(1, `${line}\n`) > 0;

switch (command) {
  case 'hold':
    // Keeps the directory until it is killed.
    await NodeStorage.open(directory);
    say('held');
    await setTimeout(600_000);
    break;
  case 'contend': {
    // Tries to get every directory in here, as soon as the file `go` is there, and keeps those it got.
    say('ready');
    while (!fs.existsSync(path.join(directory, 'go'))) continue;
    const outcomes = fs.readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
      if (!entry.isDirectory()) return [];
      try {
        NodeFiles.open(path.join(directory, entry.name));
        return [`${entry.name} won`];
      } catch (error) {
        return [`${entry.name} ${error instanceof SigilError ? error.code : String(error)}`];
      }
    });
    say(outcomes.join());
    await setTimeout(600_000);
    break;
  }
  case 'hold-native': {
    // Does what the native program does with its lock file, flock apart.
    const lock = fs.openSync(path.join(directory, 'sigil.lock'), 'w');
    fs.writeSync(lock, `${process.pid}\n`);
    say('held');
    await setTimeout(600_000);
    fs.closeSync(lock);
    break;
  }
  case 'write': {
    // Replaces one blob over and over, and says which one has been acknowledged.
    const storage = await NodeStorage.open(directory);
    for (let i = 0; ; i++) {
      await storage.replace('blob', pattern(4_000_000 + i, i));
      say(String(i));
    }
  }
  case 'full': {
    // Runs where files cannot grow beyond a limit of the process.
    const rules = [
      ...fullRules({ name: 'node', open: (store) => NodeStorage.open(path.join(directory, store)), persistent: true }, 400_000),
      ...fullFilesRules(
        {
          name: 'node',
          open: async (store) => NodeFiles.open(path.join(directory, store)),
          close: async (files) => files.closeAll(),
        },
        400_000,
      ),
    ];
    for (const rule of rules) {
      await rule.run();
      say(rule.name);
    }
    break;
  }
  default:
    throw new Error(`no command is named ${command}`);
}
