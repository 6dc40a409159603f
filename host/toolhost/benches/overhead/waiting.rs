//! The memory of many calls that wait at once.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use toolhost::capability::memory::{AttemptScript, JobScript, MemoryEngine};

use crate::Result;
use crate::measure::Subject as _;
use crate::tools::{self, HostedTool};

/// Memory of a process, before and during calls that wait for a job.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct WaitingMemory {
    /// How many calls wait.
    pub(crate) calls: u32,
    /// With the host set up and its tools compiled.
    pub(crate) before: Memory,
    /// While all calls wait.
    pub(crate) during: Memory,
}

/// Memory of a process as Linux counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memory {
    /// Each page once for every place where it is mapped. The data of a component is one file that each
    /// of its memories maps, so this counts it once a call.
    pub(crate) resident_bytes: u64,
    /// Each page once, as the limit of a container counts it.
    pub(crate) proportional_bytes: u64,
}

/// What has this program measure memory and nothing else; the number of calls comes after it.
pub(crate) const ARGUMENT: &str = "--waiting-calls";

/// How often it is looked whether all calls wait.
const LOOK: Duration = Duration::from_millis(50);
/// How many looks must find memory unchanged for all calls to have come to rest.
const QUIET_LOOKS: u32 = 10;

impl WaitingMemory {
    /// What one call adds.
    pub(crate) fn bytes_per_call(&self) -> u64 {
        let added = self.during.proportional_bytes;
        let added = added.saturating_sub(self.before.proportional_bytes);
        added / u64::from(self.calls.max(1))
    }
}

/// Measures in a process of its own: what ten thousand calls leave of the heap makes those after them slower,
/// and what was freed before them would hide what they need.
pub(crate) fn measure_apart(calls: u32) -> Result<WaitingMemory> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(ARGUMENT).arg(calls.to_string());
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("the memory of calls was not measured: {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Makes so many calls of the tool `script` whose jobs run until they are released, and looks at memory
/// when all of them run.
pub(crate) async fn measure(calls: u32) -> Result<WaitingMemory> {
    let engine = MemoryEngine::new();
    engine.default_script(JobScript::new([AttemptScript::hold()]));
    let host = tools::host(engine.clone(), calls.try_into()?).await?;
    let tool = Arc::new(HostedTool::script_inline(&host)?);
    let before = Memory::of_this_process()?;
    let mut tasks = JoinSet::new();
    for call in 0..calls {
        let tool = Arc::clone(&tool);
        let request = tool.request_for(format!("step_{call}"));
        tasks.spawn(async move { tool.call(request).await });
    }
    let mut during = before;
    let mut quiet_looks = 0;
    while quiet_looks < QUIET_LOOKS {
        if let Some(ended) = tasks.try_join_next() {
            ended??;
            return Err("a call ended before its job was released".into());
        }
        tokio::time::sleep(LOOK).await;
        let now = Memory::of_this_process()?;
        let all_run = engine.requests().len() == tasks.len();
        let is_quiet = all_run && now == during;
        quiet_looks = if is_quiet { quiet_looks + 1 } else { 0 };
        during = now;
    }
    for request in engine.requests() {
        let _runs = engine.release(request.name.as_str());
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(WaitingMemory {
        calls,
        before,
        during,
    })
}

impl Memory {
    fn of_this_process() -> Result<Self> {
        let rollup = std::fs::read_to_string("/proc/self/smaps_rollup")?;
        let bytes_of = |name: &str| -> Result<u64> {
            let line = rollup.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
            let kibibytes = kibibytes.ok_or("Linux does not say how much memory is in use")?;
            Ok(kibibytes.parse::<u64>()? << 10)
        };
        Ok(Self {
            resident_bytes: bytes_of("Rss:")?,
            proportional_bytes: bytes_of("Pss:")?,
        })
    }
}
