//! The compiler and allocator that all calls share, set up for many short calls of hostile guests.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::Limits;

/// How often guests are interrupted to be counted and to let others run. Wasmtime's own guidance is 10 ms;
/// a runaway guest is then stopped at most two ticks after its budget.
pub const TICK: Duration = Duration::from_millis(10);
/// What a slot keeps of its memory between calls. Together with `pagemap_scan` this doubled the calls
/// per second; 256 KiB to 2 MiB measured alike.
const RESIDENT_MEMORY_BYTES: usize = 1 << 20;
/// As above, for tables.
const RESIDENT_TABLE_BYTES: usize = 64 << 10;
/// How much a memory can grow before it is moved, where address space is scarce.
const FRUGAL_GROWTH_BYTES: u64 = 1 << 20;
/// The stack of a guest with its host calls. Half of it is the guest's, see [`GUEST_STACK_BYTES`].
const STACK_BYTES: usize = 1 << 20;
/// Where recursion of a guest ends.
const GUEST_STACK_BYTES: usize = 512 << 10;
/// A component of several modules, such as one with an adapter, has a few of each.
const MAX_INSTANCES_PER_CALL: u32 = 8;
/// As above.
const MAX_MEMORIES_PER_CALL: u32 = 2;
/// As above.
const MAX_TABLES_PER_CALL: u32 = 8;

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine")]
pub struct EngineError(#[source] wasmtime::Error);

/// The engine and the permits to use it.
#[derive(Debug)]
pub struct ToolEngine {
    engine: Engine,
    /// One permit an instance, so that a full pool makes calls wait instead of fail.
    permits: Semaphore,
    is_pooled: bool,
    ticker: Ticker,
}

/// How much address space there is, which decides how accesses to a guest's memory are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressSpace {
    /// Enough for a pool of instances.
    Ample,
    /// Too little for it.
    Scarce,
}

/// Stops its thread when it goes.
#[derive(Debug)]
struct Ticker(Arc<AtomicBool>);

impl ToolEngine {
    /// An engine for at most `max_calls` calls at once.
    ///
    /// Instances come from a pool. Where the address space does not suffice for it (4 GiB are reserved
    /// for each call, which costs no memory), they are allocated one by one instead.
    ///
    /// # Errors
    ///
    /// [`EngineError`] where the machine cannot run WebAssembly at all.
    pub fn new(max_calls: u32, limits: &Limits) -> Result<Self, EngineError> {
        let pooled = Engine::new(config().allocation_strategy(pool(max_calls, limits)));
        let (engine, is_pooled) = match pooled {
            Ok(engine) => (engine, true),
            Err(error) => {
                tracing::info!(%error, "no room for a pool of instances, allocating one by one");
                (AddressSpace::Scarce.compiling_engine()?, false)
            }
        };
        let ticker = Ticker::start(&engine).map_err(|error| EngineError(error.into()))?;
        Ok(Self {
            engine,
            permits: Semaphore::new(max_calls.try_into().unwrap_or(Semaphore::MAX_PERMITS)),
            is_pooled,
            ticker,
        })
    }

    /// The engine of wasmtime.
    #[must_use]
    pub fn wasmtime(&self) -> &Engine {
        &self.engine
    }

    /// Whether instances come from a pool.
    #[must_use]
    pub fn is_pooled(&self) -> bool {
        self.is_pooled
    }

    pub(crate) fn address_space(&self) -> AddressSpace {
        if self.is_pooled {
            AddressSpace::Ample
        } else {
            AddressSpace::Scarce
        }
    }

    /// Waits for room for one more call. None when the engine is shut down, which it never is.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub async fn admit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }
}

impl AddressSpace {
    /// An engine whose code runs on that of a [`ToolEngine`] with as much room. It has no pool, since nothing is
    /// allocated by who only compiles.
    pub(crate) fn compiling_engine(self) -> Result<Engine, EngineError> {
        let config = match self {
            Self::Ample => config(),
            Self::Scarce => frugal_config(),
        };
        Engine::new(&config).map_err(EngineError)
    }

