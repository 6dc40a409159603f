use std::path::PathBuf;

/// Replaces `$(NAME)` as the kubelet does it in commands, arguments and values: `$$` is a plain `$`, a
/// name that is not known stays, and a value is not expanded again.
///
/// Source: `third_party/forked/golang/expansion/expand.go` in Kubernetes.
pub(super) fn expand(input: &str, variables: &[(String, String)]) -> String {
    let value_of = |name: &str| {
        let mut variables = variables.iter().rev();
        variables
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    };
    let mut output = String::with_capacity(input.len());
    let mut rest = input;
    while let Some((before, after)) = rest.split_once('$') {
        output.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            output.push('$');
            rest = after;
        } else if let Some((name, after)) =
            rest.strip_prefix('(').and_then(|rest| rest.split_once(')'))
        {
            match value_of(name) {
                Some(value) => output.push_str(value),
                None => output.extend(["$(", name, ")"]),
            }
            rest = after;
        } else {
            output.push('$');
        }
    }
    output.push_str(rest);
    output
}

/// Where the paths of mounts really are.
#[derive(Debug, Clone, Default)]
pub(super) struct Mounts(Vec<(String, PathBuf)>);

impl Mounts {
    pub(super) fn add(&mut self, mount_path: &str, real: PathBuf) {
        let mount_path = mount_path.trim_end_matches('/').to_owned();
        self.0.push((mount_path, real));
        // The longest first: mounts may lie in mounts.
        self.0
            .sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
    }

    /// Replaces the paths of mounts in a text, where a path ends or goes on with a slash.
    pub(super) fn rewrite(&self, text: &str) -> String {
        let mut output = String::with_capacity(text.len());
        let mut rest = text;
        // The character before a path: `/a/b` is not in `/x/a/b`.
        let mut previous = None;
        while let Some(character) = rest.chars().next() {
            let found = self.0.iter().find(|(path, _)| {
                !path.is_empty()
                    && !previous.is_some_and(is_of_name)
                    && rest.strip_prefix(path.as_str()).is_some_and(ends_here)
            });
            if let Some((path, real)) = found {
                output.push_str(&real.to_string_lossy());
                rest = rest.get(path.len()..).unwrap_or_default();
                previous = path.chars().last();
            } else {
                output.push(character);
                rest = rest.get(character.len_utf8()..).unwrap_or_default();
                previous = Some(character);
            }
        }
        output
    }
}

fn ends_here(rest: &str) -> bool {
    !rest.starts_with(is_of_name)
}

fn is_of_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '-' | '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_known_names_once() {
        let variables = [
            ("A".to_owned(), "$(B) $$".to_owned()),
            ("B".to_owned(), "b".to_owned()),
        ];
        assert_eq!(
            expand("$(A)|$$(B)|$(C)|$x|$(", &variables),
            "$(B) $$|$(B)|$(C)|$x|$("
        );
    }

    #[test]
    fn rewrites_whole_paths() {
        let mut mounts = Mounts::default();
        mounts.add("/noetl", "/v/1".into());
        mounts.add("/noetl/secret", "/v/2".into());
        for (text, expected) in [
            ("/noetl/script.sh", "/v/1/script.sh"),
            ("@/noetl/secret/a", "@/v/2/a"),
            ("cat /noetl/a >/noetl/b", "cat /v/1/a >/v/1/b"),
            ("/noetl2 /x/noetl", "/noetl2 /x/noetl"),
            ("/noetl", "/v/1"),
        ] {
            assert_eq!(mounts.rewrite(text), expected, "{text}");
        }
    }
}
