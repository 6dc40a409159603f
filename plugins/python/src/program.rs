//! The program of the job: the code of the step, and the runner that calls it and reports its result.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_job_tool::hash;
use noetl_tool_sdk::{Error, code};
use serde::Serialize;

use crate::report::{MAX_RESULT_BYTES, Marks};
use crate::result::MAX_DEPTH;

/// The file name of the program.
pub(crate) const FILE_NAME: &str = "step.py";
const RUNNER: &str = include_str!("runner.py");

/// A program, and the prefix of its report.
pub(crate) struct Program {
    /// Python source.
    pub source: String,
    /// The prefix of its report.
    pub marks: Marks,
}

impl Program {
    /// The program for the code of a job.
    ///
    /// The marks are derived from both, so that a repeated call creates the same program and finds the
    /// running job, and the report of another step in this log is not taken for that of this step.
    ///
    /// # Errors
    ///
    /// None in practice: strings can always be written as JSON.
    pub(crate) fn new(job_name: &str, python: &str) -> Result<Self, Error> {
        // Half of the digits are enough: they are read by people, and forging them is of no use.
        let nonce = u64::try_from(hash([job_name, python]) >> 64).unwrap_or_default();
        let marks = Marks::new(nonce);
        let source = format!(
            "CODE = {}\nRESULT_MARK = {}\nFAILURE_MARK = {}\n\
             MAX_RESULT_BYTES = {MAX_RESULT_BYTES}\nMAX_DEPTH = {MAX_DEPTH}\n{RUNNER}",
            literal(python)?,
            literal(&marks.result)?,
            literal(&marks.failure)?,
        );
        Ok(Self { source, marks })
    }
}

/// The command that runs it. Without `-u` the log of a job is delayed.
pub(crate) fn command() -> Vec<String> {
    ["python3", "-u", "$(NOETL_SCRIPT)"]
        .map(String::from)
        .into()
}

/// A string as a Python literal: JSON's escapes have the same meaning there.
fn literal<T: Serialize + ?Sized>(text: &T) -> Result<String, Error> {
    serde_json::to_string(text).map_err(|error| {
        let message = format!("`code` cannot be written as a literal: {error}");
        Error::new(code::INTERNAL, message)
    })
}
