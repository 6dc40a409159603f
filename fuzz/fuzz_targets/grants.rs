//! `grants.yaml` is read, or every problem in it can be shown; what it does not name has no grant.

#![no_main]

use libfuzzer_sys::fuzz_target;
use toolhost::diagnostic::Document;
use toolhost::grant::Grants;
use toolhost::setup::GrantsFile;

fuzz_target!(|text: &str| {
    let parsed = Document::parse("grants.yaml", text)
        .map_err(|problem| vec![problem])
        .and_then(|document| GrantsFile::parse(&document));
    match parsed {
        Ok(grants) => {
            let unnamed = "a tool that is in no file";
            if !text.contains(unnamed) {
                assert_eq!(grants.of(unnamed), Grants::none());
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
