/** Why a tool was not built, in a sentence, and what to do about it. */
export class BuildError extends Error {
  readonly hint: string | undefined;

  constructor(message: string, hint?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BuildError';
    this.hint = hint;
  }
}

/** The first line of what was thrown, without the name of its class. */
export function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n').find((line) => line.trim() !== '') ?? 'unknown error';
}
