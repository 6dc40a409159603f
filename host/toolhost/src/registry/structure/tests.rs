use super::{StructureError, census, check};
use crate::registry::EMBEDDED_TOOLS;

/// How many times what a tool of this build has is allowed at least.
const MARGIN: u64 = 5;

fn refusal(text: &str) -> String {
    check(&wat::parse_str(text).unwrap())
        .unwrap_err()
        .to_string()
}

#[test]
fn the_tools_of_this_build_pass_by_a_wide_margin() {
    for (origin, bytes) in EMBEDDED_TOOLS {
        for (what, counted, limit) in census(bytes).unwrap().against_bounds() {
            assert!(counted * MARGIN <= limit, "{origin}: {what}: {counted}");
        }
    }
}

#[test]
fn what_is_just_within_a_bound_passes_and_what_is_beyond_is_refused_by_name() {
    let blocks = |depth: usize| {
        let (begin, end) = ("(block ".repeat(depth), ")".repeat(depth));
        // The outermost is the function.
        format!("(component (core module (func {begin}{end})))")
    };
    check(&wat::parse_str(blocks(1_000)).unwrap()).unwrap();
    let components = |depth: usize| "(component ".repeat(depth) + &")".repeat(depth);
    check(&wat::parse_str(components(16)).unwrap()).unwrap();
    assert_eq!(
        refusal(&components(17)),
        "it has too many nested components; at most 16 are compiled"
    );
}

#[test]
fn instances_are_counted_through_every_way_to_name_a_component() {
    let ten = "(core instance (instantiate $m))".repeat(10);
    let small = format!("(component $c (core module $m) {ten})");
    let hundred = "(instance (instantiate $c))".repeat(90);
    // Directly, from an outer component, and by the name of an export.
    for second in [
        format!("(component $d {hundred})"),
        format!("(component $d (alias outer 1 $c (component $e)) {hundred})")
            .replace("$c)\"", "$e)"),
        format!("(component $d (export $e \"e\" (component $c)) {hundred})"),
    ] {
        let text = format!("(component {small} {second} (instance (instantiate $d)))");
        check(&wat::parse_str(&text).unwrap()).unwrap();
        let twice = "(instance (instantiate $d))".repeat(2);
        let text = format!("(component {small} {second} {twice})");
        assert!(refusal(&text).contains("too many instances"), "{text}");
    }
}

#[test]
fn a_component_cut_at_any_place_is_malformed_and_nothing_else() {
    let (_, whole) = EMBEDDED_TOOLS[0];
    for end in (9..whole.len()).step_by(whole.len() / 200) {
        match check(&whole[..end]) {
            Ok(()) | Err(StructureError::Malformed(_)) => {}
            Err(error) => unreachable!("cut at {end}: {error}"),
        }
    }
}
