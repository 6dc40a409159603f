/// <reference path="./noetl-tool-types.d.ts" />
declare module 'noetl:tool/handler@0.1.0' {
  /**
   * Describes this tool as a JSON object: `kind` (the name that playbooks use), `version`
   * (semver), `summary` (one sentence), `schema` (the JSON Schema, draft 2020-12, of its
   * configuration), `capabilities` (the interfaces of this package that it needs, by name) and `fields`
   * (optional: its keys for the values of its requests, see `error` in `types`). Further keys are
   * ignored.
   *
   * Called when the tool is loaded, with capabilities that refuse everything.
   */
  export function describe(): string;
  /**
   * Does the tool's work once and returns its outcome, a JSON object whose key `status` is
   * `completed`, `failed`, `cancelled` or `timeout`.
   *
   * `config` is the JSON object from the playbook, with its templates rendered; it conforms to
   * the tool's schema. `context` describes the call: `execution-id`, `step`, `engine` (`local`,
   * `kubernetes`, …). Names may be added.
   *
   * An error means that the tool could not do its work, for instance because the configuration is
   * invalid or a capability failed; a script that ran and failed is an outcome. The host ends
   * the work at its time limits, and when the caller cancels; jobs that still run are then
   * cancelled.
   */
  export function invoke(config: string, context: Array<[string, string]>): string;
  export type Error = import('noetl:tool/types@0.1.0').Error;
}
