//! Wasmtime alone: the least that a call of a component in a store of its own costs.

use toolhost::limits::Limits;
use wasmtime::Store;
use wasmtime::component::{Component, Linker};

use crate::engine::ToolEngine;
use crate::idle::bindings::ToolPre;
use crate::idle::{self, Idle};
use crate::measure::Subject;
use crate::tools::MeasuredTool;
use crate::{Result, THREADS, tools};

/// A tool that is called without a host: no limits, no registry, no configuration to check, and
/// capabilities that do nothing.
pub(crate) struct Floor {
    /// The host's own engine, so that its settings are the same; also its ticker.
    engine: ToolEngine,
    tool: ToolPre<Idle>,
    config: String,
    context: Vec<(String, String)>,
}

impl Floor {
    /// A tool to compare with.
    pub(crate) fn small(tool: MeasuredTool) -> Result<Self> {
        Self::new(&tool.component()?, tool.config.to_owned())
    }

    /// The tool `script`, with a script in its configuration.
    pub(crate) fn script() -> Result<Self> {
        let config = tools::inline_script_config().to_string();
        Self::new(tools::script_component()?, config)
    }

    fn new(component: &[u8], config: String) -> Result<Self> {
        let max_calls = u32::try_from(2 * THREADS)?;
        let engine = ToolEngine::new(max_calls, &Limits::default())?;
        let component = Component::new(engine.wasmtime(), component)?;
        let mut linker = Linker::new(engine.wasmtime());
        idle::add_to_linker(&mut linker)?;
        let context = [
            ("execution-id", tools::EXECUTION_ID),
            ("step", tools::STEP),
            ("engine", "memory"),
        ];
        Ok(Self {
            tool: ToolPre::new(linker.instantiate_pre(&component)?)?,
            engine,
            config,
            context: context
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
        })
    }
}

impl Subject for Floor {
    type Request = ();

    fn request(&self) {}

    async fn call(&self, (): ()) -> Result<()> {
        let mut store = Store::new(self.engine.wasmtime(), Idle::default());
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let tool = self.tool.instantiate_async(&mut store).await?;
        let handler = tool.noetl_tool_handler();
        let answer = handler.call_invoke(&mut store, &self.config, &self.context);
        match answer.await? {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message.into()),
        }
    }
}
