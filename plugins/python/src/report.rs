//! The report of a program's result: one line at the end of its log, which is removed from the output.
//!
//! A job can only return data through its log and its exit code. Code that forges a report can only forge the
//! result of its own step, which it may choose anyway.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use noetl_job_tool::Output;
use noetl_tool_sdk::Explanation;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::result;

/// The maximum size of a result as JSON. It must fit, with its mark, into the end of a long log, for which
/// hosts reserve at least half of 64 KiB.
pub(crate) const MAX_RESULT_BYTES: usize = 30_000;

/// The prefixes of the report lines of one program.
#[derive(Debug)]
pub(crate) struct Marks {
    /// Before a result.
    pub result: String,
    /// Before the reason why there is no result.
    pub failure: String,
}

/// The report of a program.
#[derive(Debug)]
pub(crate) enum Report {
    /// The result of `main`, as JSON.
    Result(Box<RawValue>),
    /// Why there is no result.
    Failure(Failure),
    /// A line that cannot be read.
    Unreadable,
}

/// Why a program has no result.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Failure {
    pub reason: String,
    pub message: String,
    pub hint: Option<String>,
    pub field: Option<String>,
}

impl From<Failure> for Explanation {
    fn from(failure: Failure) -> Self {
        Self {
            reason: Some(failure.reason),
            message: Some(failure.message),
            hint: failure.hint,
            field: failure.field,
        }
    }
}

impl Marks {
    pub(crate) fn new(nonce: u64) -> Self {
        Self {
            result: format!("[noetl-result {nonce:016x}] "),
            failure: format!("[noetl-failure {nonce:016x}] "),
        }
    }

    /// The marks, for callers that show the log and hide the lines that are not output of the code.
    pub(crate) fn details(&self) -> [(&str, &str); 2] {
        [("result", &self.result), ("failure", &self.failure)]
    }

    /// Removes the last report from the output of an attempt, if there is one.
    pub(crate) fn take(&self, output: &mut Output) -> Option<Report> {
        let result = output.text.rfind(&self.result);
        let failure = output.text.rfind(&self.failure);
        let is_result = result > failure;
        let (start, mark) = if is_result {
            (result?, &self.result)
        } else {
            (failure?, &self.failure)
        };
        let rest = output.text.get(start..)?;
        let end = rest.find('\n').map_or(rest.len(), |line_end| line_end + 1);
        let line = rest.get(..end)?.to_string();
        let json = line.get(mark.len()..)?.trim();
        let report = if is_result {
            result::read(json).map(Report::Result)
        } else {
            serde_json::from_str(json).map(Report::Failure)
        };
        output.text.replace_range(start..start + end, "");
        output.total_bytes = output.total_bytes.saturating_sub(line.len() as u64);
        Some(report.unwrap_or(Report::Unreadable))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "[noetl-result 0000000000000007] ";

    fn taken(text: &str) -> (Option<Report>, Output) {
        let mut output = Output {
            text: text.into(),
            total_bytes: text.len() as u64,
            ..Output::default()
        };
        (Marks::new(7).take(&mut output), output)
    }

    fn result(text: &str) -> Option<String> {
        match taken(text).0 {
            Some(Report::Result(json)) => Some(json.get().into()),
            _ => None,
        }
    }

    #[test]
    fn takes_the_line_out_of_the_output() {
        for (before, after) in [("a\n", ""), ("a", ""), ("", ""), ("a\n", "b\n")] {
            let text = format!("{before}{MARK}[1, 2]\n{after}");
            let (report, output) = taken(&text);
            assert!(matches!(report, Some(Report::Result(json)) if json.get() == "[1, 2]"));
            assert_eq!(output.text, format!("{before}{after}"));
            assert_eq!(output.total_bytes, output.text.len() as u64);
        }
    }

    #[test]
    fn takes_the_last_of_several_and_none_of_another_step() {
        let other = MARK.replace('7', "8");
        let text = format!("{MARK}1\n{MARK}2\n{other}3\n");
        assert_eq!(result(&text).as_deref(), Some("2"));
        assert_eq!(result(&format!("{other}3\n")), None);
    }

    #[test]
    fn gives_a_result_as_it_is_written() {
        let deep = format!("{}{}", "[".repeat(65), "]".repeat(65));
        for json in [
            "1.50",
            "-0",
            r#"{"b":"\u00e9","a":[true,null]}"#,
            "[]",
            &deep,
        ] {
            assert_eq!(result(&format!("{MARK}{json}\n")).as_deref(), Some(json));
        }
    }

    #[test]
    fn reads_a_failure() {
        let failure = MARK.replace("result", "failure");
        let text = format!("{MARK}1\n{failure}{{\"reason\":\"R\",\"message\":\"m\"}}\n");
        let (report, _) = taken(&text);
        assert!(matches!(report, Some(Report::Failure(failure)) if failure.reason == "R"));
    }

    #[test]
    fn says_so_where_the_line_cannot_be_read() {
        let deep = format!("{}{}", "[".repeat(66), "]".repeat(66));
        let unreadable = [
            "",
            "{",
            "{\"a\":[redacted]}",
            "1 2",
            "1e999",
            r#""\ud800""#,
            r#"{"\ud800": 1}"#,
            &deep,
        ];
        for rest in unreadable {
            let (report, output) = taken(&format!("{MARK}{rest}"));
            assert!(matches!(report, Some(Report::Unreadable)), "{rest}");
            assert_eq!(output.text, "");
        }
    }
}
