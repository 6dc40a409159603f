//! Sealed references: strings that stand for values that a tool may move but not read.
//!
//! A [`Vault`] belongs to one call. Rendering seals values into it; capabilities that may reveal a value
//! open references with it. Everything that was sealed or opened for a call is added to its
//! [`ExecutionSecrets`], which all calls of an execution share: a [`Redactor`] removes it from
//! everything that leaves any of them.
//!
//! # What is searched for
//!
//! A value of [`MIN_SECRET_BYTES`] or more, verbatim and without surrounding white space; if it has several
//! lines, also each line of that length. A UUID with and without its dashes. Each of them in these forms:
//!
//! | form | where it comes from |
//! |---|---|
//! | the text itself | `echo`, `printenv` |
//! | escaped for JSON: characters beyond ASCII literally or as `\u`, slashes and `<>&'` escaped or not; JSON within JSON | `json.dumps`, PHP, Go, log shippers |
//! | base64, both alphabets, at each alignment | `base64`, `Authorization: Basic`, Kubernetes secrets, PEM |
//! | escaped for URLs: by each common set of safe characters, `+` or `%20` | queries, forms, connection strings |
//! | as `repr` writes a text or bytes | Python's `print` of a mapping, tracebacks |
//! | quoted for a shell | `set -x`, `printf %q`, `shlex.quote` |
//! | escaped for HTML and XML | error pages, test reports |
//! | quoted-printable, with a line's end anywhere | mail |
//! | hexadecimal | `xxd -p`, `bytes.hex` |
//! | hexadecimal in groups of one and two bytes | `od -t x1`, `xxd` |
//! | every byte as `%XX`, `\xXX`, every character as `\uXXXX` | custom encoders |
//!
//! All except the first two and the last two also for the text as escaped in JSON, since that is how a script
//! gets its arguments: `print(os.environ)` shows them in `repr`, a Kubernetes secret in base64.
//!
//! Case is ignored. Line breaks with the following indentation, and escape sequences for colors and cursor
//! movement, are skipped in the search, and remain in the text: a form may be wrapped at any column, or
//! contain colors. A text with escape sequences is also searched including them: a secret after `ESC [` is not
//! the end of an escape sequence. If less than four bytes of a secret are before a line break, these remain.
//!
//! For most values many of these are the same text, and cost nothing. Forms that take a pattern for each byte
//! (ends of lines of quoted-printable, lines of a dump) are searched for only for values of up to 64 bytes,
//! and forms that few programs write only up to 16 KiB; the lines of a value of more than 64 lines are only
//! searched for verbatim.
//!
//! Not searched for, since the cost would exceed the benefit: a value that a script splits, reverses,
//! compresses or encrypts; dumps in octal, in words of the machine's byte order, and the text column of a
//! dump if the value spans several lines; hexadecimal and base64 with separators of other kinds; base64 of
//! UTF-16, or of base64; a mixture of forms. A script that wants to leak a secret can; this protects against
//! accidents.

mod escaping;
mod execution;
mod forms;
mod gaps;
mod mask;
mod matcher;
mod redactor;
mod search;
mod segments;
mod stream;
#[cfg(test)]
mod tests;
mod texts;
mod vault;

pub(crate) use execution::CurrentRedactor;
pub use execution::{ExecutionSecrets, SecretOrigin};
pub use forms::MIN_SECRET_BYTES;
pub use redactor::{REDACTED, Redactor};
pub use stream::StreamRedaction;
pub use vault::{OpenError, Vault};
