/** What only a component contains: its exports, and its console. */

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { installConsole } from '../src/component/console.ts';
import { createHandler } from '../src/component/handler.ts';
import { write } from '../src/component/streams.ts';
import { defineTool, ToolError } from '../src/index.ts';
import type { OutputStream } from '../src/interfaces.ts';
import type { Outcome, Tool } from '../src/tool.ts';

function exported(run: () => Outcome | Promise<Outcome>) {
  const tool = defineTool({
    kind: 'probe',
    version: '1.0.0',
    summary: 'Probes.',
    capabilities: [],
    schema: true,
    run,
  });
  const printed: string[] = [];
  const handler = createHandler(
    tool as unknown as Tool,
    {},
    () => printed.push('started'),
    (text) => printed.push(text),
  );
  return { handler, printed };
}

async function thrownBy(run: () => Outcome | Promise<Outcome>) {
  const { handler, printed } = exported(run);
  const thrown = await handler.invoke('{}', []).catch((error) => error);
  return { error: thrown.payload, printed: printed.slice(1).join('') };
}

test('returns the description and the outcome as JSON', async () => {
  const { handler, printed } = exported(() => ({ status: 'completed' }));
  assert.equal(JSON.parse(handler.describe()).kind, 'probe');
  assert.equal(await handler.invoke('{}', [['step', 'a']]), '{"status":"completed"}');
  assert.deepEqual(printed, ['started', 'started']);
});

test('an uncaught exception is an error of the call, and its stack is printed', async () => {
  const { error, printed } = await thrownBy(() => {
    throw new TypeError('text');
  });
  assert.deepEqual(error, {
    code: 'UncaughtException',
    message: 'TypeError: text',
    retryable: false,
    details: [],
  });
  assert.match(printed, /^TypeError: text\n {4}at .*component\.test/);
});

test('a rejected promise is an error of the call', async () => {
  const { error } = await thrownBy(() => Promise.reject(new RangeError('late')));
  assert.equal(error.message, 'RangeError: late');
});

test('anything can be thrown', async () => {
  const things: [unknown, string][] = [
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [Symbol('a'), 'Symbol(a)'],
    [Object.create(null), 'an exception that cannot be written as text'],
    ['x'.repeat(10_000), `${'x'.repeat(4096)}…`],
  ];
  for (const [thing, message] of things) {
    const { error, printed } = await thrownBy(() => {
      throw thing;
    });
    assert.deepEqual([error.code, error.message], ['UncaughtException', message]);
    assert.equal(printed, `${message}\n`);
  }
});

test('an error of the tool keeps its code, and is not printed', async () => {
  const { error, printed } = await thrownBy(() => {
    throw new ToolError('Mine', 'mine', { retryable: true, hint: 'retry' });
  });
  assert.deepEqual(error, {
    code: 'Mine',
    message: 'mine',
    retryable: true,
    details: [['hint', 'retry']],
  });
  assert.equal(printed, '');
});

test('the causes of an error are printed, also if they are a circle', async () => {
  const { error, printed } = await thrownBy(() => {
    const cause = new Error('inner');
    cause.cause = cause;
    throw new ToolError('Mine', 'outer', { cause });
  });
  assert.equal(error.message, 'outer');
  assert.equal(printed.split('caused by Error: inner').length, 8);
});

test('the console formats as Node.js does', () => {
  const out: string[] = [];
  const err: string[] = [];
  const console = {} as Console;
  installConsole(
    console,
    (text) => out.push(text),
    (text) => err.push(text),
  );
  console.log('%s is %d', 'answer', 42, { a: [1, 2n, null], b: new Map([['c', undefined]]) });
  console.group('group');
  console.info('two\nlines');
  console.groupEnd();
  console.debug(new Set(['x']));
  console.count();
  console.count();
  console.dir({ deep: { deeper: {} } }, { depth: 0 });
  console.timeEnd('unknown');
  console.warn('warning');
  console.assert(true, 'not printed');
  console.assert(false, 'printed');
  assert.deepEqual(out, [
    "answer is 42 { a: [ 1, 2n, null ], b: Map(1) { 'c' => undefined } }\n",
    'group\n',
    '  two\n  lines\n',
    "Set(1) { 'x' }\n",
    'default: 1\n',
    'default: 2\n',
    '{ deep: [Object] }\n',
  ]);
  assert.deepEqual(err, ['warning\n', 'Assertion failed printed\n']);
});

test('a long text is written in parts that the stream accepts', () => {
  const parts: number[] = [];
  const stream = { blockingWriteAndFlush: (bytes: Uint8Array) => parts.push(bytes.length) };
  write(stream as unknown as OutputStream, 'ä'.repeat(4097));
  assert.deepEqual(parts, [4096, 4096, 2]);
});

test('a closed stream does not fail the tool', () => {
  const blockingWriteAndFlush = () => {
    throw { payload: { tag: 'closed' } };
  };
  write({ blockingWriteAndFlush } as unknown as OutputStream, 'text');
});
