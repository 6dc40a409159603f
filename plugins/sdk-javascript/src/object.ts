import { type Details, detailsOf } from './details.ts';
import { calling, ToolError } from './error.ts';
import type { RawObject } from './interfaces.ts';

/** How much {@link StoredObject.bytes} requests at once: an eighth of what a host passes in one message. */
const READ_BYTES = 1 << 20;
/** The default of {@link StoredObject.bytes}: a quarter of the memory that a host gives to a tool, which has its engine there too. */
const DEFAULT_MAX_BYTES = 16 << 20;

/** Immutable bytes that the host holds. They can be passed to a job without entering the tool. */
export class StoredObject {
  readonly #raw: RawObject;

  /** @internal */
  constructor(raw: RawObject) {
    this.#raw = raw;
  }

  /** @internal */
  static raw(object: StoredObject): RawObject {
    return object.#raw;
  }

  /** The size in bytes. */
  get sizeBytes(): number {
    return Number(this.#raw.sizeBytes());
  }

  /** Its metadata: always `sha256`; `uri`, `etag` and `version` if there is one. */
  get metadata(): Details {
    return detailsOf(this.#raw.metadata());
  }

  /**
   * A copy of at most `maxBytes` bytes starting at `offset`; shorter at the end, and empty past it. The host may return
   * fewer bytes than requested, but at least one if there are any.
   *
   * In fetched objects, each byte of a secret that the host knows is replaced with `*`. A job gets the original bytes.
   */
  read(offset: number, maxBytes: number): Uint8Array {
    return calling(() => this.#raw.read(BigInt(offset), maxBytes));
  }

  /** A copy of all bytes. A larger object than `maxBytes` is the error `TooLarge`. */
  bytes(maxBytes: number = DEFAULT_MAX_BYTES): Uint8Array {
    const size = this.sizeBytes;
    if (size > maxBytes) {
      throw new ToolError('TooLarge', `the object has ${size} bytes; at most ${maxBytes} are read`);
    }
    const bytes = new Uint8Array(size);
    let offset = 0;
    while (offset < size) {
      const part = this.read(offset, Math.min(READ_BYTES, size - offset));
      if (part.length === 0) {
        throw new ToolError('Internal', `the object ended after ${offset} of ${size} bytes`);
      }
      bytes.set(part, offset);
      offset += part.length;
    }
    return bytes;
  }

  /** All bytes as text. Bytes that are not UTF-8 become U+FFFD. */
  text(maxBytes: number = DEFAULT_MAX_BYTES): string {
    return new TextDecoder().decode(this.bytes(maxBytes));
  }

  /** Releases the bytes before the call ends. Only a tool that handles hundreds of objects needs this. */
  [Symbol.dispose](): void {
    this.#raw[Symbol.dispose]();
  }
}
