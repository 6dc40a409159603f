// Builds the package into `dist`: JavaScript, declarations, and the WIT, which a package cannot contain as a link. Copies the license.

import { execFileSync } from 'node:child_process';
import { cp, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = join(root, 'dist');

await rm(dist, { recursive: true, force: true });
const compiler = join(root, 'node_modules/typescript/bin/tsc');
execFileSync(process.execPath, [compiler, '--project', 'tsconfig.build.json'], {
  cwd: root,
  stdio: 'inherit',
});
await cp(join(root, 'src/generated'), join(dist, 'generated'), { recursive: true });
// The compiler keeps the references of a declaration to where they are among the sources.
const interfaces = join(dist, 'interfaces.d.ts');
const declarations = await readFile(interfaces, 'utf8');
await writeFile(interfaces, declarations.replaceAll('../src/generated/', './generated/'));
await cp(join(root, 'src/build/stdio.wit'), join(dist, 'build/stdio.wit'));
await cp(join(root, 'wit'), join(dist, 'wit'), { recursive: true, dereference: true });
await cp(join(root, '../../LICENSE'), join(root, 'LICENSE'));
