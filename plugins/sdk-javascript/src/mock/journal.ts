import { ToolError, toRaw } from '../error.ts';
import type { Call, Operation } from './call.ts';

/** The recorded requests, and the requests to fail. */
export class Journal {
  readonly calls: Call[] = [];
  readonly failures: { operation: Operation; error: ToolError }[] = [];

  /** Records a request, and fails it if the test says so. */
  record(call: Call): void {
    this.calls.push(call);
    const position = this.failures.findIndex(({ operation }) => operation === call.operation);
    const [failure] = position < 0 ? [] : this.failures.splice(position, 1);
    if (failure !== undefined) {
      throw thrown(failure.error);
    }
  }
}

/** What the bindings throw for an error of the host. */
export function thrown(error: ToolError): unknown {
  return { payload: toRaw(error) };
}

/** Fails a request as a host does that refuses it. */
export function refuse(message: string, code = 'InvalidRequest', hint?: string): never {
  throw thrown(new ToolError(code, message, hint === undefined ? {} : { hint }));
}