    /// As another process is told.
    pub(crate) fn as_byte(self) -> u8 {
        match self {
            Self::Ample => b'A',
            Self::Scarce => b'S',
        }
    }

    pub(crate) fn from_byte([byte]: [u8; 1]) -> Option<Self> {
        [Self::Ample, Self::Scarce]
            .into_iter()
            .find(|space| space.as_byte() == byte)
    }
}

impl Drop for ToolEngine {
    fn drop(&mut self) {
        self.ticker.0.store(true, Ordering::Relaxed);
    }
}

impl Ticker {
    /// An operating system thread, since a busy executor delays its own timers.
    fn start(engine: &Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped: Weak<AtomicBool> = Arc::downgrade(&stop);
        let engine = engine.weak();
        thread::Builder::new()
            .name("toolhost-ticker".to_owned())
            .spawn(move || {
                while let (Some(engine), Some(stop)) = (engine.upgrade(), stopped.upgrade()) {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    engine.increment_epoch();
                    drop((engine, stop));
                    thread::sleep(TICK);
                }
            })?;
        Ok(Self(stop))
    }
}

fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        // The ABI is synchronous on the guest's side: without this, each call is 2 to 5 times cheaper.
        .concurrency_support(false)
        .epoch_interruption(true)
        .async_stack_size(STACK_BYTES)
        .max_wasm_stack(GUEST_STACK_BYTES);
    config
}

/// Without the gigabytes of address space that spare a guest's memory accesses their checks.
fn frugal_config() -> Config {
    let mut config = config();
    config
        .memory_reservation(0)
        .memory_guard_size(0)
        .memory_reservation_for_growth(FRUGAL_GROWTH_BYTES);
    config
}

fn pool(max_calls: u32, limits: &Limits) -> InstanceAllocationStrategy {
    let mut pool = PoolingAllocationConfig::new();
    let each = |count: u32| max_calls.saturating_mul(count);
    pool.total_component_instances(max_calls)
        .total_core_instances(each(MAX_INSTANCES_PER_CALL))
        .total_memories(max_calls)
        .total_tables(each(MAX_TABLES_PER_CALL))
        .total_stacks(max_calls)
        .max_core_instances_per_component(MAX_INSTANCES_PER_CALL)
        .max_memories_per_component(MAX_MEMORIES_PER_CALL)
        .max_tables_per_component(MAX_TABLES_PER_CALL)
        .table_elements(limits.table_elements)
        .max_memory_size(limits.memory_bytes)
        .linear_memory_keep_resident(RESIDENT_MEMORY_BYTES)
        .table_keep_resident(RESIDENT_TABLE_BYTES)
        .pagemap_scan(Enabled::Auto);
    InstanceAllocationStrategy::Pooling(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_its_ticker_when_it_goes() {
        let engine = ToolEngine::new(1, &Limits::default()).unwrap();
        let stop = Arc::downgrade(&engine.ticker.0);
        drop(engine);
        // The thread holds the flag for moments only.
        while stop.upgrade().is_some() {
            thread::yield_now();
        }
    }

    #[test]
    fn code_of_an_engine_that_only_compiles_runs_on_a_pool() {
        use std::hash::{DefaultHasher, Hash as _, Hasher as _};
        let hash = |engine: &Engine| {
            let mut hasher = DefaultHasher::new();
            engine.precompile_compatibility_hash().hash(&mut hasher);
            hasher.finish()
        };
        let engine = ToolEngine::new(1, &Limits::default()).unwrap();
        let compiling = engine.address_space().compiling_engine().unwrap();
        assert_eq!(hash(engine.wasmtime()), hash(&compiling));
        for space in [AddressSpace::Ample, AddressSpace::Scarce] {
            assert_eq!(AddressSpace::from_byte([space.as_byte()]), Some(space));
        }
    }

    #[tokio::test]
    async fn admits_no_more_calls_than_there_is_room_for() {
        let engine = ToolEngine::new(1, &Limits::default()).unwrap();
        let first = engine.admit().await.unwrap();
        assert!(engine.permits.try_acquire().is_err());
        drop(first);
        assert!(engine.permits.try_acquire().is_ok());
    }
}
