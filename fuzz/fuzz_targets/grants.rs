//! `grants.yaml` is read, or every problem in it can be shown; what it does not name has no grant.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolhost_diagnostic::Document;
use toolhost::digest::Digest;
use toolhost::grant::Grants;
use toolhost::registry::ToolIdentity;
use toolhost_cli::setup::{GrantsFile, Plugin};

fuzz_target!(|text: &str| {
    let parsed = Document::parse("grants.yaml", text)
        .map_err(|problem| vec![problem])
        .and_then(|document| GrantsFile::parse(&document));
    match parsed {
        Ok(grants) => {
            let unnamed = "a tool that is in no file";
            if !text.contains(unnamed) {
                let version = "1.0.0".parse().expect("a version");
                let identity = ToolIdentity::new(unnamed, version, Digest::of(b"unnamed"));
                assert_eq!(grants.of_built_in(&identity), Grants::none());
                let plugin = Plugin {
                    identity,
                    file_name: format!("{unnamed}.wasm"),
                };
                assert_eq!(grants.of_plugin(&plugin), Grants::none());
                assert!(!grants.overrides(&plugin));
                for warning in grants.unused(&[plugin], &[]) {
                    assert!(!warning.render(false).is_empty());
                }
            }
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                assert!(!problem.render(false).is_empty());
            }
        }
    }
});
