use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use serde_json::Value;

/// The maximum length of a path that is parsed, which other programs wrote: that of a file's path on Linux.
const MAX_BYTES: usize = 4096;
/// The maximum number of segments of a path that is parsed: the depth to which `serde_json` parses values.
const MAX_SEGMENTS: usize = 128;

/// The path of a value in a configuration or a request, such as `tolerations[0].operator`.
///
/// [`Display`](fmt::Display) renders it, [`FromStr`] parses what other programs wrote. As text, a key that contains dots
/// (`labels.app.kubernetes.io/name`) cannot be distinguished from several keys; [`located_in`](Self::located_in) finds
/// it in the value that the path is for.
///
/// ```
/// use toolhost_capability::FieldPath;
///
/// let path = FieldPath::from("tolerations").index(0).key("operator");
/// assert_eq!(path.to_string(), "tolerations[0].operator");
/// assert_eq!("tolerations[0].operator".parse(), Ok(path));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct FieldPath {
    segments: Vec<FieldSegment>,
}

/// A segment of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum FieldSegment {
    /// A key of an object.
    Key(Cow<'static, str>),
    /// A position in a list, from 0.
    Index(usize),
}

/// Why a text is not a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseFieldPathError {
    /// It has a segment without a name, or none at all.
    #[error("a path of keys must not have an empty segment")]
    EmptySegment,
    /// It is too long.
    #[error("the path of keys is longer than {MAX_BYTES} bytes or {MAX_SEGMENTS} segments")]
    TooLong,
}

impl FieldPath {
    /// Adds a key of the object that the path leads to. The key may contain dots.
    #[must_use]
    pub fn key(mut self, key: impl Into<Cow<'static, str>>) -> Self {
        self.segments.push(FieldSegment::Key(key.into()));
        self
    }

    /// Adds a position in the list that the path leads to, from 0.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.segments.push(FieldSegment::Index(index));
        self
    }

    /// Adds all segments of another path.
    #[must_use]
    pub fn join(mut self, inside: Self) -> Self {
        self.segments.extend(inside.segments);
        self
    }

    /// The same path inside the value that another path leads to.
    #[must_use]
    pub fn within(self, outer: impl Into<Self>) -> Self {
        outer.into().join(self)
    }

    /// The rest of the path, if it begins with all segments of another.
    #[must_use]
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        let rest = self.segments.strip_prefix(prefix.segments.as_slice())?;
        Some(Self {
            segments: rest.to_vec(),
        })
    }

    /// The keys and indices, outermost first.
    #[must_use]
    pub fn segments(&self) -> &[FieldSegment] {
        &self.segments
    }

    /// The same path in `value`, where a key of the value that contains dots is one segment.
    ///
    /// Of several keys that fit, the longest is taken. What the value does not have keeps its segments.
    #[must_use]
    pub fn located_in(&self, value: &Value) -> Self {
        let mut located = Self::default();
        let mut node = Some(value);
        let mut rest = self.segments.as_slice();
        while let Some((first, others)) = rest.split_first() {
            let members = node.and_then(Value::as_object);
            let known = members.and_then(|members| longest_key(members, rest));
            let (segment, length) = match known {
                Some((key, length)) => (FieldSegment::Key(key.to_owned().into()), length),
                None => (first.clone(), 1),
            };
            node = node.and_then(|node| segment.of(node));
            located.segments.push(segment);
            rest = rest.get(length..).unwrap_or(others);
        }
        located
    }

    /// The value at the path, or the innermost value on the way to it that exists.
    #[must_use]
    pub fn nearest<'value>(&self, value: &'value Value) -> &'value Value {
        let mut node = value;
        for segment in &self.located_in(value).segments {
            let Some(next) = segment.of(node) else { break };
            node = next;
        }
        node
    }

    /// The segments as names: keys, and indices as decimal digits.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let name = |segment: &FieldSegment| match segment {
            FieldSegment::Key(key) => key.clone().into_owned(),
            FieldSegment::Index(index) => index.to_string(),
        };
        self.segments.iter().map(name).collect()
    }
}

impl FieldSegment {
    /// The value that the segment leads to. A key of digits is an index where the value is a list.
    fn of<'value>(&self, value: &'value Value) -> Option<&'value Value> {
        match (self, value) {
            (Self::Index(index), Value::Array(items)) => items.get(*index),
            (Self::Key(key), Value::Array(items)) => items.get(key.parse::<usize>().ok()?),
            (Self::Key(key), value) => value.get(key.as_ref()),
            (Self::Index(_), _) => None,
        }
    }
}

/// The longest key of an object that the beginning of the path spells, and the number of segments that it takes.
fn longest_key<'value>(
    members: &'value serde_json::Map<String, Value>,
    path: &[FieldSegment],
) -> Option<(&'value str, usize)> {
    let mut longest = None;
    let mut text = String::new();
    for (index, segment) in path.iter().enumerate() {
        // Written like the whole path, of which each beginning is a candidate.
        push(&mut text, segment);
        if let Some((key, _)) = members.get_key_value(&text) {
            longest = Some((key.as_str(), index + 1));
        }
    }
    longest
}

