import type { RawLogExcerpt, RawLogPage } from './interfaces.ts';

/** One line without its end, or a part of a long one. */
export interface LogRecord {
  /** The attempt that wrote it, from 1. */
  readonly attempt: number;
  /** The text. */
  readonly text: string;
  /** Whether the line continues in the next record. */
  readonly partial: boolean;
}

/** A page of records, and the cursor of the next one. */
export interface LogPage {
  /** The records in the order in which they were written; empty if none arrived in time. */
  readonly records: readonly LogRecord[];
  /** The cursor of the next page. */
  readonly nextCursor: bigint;
  /** Whether the job has finished and every record was returned. */
  readonly ended: boolean;
}

/** The beginning and the end of what one attempt wrote. */
export interface LogExcerpt {
  /** The beginning; everything if nothing was omitted. */
  readonly head: string;
  /** The end; empty if nothing was omitted. */
  readonly tail: string;
  /** The number of bytes that the attempt wrote. */
  readonly totalBytes: number;
  /** How many of them are in neither `head` nor `tail`. */
  readonly omittedBytes: number;
  /** The location of the whole log, if something was omitted. */
  readonly location?: string;
}

export function pageOf({ records, nextCursor, ended }: RawLogPage): LogPage {
  return { records, nextCursor, ended };
}

export function excerptOf(raw: RawLogExcerpt): LogExcerpt {
  const { head, tail, totalBytes, omittedBytes, location } = raw;
  return {
    head,
    tail,
    totalBytes: Number(totalBytes),
    omittedBytes: Number(omittedBytes),
    ...(location === undefined ? {} : { location }),
  };
}
