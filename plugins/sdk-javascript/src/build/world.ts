import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { Capability } from '../definition.ts';
import { stdioWit, witFolder } from './paths.ts';

/** The parts of WASI that a component uses. */
export interface Usage {
  /** `console`, which writes to standard output. */
  readonly console: boolean;
  /** The time, or timers. */
  readonly clocks: boolean;
  /** Random numbers. */
  readonly random: boolean;
}

/** The version of the interfaces of tools. */
export const TOOL_VERSION = '0.1.0';
/** The version of the standard streams, see `stdio.wit`. */
export const STDIO_VERSION = '0.2.4';

/** The file that declares the package and its complete world. */
const WORLD_FILE = 'world.wit';
/** Interfaces that every world has. */
const COMPLETE = ['types', 'handler'];

/**
 * The WIT of a world with these capabilities only.
 *
 * A component imports every function of every interface of its world, and a host asks for a grant for an interface if a function
 * of it is imported. Some interfaces have parameters of the types of others: jobs take objects and secrets. Of an interface that
 * is not among the capabilities, only the resources are kept, so that it needs no grant.
 */
export async function narrowedWorld(
  capabilities: readonly Capability[],
  usage: Usage,
): Promise<string> {
  const folder = witFolder();
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  const files = (await readdir(folder)).filter((file) => file.endsWith('.wit')).sort();
  const interfaces = files
    .filter((file) => file !== WORLD_FILE)
    .map(async (file) => {
      const name = file.slice(0, -'.wit'.length);
      const isWhole = COMPLETE.includes(name) || capabilities.includes(name as Capability);
      const text = await read(file);
      return isWhole ? text : resourcesOf(name, text);
    });
  const world = worldOf(await read(WORLD_FILE), capabilities, usage);
  const stdio = await readFile(stdioWit(), 'utf8');
  return [world, ...(await Promise.all(interfaces)), stdio].join('\n');
}

function worldOf(text: string, capabilities: readonly Capability[], usage: Usage): string {
  const declaration = /^package .*;$/m.exec(text)?.[0] ?? '';
  const streams = usage.console ? ['stdout', 'stderr'] : ['stderr'];
  const imports = [
    ...new Set(capabilities),
    ...streams.map((stream) => `wasi:cli/${stream}@${STDIO_VERSION}`),
  ];
  const lines = imports.map((name) => `    import ${name};\n`).join('');
  return `${declaration}\n\nworld narrowed-tool {\n${lines}    export handler;\n}\n`;
}

/** The interface with its resources, but without functions. */
function resourcesOf(name: string, text: string): string {
  const code = text.replace(/\/\/.*$/gm, '');
  const resources = [...code.matchAll(/^\s*resource\s+([a-z][a-z0-9-]*)/gm)];
  const lines = resources.map(([, resource]) => `    resource ${resource};\n`).join('');
  return `interface ${name} {\n${lines}}\n`;
}
