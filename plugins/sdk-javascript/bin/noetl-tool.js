#!/usr/bin/env node
// Checked in, unlike `dist`, so that npm can link the command before the package is built.

import process from 'node:process';

const { main } = await import('../dist/build/cli.js').catch((error) => {
  if (error.code !== 'ERR_MODULE_NOT_FOUND') {
    throw error;
  }
  console.error(`error: the package is incomplete: run \`npm ci\` and \`npm run build\` in it`);
  process.exit(2);
});
process.exitCode = await main(process.argv.slice(2));
