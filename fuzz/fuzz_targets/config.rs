//! A configuration of the script tool is refused with places and reasons, or the tool takes it without a
//! trap.

#![no_main]

mod tools;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use toolhost_diagnostic::Document;
use toolhost::host::CallError;

use crate::tools::Tools;

static TOOLS: LazyLock<Tools> = LazyLock::new(Tools::new);

fuzz_target!(|text: &str| {
    let Ok(document) = Document::parse("config.yaml", text) else {
        return;
    };
    match TOOLS.call("script", document.to_value()).0 {
        Ok(_) => {}
        Err(CallError::Config { problems, .. }) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                let _place = document.locate_nearest(&problem.path);
                assert!(!problem.message.is_empty());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
