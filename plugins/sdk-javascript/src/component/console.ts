import './atomics.ts';

import { format, inspect } from 'node-inspect-extracted';

/**
 * Replaces the functions of `console` that print. They format as in Node.js: `log`, `info` and `debug` to the first writer,
 * `error`, `warn`, `trace` and a failed `assert` to the second.
 */
export function installConsole(
  console: Partial<Console>,
  out: (text: string) => void,
  err: (text: string) => void,
): void {
  let indentation = '';
  const counts = new Map<string, number>();
  const timers = new Map<string, number>();

  const printing =
    (print: (text: string) => void) =>
    (...values: unknown[]) => {
      const text = format(...values);
      print(`${indentation}${text.replaceAll('\n', `\n${indentation}`)}\n`);
    };
  const log = printing(out);
  const error = printing(err);
  const elapsed = (label: string, values: unknown[]) => {
    const started = timers.get(label);
    if (started !== undefined) {
      log(`${label}: ${Date.now() - started}ms`, ...values);
    }
  };

  Object.assign(console, {
    log,
    info: log,
    debug: log,
    error,
    warn: error,
    table: (data: unknown) => log(data),
    dir: (value: unknown, options?: object) => log(inspect(value, options)),
    trace: (...values: unknown[]) => error('Trace:', ...values),
    assert(condition: unknown, ...values: unknown[]) {
      if (!condition) {
        error('Assertion failed', ...values);
      }
    },
    group(...values: unknown[]) {
      if (values.length > 0) {
        log(...values);
      }
      indentation += '  ';
    },
    groupEnd() {
      indentation = indentation.slice(2);
    },
    count(label = 'default') {
      const count = (counts.get(label) ?? 0) + 1;
      counts.set(label, count);
      log(`${label}: ${count}`);
    },
    countReset: (label = 'default') => counts.delete(label),
    time: (label = 'default') => timers.set(label, Date.now()),
    timeLog: (label = 'default', ...values: unknown[]) => elapsed(label, values),
    timeEnd(label = 'default') {
      elapsed(label, []);
      timers.delete(label);
    },
  });
}
