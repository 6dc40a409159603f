import type { OutputStream } from '../interfaces.ts';

/** The maximum size of one write, which the interface of the stream defines. */
const WRITE_BYTES = 4096;

/** Writes all of a text to a stream of the host. What the host does not accept is lost: a tool must not fail for its output. */
export function write(stream: OutputStream, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let start = 0; start < bytes.length; start += WRITE_BYTES) {
      stream.blockingWriteAndFlush(bytes.slice(start, start + WRITE_BYTES));
    }
  } catch {
    // The stream is closed, and standard error is a stream as well.
  }
}
