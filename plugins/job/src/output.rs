use alloc::format;
use alloc::string::String;

use noetl_tool_sdk::LogExcerpt;

/// The maximum size of the last attempt's output in the result. NoETL stores results in its database and
/// shows them to people; the log has the rest.
pub(crate) const LAST_OUTPUT_BYTES: u32 = 64 * 1024;
/// The maximum size of each earlier attempt's output in the result: enough for the error at its end.
pub(crate) const EARLIER_OUTPUT_BYTES: u32 = 8 * 1024;

/// The output of an attempt, shortened for the result.
#[derive(Debug, Default)]
pub struct Output {
    /// The text: the beginning, a line that reports what is missing, and the end.
    pub text: String,
    /// The total number of bytes.
    pub total_bytes: u64,
    /// The number of omitted bytes.
    pub omitted_bytes: u64,
    /// The location of the whole log, if something is omitted.
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
