import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { loadTool } from '../src/build/bundle.ts';
import { main } from '../src/build/cli.ts';
import { BuildError } from '../src/build/index.ts';
import { checkNode, needed } from '../src/build/toolchain.ts';
import { usageOf } from '../src/build/usage.ts';
import { narrowedWorld } from '../src/build/world.ts';

const NOTHING = { console: false, clocks: false, random: false };

let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'noetl-tool-test-'));
});

after(() => rm(folder, { recursive: true, force: true }));

async function file(name: string, content: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

function toolSource(change = ''): string {
  return `import { defineTool } from 'noetl-tool-sdk';
    const usual = { kind: 'a', version: '0.1.0', summary: '', capabilities: [], schema: true };
    export default defineTool({ ...usual, run: () => ({ status: 'completed' }), ${change} });`;
}

test('an interface that is only needed for its types has no functions', async () => {
  const world = (await narrowedWorld(['jobs'], NOTHING)).replace(/\/\/.*$/gm, '');
  assert.match(world, /^package noetl:tool@0\.1\.0;/);
  assert.match(world, /world narrowed-tool \{\n {4}import jobs;\n {4}import wasi:cli\/stderr@/);
  assert.match(world, /interface objects \{\n {4}resource object;\n\}/);
  assert.match(world, /interface secrets \{\n {4}resource secret;\n\}/);
  assert.match(world, /create-job: func/);
  assert.doesNotMatch(world, /fetch-object|create-secret|read-logs|import wasi:cli\/stdout/);
});

test('a world has the capabilities that are declared, each once', async () => {
  const world = await narrowedWorld(['objects', 'objects', 'progress'], {
    ...NOTHING,
    console: true,
  });
  const imports = [...world.matchAll(/^ {4}import (.*);$/gm)].map(([, name]) => name);
  const streams = ['wasi:cli/stdout@0.2.4', 'wasi:cli/stderr@0.2.4'];
  assert.deepEqual(imports, ['objects', 'progress', ...streams]);
  assert.match(world, /fetch-object: func/);
});

test('the parts of WASI that a tool uses follow from its modules', async () => {
  const plain = await file('plain.js', 'export const sum = (a, b) => a + b; // update');
  const timed = await file('timed.js', 'export const now = () => Date.now();');
  const printing = await file('printing.js', 'console.log(Math.random());');
  assert.deepEqual(await usageOf([plain]), NOTHING);
  assert.deepEqual(await usageOf([plain, timed]), { ...NOTHING, clocks: true });
  assert.deepEqual(await usageOf([printing]), { ...NOTHING, console: true, random: true });
  const own = fileURLToPath(new URL('../src/component/console.ts', import.meta.url));
  assert.deepEqual(await usageOf([own]), NOTHING);
});

test('a tool is loaded from JavaScript and TypeScript', async () => {
  await file('helper.ts', `export const kind: string = 'helped';`);
  const source = `import { kind } from './helper.ts';\n${toolSource('kind')}`;
  const { tool, modules } = await loadTool(await file('a.ts', source), folder);
  assert.equal(tool.kind, 'helped');
  assert.ok(modules.some((module) => module.endsWith('helper.ts')));
  const loaded = await loadTool(await file('a.js', toolSource()), folder);
  assert.equal(loaded.tool.kind, 'a');
});

test('a module that is not a tool is refused in a sentence', async () => {
  const cases: [string, RegExp][] = [
    ['export const a = 1;', /^`.*\.ts` has no tool$/],
    ['export default { kind: "a" };', /has no tool$/],
    ['export default { run() {}, kind: "A" };', /has an invalid tool: invalid kind `A`/],
    [toolSource(`version: '1'`), /^cannot evaluate `.*`: invalid version `1`/],
    ['throw new Error("text\\nmore");', /^cannot evaluate `.*`: text$/],
    [
      'export default {;',
      /^cannot bundle `.*`: Expected identifier but found ";" \(.*\.ts:1:17\)$/,
    ],
    ['import "./missing.ts";', /^cannot bundle `.*`: Could not resolve ".\/missing.ts" \(/],
    ['import "node:fs";', /: `node:fs` is not available to a tool, which has no files/],
    ['import "noetl-tool-sdk/mock";', /: `noetl-tool-sdk\/mock` is for tests, and cannot be/],
  ];
  for (const [index, [source, message]] of cases.entries()) {
    const path = await file(`invalid-${index}.ts`, source);
    await assert.rejects(loadTool(path, folder), (error) => {
      assert.ok(error instanceof BuildError);
      assert.match(error.message, message);
      assert.ok(!error.message.includes('\n'), error.message);
      return true;
    });
  }
  await assert.rejects(loadTool(join(folder, 'nothing.ts'), folder), /^BuildError: cannot bundle/);
});

test('an unsuitable toolchain is reported with its remedy', async () => {
  checkNode('20.0.0');
  assert.throws(() => checkNode('18.20.4'), {
    message: 'Node.js 18.20.4 is not supported: expected 20 or later',
    hint: 'install Node.js 20 or later',
  });
  const missing = needed('absent', () => Promise.reject(new Error('not found')));
  await assert.rejects(missing, {
    message: 'cannot run `absent`, which builds components',
    hint: /^install the dependencies of `noetl-tool-sdk` again/,
  });
});

test('the command explains itself', async (context) => {
  const error = context.mock.method(console, 'error', () => {});
  const log = context.mock.method(console, 'log', () => {});
  assert.equal(await main(['--help']), 0);
  assert.match(String(log.mock.calls[0]?.arguments[0]), /^Usage: noetl-tool build/);
  assert.equal(await main([]), 2);
  assert.equal(await main(['test', 'a.ts']), 2);
  assert.equal(await main(['build', 'a.ts', 'b.ts']), 2);
  assert.equal(await main(['build', '--unknown']), 2);
  error.mock.resetCalls();
  assert.equal(await main(['build', join(folder, 'nothing.ts')]), 1);
  assert.match(String(error.mock.calls[0]?.arguments[0]), /^error: cannot bundle `/);
});

test('the generated types are those of the WIT', () => {
  const script = fileURLToPath(new URL('../scripts/generate-types.mjs', import.meta.url));
  execFileSync(process.execPath, [script, '--check']);
});
