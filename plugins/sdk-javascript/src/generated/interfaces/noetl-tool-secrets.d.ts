/// <reference path="./noetl-tool-types.d.ts" />
declare module 'noetl:tool/secrets@0.1.0' {
  /**
   * Creates a secret from the entries. Nothing is opened yet: the backend does that when it creates the
   * job that the secret is passed to, and the secret is deleted with that job.
   *
   * Errors: `InvalidRequest` (an invalid or repeated name), `TooLarge`, `Unsupported`.
   */
  export function createSecret(entries: Array<SecretEntry>): Secret;
  export type Error = import('noetl:tool/types@0.1.0').Error;
  /**
   * One named value.
   */
  export interface SecretEntry {
    /**
     * The name: letters, digits and `_`, not beginning with a digit, as for an environment variable.
     */
    name: string,
    /**
     * The value, in which the host replaces sealed references.
     */
    value: string,
    /**
     * How sealed references are replaced: `text` inserts the value as text; `json` treats the value as a
     * JSON document, inserts a value of any type if the reference is a whole string, and escapes it if
     * it is part of one. Any other format is `Unsupported`.
     */
    format: string,
  }

  export class Secret implements Disposable {
    /**
     * This type does not have a public constructor.
     */
    private constructor();
    /**
    * The names of the values.
    */
    names(): Array<string>;
    [Symbol.dispose](): void;
  }
}
