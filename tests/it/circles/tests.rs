use std::collections::BTreeMap;

use super::graph::circles;
use super::names::Crate;

/// The circles of a crate with these files.
fn found(files: &[(&str, &str)]) -> Vec<String> {
    let owned = |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned());
    let files: BTreeMap<_, _> = files.iter().map(owned).collect();
    circles(Crate::read(&files, "lib.rs"))
}

/// Of each case the text of `a/inner.rs`, which leads to `b.rs`; `b.rs` always leads to it.
const USES: [&str; 23] = [
    "use crate::b::B;",
    "use super::super::b::B;",
    "use crate::{b::{B}, a};",
    "use crate::b::{self, B as C};",
    "use crate::b; fn f(_: b::B) {}",
    "use crate::b as other; fn f() { other::free(); }",
    "fn f() -> crate::b::B { todo!() }",
    "fn f() { super::super::b::free() }",
    "fn f() { use crate::b::free; free(); }",
    "fn f() { println!(\"{}\", crate::b::LIMIT); }",
    "macro_rules! m { () => { $crate::b::free() }; }",
    "#[serde(with = \"crate::b::text\")] struct S;",
    "#[derive(crate::b::Derived)] struct S;",
    "impl From<crate::b::B> for Inner { fn from(_: crate::b::B) -> Self { Inner } }",
    // By what re-exports it: the crate, the module above, and a name given there.
    "use crate::B;",
    "use crate::Renamed;",
    "use super::FromAbove;",
    "use super::*; fn f(_: FromAbove) {}",
    "use crate::everything::B;",
    "mod deeper { use super::super::FromAbove; }",
    "use crate::b::Choice::One;",
    // Of a type of its own file, by a method that the other one adds.
    "impl Inner { fn f(&self) { self.added(); } }",
    "fn f(inner: &Inner) { inner.added(); }",
];

/// The same, where nothing leads to `b.rs`.
const NO_USES: [&str; 10] = [
    "use crate::b;",
    "pub use crate::b::B;",
    "pub(super) use crate::b::B;",
    "pub(in crate::b) struct S;",
    "/// See [`crate::b::B`].\nstruct S;",
    "#[cfg(test)] mod tests { use crate::b::B; }",
    "#[cfg(all(test, unix))] use crate::b::B;",
    "#[test] fn f() { crate::b::free(); }",
    "use b::B; fn f() { other::b::free(); }",
    "use ::b::B;",
];

const LIB: &str =
    "mod a; mod b; mod everything { pub use crate::b::*; } pub use b::B; pub use b::B as Renamed;";
const A: &str = "mod inner; pub use inner::Inner; pub(crate) use crate::b::B as FromAbove;";
const B: &str = "use crate::a::Inner; pub struct B; pub enum Choice { One } pub fn free() {} pub const LIMIT: u8 = 1; \
     pub mod text {} impl Inner { pub(crate) fn added(&self) {} }";

fn with_inner(text: &str) -> Vec<String> {
    let inner = format!("pub struct Inner; {text}");
    let files = [
        ("lib.rs", LIB),
        ("a/mod.rs", A),
        ("a/inner.rs", &inner),
        ("b.rs", B),
    ];
    found(&files)
}

#[test]
fn a_use_is_seen_however_it_is_written() {
    for text in USES {
        let circles = with_inner(text);
        assert_eq!(circles.len(), 1, "{text}: {circles:?}");
        assert!(
            circles[0].contains("a/inner.rs uses b.rs"),
            "{text}: {circles:?}"
        );
    }
}

#[test]
fn other_mentions_make_no_circle() {
    for text in NO_USES {
        let circles = with_inner(text);
        assert!(circles.is_empty(), "{text}: {circles:?}");
    }
}

#[test]
fn a_module_and_its_children_are_a_circle_where_they_use_each_other() {
    let child = ("a/inner.rs", "use super::Shared; pub struct Inner;");
    let reexporting = "mod inner; pub use inner::Inner; pub struct Shared;";
    let using = "mod inner; pub use inner::Inner; pub struct Shared; fn f() -> Inner { Inner }";
    assert!(found(&[("lib.rs", "mod a;"), ("a.rs", reexporting), child]).is_empty());
    let circles = found(&[("lib.rs", "mod a;"), ("a.rs", using), child]);
    assert_eq!(circles.len(), 1, "{circles:?}");
    assert!(
        circles[0].starts_with("circle of a.rs, a/inner.rs:"),
        "{circles:?}"
    );
}

#[test]
fn modules_are_a_circle_although_no_file_of_them_is() {
    let circles = found(&[
        ("lib.rs", "mod a; mod b;"),
        ("a/mod.rs", "mod low; mod high; pub use low::Low;"),
        ("a/low.rs", "pub struct Low;"),
        ("a/high.rs", "use crate::b::Middle;"),
        ("b/mod.rs", "mod middle; pub use middle::Middle;"),
        ("b/middle.rs", "use crate::a::Low; pub struct Middle;"),
    ]);
    assert_eq!(circles.len(), 1, "{circles:?}");
    assert!(
        circles[0].starts_with("circle of a/mod.rs, b/mod.rs:"),
        "{circles:?}"
    );
}
