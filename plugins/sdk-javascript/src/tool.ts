import type { StandardJSONSchemaV1, StandardSchemaV1 } from '@standard-schema/spec';
import type { FromSchema, JSONSchema } from 'json-schema-to-ts';

import { type Capability, type Context, type Fields, problemOf } from './definition.ts';
import { ToolError } from './error.ts';
import type { JobEnd } from './event.ts';
import type { Host } from './host.ts';

/** How a tool's work ended. */
export type Status = 'completed' | 'failed' | 'cancelled' | 'timeout';

/** The result of a tool: an object that can be written as JSON. */
export interface Outcome {
  readonly status: Status;
}

/** A schema of a library that describes itself as JSON Schema, such as zod 4.2. */
export type LibrarySchema<Output = unknown> = StandardSchemaV1<unknown, Output> &
  StandardJSONSchemaV1<unknown, Output>;

/** The schema of a tool's configuration: a JSON Schema (draft 2020-12), or that of a library. */
export type Schema = JSONSchema | LibrarySchema;

/** The type of the configurations that a schema accepts. */
export type ConfigOf<S> =
  S extends StandardSchemaV1<unknown, infer Output>
    ? Output
    : S extends JSONSchema
      ? FromSchema<S>
      : unknown;

/** A tool, which playbooks call by its kind. */
export interface ToolDefinition<S extends Schema = Schema, O extends Outcome = Outcome> {
  /** The name that playbooks use. */
  readonly kind: string;
  /** Its semantic version. */
  readonly version: string;
  /** What it does, in one sentence. */
  readonly summary: string;
  /** The capabilities that it requests; they must include everything that it calls. */
  readonly capabilities: readonly Capability[];
  /**
   * The schema of its configuration: the keys under `tool` in the playbook, except `kind`. The host checks a configuration
   * before it calls the tool, and reports errors with their line.
   */
  readonly schema: S;
  /** Its keys for the values of its requests. */
  readonly fields?: Fields;
  /**
   * Does the work once. A {@link ToolError} that it throws is the call's error, and so is any other exception, with its name
   * and message. Work that was done and failed is an outcome.
   */
  run(host: Host, config: ConfigOf<S>, context: Context): O | Promise<O>;
}

/** A tool whose definition was checked: the default export of its module. */
export type Tool<S extends Schema = Schema, O extends Outcome = Outcome> = ToolDefinition<S, O>;

/** Checks the definition of a tool, and infers the type of its configuration from its schema. */
export function defineTool<const S extends Schema, O extends Outcome>(
  definition: ToolDefinition<S, O>,
): Tool<S, O> {
  const problem = problemOf(definition);
  if (problem !== undefined) {
    throw new TypeError(problem);
  }
  return Object.freeze(definition);
}

/** The status of an outcome that is that of a job. */
export function statusOf(end: JobEnd): Status {
  switch (end.status) {
    case 'succeeded':
      return 'completed';
    case 'timed-out':
      return 'timeout';
    case 'cancelled':
      return 'cancelled';
    default:
      return 'failed';
  }
}

/** The JSON Schema of a tool's configuration. */
export function jsonSchemaOf(schema: Schema): JSONSchema {
  return isLibrarySchema(schema)
    ? (schema['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as JSONSchema)
    : schema;
}

/** The description of a tool, as the JSON object that the host expects. */
export function describe(tool: Tool): string {
  const { kind, version, summary, capabilities, fields = {} } = tool;
  const schema = jsonSchemaOf(tool.schema);
  return JSON.stringify({ kind, version, summary, schema, capabilities, fields });
}

/** Runs a tool on a configuration in JSON, and returns its outcome in JSON. */
export async function invoke(
  tool: Tool,
  host: Host,
  config: string,
  context: Context,
): Promise<string> {
  const parsed = await configOf(tool, config);
  return outcomeJson(tool, await tool.run(host, parsed as ConfigOf<Schema>, context));
}

async function configOf(tool: Tool, text: string): Promise<unknown> {
  const config: unknown = JSON.parse(text);
  if (!isLibrarySchema(tool.schema)) {
    return config;
  }
  // A library also fills in defaults and converts values.
  const result = await tool.schema['~standard'].validate(config);
  if (result.issues === undefined) {
    return result.value;
  }
  const [issue] = result.issues;
  const path = (issue?.path ?? []).map((part) =>
    String(typeof part === 'object' ? part.key : part),
  );
  const message = `the configuration of \`${tool.kind}\` is invalid: ${issue?.message}`;
  throw new ToolError(
    'InvalidRequest',
    message,
    path.length === 0 ? {} : { field: path.join('.') },
  );
}

const STATUSES: readonly unknown[] = ['completed', 'failed', 'cancelled', 'timeout'];

function outcomeJson(tool: Tool, outcome: unknown): string {
  const invalid = (problem: string) =>
    new ToolError('InvalidOutcome', `the outcome of \`${tool.kind}\` is invalid: ${problem}`);
  let json: string | undefined;
  try {
    json = JSON.stringify(outcome);
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  const status = (outcome as Partial<Outcome> | null | undefined)?.status;
  if (json === undefined || !json.startsWith('{') || !STATUSES.includes(status)) {
    throw invalid('expected an object with a `status` of completed, failed, cancelled or timeout');
  }
  return json;
}

function isLibrarySchema(schema: Schema): schema is LibrarySchema {
  const library = schema as Partial<LibrarySchema> | boolean;
  return typeof library !== 'boolean' && library['~standard']?.jsonSchema !== undefined;
}
