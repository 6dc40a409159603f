//! The memory of many calls that wait at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use toolhost::backend::memory::{AttemptScript, JobScript, MemoryEngine};

use crate::Result;
use crate::measure::Subject as _;
use crate::tools::{self, HostedTool};

/// Resident memory of this process, before and during calls that wait for a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WaitingMemory {
    /// How many calls wait.
    pub(crate) calls: u32,
    /// With the host set up and its tools compiled.
    pub(crate) bytes_before: u64,
    /// While all calls wait.
    pub(crate) bytes: u64,
}

/// How often it is looked whether all calls wait.
const LOOK: Duration = Duration::from_millis(50);
/// How many looks must find memory unchanged for all calls to have come to rest.
const QUIET_LOOKS: u32 = 10;

impl WaitingMemory {
    /// What one call adds.
    pub(crate) fn bytes_per_call(&self) -> u64 {
        self.bytes.saturating_sub(self.bytes_before) / u64::from(self.calls.max(1))
    }
}

/// Makes so many calls of the tool `script` whose jobs run until they are released, and looks at memory
/// when all of them run.
pub(crate) async fn measure(calls: u32) -> Result<WaitingMemory> {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new([AttemptScript::hold()]));
    let host = tools::host(engine.clone(), calls.try_into()?).await?;
    let tool = Arc::new(HostedTool::script_inline(&host)?);
    let bytes_before = resident_bytes()?;
    let mut tasks = JoinSet::new();
    for call in 0..calls {
        let tool = Arc::clone(&tool);
        let request = tool.request_for(format!("step_{call}"));
        tasks.spawn(async move { tool.call(request).await });
    }
    let mut bytes = bytes_before;
    let mut quiet_looks = 0;
    while quiet_looks < QUIET_LOOKS {
        if let Some(ended) = tasks.try_join_next() {
            ended??;
            return Err("a call ended before its job was released".into());
        }
        tokio::time::sleep(LOOK).await;
        let now = resident_bytes()?;
        let all_run = engine.requests().len() == tasks.len();
        let is_quiet = all_run && now == bytes;
        quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
        bytes = now;
    }
    for request in engine.requests() {
        let _runs = engine.release(&request.name);
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(WaitingMemory {
        calls,
        bytes_before,
        bytes,
    })
}

/// `VmRSS` as Linux counts it.
fn resident_bytes() -> Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    let kibibytes = kibibytes.ok_or("Linux does not say how much memory is resident")?;
    Ok(kibibytes.parse::<u64>()? << 10)
}
