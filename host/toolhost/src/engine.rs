//! The compiler and allocator that all calls share, configured for many short calls of hostile guests.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::Limits;

/// How often guests are interrupted to be counted and to let others run. Wasmtime's own guidance is 10 ms;
/// a runaway guest is then stopped at most two ticks after its budget.
pub(crate) const TICK: Duration = Duration::from_millis(10);
/// The number of ticks without a computing guest after which the ticker sleeps until there is one: a tenth of
/// a second, so that a busy host wakes it rarely, and a host that waits for jobs has no wake-ups for it.
const IDLE_TICKS: u32 = 10;
/// The amount of memory that a slot keeps between calls. Together with `pagemap_scan` this doubled
/// the calls per second; 256 KiB to 2 MiB measured alike.
const RESIDENT_MEMORY_BYTES: usize = 1 << 20;
/// As above, for tables.
const RESIDENT_TABLE_BYTES: usize = 64 << 10;
/// How much a memory can grow before it is moved, if address space is scarce.
const FRUGAL_GROWTH_BYTES: u64 = 1 << 20;
/// The stack of a guest with its host calls. Half of it is the guest's, see [`GUEST_STACK_BYTES`].
const STACK_BYTES: usize = 1 << 20;
/// The recursion limit of a guest.
const GUEST_STACK_BYTES: usize = 512 << 10;
/// Instances of core modules in a component: that of a Rust tool has up to 4, that of a Python tool 38 (componentize-py
/// 0.25, a module for each library of the interpreter). An instance costs a pool nothing until it exists.
const MAX_INSTANCES_PER_CALL: u32 = 64;
/// A component of several modules has one memory, and its adapter none.
const MAX_MEMORIES_PER_CALL: u32 = 2;
/// Each library of an interpreter shares the table of its program.
const MAX_TABLES_PER_CALL: u32 = 8;

/// Why the engine cannot be created.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine")]
pub(crate) struct EngineError(#[source] wasmtime::Error);

/// The engine and the permits to use it.
#[derive(Debug)]
pub(crate) struct ToolEngine {
    engine: Engine,
    /// One permit per instance, so that a full pool makes calls wait instead of failing.
    permits: Semaphore,
    #[cfg_attr(
        not(feature = "compile"),
        expect(dead_code, reason = "only compiling depends on it")
    )]
    is_pooled: bool,
    ticker: Ticker,
}

/// The available address space, which determines how accesses to a guest's memory are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AddressSpace {
    /// Enough for a pool of instances.
    #[cfg_attr(
        not(feature = "compile"),
        expect(dead_code, reason = "the engine of a host has a pool then")
    )]
    Ample,
    /// Too little for it.
    Scarce,
}

/// Ticks while guests compute. Stops its thread when it is dropped.
#[derive(Debug)]
struct Ticker {
    pace: Arc<Pace>,
    thread: Thread,
}

/// The state that the ticker's thread reads.
#[derive(Debug, Default)]
struct Pace {
    /// The number of guests that have control.
    computing: AtomicUsize,
    /// Whether the thread sleeps until a guest computes.
    is_parked: AtomicBool,
    is_stopped: AtomicBool,
    /// The number of ticks.
    #[cfg(test)]
    ticks: AtomicUsize,
}

/// A guest that has control.
struct Computing<'engine>(&'engine Pace);

