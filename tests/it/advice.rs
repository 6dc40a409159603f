//! Advice that can be followed: each key that an outcome names is one of the tool that was called.

use std::collections::BTreeSet;
use std::path::Path;

use toolhost::capability::memory::MemoryEngine;
use toolhost::limits::Limits;

use crate::guests;

/// The keys that engines and sources name, as literals of the source, with `x` for what is filled in.
fn named_keys(folder: &Path, keys: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            named_keys(&path, keys);
            continue;
        }
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        let is_test = path.components().any(|part| part.as_os_str() == "tests")
            || path.file_stem().is_some_and(|stem| stem == "tests");
        if !is_source || is_test {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let lines = code
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"));
        for literal in lines.flat_map(|line| line.split(['"', '`']).skip(1)) {
            if !["script.", "job."]
                .iter()
                .any(|root| literal.starts_with(root))
            {
                continue;
            }
            let mut key = String::new();
            let mut rest = literal;
            while let Some((before, after)) = rest.split_once('{') {
                let after = after.split_once('}').map_or("", |(_, after)| after);
                key = format!("{key}{before}{{}}");
                rest = after;
            }
            key.push_str(rest);
            let is_key = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/[]{}".contains(&byte);
            if key.bytes().all(is_key) && !key.ends_with('.') {
                keys.insert(key);
            }
        }
    }
}

/// The key with each part that is filled in by one that there is.
fn filled(key: &str) -> Vec<String> {
    let key = &key.replace("[{}]", "[0]");
    let fillings: &[&str] = match key.as_str() {
        // The keys of the job that an option may have, and of a source.
        "job.{}" => &[
            "image",
            "backoffLimit",
            "nodeSelector",
            "tolerations",
            "volumes",
        ],
        "script.source.{}" => &["region", "endpoint", "timeout", "auth"],
        "job.resources.{}" => &["limits", "requests"],
        "job.{}.{}" => {
            return ["job.labels.x", "job.annotations.x"]
                .map(str::to_owned)
                .to_vec();
        }
        "job.resources.{}.{}" => return vec!["job.resources.limits.memory".to_owned()],
        _ => &["x"],
    };
    let fill = |filling: &&str| key.replacen("{}", filling, 1).replace("{}", "x");
    fillings.iter().map(fill).collect()
}

#[tokio::test]
async fn each_key_that_the_host_names_is_one_of_the_tool_or_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    let host = guests::host(&MemoryEngine::new(), folder.path(), Limits::default()).await;
    let tool = |name: &str| host.registry().resolve(&name.parse().unwrap()).unwrap();
    let (script, python) = (tool("script"), tool("python"));
    let mut keys = BTreeSet::new();
    for part in [
        "host/capability/src",
        "host/kubernetes/src",
        "host/toolhost/src/backend",
        "host/toolhost/src/scope",
        "host/toolhost/src/abi",
        "plugins/job/src",
    ] {
        named_keys(&guests::workspace().join(part), &mut keys);
    }
    assert!(keys.len() > 30, "{keys:?}");
    for named in [
        "script.uri",
        "script.interpreter",
        "script.source.timeout",
        "job.image",
    ] {
        assert!(keys.contains(named), "{named}");
    }
    for key in keys {
        for key in filled(&key) {
            assert!(script.knows_field(&key), "the script tool has no `{key}`");
            // What a tool does not know, the host does not show: see `host/advice.rs`.
            assert_eq!(python.knows_field(&key), key.starts_with("job."), "{key}");
        }
    }
}
