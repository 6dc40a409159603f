use alloc::format;
use alloc::string::String;

use noetl_tool_sdk::LogExcerpt;

/// How much of the last attempt's output the result holds. Results are kept by NoETL in its database and
/// shown to people; whoever wants more reads the log.
pub(crate) const LAST_OUTPUT_BYTES: u32 = 64 * 1024;
/// How much of each earlier attempt's output the result holds: enough for the error at its end.
pub(crate) const EARLIER_OUTPUT_BYTES: u32 = 8 * 1024;

/// What an attempt wrote, made fit for the result.
#[derive(Debug, Default)]
pub struct Output {
    /// The text: the beginning, a line that says what is missing, and the end.
    pub text: String,
    /// How many bytes there were.
    pub total_bytes: u64,
    /// How many of them are missing.
    pub omitted_bytes: u64,
    /// Where the whole log is, if something is missing.
    pub location: Option<String>,
}

impl From<LogExcerpt> for Output {
    fn from(excerpt: LogExcerpt) -> Self {
        Self {
            text: text(&excerpt),
            total_bytes: excerpt.total_bytes,
            omitted_bytes: excerpt.omitted_bytes,
            location: excerpt.location,
        }
    }
}

fn text(excerpt: &LogExcerpt) -> String {
    if excerpt.omitted_bytes == 0 {
        return format!("{}{}", excerpt.head, excerpt.tail);
    }
    let line_end = if excerpt.head.is_empty() || excerpt.head.ends_with('\n') {
        ""
    } else {
        "\n"
    };
    let place = match &excerpt.location {
        Some(location) => format!("; the whole log is `{location}`"),
        None => String::new(),
    };
    format!(
        "{}{line_end}[... {} bytes are left out here{place} ...]\n{}",
        excerpt.head, excerpt.omitted_bytes, excerpt.tail
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(head: &str, tail: &str, omitted_bytes: u64, location: Option<&str>) -> String {
        text(&LogExcerpt {
            head: head.into(),
            tail: tail.into(),
            total_bytes: 100,
            omitted_bytes,
            location: location.map(Into::into),
        })
    }

    #[test]
    fn is_the_output_itself_where_nothing_is_missing() {
        assert_eq!(excerpt("a\nb", "", 0, Some("/log")), "a\nb");
    }

    #[test]
    fn says_how_much_is_missing_and_where_it_is() {
        assert_eq!(
            excerpt("a", "z\n", 7, Some("/log")),
            "a\n[... 7 bytes are left out here; the whole log is `/log` ...]\nz\n"
        );
        assert_eq!(
            excerpt("a\n", "z", 7, None),
            "a\n[... 7 bytes are left out here ...]\nz"
        );
    }
}
