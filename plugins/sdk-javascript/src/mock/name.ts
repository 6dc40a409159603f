import { isVariableName } from '../secret.ts';
import { refuse } from './journal.ts';

/** The names that a host refuses, in its words. */

/** The maximum length of the name of a job. */
const MAX_JOB_NAME = 52;
/** The maximum length of the name of a file. */
const MAX_FILE_NAME_BYTES = 255;
/** The maximum number of characters of a name in a message. */
const MAX_SHOWN = 80;

export function checkJobName(name: string): void {
  const isLabel = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name) && name.length <= MAX_JOB_NAME;
  const hint = 'use lowercase letters, digits and `-`, beginning and ending with a letter or digit';
  check(isLabel, 'job', name, `a DNS label of at most ${MAX_JOB_NAME} characters`, hint);
}

export function checkFileName(name: string): void {
  const isPlain =
    !['', '.', '..'].includes(name) &&
    new TextEncoder().encode(name).length <= MAX_FILE_NAME_BYTES &&
    !['/', '\\', '\0'].some((character) => name.includes(character));
  const expected = `at most ${MAX_FILE_NAME_BYTES} bytes without \`/\`, \`\\\` and NUL, other than \`.\` and \`..\``;
  check(isPlain, 'file', name, expected);
}

export function checkVariableName(name: string): void {
  const expected = 'letters, digits and `_`, not beginning with a digit';
  check(isVariableName(name), 'variable', name, expected);
}

function check(
  isValid: boolean,
  what: string,
  name: string,
  expected: string,
  hint?: string,
): void {
  if (!isValid) {
    refuse(`invalid ${what} name \`${shown(name)}\`: expected ${expected}`, undefined, hint);
  }
}

/** The name for a message: short, and with escapes for control characters, as Rust writes them. */
function shown(name: string): string {
  const characters = [...name];
  const escaped = characters.slice(0, MAX_SHOWN).map((character) => {
    const known = ESCAPES.get(character);
    const code = character.codePointAt(0) ?? 0;
    return known ?? (code < 0x20 || code === 0x7f ? `\\u{${code.toString(16)}}` : character);
  });
  return escaped.join('') + (characters.length > MAX_SHOWN ? '…' : '');
}

const ESCAPES = new Map([
  ['\0', '\\0'],
  ['\t', '\\t'],
  ['\r', '\\r'],
  ['\n', '\\n'],
  ["'", "\\'"],
  ['"', '\\"'],
  ['\\', '\\\\'],
]);
