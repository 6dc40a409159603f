use super::*;

/// A log as the node stores it: timestamps and lines with their ends, the last one perhaps without.
fn log() -> Vec<(Timestamp, String)> {
    let mut lines = Vec::new();
    for index in 0..24_u32 {
        // Three lines share each timestamp, and eight timestamps each second.
        let step = i64::from(index / 3);
        let nanoseconds = (1_700_000_000 + step / 4) * 1_000_000_000 + (step % 4) * 250_000_001;
        let timestamp = Timestamp::from_nanosecond(i128::from(nanoseconds)).unwrap();
        lines.push((
            timestamp,
            format!("line {}\n", if index % 5 == 0 { 7 } else { index }),
        ));
    }
    lines.push((lines.last().unwrap().0, "\n".to_owned()));
    lines.push((lines.last().unwrap().0, "no end".to_owned()));
    lines
}

fn served(log: &[(Timestamp, String)], since: Option<Timestamp>) -> Vec<u8> {
    let lines = log
        .iter()
        .filter(|(timestamp, _)| since.is_none_or(|since| *timestamp >= since));
    lines
        .flat_map(|(timestamp, line)| format!("{timestamp} {line}").into_bytes())
        .collect()
}

fn text(log: &[(Timestamp, String)]) -> String {
    log.iter().map(|(_, line)| line.as_str()).collect()
}

fn read(stream: &mut LogStream, bytes: &[u8], into: &mut Vec<u8>) {
    stream.read(bytes, |new| into.extend_from_slice(new));
}

/// Asserts that a stream of the log that is cut after any of its bytes, and resumed, results in the log.
fn assert_whole_wherever_it_is_cut(log: &[(Timestamp, String)]) {
    let whole = served(log, None);
    for cut in 0..=whole.len() {
        let mut stream = LogStream::default();
        let mut seen = Vec::new();
        assert_eq!(stream.begin(), None);
        read(&mut stream, &whole[..cut], &mut seen);
        let since = stream.begin();
        read(&mut stream, &served(log, since), &mut seen);
        assert_eq!(
            String::from_utf8(seen).unwrap(),
            text(log),
            "cut after {cut}"
        );
    }
}

#[test]
fn a_stream_cut_after_any_byte_gives_the_same_log() {
    assert_whole_wherever_it_is_cut(&log());
}

#[test]
fn a_stream_cut_again_and_again_gives_the_same_log() {
    let log = log();
    for step in 1..200 {
        let mut stream = LogStream::default();
        let mut seen = Vec::new();
        // Each stream is cut a little later than the one before, however much of it is repeated.
        for round in 1.. {
            let since = stream.begin();
            let served = served(&log, since);
            let cut = served.len().min(round * step);
            for piece in served[..cut].chunks(3) {
                read(&mut stream, piece, &mut seen);
            }
            if cut == served.len() {
                break;
            }
        }
        assert_eq!(String::from_utf8(seen).unwrap(), text(&log), "step {step}");
    }
}

#[test]
fn reading_again_after_the_end_adds_nothing() {
    let log = log();
    let mut stream = LogStream::default();
    let mut seen = Vec::new();
    stream.begin();
    read(&mut stream, &served(&log, None), &mut seen);
    let since = stream.begin();
    assert!(since.is_some());
    read(&mut stream, &served(&log, since), &mut seen);
    assert_eq!(String::from_utf8(seen).unwrap(), text(&log));
}

#[test]
fn a_stream_is_resumed_after_lines_that_were_rotated_away() {
    let log = log();
    let whole = served(&log, None);
    let cut = whole.len() / 3;
    let mut stream = LogStream::default();
    let mut seen = Vec::new();
    stream.begin();
    read(&mut stream, &whole[..cut - 2], &mut seen);
    let since = stream.begin();
    let later = &log[12..];
    read(&mut stream, &served(later, since), &mut seen);
    let seen = String::from_utf8(seen).unwrap();
    assert!(seen.ends_with(&text(later)), "{seen}");
    let before = seen.strip_suffix(&text(later)).unwrap();
    assert!(
        before.ends_with('\n'),
        "a line was put onto the one that was cut: {before:?}"
    );
}

const FIRST: &[u8] = b"2026-11-24T10:00:00.1Z one\n2026-11-24T10:00:00.2Z beginning and rest\n\
                       2026-11-24T10:00:00.4Z three\n";

/// Returns what is new in a stream after [`FIRST`].
fn new_after_first(later: &str, divided: usize) -> String {
    let mut stream = LogStream::default();
    stream.begin();
    stream.read(FIRST, |_| {});
    stream.begin();
    let mut seen = Vec::new();
    for piece in later.as_bytes().chunks(divided) {
        read(&mut stream, piece, &mut seen);
    }
    stream.end(|new| seen.extend_from_slice(new));
    String::from_utf8(seen).unwrap()
}

