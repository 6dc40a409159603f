import { type Context, contextOf } from '../definition.ts';
import { pairsOf } from '../details.ts';
import type { ToolError } from '../error.ts';
import { Host } from '../host.ts';
import type { Interfaces } from '../interfaces.ts';
import { invoke, type Outcome, type Schema, type Tool } from '../tool.ts';
import type { Call, Operation } from './call.ts';
import { interfacesOf } from './interfaces.ts';
import type { MockJob } from './job.ts';
import { Journal } from './journal.ts';
import { checkConfig } from './schema.ts';

/**
 * A scripted host: objects by their URI, the fates of jobs, and errors to return. Sealed references are plain strings here, as
 * they are for a tool.
 */
export class MockHost extends Host {
  readonly #interfaces: Required<Interfaces>;
  readonly #objects: Map<string, Uint8Array>;
  readonly #jobs: MockJob[];
  readonly #journal: Journal;
  #context: Context;

  /**
   * A host without objects, on which every job succeeds without output. The context of its calls is execution `1`, step
   * `example`, engine `mock`.
   */
  constructor() {
    const objects = new Map<string, Uint8Array>();
    const jobs: MockJob[] = [];
    const journal = new Journal();
    const interfaces = interfacesOf(objects, jobs, journal);
    super(interfaces);
    this.#interfaces = interfaces;
    this.#objects = objects;
    this.#jobs = jobs;
    this.#journal = journal;
    this.#context = contextOf([
      ['execution-id', '1'],
      ['step', 'example'],
      ['engine', 'mock'],
    ]);
  }

  /** Adds an object; any other URI is `FetchNotFound`. */
  object(uri: string, content: Uint8Array | string): this {
    this.#objects.set(
      uri,
      typeof content === 'string' ? new TextEncoder().encode(content) : content,
    );
    return this;
  }

  /** Adds what happens to the next job that is created. */
  job(job: MockJob): this {
    this.#jobs.push(job);
    return this;
  }

  /** Fails the next such operation with an error. */
  fails(operation: Operation, error: ToolError): this {
    this.#journal.failures.push({ operation, error });
    return this;
  }

  /** Replaces the context of the calls, with the host's names, such as `execution-id`. */
  context(entries: Readonly<Record<string, string>>): this {
    this.#context = contextOf(pairsOf(entries));
    return this;
  }

  /**
   * Calls the tool as a host does: with a configuration that its schema accepts, and granting only its `capabilities`. Returns
   * its outcome as it is written in JSON.
   */
  async call<S extends Schema, O extends Outcome>(
    tool: Tool<S, O>,
    config: unknown,
  ): Promise<Record<string, unknown> & Outcome> {
    checkConfig(tool.schema, config);
    const granted = tool.capabilities.map((name) => [name, this.#interfaces[name]]);
    const host = new Host(Object.fromEntries(granted) as Interfaces);
    const text = JSON.stringify(config);
    return JSON.parse(await invoke(tool as unknown as Tool, host, text, this.#context));
  }

  /** The requests so far, in order. */
  get calls(): readonly Call[] {
    return [...this.#journal.calls];
  }

  /** The requests so far of one operation. */
  callsOf<Name extends Operation>(operation: Name): readonly Extract<Call, { operation: Name }>[] {
    return this.calls.filter(
      (call): call is Extract<Call, { operation: Name }> => call.operation === operation,
    );
  }
}
