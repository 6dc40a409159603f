/** Does what its configuration says, one example for each part of the SDK. */

import { defineTool, statusOf, ToolError } from 'noetl-tool-sdk';

console.log('the module is evaluated');

export default defineTool({
  kind: 'everything',
  version: '0.1.0',
  summary: 'Does what its configuration says.',
  capabilities: ['objects', 'secrets', 'jobs', 'logs', 'progress'],
  schema: {
    type: 'object',
    properties: {
      action: {
        enum: ['print', 'throw', 'reject', 'fetch', 'many', 'job', 'logs', 'cancel', 'time'],
      },
      uri: { type: 'string', description: 'The object to fetch.' },
      script: { type: 'string', description: 'The shell script to run.' },
      variables: { type: 'object', additionalProperties: { type: 'string' } },
    },
    required: ['action'],
    additionalProperties: false,
  },
  fields: { objects: { uri: 'uri' }, jobs: { script: 'script', environment: 'variables' } },

  async run(host, config, context) {
    switch (config.action) {
      case 'print':
        console.log('printed', { by: 'console.log', list: [1, 2n, null] });
        console.error('printed by console.error');
        host.log('info', 'a line of the log');
        host.report('printing', 'printed two lines', { lines: '2' });
        return { status: 'completed' };
      case 'throw':
        return undefined.missing;
      case 'reject': {
        const options = { field: 'action', hint: 'choose another action' };
        throw new ToolError('Rejected', 'the action is `reject`', options);
      }
      case 'fetch': {
        const object = host.fetchObject(config.uri ?? '', { maxBytes: 1 << 20 });
        const { sha256 } = object.metadata;
        return { status: 'completed', sizeBytes: object.sizeBytes, sha256, text: object.text() };
      }
      case 'many': {
        // More than a host holds for a tool at a time.
        for (let index = 0; index < 1500; index++) {
          host.createObject(`object ${index}`)[Symbol.dispose]();
        }
        return { status: 'completed' };
      }
      case 'job': {
        const job = start(host, config, context);
        const events = [...job.events()];
        const end = events.at(-1);
        const { head } = job.readExcerpt(1, 64 * 1024);
        return { status: statusOf(end), events: events.map(({ kind }) => kind), output: head };
      }
      case 'logs': {
        const job = start(host, config, context);
        const lines = [...job.logs()].map(({ attempt, text }) => `${attempt}: ${text}`);
        return { status: statusOf(job.wait()), lines };
      }
      case 'cancel': {
        const job = start(host, config, context);
        job.cancel('it is enough');
        const { status, ...end } = job.wait();
        return { status: 'completed', end, verdict: status };
      }
      case 'time': {
        const started = Date.now();
        await new Promise((resolve) => setTimeout(resolve, 20));
        const waitedMs = Date.now() - started;
        return {
          status: 'completed',
          started,
          waited: waitedMs >= 20,
          random: crypto.randomUUID(),
        };
      }
      default:
        throw ToolError.invalid('action', `unknown action \`${config.action}\``);
    }
  },
});

function start(host, { script = 'true', variables = {} }, context) {
  return host.createJob({
    name: `everything-${context.executionId ?? '0'}`,
    image: 'alpine:3.22',
    command: ['sh', '-c', 'sh "$NOETL_SCRIPT"'],
    script: { fileName: 'script.sh', content: host.createObject(script) },
    environment: host.createSecret(variables),
    backoffLimit: 0,
  });
}
