import { existsSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { BuildError, buildTool } from './index.ts';

const USAGE = `Usage: noetl-tool build [FILE] [-o FILE.wasm]

Builds the component of the tool that is the default export of FILE, a module in JavaScript or TypeScript.

  FILE                    the module; without it, the first of ${'`'}src/index.ts${'`'}, ${'`'}src/index.js${'`'}, ${'`'}index.ts${'`'} and ${'`'}index.js${'`'}
  -o, --output FILE.wasm  the component; ${'`'}KIND.wasm${'`'} by default
  -h, --help              print this help`;

const DEFAULT_FILES = ['src/index.ts', 'src/index.js', 'index.ts', 'index.js'];

/** Runs the command line, and returns its exit code: 0 success, 1 the tool was not built, 2 invalid usage. */
export async function main(parameters: readonly string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: [...parameters],
      allowPositionals: true,
      options: {
        output: { type: 'string', short: 'o' },
        help: { type: 'boolean', short: 'h' },
      },
    });
    if (values.help === true) {
      console.log(USAGE);
      return 0;
    }
    const [command, file = DEFAULT_FILES.find(existsSync), ...surplus] = positionals;
    if (command !== 'build' || file === undefined || surplus.length > 0) {
      console.error(USAGE);
      return 2;
    }
    await build(file, values.output);
    return 0;
  } catch (error) {
    if (error instanceof BuildError) {
      report(error);
      return 1;
    }
    if (error instanceof TypeError && 'code' in error) {
      console.error(`error: ${error.message}\n\n${USAGE}`);
      return 2;
    }
    throw error;
  }
}

async function build(file: string, output: string | undefined): Promise<void> {
  const built = await buildTool(file, output);
  const needs = built.capabilities.filter((name) => name !== 'progress');
  const size = (built.sizeBytes / 1e6).toFixed(1);
  console.log(`${built.file}: ${built.kind}@${built.version}, ${size} MB`);
  console.log(`digest: ${built.digest}`);
  console.log(`needs: ${needs.length === 0 ? 'no grants' : needs.join(', ')}`);
}

function report(error: BuildError): void {
  console.error(`error: ${error.message}`);
  if (error.hint !== undefined) {
    console.error(`hint: ${error.hint}`);
  }
  if (process.env.NOETL_TOOL_TRACE !== undefined) {
    console.error(error.cause);
  }
}
