/// What differs from tool to tool.
#[derive(Debug, Clone, Copy)]
pub struct Profile {
    /// The kind, which the names of jobs begin with: lowercase letters, at most 10 of them.
    pub kind: &'static str,
    /// The default number of retries.
    pub backoff_limit: u64,
    /// What the paths of the job's keys begin with: `job.`, or nothing if they are at the top.
    pub keys: &'static str,
    /// The path of the key with the arguments, which the job gets as `NOETL_ARGS`.
    pub arguments: &'static str,
}
