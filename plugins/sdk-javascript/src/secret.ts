import type { RawSecret, RawSecretEntry } from './interfaces.ts';

/** A named value for a job's environment. Sealed references in it are opened by the host when the job is created. */
export interface SecretEntry {
  /** The name of the environment variable. */
  name: string;
  /** The value. */
  value: string;
  /**
   * How sealed references are replaced: `text` (the default) inserts the value as text; `json` treats the value as a JSON
   * document, and inserts JSON values.
   */
  format?: 'text' | 'json';
}

/** Named values that the host keeps. There is no way to read them back. */
export class Secret {
  readonly #raw: RawSecret;

  /** @internal */
  constructor(raw: RawSecret) {
    this.#raw = raw;
  }

  /** @internal */
  static raw(secret: Secret): RawSecret {
    return secret.#raw;
  }

  /** The names of the values. */
  get names(): string[] {
    return this.#raw.names();
  }
}

/** Whether a host accepts the name for an entry of a secret: that of an environment variable to which every shell can refer. */
export function isVariableName(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
}

/** Entries as the interface has them, from a list or from an object with names and texts. */
export function rawEntries(
  entries: readonly SecretEntry[] | Readonly<Record<string, string>>,
): RawSecretEntry[] {
  const list: readonly SecretEntry[] = Array.isArray(entries)
    ? entries
    : Object.entries(entries).map(([name, value]) => ({ name, value }));
  return list.map(({ name, value, format = 'text' }) => ({ name, value, format }));
}
