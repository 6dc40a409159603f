/** Prints, runs a job, and fails as its configuration says. */

import { defineTool, statusOf } from 'noetl-tool-sdk';

console.log('printed by the build');

export default defineTool({
  kind: 'probe',
  version: '0.1.0',
  summary: 'Does what its configuration says.',
  capabilities: ['jobs', 'logs'],
  schema: {
    type: 'object',
    properties: { action: { enum: ['print', 'throw', 'job', 'refused'] } },
    required: ['action'],
    additionalProperties: false,
  },

  async run(host, config, context) {
    await Promise.resolve();
    switch (config.action) {
      case 'print':
        console.log('printed %d', 1, { a: ['b'] }, 'ä'.repeat(3000));
        console.error('wrong');
        return { status: 'completed', step: context.step };
      case 'throw':
        throw new TypeError('text');
      case 'refused':
        host.createJob({ name: 'Not a name' });
        return { status: 'completed' };
      default: {
        const job = host.createJob({ name: 'probe', command: ['true'] });
        const lines = [...job.logs()].map(({ text }) => text);
        return { status: statusOf(job.wait()), lines, head: job.readExcerpt(1, 100).head };
      }
    }
  },
});
