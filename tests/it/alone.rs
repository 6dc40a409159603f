//! Tests that measure the memory of their own process.

/// Whether this test has the process for itself. If not, it is run in one of its own, and must pass there:
/// memory cannot be measured while other tests run.
pub(crate) fn is_alone(test: &str) -> bool {
    const ALONE: &str = "TOOLHOST_TEST_ALONE";
    if std::env::var_os(ALONE).is_some() {
        return true;
    }
    let program = std::env::current_exe().unwrap();
    let output = std::process::Command::new(program)
        .args([test, "--exact"])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && told.contains("1 passed"),
        "{told}"
    );
    false
}

/// The memory that this process has for itself.
pub(crate) fn resident_bytes() -> u64 {
    status_bytes("RssAnon:")
}

/// All the memory that this process has now, and the most that it ever had.
pub(crate) fn all_and_peak_bytes() -> (u64, u64) {
    (status_bytes("VmRSS:"), status_bytes("VmHWM:"))
}

/// Linux tells kibibytes: <https://docs.kernel.org/filesystems/proc.html>.
fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    let kibibytes: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kibibytes << 10
}
