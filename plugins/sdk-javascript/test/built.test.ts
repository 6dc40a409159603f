/** A component, built once as by `noetl-tool build`, and run here on the interfaces of the mock host. */

import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

import { transpileBytes } from '@bytecodealliance/jco-transpile';

import { type Built, buildTool } from '../src/build/index.ts';
import type { Handler } from '../src/interfaces.ts';
import { MockJobHandle, MockJobSpec, MockObject, MockSecret } from '../src/mock/handle.ts';
import { MockJob } from '../src/mock/index.ts';
import { interfacesOf } from '../src/mock/interfaces.ts';
import { Journal } from '../src/mock/journal.ts';

/** Only the types of a browser declare it. */
declare const WebAssembly: { compile(bytes: Uint8Array): Promise<object> };

type Instantiate = (
  load: (path: string) => Promise<object>,
  imports: object,
) => Promise<{
  handler: { describe(): string; invoke(...parameters: Parameters<Handler['invoke']>): string };
}>;

let folder: string;
let built: Built;
let instantiate: Instantiate;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'noetl-tool-test-'));
  const source = fileURLToPath(new URL('tools/probe.ts', import.meta.url));
  built = await buildTool(source, join(folder, 'out/probe.wasm'));
  const component = await readFile(built.file);
  const { files } = await transpileBytes(component, { name: 'probe', instantiation: 'async' });
  for (const [path, bytes] of Object.entries(files)) {
    if (/^[^/]*\.(js|wasm)$/.test(path)) {
      await writeFile(join(folder, path.replace(/\.js$/, '.mjs')), bytes);
    }
  }
  ({ instantiate } = await import(pathToFileURL(join(folder, 'probe.mjs')).href));
});

after(() => rm(folder, { recursive: true, force: true }));

/** A fresh instance, as every call of a host gets one, and what it printed. */
async function started(fates: MockJob[] = []) {
  const { jobs, logs } = interfacesOf(new Map(), fates, new Journal());
  const written: Record<string, Uint8Array[]> = { stdout: [], stderr: [] };
  class OutputStream {
    readonly name: string;
    constructor(name: string) {
      this.name = name;
    }
    blockingWriteAndFlush(bytes: Uint8Array) {
      assert.ok(bytes.length <= 4096);
      written[this.name]?.push(bytes.slice());
    }
  }
  const imports = {
    'noetl:tool/jobs': { ...jobs, Job: MockJobHandle, JobSpec: MockJobSpec },
    'noetl:tool/logs': logs,
    'noetl:tool/objects': { Object: MockObject },
    'noetl:tool/secrets': { Secret: MockSecret },
    'wasi:cli/stdout': { getStdout: () => new OutputStream('stdout') },
    'wasi:cli/stderr': { getStderr: () => new OutputStream('stderr') },
    'wasi:io/error': { Error: class {} },
    'wasi:io/streams': { OutputStream },
  };
  const load = async (path: string) => WebAssembly.compile(await readFile(join(folder, path)));
  const { handler } = await instantiate(load, imports);
  const call = (action: string) =>
    JSON.parse(handler.invoke(JSON.stringify({ action }), [['step', 'example']]));
  /** The error that a call ends with. */
  const refused = (action: string) => {
    try {
      return { returned: call(action) };
    } catch (error) {
      return (error as { payload?: object }).payload ?? error;
    }
  };
  const printed = (name: string) => Buffer.concat(written[name] ?? []).toString();
  return { handler, call, refused, printed };
}

test('imports what it declares and uses, and nothing else', () => {
  const names = built.imports.map((name) => name.split('@')[0]);
  assert.deepEqual(names.sort(), [
    'noetl:tool/jobs',
    'noetl:tool/logs',
    'noetl:tool/objects',
    'noetl:tool/secrets',
    'noetl:tool/types',
    'wasi:cli/stderr',
    'wasi:cli/stdout',
    'wasi:io/error',
    'wasi:io/streams',
  ]);
});

test('describes itself', async () => {
  const { handler } = await started();
  const { kind, version, capabilities } = JSON.parse(handler.describe());
  assert.deepEqual([kind, version, capabilities], ['probe', '0.1.0', ['jobs', 'logs']]);
});

test('prints to the streams of the host', async () => {
  const { call, printed } = await started();
  assert.deepEqual(call('print'), { status: 'completed', step: 'example' });
  assert.equal(printed('stdout'), `printed 1 { a: [ 'b' ] } ${'ä'.repeat(3000)}\n`);
  assert.equal(printed('stderr'), 'wrong\n');
});

test('an uncaught exception is an error of the call, and its stack is printed', async () => {
  const { refused, printed } = await started();
  assert.deepEqual(refused('throw'), {
    code: 'UncaughtException',
    message: 'TypeError: text',
    retryable: false,
    details: [],
  });
  assert.match(printed('stderr'), /^TypeError: text\n {4}.*run@probe\.js:\d+:\d+\n/);
});

test('runs a job, and reads its logs and its end', async () => {
  const { call } = await started([MockJob.fails(3, 'one\ntwo\n')]);
  const expected = { status: 'failed', lines: ['one', 'two'], head: 'one\ntwo\n' };
  assert.deepEqual(call('job'), expected);
});

test('an error of the host is the error of the call', async () => {
  const { refused } = await started();
  assert.deepEqual(refused('refused'), {
    code: 'InvalidRequest',
    message: 'invalid job name `Not a name`: expected a DNS label of at most 52 characters',
    retryable: false,
    details: [
      [
        'hint',
        'use lowercase letters, digits and `-`, beginning and ending with a letter or digit',
      ],
    ],
  });
});
