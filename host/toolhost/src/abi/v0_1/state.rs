use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use wasmtime::component::{Resource, ResourceTable, ResourceTableError};
use wasmtime::{Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_io::IoView;

use super::budget::{ByteBudget, Reservation};
use super::output::GuestOutput;
use crate::abi::meter::Meter;
use crate::capability::{CapabilityError, Reason};
use crate::engine::ToolEngine;
use crate::limits::Limits;
use crate::scope::{CallScope, RunningJob};

/// The host state in a guest's store: everything that the guest's calls act on.
pub(crate) struct CallState {
    pub(super) scope: Arc<CallScope>,
    pub(super) meter: Meter,
    /// The resources behind the guest's handles.
    table: ResourceTable,
    /// The number of handles.
    handles: usize,
    /// The bytes that are held for the guest.
    pub(super) budget: ByteBudget,
    /// The specifications of jobs that may still run, which engines keep.
    running: Vec<(Arc<RunningJob>, Vec<Reservation>)>,
    store_limits: StoreLimits,
    output: GuestOutput,
    /// Created when a guest first uses it, which most never do.
    wasi: Option<Box<WasiCtx>>,
}

/// The maximum number of instances of a component, above that of the pool: a Python tool has 38, and those of
/// components count as well.
const MAX_INSTANCES: usize = 128;
/// The same of memories and of tables.
const MAX_MEMORIES: usize = 32;

impl CallState {
    /// The state of a guest that acts within `scope`.
    #[must_use]
    pub(crate) fn new(scope: Arc<CallScope>) -> Self {
        let limits = &scope.limits;
        let store_limits = StoreLimitsBuilder::new()
            .memory_size(limits.memory_bytes)
            .table_elements(limits.table_elements)
            .instances(MAX_INSTANCES)
            .memories(MAX_MEMORIES)
            .tables(MAX_MEMORIES)
            .trap_on_grow_failure(true)
            .build();
        Self {
            meter: Meter::new(limits.cpu_time),
            table: ResourceTable::new(),
            handles: 0,
            budget: ByteBudget::new(limits.held_bytes),
            running: Vec::new(),
            store_limits,
            output: GuestOutput::new(Arc::clone(&scope)),
            wasi: None,
            scope,
        }
    }

    /// A store for this state, with all limits set.
    #[must_use]
    pub(crate) fn into_store(self, engine: &ToolEngine) -> Store<Self> {
        let Limits {
            message_bytes,
            handles,
            ..
        } = *self.scope.limits;
        let mut store = Store::new(engine.wasmtime(), self);
        store.limiter(|state| &mut state.store_limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|mut context| Ok(context.data_mut().meter.tick()?));
        store.set_hostcall_fuel(message_bytes);
        store.set_max_component_handles(handles);
        store
    }

    /// The limits of the call.
    #[must_use]
    pub(crate) fn limits(&self) -> &Limits {
        &self.scope.limits
    }

    /// The computation time of the guest.
    #[must_use]
    pub(crate) fn cpu_time(&self) -> Duration {
        self.meter.used()
    }

    /// The end of what the guest printed, which contains panic messages.
    #[must_use]
    pub(crate) fn printed(&self) -> String {
        self.output.end()
    }

    pub(super) fn push<T: Send + 'static>(
        &mut self,
        value: T,
    ) -> Result<Resource<T>, CapabilityError> {
        let too_many = || {
            let limit = self.scope.limits.handles;
            CapabilityError::new(
                Reason::TooLarge,
                format!("a tool may hold at most {limit} handles"),
            )
        };
        if self.handles >= self.scope.limits.handles {
            return Err(too_many());
        }
        let resource = self.table.push(value).map_err(|_| too_many())?;
        self.handles += 1;
        Ok(resource)
    }

    pub(super) fn get<T: 'static>(&self, handle: &Resource<T>) -> Result<&T, ResourceTableError> {
        self.table.get(handle)
    }

    pub(super) fn get_mut<T: 'static>(
        &mut self,
        handle: &Resource<T>,
    ) -> Result<&mut T, ResourceTableError> {
        self.table.get_mut(handle)
    }

    pub(super) fn delete<T: 'static>(
        &mut self,
        handle: Resource<T>,
    ) -> Result<T, ResourceTableError> {
        let value = self.table.delete(handle)?;
        self.handles = self.handles.saturating_sub(1);
        Ok(value)
    }

    /// Releases the specifications of finished jobs.
    pub(super) fn release_finished_jobs(&mut self) {
        self.running.retain(|(job, _)| !job.is_finished());
    }

    /// Counts the specification of a job for as long as it may run, whether the guest keeps its handle or
    /// not.
    pub(super) fn hold_job(&mut self, job: &Arc<RunningJob>, held: Vec<Reservation>) {
        self.running.push((Arc::clone(job), held));
    }

    /// The maximum time that a guest waits if it requests `milliseconds`. Guests with long waits are woken
    /// now and then, so that they are seen to be alive.
    pub(super) fn bounded_wait(milliseconds: u32) -> Duration {
        const MAX_WAIT: Duration = Duration::from_mins(1);
        Duration::from_millis(milliseconds.into()).min(MAX_WAIT)
    }
}

impl fmt::Debug for CallState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scope, handles, .. } = self;
        formatter
            .debug_struct("CallState")
            .field("tool", &scope.context.tool)
            .field("handles", handles)
            .finish_non_exhaustive()
    }
}

impl IoView for CallState {
    fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }
}

impl WasiView for CallState {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self {
            wasi,
            table,
            output,
            ..
        } = self;
        let ctx = wasi.get_or_insert_with(|| Box::new(no_context(output)));
        WasiCtxView { ctx, table }
    }
}

/// Nothing of the host's: no arguments, environment, files or network.
fn no_context(output: &GuestOutput) -> WasiCtx {
    WasiCtx::builder()
        .stdout(output.stream())
        .stderr(output.stream())
        .build()
}
