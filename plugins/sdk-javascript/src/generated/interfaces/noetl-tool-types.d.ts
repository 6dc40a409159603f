declare module 'noetl:tool/types@0.1.0' {
  /**
   * Why a capability, or the tool itself, could not do what was requested.
   */
  export interface Error {
    /**
     * One word in PascalCase, from an open set: `Denied`, `FetchNotFound`, `InterpreterMissing`, …
     * The host documents the codes that it uses; a tool may use codes of its own.
     */
    code: string,
    /**
     * One sentence for a person that names the culprit, without secrets.
     */
    message: string,
    /**
     * Whether the same request may succeed later without a change.
     */
    retryable: boolean,
    /**
     * Further details, as names and strings. Known names: `hint` (how to fix it), `field` (the path of
     * the configuration value to change), `grant` (the missing grant).
     *
     * A backend only knows the value of the request: `uri` and the options of `fetch-object`, the options
     * of a job, its `script`, and `environment.NAME`. The host replaces such a path with the tool's key
     * for it, in `field` and in `hint`. `fields` in the tool's description has these keys, as two
     * objects, `objects` and `jobs`, from the path in the request to the path in the configuration:
     * `{"jobs": {"": "job", "environment": "job.env"}}`. The longest path that the value begins with is
     * replaced; the empty path matches every value. If a value has no key, `field` is its path in the
     * request, and a hint that names it is dropped. The same applies to events of jobs.
     */
    details: Array<[string, string]>,
  }
}
