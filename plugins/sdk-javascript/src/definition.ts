import { type Details, detailsOf } from './details.ts';

/** An interface of the host. */
export type Capability =
  /** `fetchObject` and `createObject`. */
  | 'objects'
  /** `createSecret`. */
  | 'secrets'
  /** `createJob`, and everything of a job except its logs. */
  | 'jobs'
  /** `readLogs`, `logs` and `readExcerpt` of a job. */
  | 'logs'
  /** `report` and `log`. */
  | 'progress';

/** Every capability. */
export const CAPABILITIES: readonly Capability[] = [
  'objects',
  'secrets',
  'jobs',
  'logs',
  'progress',
];

/**
 * A tool's keys for the values of its requests, from the path of a value in the request (`image`, `environment`) to the path
 * of the key (`job.image`). An empty path stands for all values that no other entry is for, and as a key for that of the same
 * path. An error of the host then names the key that the user wrote.
 */
export interface Fields {
  /** Keys for `uri` and the options of `fetchObject`. */
  readonly objects?: Readonly<Record<string, string>>;
  /** Keys for the options of `createJob`, the `script`, and the variables of the `environment`. */
  readonly jobs?: Readonly<Record<string, string>>;
}

/** The context of a call. */
export interface Context {
  /** The execution that the call belongs to. */
  readonly executionId?: string;
  /** The step that the call executes. */
  readonly step?: string;
  /** The engine that runs jobs: `local`, `kubernetes`, … */
  readonly engine?: string;
  /** All entries, by the host's names. */
  readonly entries: Details;
}

/** The context as a tool gets it. */
export function contextOf(pairs: readonly [string, string][]): Context {
  const entries = detailsOf(pairs);
  const { 'execution-id': executionId, step, engine } = entries;
  return {
    ...(executionId === undefined ? {} : { executionId }),
    ...(step === undefined ? {} : { step }),
    ...(engine === undefined ? {} : { engine }),
    entries,
  };
}

/** The maximum length of a summary that a host accepts. */
const MAX_SUMMARY_BYTES = 500;
/** The maximum length of a version that a host accepts. */
const MAX_VERSION_BYTES = 64;

/** That of semver.org, without groups. */
const VERSION =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

/** What a host does not accept of a definition, in a sentence; undefined if it accepts all of it. */
export function problemOf(definition: {
  kind: unknown;
  version: unknown;
  summary: unknown;
  capabilities: unknown;
}): string | undefined {
  const { kind, version, summary, capabilities } = definition;
  if (typeof kind !== 'string' || !/^[a-z][a-z0-9_-]{0,62}$/.test(kind)) {
    return `invalid kind \`${kind}\`: expected at most 63 lowercase letters, digits, \`-\` and \`_\`, starting with a letter`;
  }
  if (typeof version !== 'string' || !VERSION.test(version)) {
    return `invalid version \`${version}\`: expected a semantic version such as \`0.1.0\``;
  }
  if (version.length > MAX_VERSION_BYTES) {
    return `its version has ${version.length} bytes; at most ${MAX_VERSION_BYTES} are allowed`;
  }
  if (typeof summary !== 'string') {
    return 'missing key `summary`';
  }
  const summaryBytes = new TextEncoder().encode(summary).length;
  if (summaryBytes > MAX_SUMMARY_BYTES) {
    return `its summary has ${summaryBytes} bytes; at most ${MAX_SUMMARY_BYTES} are allowed`;
  }
  if (!Array.isArray(capabilities)) {
    return 'missing key `capabilities`';
  }
  const unknown = capabilities.find((name) => !CAPABILITIES.includes(name));
  if (unknown !== undefined) {
    return `unknown capability \`${unknown}\`: expected \`objects\`, \`secrets\`, \`jobs\`, \`logs\` or \`progress\``;
  }
  return undefined;
}
