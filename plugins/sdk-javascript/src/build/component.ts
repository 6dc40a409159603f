import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Capability } from '../definition.ts';
import { BuildError } from './problem.ts';
import { needed, unavailable } from './toolchain.ts';
import { narrowedWorld, type Usage } from './world.ts';

/** Makes a component of a module. `name` is that of the module in stacks. */
export async function makeComponent(
  folder: string,
  name: string,
  source: string,
  capabilities: readonly Capability[],
  usage: Usage,
): Promise<{ component: Uint8Array; imports: string[] }> {
  const { componentize } = await needed(
    '@bytecodealliance/componentize-js',
    () => import('@bytecodealliance/componentize-js'),
  );
  const witWorld = await narrowedWorld(capabilities, usage);
  const sourcePath = join(folder, `${name}.js`);
  await writeFile(sourcePath, source);
  // The text of the world instead of its path: with Node.js 20, some versions of the toolchain do not find files.
  const options = { sourcePath, witWorld, disableFeatures: disabled(usage) };
  let component: Uint8Array;
  try {
    ({ component } = await componentize(options));
  } catch (error) {
    throw failure(error);
  }
  const imports = await importsOf(component);
  const surplus = imports.find((name) => !isExpected(name, usage));
  if (surplus !== undefined) {
    throw new BuildError(
      `the component imports \`${surplus}\`, which its tool does not use`,
      'use the version of `@bytecodealliance/componentize-js` that `noetl-tool-sdk` names',
    );
  }
  return { component, imports };
}

/**
 * The parts of the engine that are left out. `http` and `fetch-event` need a network. `stdio` needs files: it asks for the
 * folders that it may open before it first prints, and a host that has none ends the tool.
 */
function disabled({
  clocks,
  random,
}: Usage): ('stdio' | 'http' | 'fetch-event' | 'clocks' | 'random')[] {
  const unused = [...(clocks ? [] : ['clocks' as const]), ...(random ? [] : ['random' as const])];
  return ['stdio', 'http', 'fetch-event', ...unused];
}

/** The interfaces that a component imports. */
async function importsOf(component: Uint8Array): Promise<string[]> {
  const { componentWit } = await needed(
    '@bytecodealliance/jco-transpile',
    () => import('@bytecodealliance/jco-transpile/wasm-tools'),
  );
  const wit = await componentWit(component);
  const world = /^world [^{]*\{([^}]*)\}/m.exec(wit)?.[1] ?? '';
  return [...world.matchAll(/^\s*import ([^;]+);/gm)].map((match) => match[1] ?? '');
}

function isExpected(name: string, usage: Usage): boolean {
  const prefixes = [
    'noetl:tool/',
    'wasi:io/',
    'wasi:cli/stderr@',
    ...(usage.console ? ['wasi:cli/stdout@'] : []),
    ...(usage.clocks ? ['wasi:clocks/'] : []),
    ...(usage.random ? ['wasi:random/'] : []),
  ];
  return prefixes.some((prefix) => name.startsWith(prefix));
}

/** The toolchain reports everything as text. Its own failures have another remedy than an exception of the tool's module. */
function failure(error: unknown): BuildError {
  const text = error instanceof Error ? error.message : String(error);
  if (/^Process error: spawnSync /m.test(text)) {
    return unavailable('wizer', error);
  }
  // The first line is a heading. An exception follows it, after its place in the module.
  const [heading, ...lines] = text.split('\n').map((line) => line.trim());
  const problem = lines.find((line) => /\w*(Error|Exception): /.test(line)) ?? heading;
  return new BuildError(`cannot make a component: ${problem}`, undefined, { cause: error });
}
