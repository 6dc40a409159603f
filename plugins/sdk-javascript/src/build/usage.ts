import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';

import { sdkFolder } from './paths.ts';
import type { Usage } from './world.ts';

/** Words of JavaScript that use a part of WASI. */
const WORDS: Readonly<Record<keyof Usage, RegExp>> = {
  console: /\bconsole\b/,
  clocks: /\b(Date|Temporal|performance|setTimeout|setInterval)\b|\bconsole\.time/,
  random: /\b(random|randomUUID|crypto|getRandomValues)\b/,
};

/**
 * The parts of WASI that a tool uses, judged by the words in its modules. A word in a comment counts as well: the component then
 * has an import that it does not need, and a host links it without a grant. Without the import, the time would be that of
 * the build, and random numbers the same in every call.
 */
export async function usageOf(modules: readonly string[]): Promise<Usage> {
  const own = modules
    .map((module) => resolve(module))
    .filter((module) => !module.startsWith(sdkFolder()));
  const texts = await Promise.all(own.map((module) => readFile(module, 'utf8')));
  const uses = (part: keyof Usage) => texts.some((text) => WORDS[part].test(text));
  return { console: uses('console'), clocks: uses('clocks'), random: uses('random') };
}
