//! Sealed references: texts that stand for values which a tool may move but not read.
//!
//! A [`Vault`] belongs to one call. Rendering seals values into it; capabilities that may reveal a value
//! open references with it. What was sealed or opened for a call is known to its [`ExecutionSecrets`], which all
//! calls of an execution share: a [`Redactor`] removes it from everything that leaves any of them.
//!
//! # What is searched for
//!
//! A value of [`MIN_SECRET_BYTES`] or more, as it is and without the white space around it; where it has
//! several lines, each line of that length as well. A UUID with and without its dashes. Of each:
//!
//! | form | where it comes from |
//! |---|---|
//! | the text itself | `echo`, `printenv` |
//! | escaped for JSON: characters beyond ASCII as they are or as `\u`, slashes and `<>&'` escaped or not; JSON within JSON | `json.dumps`, PHP, Go, log shippers |
//! | base64, both alphabets, at each alignment | `base64`, `Authorization: Basic`, Kubernetes secrets, PEM |
//! | escaped for URLs: by each common set of safe characters, `+` or `%20` | queries, forms, connection strings |
//! | as `repr` writes a text or bytes | Python's `print` of a mapping, tracebacks |
//! | quoted for a shell | `set -x`, `printf %q`, `shlex.quote` |
//! | escaped for HTML and XML | error pages, test reports |
//! | quoted-printable, with a line's end anywhere | mail |
//! | hexadecimal | `xxd -p`, `bytes.hex` |
//! | hexadecimal in groups of one and two bytes | `od -t x1`, `xxd` |
//! | every byte as `%XX`, `\xXX`, every character as `\uXXXX` | whoever wants it otherwise |
//!
//! All but the first two and the last two also of the text as it stands in JSON, since that is how a script gets its
//! arguments: `print(os.environ)` shows them in `repr`, a Kubernetes secret in base64.
//!
//! Case makes no difference. Line breaks with the indentation behind them, and escape sequences that colour and move,
//! are left out of the text before it is searched, and stay where they are: a form may be wrapped at any column, or have
//! a colour inside. A text with escape sequences is searched with them as well: a secret that follows `ESC [` is not what ends it. Where less than four bytes of a secret stand before a line break, these are left.
//!
//! For most values many of these are the same text, and cost nothing. What takes a pattern for each byte (ends of lines of
//! quoted-printable, lines of a dump) is searched for of values of up to 64 bytes, and forms that few programs write of
//! up to 16 KiB; each line of a value of more than 64 lines as it is.
//!
//! Not searched for, since every one of them would cost more than it finds: a value that a script cuts into parts,
//! reverses, compresses or encrypts; dumps in octal, in words of the machine's order, and the text beside a dump where
//! the value goes over its lines; hexadecimal and base64 with separators of other kinds; base64 of UTF-16, or
//! of base64; a mixture of forms. A script that wants to give a secret away can; this is for those that do so by accident.

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

pub use execution::{CurrentRedactor, ExecutionSecrets, SecretOrigin};
pub use forms::MIN_SECRET_BYTES;
pub use redactor::{REDACTED, Redactor};
pub use stream::StreamRedaction;
pub use vault::{OpenError, Vault};
