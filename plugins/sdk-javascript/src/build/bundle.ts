import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import process from 'node:process';
import { pathToFileURL } from 'node:url';

import type { BuildFailure, BuildOptions, Message, Plugin } from 'esbuild';

import { problemOf } from '../definition.ts';
import type { Tool } from '../tool.ts';
import { sdkModule } from './paths.ts';
import { BuildError, firstLine } from './problem.ts';
import { needed, unavailable } from './toolchain.ts';
import { STDIO_VERSION, TOOL_VERSION, type Usage } from './world.ts';

/** A tool as its module defines it. */
export interface LoadedTool {
  readonly tool: Tool;
  /** The files of all modules that it imports. */
  readonly modules: readonly string[];
}

/** Evaluates the module of a tool, and returns its definition. */
export async function loadTool(file: string, folder: string): Promise<LoadedTool> {
  const { code, modules } = await bundle(file, { entryPoints: [resolve(file)] });
  const path = join(await mkdtemp(join(folder, 'definition-')), 'tool.mjs');
  await writeFile(path, code);
  let exported: { default?: Partial<Tool> };
  try {
    exported = await import(pathToFileURL(path).href);
  } catch (error) {
    const options = { cause: error };
    throw new BuildError(`cannot evaluate \`${file}\`: ${firstLine(error)}`, undefined, options);
  } finally {
    await rm(dirname(path), { recursive: true });
  }
  const tool = exported.default;
  if (typeof tool?.run !== 'function') {
    throw new BuildError(
      `\`${file}\` has no tool`,
      'write `export default defineTool({…})`, with `defineTool` of `noetl-tool-sdk`',
    );
  }
  const { kind, version, summary, capabilities } = tool;
  const problem = problemOf({ kind, version, summary, capabilities });
  if (problem !== undefined) {
    throw new BuildError(`\`${file}\` has an invalid tool: ${problem}`);
  }
  return { tool: tool as Tool, modules };
}

/** The source of a component's only module: the tool, the SDK, and what the component exports. */
export async function bundleComponent(file: string, tool: Tool, usage: Usage): Promise<string> {
  const contents = entryOf(file, tool, usage);
  const stdin = { contents, resolveDir: dirname(resolve(file)), sourcefile: 'component.js' };
  return (await bundle(file, { stdin })).code;
}

function entryOf(file: string, tool: Tool, usage: Usage): string {
  const line = (what: string, module: string) => `import ${what} from ${JSON.stringify(module)};`;
  const capabilities = [...new Set(tool.capabilities)];
  // The modules are evaluated in the order of the imports: the tool after its console.
  return [
    ...(usage.console
      ? [
          line('{ connect }', sdkModule('component/global-console')),
          line('{ getStdout }', `wasi:cli/stdout@${STDIO_VERSION}`),
        ]
      : []),
    line('{ createHandler }', sdkModule('component/handler')),
    line('{ write }', sdkModule('component/streams')),
    line('{ getStderr }', `wasi:cli/stderr@${STDIO_VERSION}`),
    ...capabilities.map((name) => line(`* as ${name}`, `noetl:tool/${name}@${TOOL_VERSION}`)),
    line('tool', resolve(file)),
    'let stdout, stderr;',
    'const err = (text) => write((stderr ??= getStderr()), text);',
    usage.console
      ? 'const start = () => connect((text) => write((stdout ??= getStdout()), text), err);'
      : 'const start = () => {};',
    `export const handler = createHandler(tool, { ${capabilities.join(', ')} }, start, err);`,
  ].join('\n');
}

async function bundle(
  file: string,
  input: BuildOptions,
): Promise<{ code: string; modules: string[] }> {
  const { build } = await needed('esbuild', () => import('esbuild'));
  try {
    const { outputFiles, metafile } = await build({
      ...input,
      bundle: true,
      write: false,
      metafile: true,
      format: 'esm',
      platform: 'neutral',
      mainFields: ['module', 'main'],
      target: 'es2023',
      charset: 'utf8',
      keepNames: true,
      legalComments: 'none',
      external: ['noetl:*', 'wasi:*'],
      plugins: [resolution],
      logLevel: 'silent',
    });
    const modules = Object.keys(metafile.inputs).filter((path) => path !== 'component.js');
    return { code: outputFiles[0]?.text ?? '', modules };
  } catch (error) {
    const [first] = (error as Partial<BuildFailure>).errors ?? [];
    if (first === undefined) {
      throw unavailable('esbuild', error);
    }
    const message = `cannot bundle \`${file}\`: ${problemAt(first)}`;
    throw new BuildError(message, undefined, { cause: error });
  }
}

/** One copy of the SDK in a component, and an explanation for what cannot be a part of one. */
const resolution: Plugin = {
  name: 'noetl-tool',
  setup(build) {
    build.onResolve({ filter: /^noetl-tool-sdk$/ }, () => ({ path: sdkModule('index') }));
    build.onResolve({ filter: /^noetl-tool-sdk\// }, ({ path }) => ({
      errors: [{ text: `\`${path}\` is for tests, and cannot be a part of a component` }],
    }));
    build.onResolve({ filter: /^node:/ }, ({ path }) => ({
      errors: [
        {
          text: `\`${path}\` is not available to a tool, which has no files, network and environment`,
        },
      ],
    }));
  },
};

function problemAt({ text, location }: Message): string {
  if (location === null) {
    return text;
  }
  const { file, line, column } = location;
  return `${text} (${relative(process.cwd(), resolve(file))}:${line}:${column + 1})`;
}
