//! Builds components. Shared by the build script and the integration tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, io};

/// What components are built for.
const TARGET: &str = "wasm32-wasip2";
/// The profile of the workspace that components are built with.
const PROFILE: &str = "guest";
/// Set by cargo or clippy for the build that this one is a part of, and wrong for it.
const FOREIGN_VARIABLES: [&str; 7] = [
    "CARGO_BUILD_TARGET",
    "CARGO_ENCODED_RUSTFLAGS",
    "CLIPPY_ARGS",
    "CLIPPY_CONF_DIR",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTC_WRAPPER",
    "RUSTFLAGS",
];

/// Builds packages of the workspace as components, and returns the folder that they are in.
///
/// A target folder of its own keeps this build from waiting for the one that it is a part of.
pub(crate) fn build(workspace: &Path, target: &Path, packages: &[&str]) -> io::Result<PathBuf> {
    install_target(workspace)?;
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .current_dir(workspace)
        .args(["build", "--quiet", "--profile", PROFILE]);
    command
        .args(["--target", TARGET])
        .arg("--target-dir")
        .arg(target);
    if let Some(flags) = remapped_paths() {
        command.arg("--config").arg(flags);
    }
    for package in packages {
        command.args(["--package", package]);
    }
    run(&mut command)?;
    Ok(target.join(TARGET).join(PROFILE))
}

/// Names the sources of dependencies in messages without the folder that cargo keeps them in: a
/// component must be the same wherever it is built, and its constants are in the memory of every
/// call.
fn remapped_paths() -> Option<String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| Some(env::home_dir()?.join(".cargo")))?;
    let folder = home.join("registry").join("src");
    let flag = format!("--remap-path-prefix={}/=", folder.to_str()?);
    Some(format!("target.{TARGET}.rustflags=[{flag:?}]"))
}

/// Brings the standard library for components, where rustup has not done so by itself.
fn install_target(workspace: &Path) -> io::Result<()> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut query = Command::new(rustc);
    query
        .current_dir(workspace)
        .args(["--print", "target-libdir", "--target", TARGET]);
    let folder = query.output()?.stdout;
    let folder = String::from_utf8_lossy(&folder);
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    run(Command::new("rustup").current_dir(workspace).args(["target", "add", TARGET])).map_err(
        |error| {
            let message = format!("cannot install the target {TARGET}, which tools are built for; run `rustup target add {TARGET}`: {error}");
            io::Error::new(error.kind(), message)
        },
    )
}

fn run(command: &mut Command) -> io::Result<()> {
    for variable in FOREIGN_VARIABLES {
        command.env_remove(variable);
    }
    let status = command.status()?;
    if status.success() {
        return Ok(());
    }
    Err(io::Error::other(format!("{command:?} failed: {status}")))
}
