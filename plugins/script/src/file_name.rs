use alloc::string::String;

/// The file name if the URI has none.
const DEFAULT: &str = "script";
/// The maximum length of a name. Its end is kept, which identifies the language.
const MAX_BYTES: usize = 100;

/// The name of the file that the script is written to: the last part of the URI, without characters that are
/// special to a file system, a shell or a `ConfigMap`.
pub(crate) fn file_name(uri: Option<&str>) -> String {
    let Some(uri) = uri else {
        return DEFAULT.into();
    };
    let is_web = uri.starts_with("http://") || uri.starts_with("https://");
    let path = if is_web {
        uri.split(['?', '#']).next().unwrap_or_default()
    } else {
        uri
    };
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    // A URL without a slash after its authority has no path: `https://example.com`.
    let has_path = path.len() == uri.len() || path.contains('/');
    let last = path.rsplit(['/', '\\']).next().filter(|_| has_path);
    let name: String = last
        .unwrap_or_default()
        .chars()
        .map(|character| if is_fit(character) { character } else { '_' })
        .collect();
    let name = name.trim_start_matches(['.', '-']);
    let name = name.get(name.len().saturating_sub(MAX_BYTES)..);
    let name = name.unwrap_or_default().trim_start_matches(['.', '-']);
    if name.is_empty() { DEFAULT } else { name }.into()
}

/// The part after the last dot of a file name.
pub(crate) fn extension(file_name: &str) -> Option<&str> {
    let (stem, extension) = file_name.rsplit_once('.')?;
    (!stem.is_empty() && !extension.is_empty()).then_some(extension)
}

fn is_fit(character: char) -> bool {
    character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_last_part_of_the_uri() {
        let cases = [
            ("gs://bucket/a/analyze.py", "analyze.py"),
            ("https://example.com/x/etl.py?token=a/b.sh#c", "etl.py"),
            ("scripts/transform.py?raw=1", "transform.py_raw_1"),
            ("./scripts/local.sh", "local.sh"),
            ("C:\\scripts\\local.sh", "local.sh"),
            ("file:///tmp/a b.py", "a_b.py"),
            ("s3://bucket/dir/", "script"),
            ("https://example.com", "script"),
            ("..", "script"),
            ("a/.hidden.py", "hidden.py"),
            ("a/-rf", "rf"),
            ("a/$(x)`y`.py", "__x__y_.py"),
            ("run", "run"),
        ];
        for (uri, expected) in cases {
            assert_eq!(file_name(Some(uri)), expected, "{uri}");
        }
        assert_eq!(file_name(None), "script");
    }

    #[test]
    fn keeps_the_extension_of_a_long_name() {
        let uri = alloc::format!("gs://b/{}.py", "é".repeat(300));
        let name = file_name(Some(&uri));
        assert_eq!(name.len(), MAX_BYTES);
        assert_eq!(extension(&name), Some("py"));
    }
}
