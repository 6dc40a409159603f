/// <reference path="./interfaces/noetl-tool-handler.d.ts" />
/// <reference path="./interfaces/noetl-tool-jobs.d.ts" />
/// <reference path="./interfaces/noetl-tool-logs.d.ts" />
/// <reference path="./interfaces/noetl-tool-objects.d.ts" />
/// <reference path="./interfaces/noetl-tool-progress.d.ts" />
/// <reference path="./interfaces/noetl-tool-secrets.d.ts" />
/// <reference path="./interfaces/noetl-tool-types.d.ts" />
declare module 'noetl:tool/tool@0.1.0' {
  export type * as NoetlToolJobs010 from 'noetl:tool/jobs@0.1.0'; // import noetl:tool/jobs@0.1.0
  export type * as NoetlToolLogs010 from 'noetl:tool/logs@0.1.0'; // import noetl:tool/logs@0.1.0
  export type * as NoetlToolObjects010 from 'noetl:tool/objects@0.1.0'; // import noetl:tool/objects@0.1.0
  export type * as NoetlToolProgress010 from 'noetl:tool/progress@0.1.0'; // import noetl:tool/progress@0.1.0
  export type * as NoetlToolSecrets010 from 'noetl:tool/secrets@0.1.0'; // import noetl:tool/secrets@0.1.0
  export type * as NoetlToolTypes010 from 'noetl:tool/types@0.1.0'; // import noetl:tool/types@0.1.0
  export * as handler from 'noetl:tool/handler@0.1.0'; // export noetl:tool/handler@0.1.0
}
