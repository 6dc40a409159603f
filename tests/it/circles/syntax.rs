//! What is read of the syntax of Rust.

use syn::{Attribute, Item, ItemImpl, ItemUse, UseTree, Visibility};

/// A `use` of one name: `a::b as c` is the path `a`, `b` with the name `c`.
pub(super) struct Import {
    pub(super) path: Vec<String>,
    /// Absent for `a::*`.
    pub(super) name: Option<String>,
}

/// The names that a `use` brings.
pub(super) fn imports(item: &ItemUse) -> Vec<Import> {
    let mut found = Vec::new();
    // `use ::name` is another crate for certain.
    if item.leading_colon.is_none() {
        flatten(&item.tree, &[], &mut found);
    }
    found
}

fn flatten(tree: &UseTree, before: &[String], found: &mut Vec<Import>) {
    let with = |name: String| [before, &[name]].concat();
    match tree {
        UseTree::Path(path) => flatten(&path.tree, &with(path.ident.to_string()), found),
        UseTree::Group(group) => {
            for tree in &group.items {
                flatten(tree, before, found);
            }
        }
        UseTree::Glob(_) => found.push(Import {
            path: before.to_vec(),
            name: None,
        }),
        UseTree::Name(name) if name.ident == "self" => found.push(Import {
            path: before.to_vec(),
            name: before.last().cloned(),
        }),
        UseTree::Name(name) => found.push(Import {
            path: with(name.ident.to_string()),
            name: Some(name.ident.to_string()),
        }),
        UseTree::Rename(rename) => {
            let path = if rename.ident == "self" {
                before.to_vec()
            } else {
                with(rename.ident.to_string())
            };
            // `as _` is a name too, which nothing can look up.
            let name = Some(rename.rename.to_string());
            found.push(Import { path, name });
        }
    }
}

/// Whether a `use` offers its names to other modules.
pub(super) fn is_reexport(item: &ItemUse) -> bool {
    !matches!(item.vis, Visibility::Inherited)
}

/// The path of the type that a block is for.
pub(super) fn implementor(block: &ItemImpl) -> Option<Vec<String>> {
    match &*block.self_ty {
        syn::Type::Path(path) if path.qself.is_none() => Some(segments(&path.path)),
        _ => None,
    }
}

/// The names in a path, without its generic arguments.
pub(super) fn segments(path: &syn::Path) -> Vec<String> {
    let names = path.segments.iter();
    names.map(|segment| segment.ident.to_string()).collect()
}

/// Whether something is compiled for tests alone.
pub(super) fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("test")
            || attribute.path().is_ident("cfg")
                && attribute
                    .parse_args::<syn::Meta>()
                    .is_ok_and(|condition| needs_test(&condition))
    })
}

/// Whether a condition is met by no other build than that of tests.
fn needs_test(condition: &syn::Meta) -> bool {
    let syn::Meta::List(list) = condition else {
        return condition.path().is_ident("test");
    };
    let parts = list.parse_args_with(
        syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated,
    );
    let Ok(parts) = parts else { return false };
    if list.path.is_ident("all") {
        parts.iter().any(needs_test)
    } else {
        list.path.is_ident("any") && parts.iter().all(needs_test)
    }
}

/// The name that an item declares, and whether a path may lead into it.
pub(super) fn declared(item: &Item) -> Option<(String, bool)> {
    let (name, is_type) = match item {
        Item::Const(item) => (&item.ident, false),
        Item::Enum(item) => (&item.ident, true),
        Item::Fn(item) => (&item.sig.ident, false),
        Item::Macro(item) => (item.ident.as_ref()?, false),
        Item::Static(item) => (&item.ident, false),
        Item::Struct(item) => (&item.ident, true),
        Item::Trait(item) => (&item.ident, true),
        Item::TraitAlias(item) => (&item.ident, true),
        Item::Type(item) => (&item.ident, true),
        Item::Union(item) => (&item.ident, true),
        _ => return None,
    };
    Some((name.to_string(), is_type))
}

pub(super) fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}
