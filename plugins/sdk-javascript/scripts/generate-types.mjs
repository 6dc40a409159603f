// Generates the types of the host's interfaces from their WIT: `npm run generate`.
//
// `npm run generate -- --check` writes nothing, and fails if a file differs from what is generated.

import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { $init, generateTypes } from '@bytecodealliance/jco-transpile/component';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const output = join(root, 'src/generated');

/** The WIT of tools in one text. A package is declared first, and so the world's file comes first. */
async function toolSource() {
  const names = (await readdir(join(root, 'wit'))).sort();
  const ordered = ['world.wit', ...names.filter((name) => name !== 'world.wit')];
  const texts = await Promise.all(ordered.map((name) => readFile(join(root, 'wit', name), 'utf8')));
  return texts.join('\n');
}

async function stdioSource() {
  const world = 'world stdio { import wasi:cli/stdout@0.2.4; import wasi:cli/stderr@0.2.4; }';
  const packages = await readFile(join(root, 'src/build/stdio.wit'), 'utf8');
  return `package noetl:stdio;\n${world}\n${packages}`;
}

/** The generated files of a world, by their paths. */
function typesOf(world, source) {
  const files = generateTypes(world, {
    wit: { tag: 'source', val: source },
    world,
    guest: true,
    tlaCompat: false,
    features: { tag: 'list', val: [] },
    flagsAsBigint: false,
    variantsInlineCases: false,
    useNamespaceObjects: false,
    enumValuesScreamingSnakeCase: false,
  });
  const decoder = new TextDecoder();
  return files.map(([path, bytes]) => [path, `${decoder.decode(bytes).trimEnd()}\n`]);
}

await $init;
const generated = [
  ...typesOf('tool', await toolSource()),
  ...typesOf('stdio', await stdioSource()),
].map(([path, text]) => [path, text.replace(/[ \t]+$/gm, '')]);

if (process.argv.includes('--check')) {
  for (const [path, text] of generated) {
    const found = await readFile(join(output, path), 'utf8').catch(() => undefined);
    if (found !== text) {
      console.error(
        `src/generated/${path} is not what its WIT generates: run \`npm run generate\``,
      );
      process.exitCode = 1;
    }
  }
} else {
  await rm(output, { recursive: true, force: true });
  for (const [path, text] of generated) {
    await mkdir(dirname(join(output, path)), { recursive: true });
    await writeFile(join(output, path), text);
  }
}
