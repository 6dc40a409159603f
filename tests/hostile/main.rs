//! The cost of hostile components and inputs: each is passed to the program, in a separate process, whose
//! time and memory are measured and compared with a limit.
//!
//! ```console
//! $ cargo test -p toolhost-cli --test hostile -- --nocapture               # prints the table
//! $ TOOLHOST_TEST_CASE=loops cargo test -p toolhost-cli --test hostile     # runs those whose name has it
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and print what they measured"
)]
#![expect(
    clippy::assigning_clones,
    clippy::format_collect,
    clippy::format_push_string,
    clippy::too_many_lines,
    reason = "cases are tables, and what builds them is read more often than it runs"
)]

mod binary;
#[path = "../../host/tools/build_guests.rs"]
mod build_guests;
mod calls;
mod case;
mod configs;
mod descriptions;
mod measure;
mod schemas;
mod shapes;
mod structure;
mod tool;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;

use case::{Case, Setting};

/// Cases that run at once.
const WORKERS: usize = 2;
/// How many cases there are at least.
const MIN_CASES: usize = 60;

fn cases() -> Vec<Case> {
    let groups = [
        structure::cases(),
        shapes::cases(),
        descriptions::cases(),
        schemas::cases(),
        configs::cases(),
        calls::cases(),
    ];
    groups.into_iter().flatten().collect()
}

#[test]
fn each_hostile_input_is_refused_or_ended_by_name_within_its_bounds() {
    let mut cases = cases();
    assert!(cases.len() >= MIN_CASES, "there are {}", cases.len());
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "two cases have one name");
    if let Ok(wanted) = std::env::var("TOOLHOST_TEST_CASE") {
        cases.retain(|case| case.name.contains(&wanted));
    }
    let setting = Setting::new();
    // Those that take long come first, so that none is left alone at the end.
    let mut waiting: Vec<_> = cases.iter().enumerate().collect();
    waiting.sort_by_key(|(_, case)| case.bound.time);
    let waiting = Mutex::new(waiting);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while let Some((index, case)) = { waiting.lock().unwrap().pop() } {
                    let result = case.run(&setting);
                    results.lock().unwrap().push((index, result));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap();
    results.sort_by_key(|(index, _)| *index);
    let mut table = String::from("| what | bound | time | memory |\n|---|---|--:|--:|\n");
    let mut failures = Vec::new();
    for (index, result) in results {
        table.push_str(&cases[index].row(&result));
        failures.extend(result.failure);
    }
    println!("{table}");
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hostile.md");
    std::fs::write(target, table).unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