#[test]
fn the_rest_of_a_line_that_was_rotated_apart_comes_once() {
    let rest = "2026-11-24T10:00:00.3Z  and rest\n";
    let known = "2026-11-24T10:00:00.4Z three\n";
    let new = "2026-11-24T10:00:00.5Z four\n";
    for divided in [1, 7, 1_000] {
        let new_in = |later: &str| new_after_first(later, divided);
        assert_eq!(new_in(&format!("{rest}{known}{new}")), "four\n");
        assert_eq!(new_in(&format!("{rest}{known}")), "");
        // Nothing shows that these are not new.
        assert_eq!(new_in(&format!("{rest}{new}")), " and rest\nfour\n");
        assert_eq!(new_in(rest), " and rest\n");
        let long = format!("2026-11-24T10:00:00.3Z {}", "x".repeat(MAX_HELD_BYTES + 9));
        assert_eq!(new_in(&long).len(), MAX_HELD_BYTES + 9);
    }
}

#[test]
fn a_line_that_is_held_is_not_lost_without_a_next_stream() {
    let held = b"2026-11-24T10:00:00.3Z two\n";
    for next in [&b""[..], held] {
        let mut stream = LogStream::default();
        let mut seen = Vec::new();
        for bytes in [FIRST, held, next] {
            stream.begin();
            read(&mut stream, bytes, &mut seen);
        }
        stream.end(|new| seen.extend_from_slice(new));
        let seen = String::from_utf8(seen).unwrap();
        assert_eq!(seen, "one\nbeginning and rest\nthree\ntwo\n");
    }
}

#[test]
fn text_without_a_timestamp_does_not_belong_to_the_log() {
    let mut stream = LogStream::default();
    let mut seen = Vec::new();
    stream.begin();
    let bytes = b"failed to watch file\nunknown\n2026-11-24T10:00:00.5Z a b\n\n\
                  2026-11-24T10:00:01Z \n2026-11-24T10:00:02+01:00 c";
    read(&mut stream, bytes, &mut seen);
    assert_eq!(String::from_utf8(seen).unwrap(), "a b\n\nc");
    assert_eq!(stream.passed_on(), 6);
    assert_eq!(
        stream.remark().as_deref(),
        Some("failed to watch file\\nunknown")
    );
}

#[test]
fn a_message_of_the_kubelet_is_kept_wherever_it_is_divided() {
    let said = "unable to retrieve container logs for containerd://0123456789abcdef";
    for text in [said, "unknown", &"x".repeat(41), &"x".repeat(1_000)] {
        for divided in [1, 3, 40, 41, 2_000] {
            let mut stream = LogStream::default();
            stream.begin();
            for piece in text.as_bytes().chunks(divided) {
                stream.read(piece, |_| panic!("not a log"));
            }
            let kept = &text[..text.len().min(MAX_REMARK_BYTES)];
            assert_eq!(stream.remark().as_deref(), Some(kept), "by {divided}");
            stream.begin();
            assert_eq!(stream.remark(), None);
        }
    }
}

#[test]
fn a_log_alone_has_no_remark() {
    let mut stream = LogStream::default();
    stream.begin();
    stream.read(b"2026-11-24T10:00:00Z a\n\n2026-11-24T10:00:00Z", |_| {});
    stream.begin();
    stream.read(b"2026-11-24T10:00:00Z a\n", |_| {});
    assert_eq!(stream.remark(), None);
}

#[test]
fn a_resumed_stream_begins_at_the_second_before_the_last_line() {
    let mut stream = LogStream::default();
    stream.begin();
    stream.read(b"2026-11-24T10:00:00.987654321Z a\n", |_| {});
    assert_eq!(stream.begin().unwrap().to_string(), "2026-11-24T09:59:59Z");
}

#[test]
fn more_lines_of_a_second_than_are_remembered_come_once() {
    let start = 1_700_000_000_i128 * 1_000_000_000;
    let lines = i128::try_from(MAX_REMEMBERED).unwrap() + 1_000;
    let log: Vec<_> = (0..lines)
        .map(|index| {
            let timestamp = Timestamp::from_nanosecond(start + index * 5_000).unwrap();
            (timestamp, format!("{index}\n"))
        })
        .collect();
    let mut stream = LogStream::default();
    let mut seen = Vec::new();
    stream.begin();
    read(&mut stream, &served(&log, None), &mut seen);
    let since = stream.begin();
    read(&mut stream, &served(&log, since), &mut seen);
    assert!(seen == text(&log).into_bytes(), "{} bytes", seen.len());
}

#[test]
fn a_clock_that_goes_back_over_a_second_repeats_nothing() {
    let times = ["00:00.5", "00:00.7", "00:01.001", "00:00.999", "00:01.002"];
    let log: Vec<_> = times
        .iter()
        .map(|time| {
            (
                format!("2026-11-24T10:{time}Z").parse().unwrap(),
                format!("{time}\n"),
            )
        })
        .collect();
    assert_whole_wherever_it_is_cut(&log);
}

#[test]
fn only_the_last_two_seconds_are_remembered() {
    let mut stream = LogStream::default();
    stream.begin();
    for second in 0..1_000 {
        let timestamp = Timestamp::from_second(1_700_000_000 + second).unwrap();
        stream.read(format!("{timestamp} x\n").as_bytes(), |_| {});
    }
    assert_eq!(stream.seen.len(), 2);
}
