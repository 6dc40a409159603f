/**
 * Replaces the global `console` when it is imported, before the tool's own modules are evaluated. That happens when the component
 * is built, without a host: until {@link connect} is called, the output is that of the build.
 */

import { installConsole } from './console.ts';

type Print = (text: string) => void;

const { log, error } = globalThis.console;

/** The engine's functions end a line themselves. */
let print: { out: Print; err: Print } = {
  out: (text) => log(text.slice(0, -1)),
  err: (text) => error(text.slice(0, -1)),
};

installConsole(
  globalThis.console,
  (text) => print.out(text),
  (text) => print.err(text),
);

/** Sends all further output to the streams of the host. */
export function connect(out: Print, err: Print): void {
  print = { out, err };
}
