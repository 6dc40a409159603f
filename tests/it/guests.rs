//! The components that the tests call, and hosts to call them with.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use toolhost::backend::local::{LocalEngine, LocalSettings};
use toolhost::backend::objects::{FileSource, SourceRouter};
use toolhost::capability::JobRunner;
use toolhost::capability::memory::MemoryEngine;
use toolhost::grant::Grants;
use toolhost::host::ToolHost;
use toolhost::limits::Limits;
use toolhost::registry::ComponentSource;

use crate::build_guests;

/// Every component that is built from this repository, but for those that are embedded.
const PACKAGES: [&str; 9] = [
    "dry-run",
    "greet",
    "guest-empty",
    "guest-empty-standard",
    "guest-misbehave",
    "guest-standard",
    "guest-terminal",
    "guest-versions",
    "guest-wasi",
];

/// The file of a component, by its package; built when a test first asks.
pub(crate) fn file(package: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    assert!(
        PACKAGES.contains(&package),
        "`{package}` is not among the packages that are built"
    );
    let folder = FOLDER.get_or_init(|| {
        let workspace = workspace();
        build_guests::build(&workspace, &workspace.join("target/guests"), &PACKAGES).unwrap()
    });
    folder.join(format!("{}.wasm", package.replace('-', "_")))
}

/// The bytes of a component.
pub(crate) fn bytes(package: &str) -> Arc<[u8]> {
    std::fs::read(file(package)).unwrap().into()
}

/// The root of the repository.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// A host on the memory engine with files of `folder`, and the embedded tools.
pub(crate) async fn host(engine: &MemoryEngine, folder: &Path, limits: Limits) -> ToolHost {
    set_up(Arc::new(engine.clone()), folder, limits).await
}

/// A host on the local engine with files of `folder`, and the embedded tools.
pub(crate) async fn local_host(folder: &Path, settings: LocalSettings) -> ToolHost {
    set_up(
        Arc::new(LocalEngine::new(settings)),
        folder,
        Limits::default(),
    )
    .await
}

/// A host on the local engine with these sources, and the embedded tools.
pub(crate) async fn local_host_with(
    folder: &Path,
    settings: LocalSettings,
    objects: SourceRouter,
) -> ToolHost {
    let engine = Arc::new(LocalEngine::new(settings));
    set_up_with(engine, folder, Limits::default(), objects).await
}

async fn set_up(engine: Arc<dyn JobRunner>, folder: &Path, limits: Limits) -> ToolHost {
    let files = Arc::new(FileSource::new(folder, folder));
    let objects = SourceRouter::new().with("file", files);
    set_up_with(engine, folder, limits, objects).await
}

async fn set_up_with(
    engine: Arc<dyn JobRunner>,
    folder: &Path,
    limits: Limits,
    objects: SourceRouter,
) -> ToolHost {
    let host = ToolHost::builder()
        .jobs(engine)
        .objects(Arc::new(objects))
        .limits(limits)
        .max_calls(16)
        .cache_directory(workspace().join("target/guests/compiled"))
        .log_directory(folder.join("logs"))
        .build()
        .unwrap();
    host.load_embedded_tools().await.unwrap();
    host
}

/// Loads a component into a host, with these grants, and puts it into use.
pub(crate) async fn load(host: &ToolHost, package: &str, grants: Grants) {
    let tool = host
        .load(ComponentSource::named(bytes(package), package), |_| grants)
        .await
        .unwrap();
    host.registry().activate(Arc::new(tool));
}

/// Whether a process runs that has this text on its command line: its number is that of its own namespace.
/// A process that has ended and was not waited for has no command line.
pub(crate) fn is_running(text: &str) -> bool {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let mut command_lines =
        processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    command_lines.any(|line| String::from_utf8_lossy(&line).contains(text))
}

/// What the library logs, at every level.
#[derive(Debug, Clone, Default)]
pub(crate) struct CapturedLog(Arc<Mutex<Vec<u8>>>);

impl CapturedLog {
    /// Captures the log of this thread until the guard is dropped.
    pub(crate) fn capture(&self) -> tracing::subscriber::DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_ansi(false)
            .with_writer(move || log.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// What was captured.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for CapturedLog {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
