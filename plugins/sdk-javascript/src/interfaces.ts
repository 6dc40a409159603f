/// <reference path="./generated/tool.d.ts" preserve="true" />
/// <reference path="./generated/stdio.d.ts" preserve="true" />

/** The interfaces of the host as they are generated from the WIT: what a component imports, and what the mock host has. */
export interface Interfaces {
  objects?: Pick<typeof import('noetl:tool/objects@0.1.0'), 'fetchObject' | 'createObject'>;
  secrets?: Pick<typeof import('noetl:tool/secrets@0.1.0'), 'createSecret'>;
  jobs?: Pick<
    typeof import('noetl:tool/jobs@0.1.0'),
    'createJob' | 'watchJob' | 'cancel' | 'JobSpec'
  >;
  logs?: Pick<typeof import('noetl:tool/logs@0.1.0'), 'readLogs' | 'readExcerpt'>;
  progress?: Pick<typeof import('noetl:tool/progress@0.1.0'), 'report' | 'log'>;
}

/** What a component exports. */
export type Handler = Pick<typeof import('noetl:tool/handler@0.1.0'), 'describe'> & {
  /** The bindings run the event loop until the promise is settled. */
  invoke(config: string, context: [string, string][]): Promise<string>;
};

export type RawError = import('noetl:tool/types@0.1.0').Error;
export type RawObject = import('noetl:tool/objects@0.1.0').Object;
export type RawSecret = import('noetl:tool/secrets@0.1.0').Secret;
export type RawSecretEntry = import('noetl:tool/secrets@0.1.0').SecretEntry;
export type RawJob = import('noetl:tool/jobs@0.1.0').Job;
export type RawJobSpec = import('noetl:tool/jobs@0.1.0').JobSpec;
export type RawJobEvent = import('noetl:tool/jobs@0.1.0').JobEvent;
export type RawLogPage = import('noetl:tool/logs@0.1.0').LogPage;
export type RawLogExcerpt = import('noetl:tool/logs@0.1.0').LogExcerpt;
export type OutputStream = import('wasi:io/streams@0.2.4').OutputStream;
