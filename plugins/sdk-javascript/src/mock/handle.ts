import { createHash } from 'node:crypto';

import type {
  RawJob,
  RawJobEvent,
  RawJobSpec,
  RawLogExcerpt,
  RawLogPage,
  RawObject,
  RawSecret,
  RawSecretEntry,
} from '../interfaces.ts';
import { type MockJob, rawEvent } from './job.ts';
import { type Journal, refuse } from './journal.ts';
import { checkFileName } from './name.ts';

/** A job of the mock host. */
export class MockJobHandle implements RawJob {
  readonly #name: string;
  readonly #isAdopted: boolean;
  readonly #outputs: readonly string[];
  readonly #journal: Journal;
  #events: RawJobEvent[];
  #elapsedMs = 0n;
  #isFinished = false;

  constructor(name: string, job: MockJob, journal: Journal) {
    this.#name = name;
    this.#isAdopted = job.isAdopted;
    this.#outputs = job.outputs;
    this.#events = job.rawEvents();
    this.#journal = journal;
  }

  name(): string {
    return this.#name;
  }

  metadata(): [string, string][] {
    return [
      ['engine', 'mock'],
      ['adopted', String(this.#isAdopted)],
    ];
  }

  watch(): RawJobEvent | undefined {
    this.#journal.record({ operation: 'watchJob' });
    if (this.#isFinished) {
      return undefined;
    }
    const event = this.#events.shift() ?? refuseToWait();
    this.#elapsedMs = event.elapsedMs;
    this.#isFinished = event.kind === 'finished';
    return event;
  }

  cancel(reason: string): void {
    this.#journal.record({ operation: 'cancel', reason });
    if (!this.#isFinished) {
      const end = { status: 'cancelled', succeeded: 0, failed: 0 } as const;
      const explanation = { reason: 'Cancelled', message: reason };
      const elapsedMs = Number(this.#elapsedMs);
      this.#events = [rawEvent(0, elapsedMs, { kind: 'finished', ...end, ...explanation })];
    }
  }

  readLogs(cursor: bigint, maxRecords: number): RawLogPage {
    this.#journal.record({ operation: 'readLogs', cursor });
    const records = this.#outputs.flatMap((output, index) =>
      lines(output).map((text) => ({ attempt: index + 1, text, partial: false })),
    );
    if (cursor > BigInt(records.length)) {
      refuse(`invalid cursor \`${cursor}\`: expected the cursor of a page`);
    }
    const next = Math.min(Number(cursor) + maxRecords, records.length);
    const ends = this.#isFinished || this.#events.some(({ kind }) => kind === 'finished');
    if (!ends && Number(cursor) === records.length) {
      refuseToWait();
    }
    return {
      records: records.slice(Number(cursor), next),
      nextCursor: BigInt(next),
      ended: next === records.length && ends,
    };
  }

  readExcerpt(attempt: number, maxBytes: number): RawLogExcerpt {
    this.#journal.record({ operation: 'readExcerpt', attempt, maxBytes });
    return excerpt(this.#outputs[attempt - 1] ?? '', maxBytes);
  }

  [Symbol.dispose](): void {}
}

/** Bytes that the mock host holds. */
export class MockObject implements RawObject {
  readonly bytes: Uint8Array;
  readonly #uri: string | undefined;

  constructor(bytes: Uint8Array, uri?: string) {
    this.bytes = bytes;
    this.#uri = uri;
  }

  get sha256(): string {
    return createHash('sha256').update(this.bytes).digest('hex');
  }

  sizeBytes(): bigint {
    return BigInt(this.bytes.length);
  }

  metadata(): [string, string][] {
    const uri: [string, string][] = this.#uri === undefined ? [] : [['uri', this.#uri]];
    return [['sha256', this.sha256], ...uri];
  }

  read(offset: bigint, maxBytes: number): Uint8Array {
    const start = Number(offset);
    return this.bytes.slice(start, start + maxBytes);
  }

  [Symbol.dispose](): void {}
}

/** Named values that the mock host keeps. */
export class MockSecret implements RawSecret {
  readonly entries: readonly RawSecretEntry[];

  constructor(entries: readonly RawSecretEntry[]) {
    this.entries = entries;
  }

  names(): string[] {
    return this.entries.map(({ name }) => name);
  }

  [Symbol.dispose](): void {}
}

/** Specification of a job of the mock host. */
export class MockJobSpec implements RawJobSpec {
  readonly name: string;
  options: Record<string, unknown> = {};
  script: { fileName: string; bytes: Uint8Array } | undefined;
  environment: readonly RawSecretEntry[] = [];

  constructor(name: string) {
    this.name = name;
  }

  set(options: [string, string][]): void {
    this.options = { ...this.options, ...parsed(options) };
  }

  setScript(fileName: string, script: RawObject): void {
    checkFileName(fileName);
    this.script = { fileName, bytes: (script as MockObject).bytes };
  }

  setEnvironment(values: RawSecret): void {
    this.environment = (values as MockSecret).entries;
  }

  [Symbol.dispose](): void {}
}

/** Options with their values instead of their JSON. */
export function parsed(options: readonly [string, string][]): Record<string, unknown> {
  return Object.fromEntries(options.map(([name, json]) => [name, JSON.parse(json)]));
}

/** A real host would wait here, and the test would wait forever. */
function refuseToWait(): never {
  return refuse('the job never ends: cancel it, or remove `neverEnds`', 'Timeout');
}

function lines(output: string): string[] {
  const all = output.split('\n');
  return all.at(-1) === '' ? all.slice(0, -1) : all;
}

function excerpt(output: string, maxBytes: number): RawLogExcerpt {
  const bytes = new TextEncoder().encode(output);
  const totalBytes = BigInt(bytes.length);
  if (bytes.length <= maxBytes) {
    return { head: output, tail: '', totalBytes, omittedBytes: 0n };
  }
  // Neither part begins or ends within a character.
  const isInside = (index: number) => ((bytes[index] ?? 0) & 0xc0) === 0x80;
  let headEnd = Math.floor(maxBytes / 2);
  let tailStart = bytes.length - (maxBytes - headEnd);
  while (isInside(headEnd)) {
    headEnd -= 1;
  }
  while (isInside(tailStart)) {
    tailStart += 1;
  }
  const decoder = new TextDecoder();
  return {
    head: decoder.decode(bytes.subarray(0, headEnd)),
    tail: decoder.decode(bytes.subarray(tailStart)),
    totalBytes,
    omittedBytes: BigInt(tailStart - headEnd),
    location: '/mock/log',
  };
}
