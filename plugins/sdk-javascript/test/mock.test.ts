/** The mock host holds a tool to what a real host would. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';

import { type Capability, defineTool, ToolError } from '../src/index.ts';
import { MockAttempt, MockHost, MockJob } from '../src/mock/index.ts';

/** Calls the host as the test says. */
function probe(capabilities: readonly Capability[], run: (host: MockHost) => unknown) {
  return defineTool({
    kind: 'probe',
    version: '1.0.0',
    summary: 'Probes the mock host.',
    capabilities,
    schema: true,
    run(host) {
      run(host as MockHost);
      return { status: 'completed' };
    },
  });
}

function startedJob(job: MockJob) {
  return new MockHost().job(job).createJob({ name: 'a' });
}

test('denies what the tool does not declare', async () => {
  const attempts: [Capability, string, (host: MockHost) => unknown][] = [
    ['objects', 'fetchObject', (host) => host.fetchObject('file:///a')],
    ['objects', 'createObject', (host) => host.createObject('a')],
    ['secrets', 'createSecret', (host) => host.createSecret({})],
    ['jobs', 'createJob', (host) => host.createJob({ name: 'a' })],
    ['progress', 'log', (host) => host.log('info', 'hello')],
    ['progress', 'report', (host) => host.report('working', 'hello')],
  ];
  for (const [capability, method, run] of attempts) {
    const host = new MockHost().object('file:///a', '');
    await assert.rejects(host.call(probe([], run), {}), {
      code: 'Denied',
      message: `\`${method}\` needs \`${capability}\` in the tool's \`capabilities\``,
    });
    assert.deepEqual(host.calls, []);
    await host.call(probe([capability], run), {});
    assert.equal(host.calls.length, 1, method);
  }
  const reading = probe(['jobs'], (host) => host.createJob({ name: 'a' }).readExcerpt(1, 1));
  await assert.rejects(new MockHost().call(reading, {}), { code: 'Denied' });
});

test('refuses names that a real host refuses, in its words', () => {
  const host = new MockHost();
  const expectedJob = 'expected a DNS label of at most 52 characters';
  for (const name of ['', '-a', 'a-', 'A', 'a_b', 'a b', 'ä', '../x', 'x'.repeat(53)]) {
    const message = `invalid job name \`${name}\`: ${expectedJob}`;
    assert.throws(() => host.createJob({ name }), { code: 'InvalidRequest', message });
  }
  for (const name of ['a', '0', 'a--b', 'x'.repeat(52)]) {
    assert.equal(host.createJob({ name }).name, name);
  }
  const expectedVariable = 'expected letters, digits and `_`, not beginning with a digit';
  for (const name of ['', '1A', 'A-B', 'A=B', 'a b', 'Ä', 'A\n']) {
    const shown = name.replace('\n', '\\n');
    const message = `invalid variable name \`${shown}\`: ${expectedVariable}`;
    assert.throws(() => host.createSecret({ [name]: '' }), { code: 'InvalidRequest', message });
  }
  assert.deepEqual(host.createSecret({ A1: '', _: '' }).names, ['A1', '_']);
  const content = host.createObject('');
  for (const fileName of ['', '.', '..', 'a/b', 'a\\b', 'a\0b', 'x'.repeat(256), 'ä'.repeat(128)]) {
    const script = { fileName, content };
    assert.throws(() => host.createJob({ name: 'a', script }), { code: 'InvalidRequest' });
  }
  host.createJob({ name: 'a', script: { fileName: '..data', content } });
});

test('a long name is shortened in the message', () => {
  const invalid = () => new MockHost().createJob({ name: 'X'.repeat(1000) });
  assert.throws(invalid, (error: ToolError) => error.message.length < 200);
});

test('refuses a repeated or unknown part of a secret', () => {
  const host = new MockHost();
  const entry = { name: 'A', value: '' };
  assert.throws(() => host.createSecret([entry, entry]), {
    message: 'the variable `A` is given twice',
  });
  const format = 'yaml' as 'json';
  assert.throws(() => host.createSecret([{ ...entry, format }]), { code: 'Unsupported' });
  const many = Array.from({ length: 1001 }, (_, index) => ({ name: `A${index}`, value: '' }));
  assert.throws(() => host.createSecret(many), { code: 'TooLarge' });
});