fn push(text: &mut String, segment: &FieldSegment) {
    use fmt::Write as _;

    // Writing to a string cannot fail.
    let _ = match segment {
        FieldSegment::Key(key) if text.is_empty() => write!(text, "{key}"),
        FieldSegment::Key(key) => write!(text, ".{key}"),
        FieldSegment::Index(index) => write!(text, "[{index}]"),
    };
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for segment in &self.segments {
            push(&mut text, segment);
        }
        formatter.write_str(&text)
    }
}

/// A path that the program itself names. Segments without a name are left out.
impl From<&'static str> for FieldPath {
    fn from(text: &'static str) -> Self {
        let mut path = Self::default();
        for part in text.split('.') {
            let (key, indices) = split_indices(part);
            if !key.is_empty() {
                path.segments.push(FieldSegment::Key(Cow::Borrowed(key)));
            }
            path.segments.extend(indices);
        }
        path
    }
}

impl FromStr for FieldPath {
    type Err = ParseFieldPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_BYTES {
            return Err(ParseFieldPathError::TooLong);
        }
        let mut path = Self::default();
        for part in text.split('.') {
            let (key, indices) = split_indices(part);
            let is_list = path.segments.is_empty() && !indices.is_empty();
            if key.is_empty() && !is_list {
                return Err(ParseFieldPathError::EmptySegment);
            }
            if !key.is_empty() {
                let key = Cow::Owned(key.to_owned());
                path.segments.push(FieldSegment::Key(key));
            }
            path.segments.extend(indices);
            if path.segments.len() > MAX_SEGMENTS {
                return Err(ParseFieldPathError::TooLong);
            }
        }
        Ok(path)
    }
}

/// A part between dots as its key and the indices at its end. Brackets around anything else than the decimal digits of an
/// index belong to the key, so that a path that was parsed is rendered as it was.
fn split_indices(part: &str) -> (&str, Vec<FieldSegment>) {
    let mut key = part;
    let mut indices = Vec::new();
    while let Some((rest, digits)) = key.strip_suffix(']').and_then(|rest| rest.rsplit_once('[')) {
        let index = digits.parse::<usize>().ok();
        let Some(index) = index.filter(|index| index.to_string() == digits) else {
            break;
        };
        indices.push(FieldSegment::Index(index));
        key = rest;
    }
    indices.reverse();
    (key, indices)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_path_that_was_parsed_is_rendered_as_it_was() {
        for text in [
            "image",
            "job.tolerations[0].operator",
            "job.labels.app.kubernetes.io/name",
            "matrix[1][20].x",
            "[3].name",
            "words.1",
            "a[01].b[x].c[-1]",
            "a[99999999999999999999]",
            "x]",
        ] {
            let path: FieldPath = text.parse().unwrap();
            assert_eq!(path.to_string(), text);
        }
    }

    #[test]
    fn a_constant_is_the_same_path_as_its_text() {
        let path = FieldPath::from("job.volumes[2].name");
        assert_eq!("job.volumes[2].name".parse(), Ok(path.clone()));
        assert_eq!(path.names(), ["job", "volumes", "2", "name"]);
        let built = FieldPath::from("job")
            .key("volumes")
            .index(2)
            .join("name".into());
        assert_eq!(built, path);
    }

    #[test]
    fn a_text_of_another_program_is_bounded() {
        for text in ["", ".", "a..b", "a.", ".a", "a.[0]"] {
            let error = text.parse::<FieldPath>().unwrap_err();
            assert_eq!(error, ParseFieldPathError::EmptySegment, "{text}");
        }
        for text in [
            "a".repeat(MAX_BYTES + 1),
            ["a"; MAX_SEGMENTS + 1].join("."),
            "[0]".repeat(MAX_SEGMENTS + 1),
        ] {
            let error = text.parse::<FieldPath>().unwrap_err();
            assert_eq!(error, ParseFieldPathError::TooLong);
        }
        assert!(["a"; MAX_SEGMENTS].join(".").parse::<FieldPath>().is_ok());
    }

    #[test]
    fn a_key_with_dots_is_found_in_the_value() {
        let config = json!({"job": {
            "labels": {"app.kubernetes.io/name": "x", "app": {"kubernetes": 1}, "a[0]": 2},
            "words": ["a", {"b.c": "d"}],
        }});
        for (text, names, nearest) in [
            (
                "job.labels.app.kubernetes.io/name",
                vec!["job", "labels", "app.kubernetes.io/name"],
                json!("x"),
            ),
            (
                "job.labels.app.kubernetes",
                vec!["job", "labels", "app", "kubernetes"],
                json!(1),
            ),
            ("job.labels.a[0]", vec!["job", "labels", "a[0]"], json!(2)),
            (
                "job.words[1].b.c",
                vec!["job", "words", "1", "b.c"],
                json!("d"),
            ),
            ("job.words.0", vec!["job", "words", "0"], json!("a")),
            (
                "job.words[0].b.c",
                vec!["job", "words", "0", "b", "c"],
                json!("a"),
            ),
        ] {
            let path: FieldPath = text.parse().unwrap();
            let located = path.located_in(&config);
            assert_eq!(located.names(), names, "{text}");
            assert_eq!(located.to_string(), text);
            assert_eq!(path.nearest(&config), &nearest, "{text}");
        }
    }
}
