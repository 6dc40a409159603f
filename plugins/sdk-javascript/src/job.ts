import { type Details, detailsOf } from './details.ts';
import { calling, ToolError } from './error.ts';
import { eventOf, type JobEnd, type JobEvent } from './event.ts';
import type { Interfaces, RawJob, RawJobSpec } from './interfaces.ts';
import { excerptOf, type LogExcerpt, type LogPage, type LogRecord, pageOf } from './log.ts';
import { StoredObject } from './object.ts';
import { optionPairs } from './options.ts';
import { Secret } from './secret.ts';

/**
 * How long the host may wait for one event or line. It may return earlier, so this only determines how often a job without events wakes
 * its tool.
 */
const MAX_WAIT_MS = 60 * 60 * 1000;
/** How many records {@link Job.logs} requests at once. */
const PAGE_RECORDS = 1000;

/**
 * Specification of a job.
 *
 * The environment of the program contains the entries of its secret, and `NOETL_SCRIPT`, the path of the script.
 * `NOETL_ARGS` is the secret's entry of that name, or `@` and the path of a file if the entry is too long for an argument.
 */
export interface JobSpec {
  /** A DNS label of at most 52 characters. It identifies the job. */
  name: string;
  /** The script, which is written to a file of this name (no path) before the program starts. */
  script?: { readonly fileName: string; readonly content: StoredObject };
  /** The environment: each entry of the secret becomes a variable. */
  environment?: Secret;
  /** The program and its arguments. `$(NAME)` is replaced by the environment variable once, and `$$` is a plain `$`. */
  command?: readonly string[];
  /** The container image, if the engine has them. */
  image?: string;
  imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  namespace?: string;
  labels?: Readonly<Record<string, string>>;
  annotations?: Readonly<Record<string, string>>;
  /** How often the program is started again after a failure. */
  backoffLimit?: number;
  /** The time limit of the job, over all attempts. */
  activeDeadlineSeconds?: number;
  ttlSecondsAfterFinished?: number;
  resources?: {
    readonly requests?: Readonly<Record<string, string | number>>;
    readonly limits?: Readonly<Record<string, string | number>>;
  };
  /** Options of a Kubernetes Job that have no property here, by their names. */
  others?: Readonly<Record<string, unknown>>;
}

type JobsInterface = NonNullable<Interfaces['jobs']>;
type LogsInterface = NonNullable<Interfaces['logs']>;

/** A program that runs isolated from the tool. It is cancelled when the call ends. */
export class Job {
  readonly #raw: RawJob;
  readonly #jobs: JobsInterface;
  readonly #logs: () => LogsInterface;

  /** @internal */
  constructor(raw: RawJob, jobs: JobsInterface, logs: () => LogsInterface) {
    this.#raw = raw;
    this.#jobs = jobs;
    this.#logs = logs;
  }

  /** The job's name. */
  get name(): string {
    return this.#raw.name();
  }

  /** Its metadata: `namespace`, `uid`, `adopted` (`true` if it was already running), `engine`. */
  get metadata(): Details {
    return detailsOf(this.#raw.metadata());
  }

  /**
   * The next event, each once and in order; undefined if nothing happened within `maxWaitMs`, or if the job has finished.
   * Most tools use {@link Job.events}.
   */
  watch(maxWaitMs: number): JobEvent | undefined {
    const event = calling(() => this.#jobs.watchJob(this.#raw, maxWaitMs));
    return event === undefined ? undefined : eventOf(event);
  }

  /** Every event until the job has finished, waiting for each as long as it takes. The last one is `finished`. */
  *events(): Generator<JobEvent, void, void> {
    for (;;) {
      const event = this.watch(MAX_WAIT_MS);
      if (event !== undefined) {
        yield event;
        if (event.kind === 'finished') {
          return;
        }
      }
    }
  }

  /** Waits until the job has finished, and returns how it ended. */
  wait(): JobEnd {
    for (const event of this.events()) {
      if (event.kind === 'finished') {
        const { kind, attempt, elapsedMs, ...end } = event;
        return end;
      }
    }
    throw new ToolError('Internal', 'the events of the job ended without its end');
  }

  /** Ends the job and blocks until nothing of it runs; `finished` follows. */
  cancel(reason: string): void {
    calling(() => this.#jobs.cancel(this.#raw, reason));
  }

  /**
   * At most `maxRecords` lines starting at `cursor`; 0 is the first. Blocks for at most `maxWaitMs` while there is none.
   * Needs `logs`.
   */
  readLogs(cursor: bigint, maxRecords: number, maxWaitMs: number): LogPage {
    const logs = this.#logs();
    return pageOf(calling(() => logs.readLogs(this.#raw, cursor, maxRecords, maxWaitMs)));
  }

  /**
   * Every line of every attempt until the job has finished, waiting for each as long as it takes. Needs `logs`.
   */
  *logs(): Generator<LogRecord, void, void> {
    let cursor = 0n;
    for (;;) {
      const page = this.readLogs(cursor, PAGE_RECORDS, MAX_WAIT_MS);
      yield* page.records;
      if (page.ended) {
        return;
      }
      cursor = page.nextCursor;
    }
  }

  /** The beginning and the end of what an attempt has written so far, together at most `maxBytes`. Needs `logs`. */
  readExcerpt(attempt: number, maxBytes: number): LogExcerpt {
    const logs = this.#logs();
    return excerptOf(calling(() => logs.readExcerpt(this.#raw, attempt, maxBytes)));
  }
}

/** The specification as the interface has it. */
export function rawSpec(RawSpec: JobsInterface['JobSpec'], spec: JobSpec): RawJobSpec {
  const { name, script, environment, others, ...options } = spec;
  const pairs = optionPairs({ ...options, ...others });
  const raw = new RawSpec(name);
  raw.set(pairs);
  if (script !== undefined) {
    raw.setScript(script.fileName, StoredObject.raw(script.content));
  }
  if (environment !== undefined) {
    raw.setEnvironment(Secret.raw(environment));
  }
  return raw;
}
