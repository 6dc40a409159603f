/**
 * A host for tests, which follows a script and records all requests. It runs nothing and waits for nothing, so that a tool's
 * decisions are tested with `node --test`, without a component, an engine or a cluster.
 */

export type { Call, Operation } from './call.ts';
export { MockHost } from './host.ts';
export { MockAttempt, MockJob } from './job.ts';
