//! The program of the job: the code of the step, and what calls it and tells of its result.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use noetl_job_tool::hash;
use noetl_tool_sdk::{Error, code};
use serde::Serialize;

use crate::report::{MAX_RESULT_BYTES, Marks};
use crate::result::MAX_DEPTH;

/// What the program's file is called.
pub(crate) const FILE_NAME: &str = "step.py";
const RUNNER: &str = include_str!("runner.py");

/// A program, and how its report begins.
pub(crate) struct Program {
    /// Python source.
    pub source: String,
    /// What its report begins with.
    pub marks: Marks,
}

impl Program {
    /// The program for the code of a job.
    ///
    /// The marks follow from both, so that a call that is repeated makes the same program and finds the job
    /// that runs already; and another step's report, in the log of this one, is none of this one's.
    ///
    /// # Errors
    ///
    /// None that could happen with texts.
    pub(crate) fn new(job_name: &str, python: &str) -> Result<Self, Error> {
        // Half of the digits are enough for what nobody gains from: they are read by people.
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

/// The command that runs it. Without `-u` the log of a job lags behind what it does.
pub(crate) fn command() -> Vec<String> {
    ["python3", "-u", "$(NOETL_SCRIPT)"]
        .map(String::from)
        .into()
}

/// A text as Python writes it: JSON's escapes mean the same there.
fn literal<T: Serialize + ?Sized>(text: &T) -> Result<String, Error> {
    serde_json::to_string(text).map_err(|error| {
        let message = format!("`code` cannot be written as a literal: {error}");
        Error::new(code::INTERNAL, message)
    })
}
