/// <reference path="./noetl-tool-types.d.ts" />
declare module 'noetl:tool/objects@0.1.0' {
  /**
   * Fetches the whole object at `uri` and verifies it. Blocks until then, for at most `timeout-ms`.
   *
   * `options` are names with JSON values; an unknown name is the error `Unsupported`, never ignored.
   * Known names: `type` (`file`, `gcs`, `s3`, `http`), `auth` (the name of a credential that the
   * configuration or the grants name), `region`, `endpoint`, `method`, `headers` (an object of
   * strings, in which sealed references are opened for a server that the grants name), `timeout-ms`,
   * `sha256` (the expected digest of the bytes), `max-bytes`.
   *
   * Errors: `Denied`, `FetchNotFound`, `FetchDenied`, `FetchFailed`, `TooLarge`, `ChecksumMismatch`, `Timeout`,
   * `Unsupported`, `InvalidRequest`.
   */
  export function fetchObject(uri: string, options: Array<[string, string]>): Object;
  /**
   * An object made of bytes of the tool. Sealed references in it are not opened.
   *
   * Errors: `TooLarge`.
   */
  export function createObject(bytes: Uint8Array): Object;
  export type Error = import('noetl:tool/types@0.1.0').Error;

  export class Object implements Disposable {
    /**
     * This type does not have a public constructor.
     */
    private constructor();
    /**
    * The size in bytes.
    */
    sizeBytes(): bigint;
    /**
    * Its metadata, as names and strings. Known names: `uri`, `sha256` (64 lowercase hexadecimal
    * digits, always present), `etag`, `version`.
    */
    metadata(): Array<[string, string]>;
    /**
    * A copy of at most `max-bytes` bytes starting at `offset`; shorter at the end, and empty past it.
    * The host may return fewer bytes than requested, but at least one if there are any. In fetched
    * objects, each byte of a secret that the host knows is replaced with `*`; a job gets the original
    * bytes.
    */
    read(offset: bigint, maxBytes: number): Uint8Array;
    [Symbol.dispose](): void;
  }
}
