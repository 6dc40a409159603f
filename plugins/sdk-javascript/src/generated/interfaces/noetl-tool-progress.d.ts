declare module 'noetl:tool/progress@0.1.0' {
  /**
   * Reports to the caller that the work has reached `stage` (a short name, such as `fetching`), with a
   * sentence for a person and details as names and strings. Events of jobs need not be reported: the host
   * reports those itself.
   */
  export function report(stage: string, message: string, details: Array<[string, string]>): void;
  /**
   * Writes a line to the host's log; `level` is `error`, `warn`, `info`, `debug` or `trace`, and
   * anything else counts as `info`.
   */
  export function log(level: string, message: string): void;
}
