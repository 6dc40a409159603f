//! Lines of a job's log that are for the tool, and not output of the script: the python tool's report of a
//! result.

use std::collections::HashMap;
use std::sync::Arc;

use toolhost::progress::LogRecord;

/// The stage with which a tool reports the prefixes of its own lines, in the details.
const STAGE: &str = "marks";
/// The prefix of every mark, so that a tool cannot hide arbitrary text.
const MARK_BEGIN: &str = "[noetl-";
/// The minimum length of a mark.
const MIN_MARK_BYTES: usize = 24;
/// The maximum number of marks of one call.
const MAX_MARKS: usize = 8;

/// Hides a tool's own lines.
#[derive(Debug, Default)]
pub(super) struct OwnLines {
    marks: Vec<String>,
    /// The incomplete line, by job and attempt.
    lines: HashMap<(Arc<str>, u32), Line>,
}

#[derive(Debug, Default)]
struct Line {
    /// Whether the following text belongs to a line of the tool.
    is_hidden: bool,
    /// The held back end of the text, which may be the beginning of a mark.
    held: String,
}

impl OwnLines {
    /// Reads the marks from a report of a tool; returns whether it was such a report.
    pub(super) fn take_marks(&mut self, stage: &str, details: &[(String, String)]) -> bool {
        if stage != STAGE {
            return false;
        }
        let marks = details.iter().map(|(_, mark)| mark);
        let marks =
            marks.filter(|mark| mark.starts_with(MARK_BEGIN) && mark.len() >= MIN_MARK_BYTES);
        let free = MAX_MARKS.saturating_sub(self.marks.len());
        self.marks.extend(marks.take(free).cloned());
        true
    }

    /// The text of a record to show; `None` if it is a line of the tool.
    pub(super) fn shown(&mut self, job: &Arc<str>, record: LogRecord) -> Option<String> {
        if self.marks.is_empty() {
            return Some(record.text);
        }
        let key = (Arc::clone(job), record.attempt);
        let Line { is_hidden, held } = self.lines.remove(&key).unwrap_or_default();
        let mut text = held + &record.text;
        let mut rest = Line {
            is_hidden,
            held: String::new(),
        };
        let mut shown = (!is_hidden).then_some(());
        if !is_hidden {
            let starts = self
                .marks
                .iter()
                .filter_map(|mark| text.find(mark.as_str()));
            if let Some(start) = starts.min() {
                text.truncate(start);
                rest.is_hidden = true;
                shown = shown.filter(|()| start > 0);
            } else if record.partial {
                rest.held = text.split_off(self.possible_start(&text));
            }
        }
        if record.partial {
            self.lines.insert(key, rest);
        }
        shown
            .map(|()| text)
            .filter(|text| !text.is_empty() || !record.partial)
    }

    /// The held back text, if nothing follows it.
    pub(super) fn finish(self) -> impl Iterator<Item = String> {
        let held = self.lines.into_values().map(|line| line.held);
        held.filter(|text| !text.is_empty())
    }

    /// The start of a suffix of a text that may be the beginning of a mark.
    fn possible_start(&self, text: &str) -> usize {
        let is_begun = |start: &usize| {
            let end = text.get(*start..).unwrap_or_default();
            self.marks.iter().any(|mark| mark.starts_with(end))
        };
        let starts = text.match_indices('[').map(|(start, _)| start);
        let mut starts = starts.filter(is_begun);
        starts.next().unwrap_or(text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "[noetl-result 0123456789abcdef] ";

    fn shown(records: &[(&str, bool)]) -> Vec<String> {
        let mut lines = OwnLines::default();
        let details = [("result".to_owned(), MARK.to_owned())];
        assert!(lines.take_marks("marks", &details));
        let job: Arc<str> = "job".into();
        let mut all = Vec::new();
        for (text, partial) in records {
            let mut record = LogRecord::new(1, *text);
            record.partial = *partial;
            all.extend(lines.shown(&job, record));
        }
        all.extend(lines.finish());
        all
    }

    #[test]
    fn leaves_out_the_lines_of_the_tool_alone() {
        let line = format!("{MARK}{{}}");
        let other = line.replace('0', "1");
        assert_eq!(
            shown(&[
                ("a", false),
                (&line, false),
                (&other, false),
                ("[noetl-result", false)
            ]),
            ["a", &other, "[noetl-result"]
        );
    }

    #[test]
    fn shows_the_text_before_a_mark_in_its_line() {
        let line = format!("progress 100 %{MARK}{{}}");
        assert_eq!(
            shown(&[(&line, false), ("b", false)]),
            ["progress 100 %", "b"]
        );
    }

    #[test]
    fn a_line_of_the_tool_in_parts_is_left_out_wherever_it_is_cut() {
        let line = format!("before{MARK}{{\"a\": 1}}");
        for place in 1..line.len() {
            let (first, second) = line.split_at(place);
            let shown = shown(&[(first, true), (second, false), ("after", false)]);
            assert_eq!(shown.concat(), "beforeafter", "cut at {place}: {shown:?}");
        }
        let shown = shown(&[("x [noetl-res", true), ("ults are in", true)]);
        assert_eq!(shown.concat(), "x [noetl-results are in");
    }

    #[test]
    fn a_tool_cannot_hide_what_others_write() {
        let mut lines = OwnLines::default();
        for mark in ["", "a", "[noetl-", "error: something went wrong"] {
            lines.take_marks("marks", &[("m".to_owned(), mark.to_owned())]);
        }
        assert!(lines.marks.is_empty());
        assert!(!lines.take_marks("creating", &[("m".to_owned(), MARK.to_owned())]));
    }
}
