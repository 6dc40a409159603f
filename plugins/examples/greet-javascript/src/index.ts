/** Greets someone from a job. */

import { defineTool, statusOf } from 'noetl-tool-sdk';

export default defineTool({
  kind: 'greet',
  version: '0.1.0',
  summary: 'Greets someone from a job.',
  capabilities: ['secrets', 'jobs', 'logs'],
  schema: {
    type: 'object',
    properties: {
      name: {
        type: 'string',
        description: 'Whom to greet. If it depends on a secret, the tool does not learn its value.',
      },
    },
    required: ['name'],
    additionalProperties: false,
  },

  run(host, config, context) {
    const job = host.createJob({
      name: `greet-${context.executionId ?? '0'}`,
      image: 'alpine:3.22',
      command: ['sh', '-c', 'echo "Hello, $NAME!"'],
      environment: host.createSecret({ NAME: config.name }),
    });
    const end = job.wait();
    return { status: statusOf(end), output: job.readExcerpt(1, 64 * 1024).head };
  },
});
