/** Builds a tool: the command `noetl-tool build` as a function. */

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { bundleComponent, loadTool } from './bundle.ts';
import { makeComponent } from './component.ts';
import { checkNode } from './toolchain.ts';
import { usageOf } from './usage.ts';

export { BuildError } from './problem.ts';

/** What was built. */
export interface Built {
  readonly kind: string;
  readonly version: string;
  /** The file of the component. */
  readonly file: string;
  readonly sizeBytes: number;
  /** The digest that grants are bound to, as `sha256:` and hexadecimal digits. */
  readonly digest: string;
  /** The capabilities that it needs. */
  readonly capabilities: readonly string[];
  /** All interfaces that it imports. */
  readonly imports: readonly string[];
}

/** Builds the component of the tool that is the default export of a module; in the file `KIND.wasm` by default. */
export async function buildTool(file: string, output?: string): Promise<Built> {
  checkNode();
  const folder = await mkdtemp(join(tmpdir(), 'noetl-tool-'));
  try {
    const { tool, modules } = await loadTool(file, folder);
    const usage = await usageOf(modules);
    const source = await bundleComponent(file, tool, usage);
    const { component, imports } = await makeComponent(
      folder,
      tool.kind,
      source,
      tool.capabilities,
      usage,
    );
    const target = output ?? `${tool.kind}.wasm`;
    await replace(target, component);
    return {
      kind: tool.kind,
      version: tool.version,
      file: target,
      sizeBytes: component.length,
      digest: `sha256:${createHash('sha256').update(component).digest('hex')}`,
      capabilities: [...new Set(tool.capabilities)],
      imports,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes a file as a whole: a host that watches its folder must not find a part of it. */
async function replace(file: string, content: Uint8Array): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  const partial = `${file}.partial`;
  await writeFile(partial, content);
  await rename(partial, file);
}
