import { type Details, detailsOf, pairsOf } from './details.ts';
import type { RawError } from './interfaces.ts';

/**
 * Codes that the host uses, as far as a tool has a reason to distinguish them or to use them itself. The set is open:
 * a host may return others, and a tool may use codes of its own.
 */
export type Code =
  | 'BackoffLimitExceeded'
  | 'Cancelled'
  | 'ChecksumMismatch'
  | 'Conflict'
  | 'DeadlineExceeded'
  | 'Denied'
  | 'EngineUnavailable'
  | 'FetchDenied'
  | 'FetchFailed'
  | 'FetchNotFound'
  | 'Internal'
  | 'InterpreterMissing'
  | 'InvalidRequest'
  | 'Quota'
  | 'ScriptError'
  | 'SecretInSpec'
  | 'Timeout'
  | 'TooLarge'
  | 'Unsupported'
  | (string & {});

/** What an error has in addition to its code and message. */
export interface ToolErrorOptions {
  /** Whether the same request may succeed later without a change; false by default. */
  retryable?: boolean;
  /** How to fix it. */
  hint?: string;
  /** The path of the configuration value to change, such as `job.image`. */
  field?: string;
  /** Further details, by name. */
  details?: Details;
  /** The error that caused it. It is written to standard error, and is not a part of the call's error. */
  cause?: unknown;
}

/** Why a capability, or the tool itself, could not do what was requested. */
export class ToolError extends Error {
  /** One word in `PascalCase`. */
  readonly code: Code;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** Further details, by name: `hint`, `field`, `grant`, and what the host adds. */
  readonly details: Details;

  constructor(code: Code, message: string, options: ToolErrorOptions = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    const { retryable = false, hint, field, details = {} } = options;
    this.name = 'ToolError';
    this.code = code;
    this.retryable = retryable;
    this.details = {
      ...details,
      ...(hint === undefined ? {} : { hint }),
      ...(field === undefined ? {} : { field }),
    };
  }

  /** An invalid configuration value: `field` is its path. */
  static invalid(field: string, message: string, options: ToolErrorOptions = {}): ToolError {
    return new ToolError('InvalidRequest', message, { ...options, field });
  }

  /** How to fix it. */
  get hint(): string | undefined {
    return this.details.hint;
  }

  /** The path of the configuration value to change. */
  get field(): string | undefined {
    return this.details.field;
  }
}

/** Calls a function of the host, and throws the host's error as a {@link ToolError}. */
export function calling<T>(request: () => T): T {
  try {
    return request();
  } catch (error) {
    throw isThrownByHost(error) ? fromRaw(error.payload) : error;
  }
}

/** The error as the interface has it. */
export function toRaw(error: ToolError): RawError {
  const { code, message, retryable, details } = error;
  return { code, message, retryable, details: pairsOf(details) };
}

function fromRaw({ code, message, retryable, details }: RawError): ToolError {
  return new ToolError(code, message, { retryable, details: detailsOf(details) });
}

/** What the bindings throw for the error case of a result. It is not an instance of `Error`. */
function isThrownByHost(error: unknown): error is { payload: RawError } {
  const payload = (error as { payload?: Partial<RawError> } | null | undefined)?.payload;
  return typeof payload?.code === 'string' && Array.isArray(payload.details);
}
