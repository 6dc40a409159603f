/** The tool of the README is the example `greet`. */

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
const blocks = [...read('README.md').matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
const example = '../examples/greet-javascript';

test('the readme has the source of the example', () => {
  assert.equal(blocks[0], read(`${example}/src/index.ts`));
});

test('the readme has the first test of the example', () => {
  assert.equal(blocks.length, 2);
  assert.ok(read(`${example}/test/index.test.ts`).startsWith(blocks[1] ?? 'a test'));
});