test('refuses a configuration that the schema does not accept', async () => {
  const tool = defineTool({
    kind: 'sum',
    version: '0.1.0',
    summary: 'Adds.',
    capabilities: [],
    schema: {
      type: 'object',
      properties: { numbers: { type: 'array', items: { type: 'number' } } },
      required: ['numbers'],
      additionalProperties: false,
    },
    run: (_host, { numbers }) => ({
      status: 'completed',
      sum: numbers.reduce((sum, number) => sum + number, 0),
    }),
  });
  const host = new MockHost();
  assert.deepEqual(await host.call(tool, { numbers: [1, 2] }), { status: 'completed', sum: 3 });
  const problems: [unknown, object][] = [
    [{ numbers: [1, 'two'] }, { field: 'numbers.1', message: /`numbers.1` must be number/ }],
    [{ numbers: [], more: 1 }, { message: 'invalid configuration: unknown key `more`' }],
    [{}, { message: /required property 'numbers'/ }],
    [undefined, { message: /must be object/ }],
  ];
  for (const [config, expected] of problems) {
    await assert.rejects(host.call(tool, config), { code: 'InvalidRequest', ...expected });
  }
});

test('fails one operation as the test says', () => {
  const error = new ToolError('Full', 'full', { retryable: true, hint: 'wait' });
  const host = new MockHost().fails('createObject', error);
  const expected = { code: 'Full', message: 'full', retryable: true, hint: 'wait' };
  assert.throws(() => host.createObject('a'), expected);
  assert.throws(() => new MockHost().fails('createObject', error).createObject('a'), ToolError);
  host.createObject('b');
  const bytes = host.callsOf('createObject').map((call) => new TextDecoder().decode(call.bytes));
  assert.deepEqual(bytes, ['a', 'b']);
});

test('fetches objects, and verifies a pinned digest', () => {
  const host = new MockHost().object('gs://bucket/a', 'öl');
  const sha256 = createHash('sha256').update('öl').digest('hex');
  const options = { sha256, maxBytes: 10, timeoutMs: 5000, headers: { a: 'b' } };
  const object = host.fetchObject('gs://bucket/a', options);
  assert.deepEqual(object.metadata, { sha256, uri: 'gs://bucket/a' });
  assert.deepEqual([object.sizeBytes, object.text()], [3, 'öl']);
  assert.deepEqual([...object.read(1, 1)], [0xb6]);
  assert.deepEqual([...object.read(9, 1)], []);
  assert.throws(() => object.bytes(2), { code: 'TooLarge' });
  assert.deepEqual(host.callsOf('fetchObject')[0]?.options, {
    sha256,
    headers: { a: 'b' },
    'max-bytes': 10,
    'timeout-ms': 5000,
  });
  const pinned = () => host.fetchObject('gs://bucket/a', { sha256: '0'.repeat(64) });
  assert.throws(pinned, { code: 'ChecksumMismatch' });
  assert.throws(() => host.fetchObject('gs://bucket/b'), { code: 'FetchNotFound' });
});

test('records a job with its options, script and environment', () => {
  const host = new MockHost();
  host.createJob({
    name: 'a',
    command: ['sh', '-c', 'true'],
    backoffLimit: 2,
    script: { fileName: 'a.sh', content: host.createObject('true') },
    environment: host.createSecret([{ name: 'A', value: '{}', format: 'json' }]),
    others: { backoffLimit: 3, suspend: true },
  });
  assert.deepEqual(host.callsOf('createJob'), [
    {
      operation: 'createJob',
      name: 'a',
      options: { command: ['sh', '-c', 'true'], backoffLimit: 3, suspend: true },
      script: { fileName: 'a.sh', bytes: new TextEncoder().encode('true') },
      environment: [{ name: 'A', value: '{}', format: 'json' }],
    },
  ]);
  const circle: Record<string, unknown> = {};
  circle.self = circle;
  const invalid = () => host.createJob({ name: 'a', others: { circle } });
  assert.throws(invalid, { code: 'InvalidRequest', message: /^option `circle` cannot be written/ });
});

