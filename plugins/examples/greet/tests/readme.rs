//! The README of the kit promises that its code is a whole tool: this crate is that code.

#[test]
fn the_readme_shows_this_crate() {
    let readme = include_str!("../../../sdk/README.md");
    assert!(readme.contains(include_str!("../src/lib.rs")));
}
