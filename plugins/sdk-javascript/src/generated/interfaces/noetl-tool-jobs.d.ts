/// <reference path="./noetl-tool-objects.d.ts" />
/// <reference path="./noetl-tool-secrets.d.ts" />
/// <reference path="./noetl-tool-types.d.ts" />
declare module 'noetl:tool/jobs@0.1.0' {
  /**
   * Creates the job, or adopts the running job of that name with the same specification. Consumes the
   * specification, whether it succeeds or not. Blocks until the engine has accepted it.
   *
   * Errors: `Conflict` (a job of that name with another specification), `InvalidRequest`,
   * `Unsupported`, `InterpreterMissing`, `SecretInSpec` (a sealed reference or a secret's value
   * outside the environment), `EngineUnavailable`, `Denied`, `Quota`.
   */
  export function createJob(spec: JobSpec): Job;
  /**
   * The next event of the job, in order, each once. Blocks for at most `max-wait-ms` (the host may
   * return earlier) and returns none if nothing happened meanwhile. After `finished`: none, at
   * once.
   *
   * Errors: `EngineUnavailable`.
   */
  export function watchJob(job: Job, maxWaitMs: number): JobEvent | undefined;
  /**
   * Ends the job and blocks until nothing of it runs. A job that has finished is unchanged. The
   * event `finished` follows as for any other end.
   *
   * Errors: `EngineUnavailable`.
   */
  export function cancel(job: Job, reason: string): void;
  export type Error = import('noetl:tool/types@0.1.0').Error;
  export type Object = import('noetl:tool/objects@0.1.0').Object;
  export type Secret = import('noetl:tool/secrets@0.1.0').Secret;
  /**
   * Something that happened to a job.
   */
  export interface JobEvent {
    /**
     * What happened, from an open set:
     *
     * * `waiting`: it cannot start yet (`reason`, `message`);
     * * `attempt-started`: a program was started (`pod`);
     * * `attempt-ended`: it ended (`exit-code` or `signal`, `reason`, `message`, `hint`, `field`,
     *   `duration-ms`);
     * * `backing-off`: the next attempt follows (`wait-ms`);
     * * `warning`: the user should know (`message`);
     * * `finished`: the job has finished and no event follows (`status`: `succeeded`, `failed`, `timed-out`,
     *   `cancelled`; `succeeded` and `failed`: numbers of attempts; `reason`, `message`, `hint`, `field`).
     */
    kind: string,
    /**
     * The attempt that it belongs to, from 1; 0 if it belongs to the job as a whole.
     */
    attempt: number,
    /**
     * When it happened: milliseconds since the job was created, by the engine's clock.
     */
    elapsedMs: bigint,
    /**
     * Further details, as names and strings; see the kinds. A name without a value is absent.
     */
    details: Array<[string, string]>,
  }

  export class Job implements Disposable {
    /**
     * This type does not have a public constructor.
     */
    private constructor();
    /**
    * The job's name.
    */
    name(): string;
    /**
    * Its metadata, as names and strings. Known names: `namespace`, `uid`, `adopted` (`true` if
    * `create-job` found it running), `engine`.
    */
    metadata(): Array<[string, string]>;
    [Symbol.dispose](): void;
  }

  export class JobSpec implements Disposable {
    /**
    * A job named `name`: a DNS label of at most 52 characters, since Kubernetes makes a label of it
    * and appends to it for pods. The name identifies the job: see `create-job`.
    */
    constructor(name: string)
    /**
    * Sets options, as names with JSON values. A name set twice keeps the later value.
    *
    * Known names, as in a Kubernetes Job: `command` (a list of strings; `$(NAME)` is replaced by
    * the environment variable once, `$$` is a plain `$`), `labels`, `annotations`, `backoffLimit`,
    * `activeDeadlineSeconds`, `ttlSecondsAfterFinished`, `resources` (`requests` and `limits`),
    * `image`, `imagePullPolicy`, `namespace`. An engine may know more; a name that it does not know
    * is the error `Unsupported` of `create-job`.
    *
    * Errors: `InvalidRequest` (not JSON), `TooLarge`.
    */
    set(options: Array<[string, string]>): void;
    /**
    * The script, which is written to a file of this name (no path) before the program starts.
    */
    setScript(fileName: string, script: Object): void;
    /**
    * The environment: each entry of the secret becomes a variable.
    */
    setEnvironment(values: Secret): void;
    [Symbol.dispose](): void;
  }
}
