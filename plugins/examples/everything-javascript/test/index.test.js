import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ToolError } from 'noetl-tool-sdk';
import { MockAttempt, MockHost, MockJob } from 'noetl-tool-sdk/mock';

import everything from '../src/index.js';

test('prints, logs and reports', async () => {
  const host = new MockHost();
  assert.deepEqual(await host.call(everything, { action: 'print' }), { status: 'completed' });
  assert.deepEqual(host.calls, [
    { operation: 'log', level: 'info', message: 'a line of the log' },
    {
      operation: 'report',
      stage: 'printing',
      message: 'printed two lines',
      details: { lines: '2' },
    },
  ]);
});

test('throws what it is to throw', async () => {
  const host = new MockHost();
  await assert.rejects(host.call(everything, { action: 'throw' }), TypeError);
  await assert.rejects(host.call(everything, { action: 'reject' }), {
    code: 'Rejected',
    field: 'action',
    hint: 'choose another action',
  });
});

test('fetches an object', async () => {
  const host = new MockHost().object('file:///greeting.txt', 'Hello!');
  const outcome = await host.call(everything, { action: 'fetch', uri: 'file:///greeting.txt' });
  assert.equal(outcome.text, 'Hello!');
  assert.equal(outcome.sizeBytes, 6);
  const missing = host.call(everything, { action: 'fetch', uri: 'file:///missing' });
  await assert.rejects(missing, { code: 'FetchNotFound' });
});

test('releases objects', async () => {
  const host = new MockHost();
  assert.deepEqual(await host.call(everything, { action: 'many' }), { status: 'completed' });
  assert.equal(host.callsOf('createObject').length, 1500);
});

test('iterates the events of a job', async () => {
  const host = new MockHost().job(MockJob.succeeds('done\n'));
  const config = { action: 'job', script: 'echo done', variables: { TOKEN: 'reference' } };
  assert.deepEqual(await host.call(everything, config), {
    status: 'completed',
    events: ['attempt-started', 'attempt-ended', 'finished'],
    output: 'done\n',
  });
  const [job] = host.callsOf('createJob');
  assert.deepEqual(job.environment, [{ name: 'TOKEN', value: 'reference', format: 'text' }]);
  assert.equal(new TextDecoder().decode(job.script.bytes), 'echo done');
});

test('iterates the lines of all attempts', async () => {
  const attempts = new MockJob()
    .attempt(MockAttempt.exits(1, 'one\n'))
    .attempt(MockAttempt.exits(0, 'two\n'));
  const outcome = await new MockHost().job(attempts).call(everything, { action: 'logs' });
  assert.deepEqual(outcome, { status: 'completed', lines: ['1: one', '2: two'] });
});

test('cancels a job that never ends', async () => {
  const host = new MockHost().job(MockJob.succeeds().neverEnds());
  const outcome = await host.call(everything, { action: 'cancel' });
  assert.equal(outcome.verdict, 'cancelled');
});

test('reports an engine that does not respond', async () => {
  const error = new ToolError('EngineUnavailable', 'no response', { retryable: true });
  const host = new MockHost().fails('createJob', error);
  const refused = host.call(everything, { action: 'job' });
  await assert.rejects(refused, { code: 'EngineUnavailable', retryable: true });
});
