/// <reference path="./interfaces/wasi-cli-stderr.d.ts" />
/// <reference path="./interfaces/wasi-cli-stdout.d.ts" />
/// <reference path="./interfaces/wasi-io-error.d.ts" />
/// <reference path="./interfaces/wasi-io-streams.d.ts" />
declare module 'noetl:stdio/stdio' {
  export type * as WasiCliStderr024 from 'wasi:cli/stderr@0.2.4'; // import wasi:cli/stderr@0.2.4
  export type * as WasiCliStdout024 from 'wasi:cli/stdout@0.2.4'; // import wasi:cli/stdout@0.2.4
  export type * as WasiIoError024 from 'wasi:io/error@0.2.4'; // import wasi:io/error@0.2.4
  export type * as WasiIoStreams024 from 'wasi:io/streams@0.2.4'; // import wasi:io/streams@0.2.4
}
