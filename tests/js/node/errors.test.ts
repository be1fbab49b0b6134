/** The codes of the package are those of the core. */

import * as fs from 'node:fs';
import * as path from 'node:path';
import { test } from 'node:test';

import { SIGIL_ERROR_CODES, SigilError } from 'sigil-store';

import { assert, assertEqual } from '../harness.js';

test('the error codes are those of the core, in its order', () => {
  const source = fs.readFileSync(path.join(import.meta.dirname, '../../../../core/src/error.rs'), 'utf8');
  const code = /pub const fn code\(self\)[^{]*\{([\s\S]*?)\n {4}\}/.exec(source)?.[1] ?? '';
  const codes = [...code.matchAll(/ErrorKind::\w+ => "([a-z-]+)"/g)].map((match) => match[1]);
  assert(codes.length > 20, `only ${codes.length} codes were found in error.rs`);
  assertEqual(SIGIL_ERROR_CODES.join('\n'), codes.join('\n'));
});

test('an error is an Error with its name, code and cause', () => {
  const cause = new Error('inner');
  const error = new SigilError('full', 'the disk is full', { cause });
  assert(error instanceof Error, 'not an Error');
  assertEqual(error.name, 'SigilError');
  assertEqual(error.code, 'full');
  assertEqual(error.cause, cause);
  assertEqual(String(error), 'SigilError: the disk is full');
});
