import assert from 'node:assert/strict';
import { test } from 'node:test';

import { z } from 'zod';

import { eventOf } from '../src/event.ts';
import { defineTool, isVariableName, statusOf, ToolError } from '../src/index.ts';
import { MockHost } from '../src/mock/index.ts';
import { describe, type Outcome } from '../src/tool.ts';

const usual = {
  kind: 'probe',
  version: '1.2.3',
  summary: 'Probes.',
  capabilities: [],
  schema: { type: 'object' },
  run: (): Outcome => ({ status: 'completed' }),
} as const;

test('a tool describes itself', () => {
  const fields = { jobs: { '': 'job', environment: 'job.env' } };
  const tool = defineTool({ ...usual, capabilities: ['jobs'], fields });
  assert.deepEqual(JSON.parse(describe(tool)), {
    kind: 'probe',
    version: '1.2.3',
    summary: 'Probes.',
    capabilities: ['jobs'],
    schema: { type: 'object' },
    fields,
  });
});

test('an invalid definition is refused when it is made', () => {
  const problems: [object, RegExp][] = [
    [{ kind: 'Probe' }, /^invalid kind `Probe`: expected at most 63 lowercase letters/],
    [{ kind: 'a'.repeat(64) }, /^invalid kind/],
    [{ kind: '1a' }, /^invalid kind/],
    [{ version: '1.2' }, /^invalid version `1.2`/],
    [{ version: '01.2.3' }, /^invalid version/],
    [{ version: `1.0.0+${'a'.repeat(60)}` }, /its version has 66 bytes; at most 64 are allowed/],
    [{ summary: 'ä'.repeat(251) }, /its summary has 502 bytes; at most 500 are allowed/],
    [{ capabilities: ['job'] }, /^unknown capability `job`/],
  ];
  for (const [change, message] of problems) {
    assert.throws(() => defineTool({ ...usual, ...change }), { name: 'TypeError', message });
  }
  for (const version of ['0.1.0', '1.0.0-rc.1+0a', '1.2.3-0.x-y']) {
    assert.equal(defineTool({ ...usual, version }).version, version);
  }
});

test('a schema of zod describes, checks and converts configurations', async () => {
  const tool = defineTool({
    ...usual,
    schema: z.strictObject({ name: z.string(), times: z.number().int().default(2) }),
    run: (_host, config) => ({ status: 'completed', text: config.name.repeat(config.times) }),
  });
  const { schema } = JSON.parse(describe(tool));
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.deepEqual(schema.required, ['name']);
  assert.equal(schema.additionalProperties, false);
  assert.equal((await new MockHost().call(tool, { name: 'a' })).text, 'aa');
  await assert.rejects(new MockHost().call(tool, { name: 1 }), { code: 'InvalidRequest' });
});

test('what only a library checks is an error of its field', async () => {
  const even = z.number().refine((number) => number % 2 === 0, 'expected an even number');
  const tool = defineTool({ ...usual, schema: z.object({ list: z.array(even) }) });
  await assert.rejects(new MockHost().call(tool, { list: [2, 3] }), {
    code: 'InvalidRequest',
    field: 'list.1',
    message: 'the configuration of `probe` is invalid: expected an even number',
  });
});

test('an outcome without a status is invalid', async () => {
  const circle: Record<string, unknown> = { status: 'completed' };
  circle.self = circle;
  const outcomes = [undefined, null, 1, [], {}, { status: 'done' }, circle, { status: 1n }];
  for (const outcome of outcomes) {
    const tool = defineTool({ ...usual, run: () => outcome as unknown as Outcome });
    await assert.rejects(new MockHost().call(tool, {}), {
      code: 'InvalidOutcome',
      message: /^the outcome of `probe` is invalid: /,
    });
  }
});

test('a tool may be asynchronous', async () => {
  const tool = defineTool({
    ...usual,
    async run() {
      await Promise.resolve();
      return { status: 'completed' };
    },
  });
  assert.deepEqual(await new MockHost().call(tool, {}), { status: 'completed' });
});

test('an error has a hint, a field and further details', () => {
  const details = { grant: 'jobs' };
  const error = ToolError.invalid('job.image', 'invalid image', { hint: 'name one', details });
  assert.deepEqual(error.details, { grant: 'jobs', hint: 'name one', field: 'job.image' });
  assert.equal(String(error), 'ToolError: invalid image');
  assert.deepEqual([error.code, error.retryable], ['InvalidRequest', false]);
});

test('reads how an attempt ended', () => {
  const details: [string, string][] = [
    ['exit-code', '3'],
    ['reason', 'ScriptError'],
    ['duration-ms', '1500'],
    ['reason', 'Second'],
    ['signal', 'nine'],
  ];
  assert.deepEqual(eventOf({ kind: 'attempt-ended', attempt: 1, elapsedMs: 2000n, details }), {
    kind: 'attempt-ended',
    attempt: 1,
    elapsedMs: 2000,
    exitCode: 3,
    durationMs: 1500,
    reason: 'ScriptError',
  });
});

test('keeps a kind of event that it does not know', () => {
  const details: [string, string][] = [['to', '2Gi']];
  assert.deepEqual(eventOf({ kind: 'resized', attempt: 0, elapsedMs: 0n, details }), {
    kind: 'other',
    name: 'resized',
    details: { to: '2Gi' },
    attempt: 0,
    elapsedMs: 0,
  });
});

test('takes an unknown verdict for a failure', () => {
  const details: [string, string][] = [['status', 'evaporated']];
  const event = eventOf({ kind: 'finished', attempt: 0, elapsedMs: 0n, details });
  assert.equal(event.kind === 'finished' && event.status, 'failed');
});

test('the status of an outcome follows from that of a job', () => {
  const statuses = (['succeeded', 'failed', 'timed-out', 'cancelled'] as const).map((status) =>
    statusOf({ status, succeeded: 0, failed: 0 }),
  );
  assert.deepEqual(statuses, ['completed', 'failed', 'timeout', 'cancelled']);
});

test('a variable name is one to which every shell can refer', () => {
  assert.ok(['A', '_', '_1', 'NOETL_ARGS'].every(isVariableName));
  assert.ok(!['', '1', 'A-B', 'Ä', 'A\n', ' A'].some(isVariableName));
});
