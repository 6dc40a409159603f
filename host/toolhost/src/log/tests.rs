use std::sync::Arc;

use super::lines::MAX_RECORD_BYTES;
use super::record::OFFSET_BITS;
use super::{Cursor, JobLog, LogDirectory};
use crate::capability::LogSink as _;
use crate::sealing::{ExecutionSecrets, SecretOrigin};

fn log_in(directory: &tempfile::TempDir) -> Arc<JobLog> {
    log_of(directory, ExecutionSecrets::new())
}

fn log_of(directory: &tempfile::TempDir, secrets: ExecutionSecrets) -> Arc<JobLog> {
    JobLog::new("job", LogDirectory::new(directory.path()), secrets)
}

fn read_all(log: &JobLog) -> Vec<(u32, String)> {
    let mut cursor = Cursor::default();
    let mut records = Vec::new();
    loop {
        let page = log.read(cursor, 3, usize::MAX);
        records.extend(
            page.records
                .iter()
                .map(|record| (record.attempt, record.text.clone())),
        );
        if page.ended || page.records.is_empty() {
            return records;
        }
        cursor = page.next;
    }
}

#[test]
fn tells_attempts_apart_and_returns_every_line_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_in(&directory);
    log.write(1, b"one\ntw");
    log.write(1, b"o\nno end");
    log.end(1);
    log.write(2, b"three\r\n\n");
    log.end(2);
    log.close();
    let expected = [(1, "one"), (1, "two"), (1, "no end"), (2, "three"), (2, "")];
    let expected: Vec<_> = expected
        .map(|(attempt, line)| (attempt, line.to_owned()))
        .into();
    assert_eq!(read_all(&log), expected);
}

#[test]
fn no_log_goes_into_a_folder_that_somebody_else_may_have_made() {
    let directory = tempfile::tempdir().unwrap();
    let (target, planted) = (
        directory.path().join("target"),
        directory.path().join("logs"),
    );
    std::fs::create_dir(&target).unwrap();
    std::os::unix::fs::symlink(&target, &planted).unwrap();
    let write = || {
        let log = JobLog::new(
            "job",
            LogDirectory::checked(planted.clone()),
            ExecutionSecrets::default(),
        );
        log.write(1, &vec![b'x'; 1 << 20]);
        log.close();
        let excerpt = log.excerpt(1, 1_000);
        (excerpt.omitted_bytes, excerpt.location)
    };
    assert_eq!(write(), (1 << 20, None));
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 0);
    std::fs::remove_file(&planted).unwrap();
    assert!(write().1.is_some());
}

#[test]
fn spills_to_a_file_and_removes_it_with_the_log() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_in(&directory);
    let line = [b"x".repeat(999), b"\n".to_vec()].concat();
    for _ in 0..1000 {
        log.write(1, &line);
    }
    log.close();
    assert_eq!(read_all(&log).len(), 1000);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    drop(log);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
}

#[test]
fn an_excerpt_accounts_for_every_byte_and_keeps_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_in(&directory);
    for number in 0..20_000 {
        log.write(1, format!("line {number} ü\n").as_bytes());
    }
    log.close();
    let excerpt = log.excerpt(1, 1000);
    assert!(excerpt.head.starts_with("line 0 ü\n") && excerpt.head.ends_with('\n'));
    assert!(excerpt.tail.starts_with("line ") && excerpt.tail.ends_with("line 19999 ü\n"));
    let shown = (excerpt.head.len() + excerpt.tail.len()) as u64;
    assert!(shown <= 1000 && shown > 500);
    assert_eq!(excerpt.total_bytes, shown + excerpt.omitted_bytes);
    drop(log);
    let kept = std::fs::read(excerpt.location.unwrap()).unwrap();
    assert_eq!(kept.len() as u64, excerpt.total_bytes);
}

#[test]
fn cuts_a_line_without_end_into_parts() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_in(&directory);
    log.write(1, format!("a{}", "ü".repeat(MAX_RECORD_BYTES)).as_bytes());
    log.end(1);
    let page = log.read(Cursor::default(), 10, usize::MAX);
    let partial: Vec<_> = page.records.iter().map(|record| record.partial).collect();
    assert_eq!(partial, [true, true, false]);
    assert_eq!(
        page.records
            .iter()
            .map(|record| record.text.len())
            .sum::<usize>(),
        2 * MAX_RECORD_BYTES + 1
    );
    assert!(
        page.records
            .iter()
            .all(|record| !record.text.contains('\u{fffd}'))
    );
}

#[test]
fn redacts_across_writes() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = ExecutionSecrets::new();
    secrets.remember("hunter2-hunter2", SecretOrigin::Configuration);
    let log = log_of(&directory, secrets);
    log.write(1, b"it is hunter2-h");
    log.write(1, b"unter2\nhunter2-");
    log.end(1);
    let expected = [(1, "it is ***".to_owned()), (1, "hunter2-".to_owned())];
    assert_eq!(read_all(&log), expected);
}

#[test]
fn redacts_what_becomes_known_while_it_is_written() {
    let directory = tempfile::tempdir().unwrap();
    let secrets = ExecutionSecrets::new();
    let log = log_of(&directory, secrets.clone());
    log.write(1, b"plain\nfirst-to");
    secrets.remember("second-token", SecretOrigin::Access);
    log.write(1, b"ken\nsecond-");
    secrets.remember("third-token", SecretOrigin::Access);
    log.write(1, b"token third-token\n");
    log.end(1);
    let expected = ["plain", "first-token", "*** ***"].map(|line| (1, line.to_owned()));
    assert_eq!(read_all(&log), expected);
}

#[tokio::test]
async fn a_reader_waits_for_the_next_line() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_in(&directory);
    let reader = tokio::spawn({
        let log = Arc::clone(&log);
        async move {
            log.wait(Cursor::default()).await;
            log.read(Cursor::default(), 1, 1).records
        }
    });
    tokio::task::yield_now().await;
    log.write(1, b"now\n");
    assert_eq!(reader.await.unwrap()[0].text, "now");
}

#[test]
fn survives_a_cursor_that_it_did_not_hand_out() {
    let directory = tempfile::tempdir().unwrap();
    let log = log_in(&directory);
    log.write(1, b"one\n");
    for cursor in [1, 77, u64::MAX, 1 << OFFSET_BITS] {
        let page = log.read(Cursor(cursor), 10, 10);
        assert!(page.records.len() <= 1);
    }
}

#[test]
fn only_logs_of_this_program_go_when_there_are_too_many() {
    for (name, expected) in [
        ("job-1-12-0.log", true),
        ("a-b-1-2.log", true),
        ("syslog.log", false),
        ("a-1.log", false),
        ("a--1.log", false),
        ("a-1-2.txt", false),
    ] {
        assert_eq!(super::spool::is_log(name), expected, "{name}");
    }
}
