import assert from 'node:assert/strict';
import { test } from 'node:test';

import { MockHost, MockJob } from 'noetl-tool-sdk/mock';

import greet from '../src/index.ts';

test('greets by name', async () => {
  const host = new MockHost().job(MockJob.succeeds('Hello, Ada!\n'));
  const outcome = await host.call(greet, { name: 'Ada' });
  assert.deepEqual(outcome, { status: 'completed', output: 'Hello, Ada!\n' });
});

test('passes the name to the environment of the job, and not to its specification', async () => {
  const host = new MockHost();
  await host.call(greet, { name: 'sealed-reference' });
  const [job] = host.callsOf('createJob');
  assert.equal(job?.environment[0]?.value, 'sealed-reference');
  assert.deepEqual(job?.options.command, ['sh', '-c', 'echo "Hello, $NAME!"']);
});

test('reports a job that failed as an outcome', async () => {
  const host = new MockHost().job(MockJob.fails(127, 'sh: not found\n'));
  const outcome = await host.call(greet, { name: 'Ada' });
  assert.deepEqual(outcome, { status: 'failed', output: 'sh: not found\n' });
});

test('refuses a configuration with an unknown key', async () => {
  const refused = new MockHost().call(greet, { name: 'Ada', mane: 'Ada' });
  await assert.rejects(refused, { code: 'InvalidRequest' });
});
