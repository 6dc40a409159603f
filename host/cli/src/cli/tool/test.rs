use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::{Value, json};
use toolhost::capability::text::chain;
use toolhost_cli::cases::{CaseFile, CaseFileError, CaseResult, CaseRunner, junit};
use toolhost_diagnostic::Diagnostic;

use crate::cli::exit::Exit;
use crate::cli::options::{OutputFormat, PluginOptions, folder_of};
use crate::cli::terminal;

#[derive(Debug, Args)]
pub(crate) struct TestArguments {
    /// Files of test cases, as described in `docs/testing.md`.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Run only the cases whose name contains this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Write what the tools do now into the files, as what the failed cases expect.
    #[arg(long, conflicts_with = "only")]
    update: bool,
    /// Also write the results to this file, as a report in the format of `JUnit`.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[arg(long, value_enum, default_value = "text")]
    output: OutputFormat,
    #[command(flatten)]
    plugins: PluginOptions,
}

impl TestArguments {
    /// The cases of a project against its component.
    pub(super) fn of_project(cases: PathBuf, component: PathBuf) -> Self {
        Self {
            files: vec![cases],
            only: None,
            update: false,
            junit: None,
            output: OutputFormat::Text,
            plugins: PluginOptions::of(component),
        }
    }
}

/// A file and what became of its cases.
type Run = (CaseFile, Vec<CaseResult>);

pub(super) async fn test(arguments: TestArguments) -> Result<Exit, Exit> {
    let files = arguments.files.iter().map(|path| load(path));
    let files: Vec<_> = files.collect::<Result<_, _>>()?;
    let runner = CaseRunner::new();
    let folder = arguments
        .files
        .first()
        .map_or_else(PathBuf::new, |path| folder_of(path));
    let set_up = arguments.plugins.set_up_cases(&folder, &runner).await?;
    let mut runs: Vec<Run> = Vec::new();
    for file in files {
        let mut results = Vec::new();
        let is_wanted = |name: &str| {
            arguments
                .only
                .as_deref()
                .is_none_or(|only| name.contains(only))
        };
        for case in file.cases().iter().filter(|case| is_wanted(case.name())) {
            let result = runner.run(&set_up.host, &file, case).await;
            if arguments.output == OutputFormat::Text {
                show(&result);
            }
            results.push(result);
        }
        runs.push((file, results));
    }
    if arguments.update {
        for (file, results) in &runs {
            update(file, results)?;
        }
    }
    if let Some(path) = &arguments.junit {
        let written = junit(&runs).and_then(|report| std::fs::write(path, report));
        written.map_err(|error| cannot_write(path, &error))?;
    }
    let failed = runs.iter().flat_map(|(_, results)| results);
    let failed = failed.filter(|result| !result.problems.is_empty()).count();
    let total: usize = runs.iter().map(|(_, results)| results.len()).sum();
    match arguments.output {
        OutputFormat::Json => terminal::print_json(&format!("{:#}", document(&runs))),
        OutputFormat::Text => {
            terminal::print(&format!("{} passed, {failed} failed", total - failed));
        }
    }
    if total == 0 {
        terminal::complain("no case has this name", None);
        return Ok(Exit::Usage);
    }
    Ok(if failed == 0 || arguments.update {
        Exit::Success
    } else {
        Exit::Failed
    })
}

fn load(path: &Path) -> Result<CaseFile, Exit> {
    CaseFile::load(path).map_err(|error| {
        match &error {
            CaseFileError::Invalid { problems, .. } => terminal::show(problems),
            error @ CaseFileError::Unreadable { .. } => terminal::complain(&chain(error), None),
        }
        Exit::Usage
    })
}

fn show(result: &CaseResult) {
    let verdict = if result.problems.is_empty() {
        "ok  "
    } else {
        "FAIL"
    };
    terminal::print(&format!("{verdict}  {}", result.name));
    terminal::show(&result.problems);
}

fn update(file: &CaseFile, results: &[CaseResult]) -> Result<(), Exit> {
    if results.iter().all(|result| result.problems.is_empty()) {
        return Ok(());
    }
    let text = file.updated(results).map_err(|error| {
        terminal::complain(&chain(&error), None);
        Exit::Usage
    })?;
    std::fs::write(file.path(), text).map_err(|error| cannot_write(file.path(), &error))?;
    terminal::tell(&format!("updated `{}`", file.path().display()));
    Ok(())
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Exit {
    terminal::complain(&format!("cannot write `{}`: {error}", path.display()), None);
    Exit::Usage
}

fn document(runs: &[Run]) -> Value {
    let problem = |problem: &Diagnostic| {
        json!({
            "message": problem.message(),
            "found": problem.help_text(),
            "location": problem.location(),
        })
    };
    let case = |file: &CaseFile, result: &CaseResult| {
        json!({
            "file": file.path().display().to_string(),
            "name": result.name,
            "passed": result.problems.is_empty(),
            "duration_ms": u64::try_from(result.duration.as_millis()).unwrap_or(u64::MAX),
            "problems": result.problems.iter().map(problem).collect::<Vec<_>>(),
        })
    };
    let cases = runs.iter();
    let cases =
        cases.flat_map(|(file, results)| results.iter().map(move |result| case(file, result)));
    Value::Array(cases.collect())
}
