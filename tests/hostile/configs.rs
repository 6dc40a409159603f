//! Configurations that are hostile to a tool that is not.

use serde_json::json;

use crate::case::{Bound, Case, Input};
use crate::tool;

pub(crate) fn cases() -> Vec<Case> {
    vec![
        called(
            "a configuration of 12 MB",
            json!({"a": "x".repeat(12_000_000)}).to_string(),
            "at most",
        ),
        called(
            "a configuration 100,000 lists deep",
            "[".repeat(100_000),
            "config.json",
        ),
        called(
            "a configuration of 300,000 keys",
            keys(300_000),
            "config.json",
        ),
        called(
            "a configuration that is not JSON",
            "{\"a\": \u{1}".to_owned(),
            "config.json",
        ),
        called(
            "a configuration with 30 nested aliases",
            aliases(),
            "config.json",
        ),
    ]
}

fn called(name: &'static str, config: String, says: &'static str) -> Case {
    Case {
        name,
        input: Input::Called {
            component: Box::new(|| {
                let mut description = tool::description("hostile");
                description["schema"] = json!({"type": "object", "properties": {"a": true}, "additionalProperties": false});
                tool::described(&description)
            }),
            kind: "hostile",
            config,
            exit: 2,
        },
        bound: Bound::seconds(10, 512),
        says,
    }
}

fn keys(count: usize) -> String {
    let keys: Vec<_> = (0..count).map(|index| format!("\"k{index}\":0")).collect();
    format!("{{{}}}", keys.join(","))
}

/// A list of nine of the list before, and so on.
fn aliases() -> String {
    let mut text = "a0: &a0 x\n".to_owned();
    for index in 1..=30 {
        let before = format!("*a{}", index - 1);
        text.push_str(&format!(
            "a{index}: &a{index} [{}]\n",
            vec![before; 9].join(", ")
        ));
    }
    text
}
