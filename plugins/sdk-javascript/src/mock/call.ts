import type { Details } from '../details.ts';
import type { SecretEntry } from '../secret.ts';

/** A request of a tool to the mock host. */
export type Call =
  | {
      readonly operation: 'fetchObject';
      readonly uri: string;
      readonly options: Readonly<Record<string, unknown>>;
    }
  | { readonly operation: 'createObject'; readonly bytes: Uint8Array }
  | { readonly operation: 'createSecret'; readonly entries: readonly Required<SecretEntry>[] }
  | {
      readonly operation: 'createJob';
      readonly name: string;
      readonly options: Readonly<Record<string, unknown>>;
      readonly script?: { readonly fileName: string; readonly bytes: Uint8Array };
      /** The entries of the secret that is the environment. */
      readonly environment: readonly Required<SecretEntry>[];
    }
  | { readonly operation: 'watchJob' }
  | { readonly operation: 'cancel'; readonly reason: string }
  | { readonly operation: 'readLogs'; readonly cursor: bigint }
  | { readonly operation: 'readExcerpt'; readonly attempt: number; readonly maxBytes: number }
  | {
      readonly operation: 'report';
      readonly stage: string;
      readonly message: string;
      readonly details: Details;
    }
  | { readonly operation: 'log'; readonly level: string; readonly message: string };

/** An operation of the host. */
export type Operation = Call['operation'];
