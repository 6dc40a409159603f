import process from 'node:process';

import { BuildError } from './problem.ts';

/** The lowest version of Node.js that the toolchain runs on. */
const NODE_MAJOR = 20;

/** Refuses a version of Node.js that the toolchain does not run on. */
export function checkNode(version: string = process.versions.node): void {
  if (Number(version.split('.')[0]) < NODE_MAJOR) {
    throw new BuildError(
      `Node.js ${version} is not supported: expected ${NODE_MAJOR} or later`,
      `install Node.js ${NODE_MAJOR} or later`,
    );
  }
}

/** Loads a package of the toolchain. */
export async function needed<T>(name: string, load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw unavailable(name, error);
  }
}

/** A program or package of the toolchain does not run. Most have a binary for each platform, as an optional dependency. */
export function unavailable(name: string, cause: unknown): BuildError {
  return new BuildError(
    `cannot run \`${name}\`, which builds components`,
    'install the dependencies of `noetl-tool-sdk` again, without `--omit=optional`, on Linux, macOS or Windows',
    { cause },
  );
}
