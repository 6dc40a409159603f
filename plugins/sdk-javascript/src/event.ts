import { type Details, detailsOf, numberOf, without } from './details.ts';
import type { RawJobEvent } from './interfaces.ts';

/** Why something failed, and what to do about it; empty if it did not fail. */
export interface Explanation {
  /** The reason, one word in `PascalCase` from an open set. */
  readonly reason?: string;
  /** One sentence that names the culprit, without secrets. */
  readonly message?: string;
  /** How to fix it. */
  readonly hint?: string;
  /** The path of the configuration value to change. */
  readonly field?: string;
}

/** How an attempt ended. */
export interface AttemptEnd extends Explanation {
  /** The exit code, if the program exited. */
  readonly exitCode?: number;
  /** The signal that ended it, if one did. */
  readonly signal?: number;
  /** How long it ran. */
  readonly durationMs: number;
}

/** The verdict on a job. A verdict that this version of the SDK does not know is `failed`. */
export type JobStatus = 'succeeded' | 'failed' | 'timed-out' | 'cancelled';

/** How a job ended. */
export interface JobEnd extends Explanation {
  /** The verdict. */
  readonly status: JobStatus;
  /** Attempts that succeeded: 0 or 1. */
  readonly succeeded: number;
  /** Attempts that failed. */
  readonly failed: number;
}

/** What can happen to a job. */
export type JobEventKind =
  /** It cannot start yet: a word for the cause, such as `Unschedulable`, and a sentence about it. */
  | { readonly kind: 'waiting'; readonly reason: string; readonly message: string }
  /** A program was started, in this pod or its equivalent. */
  | { readonly kind: 'attempt-started'; readonly pod?: string }
  /** A program ended. */
  | ({ readonly kind: 'attempt-ended' } & AttemptEnd)
  /** The next attempt follows after a delay. */
  | { readonly kind: 'backing-off'; readonly waitMs: number }
  /** A warning for the user. */
  | { readonly kind: 'warning'; readonly message: string }
  /** The job has finished, and no event follows. */
  | ({ readonly kind: 'finished' } & JobEnd)
  /** An event that this version of the SDK does not know. Ignore it. */
  | { readonly kind: 'other'; readonly name: string; readonly details: Details };

/** Something that happened to a job. */
export type JobEvent = JobEventKind & {
  /** The attempt that it belongs to, from 1; 0 for the job as a whole. */
  readonly attempt: number;
  /** Time since the job was created, by the engine's clock. */
  readonly elapsedMs: number;
};

const VERDICTS: readonly string[] = ['succeeded', 'failed', 'timed-out', 'cancelled'];

/**
 * Converts an event of the interface. A missing or invalid value gets the most conservative default, since a host of another
 * version may report less or more.
 */
export function eventOf({ kind, attempt, elapsedMs, details }: RawJobEvent): JobEvent {
  return { ...kindOf(kind, detailsOf(details)), attempt, elapsedMs: Number(elapsedMs) };
}

function kindOf(kind: string, details: Details): JobEventKind {
  const { reason = '', message = '' } = details;
  switch (kind) {
    case 'waiting':
      return { kind, reason, message };
    case 'attempt-started':
      return { kind, ...texts(details, ['pod']) };
    case 'attempt-ended': {
      const exitCode = numberOf(details, 'exit-code');
      const signal = numberOf(details, 'signal');
      return {
        kind,
        ...(exitCode === undefined ? {} : { exitCode }),
        ...(signal === undefined ? {} : { signal }),
        durationMs: numberOf(details, 'duration-ms') ?? 0,
        ...explanation(details),
      };
    }
    case 'backing-off':
      return { kind, waitMs: numberOf(details, 'wait-ms') ?? 0 };
    case 'warning':
      return { kind, message };
    case 'finished': {
      const status = details.status ?? '';
      return {
        kind,
        status: VERDICTS.includes(status) ? (status as JobStatus) : 'failed',
        succeeded: numberOf(details, 'succeeded') ?? 0,
        failed: numberOf(details, 'failed') ?? 0,
        ...explanation(details),
      };
    }
    default:
      return { kind: 'other', name: kind, details };
  }
}

function explanation(details: Details): Explanation {
  return texts(details, ['reason', 'message', 'hint', 'field']);
}

function texts<Name extends string>(
  details: Details,
  names: readonly Name[],
): { [name in Name]?: string } {
  const others = Object.keys(details).filter(
    (name) => !(names as readonly string[]).includes(name),
  );
  return without(details, others) as { [name in Name]?: string };
}
