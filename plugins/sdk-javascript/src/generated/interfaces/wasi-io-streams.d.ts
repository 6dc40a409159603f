/// <reference path="./wasi-io-error.d.ts" />
declare module 'wasi:io/streams@0.2.4' {
  export type Error = import('wasi:io/error@0.2.4').Error;
  export type StreamError = StreamErrorLastOperationFailed | StreamErrorClosed;
  export interface StreamErrorLastOperationFailed {
    tag: 'last-operation-failed',
    val: Error,
  }
  export interface StreamErrorClosed {
    tag: 'closed',
  }

  export class OutputStream implements Disposable {
    /**
     * This type does not have a public constructor.
     */
    private constructor();
    /**
    * Writes at most 4096 bytes, and waits until they are written.
    */
    blockingWriteAndFlush(contents: Uint8Array): void;
    [Symbol.dispose](): void;
  }
}