impl ToolEngine {
    /// An engine for at most `max_calls` concurrent calls.
    ///
    /// Instances come from a pool. If the address space does not suffice for it (4 GiB are reserved for each
    /// call, which costs no memory), they are allocated individually instead.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the machine cannot run WebAssembly at all.
    pub(crate) fn new(max_calls: u32, limits: &Limits) -> Result<Self, EngineError> {
        let pooled = Engine::new(config().allocation_strategy(pool(max_calls, limits)));
        let (engine, is_pooled) = match pooled {
            Ok(engine) => (engine, true),
            Err(error) => {
                tracing::info!(%error, "cannot reserve a pool of instances, allocating them \
                                        individually");
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
    pub(crate) fn wasmtime(&self) -> &Engine {
        &self.engine
    }

    #[cfg(feature = "compile")]
    pub(crate) fn address_space(&self) -> AddressSpace {
        if self.is_pooled {
            AddressSpace::Ample
        } else {
            AddressSpace::Scarce
        }
    }

    /// Runs a future that gives control to guests, with ticks while it is polled: a guest that waits for a
    /// capability needs none.
    pub(crate) async fn ticking<T>(&self, guest: impl Future<Output = T>) -> T {
        let mut guest = pin!(guest);
        poll_fn(|context| {
            let _computing = self.ticker.computing();
            guest.as_mut().poll(context)
        })
        .await
    }

    /// Waits for a permit for one more call. `None` if the engine is shut down, which never happens.
    ///
    /// # Cancel safety
    ///
    /// Safe; the place in the queue is lost.
    pub(crate) async fn admit(&self) -> Option<SemaphorePermit<'_>> {
        self.permits.acquire().await.ok()
    }
}

impl AddressSpace {
    /// An engine whose code runs on a [`ToolEngine`] with the same address space. It has no pool, since
    /// compiling allocates no instances.
    pub(crate) fn compiling_engine(self) -> Result<Engine, EngineError> {
        let config = match self {
            Self::Ample => config(),
            Self::Scarce => frugal_config(),
        };
        Engine::new(&config).map_err(EngineError)
    }
}

/// The values that are passed to a compiler in another process.
#[cfg(feature = "compile")]
impl AddressSpace {
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

impl Ticker {
    /// An operating system thread, since a busy executor delays its own timers.
    fn start(engine: &Engine) -> std::io::Result<Self> {
        let pace = Arc::new(Pace::default());
        let of_thread = Arc::clone(&pace);
        let engine = engine.weak();
        let thread = thread::Builder::new()
            .name("toolhost-ticker".to_owned())
            .spawn(move || {
                let mut idle_ticks = 0;
                while let Some(engine) = engine.upgrade() {
                    if of_thread.is_stopped.load(Ordering::SeqCst) {
                        break;
                    }
                    engine.increment_epoch();
                    drop(engine);
                    #[cfg(test)]
                    of_thread.ticks.fetch_add(1, Ordering::Relaxed);
                    idle_ticks = if of_thread.is_idle() {
                        idle_ticks + 1
                    } else {
                        0
                    };
                    if idle_ticks < IDLE_TICKS {
                        thread::sleep(TICK);
                    } else {
                        of_thread.park();
                        idle_ticks = 0;
                    }
                }
            })?
            .thread()
            .clone();
        Ok(Self { pace, thread })
    }

    /// Ticks until what is returned is dropped.
    fn computing(&self) -> Computing<'_> {
        self.pace.computing.fetch_add(1, Ordering::SeqCst);
        // Either this sees that the thread sleeps, or the thread sees that a guest computes: the order of these four
        // accesses is the same for both.
        if self.pace.is_parked.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Computing(&self.pace)
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.pace.is_stopped.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Pace {
    fn is_idle(&self) -> bool {
        self.computing.load(Ordering::SeqCst) == 0
    }

    /// Sleeps until a guest computes, or until ticks are no longer needed.
    fn park(&self) {
        self.is_parked.store(true, Ordering::SeqCst);
        while self.is_idle() && !self.is_stopped.load(Ordering::SeqCst) {
            thread::park();
        }
        self.is_parked.store(false, Ordering::SeqCst);
    }
}

impl Drop for Computing<'_> {
    fn drop(&mut self) {
        self.0.computing.fetch_sub(1, Ordering::SeqCst);
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

/// Without the gigabytes of address space that make bounds checks of a guest's memory accesses unnecessary.
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
    use std::future::pending;
    use std::time::Instant;

    use super::*;

    #[test]
    fn stops_its_ticker_when_it_goes() {
        let engine = ToolEngine::new(1, &Limits::default()).unwrap();
        let stop = Arc::downgrade(&engine.ticker.pace);
        drop(engine);
        // The thread only holds the flag briefly.
        while stop.upgrade().is_some() {
            thread::yield_now();
        }
    }

    #[cfg(feature = "compile")]
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
    async fn admits_no_more_calls_than_it_has_permits() {
        let engine = ToolEngine::new(1, &Limits::default()).unwrap();
        let first = engine.admit().await.unwrap();
        assert!(engine.permits.try_acquire().is_err());
        drop(first);
        assert!(engine.permits.try_acquire().is_ok());
    }

    fn until(what: &str, mut holds: impl FnMut() -> bool) {
        let give_up = Instant::now() + Duration::from_mins(1);
        while !holds() {
            assert!(Instant::now() < give_up, "{what}");
            thread::yield_now();
        }
    }

    #[test]
    fn a_host_whose_guests_wait_does_not_tick_and_one_that_computes_does() {
        let engine = ToolEngine::new(1, &Limits::default()).unwrap();
        let pace = Arc::clone(&engine.ticker.pace);
        let is_parked = || pace.is_parked.load(Ordering::SeqCst);
        // Polled once, and then waiting forever.
        let mut waiting = pin!(engine.ticking(pending::<()>()));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        until("it ticks although the guest waits", is_parked);
        let ticks = pace.ticks.load(Ordering::Relaxed);

        let computing = engine.ticker.computing();
        until("it does not tick although a guest computes", || {
            pace.ticks.load(Ordering::Relaxed) > ticks + 2
        });
        assert!(!is_parked());
        drop(computing);
        until("it ticks on", is_parked);
    }
}
