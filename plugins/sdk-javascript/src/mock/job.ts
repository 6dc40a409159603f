import type { Details } from '../details.ts';
import type { AttemptEnd, Explanation, JobEnd, JobEventKind } from '../event.ts';
import type { RawJobEvent } from '../interfaces.ts';

/** How long the first retry waits, as a Kubernetes Job does; each later one waits twice as long. */
const FIRST_BACK_OFF_MS = 10_000;
/** How long an attempt of {@link MockAttempt.exits} runs. */
const ATTEMPT_MS = 1000;

/** The fate of one attempt. */
export class MockAttempt {
  readonly end: AttemptEnd;
  readonly output: string;

  constructor(end: AttemptEnd, output = '') {
    this.end = end;
    this.output = output;
  }

  /** An attempt that exits with this code after a second, and writes this output. */
  static exits(exitCode: number, output = ''): MockAttempt {
    const explanation: Explanation =
      exitCode === 0
        ? {}
        : { reason: 'ScriptError', message: `the script exited with code ${exitCode}` };
    return new MockAttempt({ exitCode, durationMs: ATTEMPT_MS, ...explanation }, output);
  }

  get succeeded(): boolean {
    return this.end.exitCode === 0 && this.end.reason === undefined;
  }
}

/** The fate of a job. */
export class MockJob {
  readonly #attempts: MockAttempt[] = [];
  readonly #before: JobEventKind[] = [];
  #end: JobEnd | undefined;
  #isEndless = false;
  #isAdopted = false;

  /** A job whose first attempt writes `output` and exits with 0. */
  static succeeds(output = ''): MockJob {
    return new MockJob().attempt(MockAttempt.exits(0, output));
  }

  /** A job whose only attempt writes `output` and exits with this code. */
  static fails(exitCode: number, output = ''): MockJob {
    return new MockJob().attempt(MockAttempt.exits(exitCode, output));
  }

  /** Adds an attempt. The job succeeds if the last one does. */
  attempt(attempt: MockAttempt): this {
    this.#attempts.push(attempt);
    return this;
  }

  /** Adds an event before the first attempt, such as a warning. */
  event(kind: JobEventKind): this {
    this.#before.push(kind);
    return this;
  }

  /** Ends the job in this way instead of the one that follows from its attempts. */
  ends(end: JobEnd): this {
    this.#end = end;
    return this;
  }

  /** Lets the job run until it is cancelled: its last attempt is started and never ends. */
  neverEnds(): this {
    this.#isEndless = true;
    return this;
  }

  /** Makes the job one that was already running. */
  adopted(): this {
    this.#isAdopted = true;
    return this;
  }

  /** @internal */
  get isAdopted(): boolean {
    return this.#isAdopted;
  }

  /** @internal The output of each attempt, the first at index 0. */
  get outputs(): string[] {
    return this.#attempts.map(({ output }) => output);
  }

  /** @internal */
  rawEvents(): RawJobEvent[] {
    const events: RawJobEvent[] = [];
    let elapsedMs = 0;
    const add = (attempt: number, kind: JobEventKind) =>
      events.push(rawEvent(attempt, elapsedMs, kind));
    for (const kind of this.#before) {
      add(0, kind);
    }
    let waitMs = FIRST_BACK_OFF_MS;
    for (const [index, { end }] of this.#attempts.entries()) {
      const attempt = index + 1;
      const isLast = attempt === this.#attempts.length;
      add(attempt, { kind: 'attempt-started', pod: `pod-${attempt}` });
      if (isLast && this.#isEndless) {
        break;
      }
      elapsedMs += end.durationMs;
      add(attempt, { kind: 'attempt-ended', ...end });
      if (!isLast) {
        add(0, { kind: 'backing-off', waitMs });
        elapsedMs += waitMs;
        waitMs *= 2;
      }
    }
    if (!this.#isEndless) {
      add(0, { kind: 'finished', ...(this.#end ?? this.#naturalEnd()) });
    }
    return events;
  }

  #naturalEnd(): JobEnd {
    const failed = this.#attempts.filter((attempt) => !attempt.succeeded).length;
    if (this.#attempts.at(-1)?.succeeded === true) {
      return { status: 'succeeded', succeeded: 1, failed };
    }
    const message = `${failed} attempts failed`;
    return { status: 'failed', succeeded: 0, failed, reason: 'BackoffLimitExceeded', message };
  }
}

/** An event as the interface has it. */
export function rawEvent(attempt: number, elapsedMs: number, kind: JobEventKind): RawJobEvent {
  const { kind: name, ...rest } = kind;
  const isOther = kind.kind === 'other';
  const details: Details | object = isOther ? kind.details : rest;
  return {
    kind: isOther ? kind.name : name,
    attempt,
    elapsedMs: BigInt(elapsedMs),
    details: Object.entries(details)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [isOther ? key : kebab(key), String(value)]),
  };
}

/** The name of a detail, such as `exit-code`, of that of a property. */
function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
