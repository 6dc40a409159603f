import { type Details, pairsOf } from './details.ts';
import { calling, ToolError } from './error.ts';
import type { Interfaces } from './interfaces.ts';
import { Job, type JobSpec, rawSpec } from './job.ts';
import { StoredObject } from './object.ts';
import { optionPairs } from './options.ts';
import { rawEntries, Secret, type SecretEntry } from './secret.ts';

/** Options for fetching an object. The host rejects an option that it does not know or that does not apply. */
export interface FetchOptions {
  /** The kind of source. */
  type?: 'file' | 'gcs' | 's3' | 'http';
  /** The name of the credential to use, which the configuration or the tool's grants must name. */
  auth?: string;
  /** The region of a bucket. */
  region?: string;
  /** The server, if it is not the usual one. */
  endpoint?: string;
  /** The method of a request. */
  method?: string;
  /** Headers of a request, in which sealed references are opened for a server that the grants name. */
  headers?: Readonly<Record<string, string>>;
  /** The time limit of the transfer. */
  timeoutMs?: number;
  /** The SHA-256 that the bytes must have, as hexadecimal digits. */
  sha256?: string;
  /** The maximum size. */
  maxBytes?: number;
  /** Options of the host that have no property here, by the host's names. */
  others?: Readonly<Record<string, unknown>>;
}

/** The level of a line in the host's log. */
export type Level = 'error' | 'warn' | 'info' | 'debug' | 'trace';

/**
 * The capabilities of the host. Each method needs its capability in the tool's `capabilities`, and throws a
 * {@link ToolError} if the host refuses or fails.
 */
export class Host {
  readonly #interfaces: Interfaces;

  /** @internal */
  constructor(interfaces: Interfaces) {
    this.#interfaces = interfaces;
  }

  /**
   * Fetches the whole object at `uri` and verifies it. Blocks until then. Needs `objects`.
   *
   * Errors: `Denied`, `FetchNotFound`, `FetchDenied`, `FetchFailed`, `TooLarge`, `ChecksumMismatch`, `Timeout`,
   * `Unsupported`, `InvalidRequest`.
   */
  fetchObject(uri: string, options: FetchOptions = {}): StoredObject {
    const { timeoutMs, maxBytes, others, ...rest } = options;
    const named = { ...rest, 'timeout-ms': timeoutMs, 'max-bytes': maxBytes };
    const pairs = optionPairs({ ...named, ...others });
    const objects = this.#interface('objects', 'fetchObject');
    return new StoredObject(calling(() => objects.fetchObject(uri, pairs)));
  }

  /** An object made of bytes or text of the tool. Sealed references in it are not opened. Needs `objects`. */
  createObject(content: Uint8Array | string): StoredObject {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    const objects = this.#interface('objects', 'createObject');
    return new StoredObject(calling(() => objects.createObject(bytes)));
  }

  /**
   * A secret made of entries, as a list or as an object with names and texts. Each entry becomes an environment variable of
   * the job that the secret is passed to. Nothing is opened before that. Needs `secrets`.
   *
   * Errors: `InvalidRequest` (an invalid or repeated name), `TooLarge`.
   */
  createSecret(entries: readonly SecretEntry[] | Readonly<Record<string, string>>): Secret {
    const secrets = this.#interface('secrets', 'createSecret');
    return new Secret(calling(() => secrets.createSecret(rawEntries(entries))));
  }

  /**
   * Creates the job, or adopts the running job of that name with the same specification. Needs `jobs`.
   *
   * Errors: `Conflict`, `InvalidRequest`, `Unsupported`, `InterpreterMissing`, `SecretInSpec`, `EngineUnavailable`,
   * `Denied`, `Quota`, `TooLarge`.
   */
  createJob(spec: JobSpec): Job {
    const jobs = this.#interface('jobs', 'createJob');
    return calling(() => {
      const raw = jobs.createJob(rawSpec(jobs.JobSpec, spec));
      return new Job(raw, jobs, () => this.#interface('logs', 'readLogs'));
    });
  }

  /**
   * Reports to the caller that the work has reached `stage`, a short name such as `fetching`. Events of jobs need not be
   * reported: the host reports those itself. Needs `progress`, which every tool is granted.
   */
  report(stage: string, message: string, details: Details = {}): void {
    this.#interface('progress', 'report').report(stage, message, pairsOf(details));
  }

  /** Writes a line to the host's log. Needs `progress`, which every tool is granted. */
  log(level: Level, message: string): void {
    this.#interface('progress', 'log').log(level, message);
  }

  #interface<Name extends keyof Interfaces>(
    name: Name,
    method: string,
  ): NonNullable<Interfaces[Name]> {
    const found = this.#interfaces[name];
    if (found === undefined) {
      throw new ToolError(
        'Denied',
        `\`${method}\` needs \`${name}\` in the tool's \`capabilities\``,
      );
    }
    return found;
  }
}
