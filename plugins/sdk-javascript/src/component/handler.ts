import { contextOf } from '../definition.ts';
import { ToolError, toRaw } from '../error.ts';
import { Host } from '../host.ts';
import type { Handler, Interfaces, RawError } from '../interfaces.ts';
import { describe, invoke, type Tool } from '../tool.ts';

/** The maximum length of the message of an uncaught exception, which may quote anything; a sentence has 200. */
const MAX_MESSAGE_CHARACTERS = 4 << 10;

/**
 * What the component exports for a tool. `starting` is called at the beginning of each call, `reporting` with the stack of an
 * exception that the tool did not catch.
 */
export function createHandler(
  tool: Tool,
  interfaces: Interfaces,
  starting: () => void,
  reporting: (text: string) => void,
): Handler {
  const host = new Host(interfaces);
  return {
    describe() {
      starting();
      return describe(tool);
    },
    async invoke(config, context) {
      starting();
      try {
        return await invoke(tool, host, config, contextOf(context));
      } catch (error) {
        if (!(error instanceof ToolError) || error.cause !== undefined) {
          reporting(`${stackOf(error)}\n`);
        }
        // The bindings return the `payload` of what is thrown as the error case of the result.
        throw { payload: rawOf(error) };
      }
    },
  };
}

/**
 * The error of a call whose tool threw this. An exception has a code of its own, since those of the host are promises:
 * `InvalidRequest` would blame the configuration, and `ToolFault` the sandbox.
 */
export function rawOf(error: unknown): RawError {
  const known =
    error instanceof ToolError ? error : new ToolError('UncaughtException', summaryOf(error));
  return toRaw(known);
}

/** `TypeError: text`, as JavaScript engines print it. */
function summaryOf(error: unknown): string {
  let text: string;
  try {
    text = String(error);
  } catch {
    text = 'an exception that cannot be written as text';
  }
  return text.length > MAX_MESSAGE_CHARACTERS ? `${text.slice(0, MAX_MESSAGE_CHARACTERS)}…` : text;
}

/** The exception, its stack and its causes. The stacks of SpiderMonkey do not repeat the message, those of V8 do. */
function stackOf(error: unknown): string {
  const lines: string[] = [];
  let current = error;
  for (let depth = 0; depth < MAX_CAUSES; depth++) {
    const summary = summaryOf(current);
    lines.push(depth === 0 ? summary : `caused by ${summary}`);
    if (!(current instanceof Error)) {
      break;
    }
    const frames = (current.stack ?? '').split('\n').map((line) => line.trim());
    lines.push(...frames.filter(isOfTool).map((line) => `    ${line}`));
    if (current.cause === undefined) {
      break;
    }
    current = current.cause;
  }
  return lines.join('\n');
}

/** The maximum number of exceptions in a chain of causes that are printed. A chain may be a circle. */
const MAX_CAUSES = 8;

/** Whether a line of a stack is a frame that is not of the bindings, whose path is that of the build. */
function isOfTool(line: string): boolean {
  return (line.includes('@') || line.startsWith('at ')) && !line.includes('/initializer.js:');
}
