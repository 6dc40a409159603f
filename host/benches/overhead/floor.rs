//! Wasmtime alone: the least that a call of a component in a store of its own costs.

use toolhost::engine::ToolEngine;
use toolhost::limits::Limits;
use wasmtime::Store;
use wasmtime::component::{Component, HasSelf, Linker};

use crate::measure::Subject;
use crate::{Result, THREADS, tools};

mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/v0.1",
        world: "tool",
        exports: { default: async },
    });
}

use bindings::ToolPre;
use bindings::noetl::tool::{progress, types};

/// The tool `empty`, called without a host: no limits, no registry, no configuration to check.
pub(crate) struct Floor {
    /// The host's own engine, so that its settings are the same; also its ticker.
    engine: ToolEngine,
    tool: ToolPre<Idle>,
    context: Vec<(String, String)>,
}

/// Answers the guest's calls and does nothing.
struct Idle;

impl Floor {
    pub(crate) fn new() -> Result<Self> {
        let max_calls = u32::try_from(2 * THREADS)?;
        let engine = ToolEngine::new(max_calls, &Limits::default())?;
        let component = Component::new(engine.wasmtime(), tools::empty_component()?)?;
        let mut linker = Linker::new(engine.wasmtime());
        types::add_to_linker::<_, HasSelf<Idle>>(&mut linker, |idle| idle)?;
        progress::add_to_linker::<_, HasSelf<Idle>>(&mut linker, |idle| idle)?;
        let context = [
            ("execution-id", tools::EXECUTION_ID),
            ("step", tools::STEP),
            ("engine", "memory"),
        ];
        Ok(Self {
            tool: ToolPre::new(linker.instantiate_pre(&component)?)?,
            engine,
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
        let mut store = Store::new(self.engine.wasmtime(), Idle);
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        let tool = self.tool.instantiate_async(&mut store).await?;
        let config = tools::EMPTY_CONFIG;
        let handler = tool.noetl_tool_handler();
        let answer = handler.call_invoke(&mut store, config, &self.context);
        match answer.await? {
            Ok(_) => Ok(()),
            Err(error) => Err(error.message.into()),
        }
    }
}

impl types::Host for Idle {}

impl progress::Host for Idle {
    fn report(&mut self, _: String, _: String, _: Vec<(String, String)>) {}

    fn log(&mut self, _: String, _: String) {}
}
