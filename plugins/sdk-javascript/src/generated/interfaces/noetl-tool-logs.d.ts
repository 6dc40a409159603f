/// <reference path="./noetl-tool-jobs.d.ts" />
/// <reference path="./noetl-tool-types.d.ts" />
declare module 'noetl:tool/logs@0.1.0' {
  /**
   * Reads at most `max-records` records, starting at `cursor`; 0 is the first. Blocks for at
   * most `max-wait-ms` while there is none (the host may return earlier).
   *
   * Errors: `InvalidRequest` (a cursor that this function did not return).
   */
  export function readLogs(job: Job, cursor: bigint, maxRecords: number, maxWaitMs: number): LogPage;
  /**
   * The beginning and the end of what attempt `attempt` has written so far, together at most
   * `max-bytes`. The excerpt of an attempt that wrote nothing, or that does not exist, is
   * empty.
   */
  export function readExcerpt(job: Job, attempt: number, maxBytes: number): LogExcerpt;
  export type Error = import('noetl:tool/types@0.1.0').Error;
  export type Job = import('noetl:tool/jobs@0.1.0').Job;
  /**
   * One line without its end, or a part of at most 16 KiB of a longer one.
   */
  export interface LogRecord {
    /**
     * The attempt that wrote it, from 1.
     */
    attempt: number,
    /**
     * The text.
     */
    text: string,
    /**
     * Whether the line continues in the next record.
     */
    partial: boolean,
  }
  /**
   * A page of records, and the cursor of the next one.
   */
  export interface LogPage {
    /**
     * The records, in the order in which they were written; empty if none arrived in time.
     */
    records: Array<LogRecord>,
    /**
     * The cursor of the next page. It is opaque to the tool.
     */
    nextCursor: bigint,
    /**
     * Whether the job has finished and every record was returned.
     */
    ended: boolean,
  }
  /**
   * The beginning and the end of what one attempt wrote.
   */
  export interface LogExcerpt {
    /**
     * The beginning; everything if nothing was omitted.
     */
    head: string,
    /**
     * The end; empty if nothing was omitted.
     */
    tail: string,
    /**
     * How many bytes the attempt wrote, after redaction.
     */
    totalBytes: bigint,
    /**
     * How many of them are in neither `head` nor `tail`.
     */
    omittedBytes: bigint,
    /**
     * Where a person finds the whole log, if something was omitted.
     */
    location?: string,
  }
}
