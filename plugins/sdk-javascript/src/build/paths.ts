import { existsSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

import { BuildError } from './problem.ts';

/** `.js` in the package, `.ts` in the repository. */
const EXTENSION = extname(fileURLToPath(import.meta.url));

/** A module of the SDK, by its path below `src` without extension. */
export function sdkModule(path: string): string {
  return fileURLToPath(new URL(`../${path}${EXTENSION}`, import.meta.url));
}

/** The folder of the SDK's own modules. */
export function sdkFolder(): string {
  return fileURLToPath(new URL('..', import.meta.url));
}

/** The folder with the WIT of tools: a copy in the package, a link in the repository. */
export function witFolder(): string {
  const candidates = ['../wit/', '../../wit/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find(existsSync);
  if (found === undefined) {
    throw new BuildError(
      'the package has no WIT',
      'install it again, or run `npm run build` in it',
    );
  }
  return found;
}

/** The WIT of the standard streams. */
export function stdioWit(): string {
  return fileURLToPath(new URL('stdio.wit', import.meta.url));
}
