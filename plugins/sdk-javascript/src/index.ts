/** Write tools for toolhost in JavaScript and TypeScript. */

export type { Capability, Context, Fields } from './definition.ts';
export { type Code, ToolError, type ToolErrorOptions } from './error.ts';
export type { AttemptEnd, Explanation, JobEnd, JobEvent, JobStatus } from './event.ts';
export type { FetchOptions, Host, Level } from './host.ts';
export type { Job, JobSpec } from './job.ts';
export type { LogExcerpt, LogPage, LogRecord } from './log.ts';
export type { StoredObject } from './object.ts';
export type { Secret, SecretEntry } from './secret.ts';
export { isVariableName } from './secret.ts';
export {
  type ConfigOf,
  defineTool,
  type Outcome,
  type Schema,
  type Status,
  statusOf,
  type Tool,
  type ToolDefinition,
} from './tool.ts';
