//! Version 0.1 of the ABI: `wit/v0.1`.

mod bindings;
mod budget;
mod calls;
mod convert;
mod jobs;
mod logs;
mod objects;
mod output;
mod progress;
#[expect(unreachable_pub, reason = "the generated bindings export its types")]
mod resources;
mod secrets;
mod shown;
mod state;
mod wasi;

use wasmtime::component::{HasSelf, Linker};

pub(super) use calls::{describe, invoke, link};
use state::CallState;

use crate::grant::{Capability, Grants};

use bindings::noetl::tool::{
    jobs as jobs_interface, logs as logs_interface, objects as objects_interface,
    progress as progress_interface, secrets as secrets_interface, types as types_interface,
};

/// The tool's exports, checked and ready to be instantiated.
pub(super) type ToolPre = bindings::ToolPre<CallState>;

/// Links the parts of WASI that every tool may use, and the granted capabilities; nothing else.
///
/// # Errors
///
/// If two parts have the same name, which is not the case.
fn add_to_linker(linker: &mut Linker<CallState>, grants: &Grants) -> wasmtime::Result<()> {
    wasi::add_to_linker(linker)?;
    types_interface::add_to_linker::<_, HasSelf<CallState>>(linker, |state| state)?;
    for capability in grants.iter() {
        add_capability(linker, capability)?;
    }
    Ok(())
}

fn add_capability(linker: &mut Linker<CallState>, capability: Capability) -> wasmtime::Result<()> {
    type Data = HasSelf<CallState>;
    match capability {
        Capability::Objects => objects_interface::add_to_linker::<_, Data>(linker, |state| state),
        Capability::Secrets => secrets_interface::add_to_linker::<_, Data>(linker, |state| state),
        Capability::Jobs => jobs_interface::add_to_linker::<_, Data>(linker, |state| state),
        Capability::Logs => logs_interface::add_to_linker::<_, Data>(linker, |state| state),
        Capability::Progress => progress_interface::add_to_linker::<_, Data>(linker, |state| state),
    }
}