test('a job that succeeds late has events in order', () => {
  const job = startedJob(
    new MockJob()
      .event({ kind: 'warning', message: 'slow' })
      .attempt(MockAttempt.exits(1))
      .attempt(MockAttempt.exits(0)),
  );
  const events = [...job.events()];
  assert.deepEqual(
    events.map(({ kind, attempt, elapsedMs }) => [kind, attempt, elapsedMs]),
    [
      ['warning', 0, 0],
      ['attempt-started', 1, 0],
      ['attempt-ended', 1, 1000],
      ['backing-off', 0, 1000],
      ['attempt-started', 2, 11000],
      ['attempt-ended', 2, 12000],
      ['finished', 0, 12000],
    ],
  );
  assert.deepEqual(events.at(-1), {
    kind: 'finished',
    status: 'succeeded',
    succeeded: 1,
    failed: 1,
    attempt: 0,
    elapsedMs: 12000,
  });
  assert.equal(job.watch(0), undefined);
});

test('a job that never ends can be cancelled', () => {
  const job = startedJob(MockJob.succeeds().neverEnds().adopted());
  assert.deepEqual(job.metadata, { engine: 'mock', adopted: 'true' });
  assert.equal(job.watch(0)?.kind, 'attempt-started');
  assert.throws(() => job.watch(0), { code: 'Timeout' });
  job.cancel('enough');
  const end = job.wait();
  assert.deepEqual([end.status, end.reason, end.message], ['cancelled', 'Cancelled', 'enough']);
  job.cancel('again');
  assert.equal(job.watch(0), undefined);
});

test('logs are read by pages, lines and excerpts', () => {
  const fate = new MockJob()
    .attempt(MockAttempt.exits(1, 'a\nb\n'))
    .attempt(MockAttempt.exits(0, 'ééé'));
  const job = startedJob(fate);
  const page = job.readLogs(0n, 2, 0);
  assert.deepEqual(
    page.records.map(({ text }) => text),
    ['a', 'b'],
  );
  assert.deepEqual([page.nextCursor, page.ended], [2n, false]);
  assert.throws(() => job.readLogs(99n, 1, 0), { code: 'InvalidRequest' });
  const excerpt = job.readExcerpt(2, 5);
  assert.deepEqual([excerpt.head, excerpt.tail], ['é', 'é']);
  assert.deepEqual([excerpt.totalBytes, excerpt.omittedBytes], [6, 2]);
  assert.equal(job.readExcerpt(7, 5).totalBytes, 0);
});

test('iterating the lines of a job keeps its events', () => {
  const job = startedJob(MockJob.fails(3, 'one\ntwo'));
  const lines = [...job.logs()].map(({ attempt, text }) => [attempt, text]);
  assert.deepEqual(lines, [
    [1, 'one'],
    [1, 'two'],
  ]);
  const kinds = [...job.events()].map(({ kind }) => kind);
  assert.deepEqual(kinds, ['attempt-started', 'attempt-ended', 'finished']);
});

test('the context of a call can be replaced', async () => {
  const tool = defineTool({
    kind: 'context',
    version: '0.1.0',
    summary: 'Returns its context.',
    capabilities: [],
    schema: true,
    run: (_host, _config, context) => ({ status: 'completed', context }),
  });
  const usual = await new MockHost().call(tool, {});
  assert.deepEqual(usual.context, {
    executionId: '1',
    step: 'example',
    engine: 'mock',
    entries: { 'execution-id': '1', step: 'example', engine: 'mock' },
  });
  const other = await new MockHost().context({ color: 'blue' }).call(tool, {});
  assert.deepEqual(other.context, { entries: { color: 'blue' } });
});
