//! Capabilities that do nothing: handles stand for nothing, and a job is over when it was created.

use wasmtime::component::{HasSelf, Linker, Resource, ResourceTable};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

pub(crate) mod bindings {
    wasmtime::component::bindgen!({
        path: "wit/v0.1",
        world: "tool",
        exports: { default: async },
    });
}

use bindings::noetl::tool::jobs::{self, Job, JobEvent, JobSpec};
use bindings::noetl::tool::logs::{self, LogExcerpt, LogPage};
use bindings::noetl::tool::objects::{self, Object};
use bindings::noetl::tool::secrets::{self, Secret, SecretEntry};
use bindings::noetl::tool::{progress, types};

/// A call whose capabilities do nothing.
#[derive(Default)]
pub(crate) struct Idle {
    /// The number of events of the job.
    events: usize,
    /// What the handles of WASI stand for.
    table: ResourceTable,
    /// Made when a tool first asks for it, as the host makes it.
    wasi: Option<Box<WasiCtx>>,
}

type Details = Vec<(String, String)>;
type Answer<T> = Result<T, types::Error>;

/// An event's kind, attempt and details.
type Event = (&'static str, u32, &'static [(&'static str, &'static str)]);

/// What a job tells that succeeds at once.
const EVENTS: [Event; 3] = [
    ("attempt-started", 1, &[("pod", "script-pod")]),
    (
        "attempt-ended",
        1,
        &[("exit-code", "0"), ("duration-ms", "0")],
    ),
    (
        "finished",
        0,
        &[("status", "succeeded"), ("succeeded", "1"), ("failed", "0")],
    ),
];
/// What every handle is; there is never more than one of a kind.
const HANDLE: u32 = 1;

/// Links everything that a tool can import. What is linked costs nothing; what a tool imports does.
pub(crate) fn add_to_linker(linker: &mut Linker<Idle>) -> wasmtime::Result<()> {
    type Data = HasSelf<Idle>;
    wasmtime_wasi::p2::add_to_linker_async(linker)?;
    types::add_to_linker::<_, Data>(linker, |idle| idle)?;
    progress::add_to_linker::<_, Data>(linker, |idle| idle)?;
    objects::add_to_linker::<_, Data>(linker, |idle| idle)?;
    secrets::add_to_linker::<_, Data>(linker, |idle| idle)?;
    jobs::add_to_linker::<_, Data>(linker, |idle| idle)?;
    logs::add_to_linker::<_, Data>(linker, |idle| idle)
}

impl WasiView for Idle {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi, table, .. } = self;
        let ctx = wasi.get_or_insert_with(|| Box::new(WasiCtx::builder().build()));
        WasiCtxView { ctx, table }
    }
}

impl types::Host for Idle {}

impl progress::Host for Idle {
    fn report(&mut self, _: String, _: String, _: Details) {}

    fn log(&mut self, _: String, _: String) {}
}

impl objects::Host for Idle {
    fn fetch_object(&mut self, _: String, _: Details) -> Answer<Resource<Object>> {
        Ok(Resource::new_own(HANDLE))
    }

    fn create_object(&mut self, _: Vec<u8>) -> Answer<Resource<Object>> {
        Ok(Resource::new_own(HANDLE))
    }
}

impl objects::HostObject for Idle {
    fn size_bytes(&mut self, _: Resource<Object>) -> u64 {
        0
    }

    fn metadata(&mut self, _: Resource<Object>) -> Details {
        details(&[("sha256", "0")])
    }

    fn read(&mut self, _: Resource<Object>, _: u64, _: u32) -> Answer<Vec<u8>> {
        Ok(Vec::new())
    }

    fn drop(&mut self, _: Resource<Object>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl secrets::Host for Idle {
    fn create_secret(&mut self, _: Vec<SecretEntry>) -> Answer<Resource<Secret>> {
        Ok(Resource::new_own(HANDLE))
    }
}

impl secrets::HostSecret for Idle {
    fn names(&mut self, _: Resource<Secret>) -> Vec<String> {
        Vec::new()
    }

    fn drop(&mut self, _: Resource<Secret>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl jobs::Host for Idle {
    fn create_job(&mut self, _: Resource<JobSpec>) -> Answer<Resource<Job>> {
        Ok(Resource::new_own(HANDLE))
    }

    fn watch_job(&mut self, _: Resource<Job>, _: u32) -> Answer<Option<JobEvent>> {
        let event = EVENTS.get(self.events);
        self.events += 1;
        Ok(event.map(|(kind, attempt, known)| JobEvent {
            kind: (*kind).to_owned(),
            attempt: *attempt,
            elapsed_ms: 0,
            details: details(known),
        }))
    }

    fn cancel(&mut self, _: Resource<Job>, _: String) -> Answer<()> {
        Ok(())
    }
}

impl jobs::HostJobSpec for Idle {
    fn new(&mut self, _: String) -> Resource<JobSpec> {
        Resource::new_own(HANDLE)
    }

    fn set(&mut self, _: Resource<JobSpec>, _: Details) -> Answer<()> {
        Ok(())
    }

    fn set_script(&mut self, _: Resource<JobSpec>, _: String, _: Resource<Object>) -> Answer<()> {
        Ok(())
    }

    fn set_environment(&mut self, _: Resource<JobSpec>, _: Resource<Secret>) -> Answer<()> {
        Ok(())
    }

    fn drop(&mut self, _: Resource<JobSpec>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl jobs::HostJob for Idle {
    fn name(&mut self, _: Resource<Job>) -> String {
        String::new()
    }

    fn metadata(&mut self, _: Resource<Job>) -> Details {
        details(&[("adopted", "false"), ("engine", "memory")])
    }

    fn drop(&mut self, _: Resource<Job>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl logs::Host for Idle {
    fn read_logs(&mut self, _: Resource<Job>, _: u64, _: u32, _: u32) -> Answer<LogPage> {
        Ok(LogPage {
            records: Vec::new(),
            next_cursor: 0,
            ended: true,
        })
    }

    fn read_excerpt(&mut self, _: Resource<Job>, _: u32, _: u32) -> Answer<LogExcerpt> {
        Ok(LogExcerpt {
            head: "hello\n".to_owned(),
            tail: String::new(),
            total_bytes: 6,
            omitted_bytes: 0,
            location: None,
        })
    }
}

fn details(known: &[(&str, &str)]) -> Details {
    let known = known.iter();
    known
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}
