//! What each file of a crate uses of the others.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ImplItem, Item, ItemImpl, ItemUse, Local, Macro, TraitItem};

use super::names::{Crate, Definition, File, ModuleId};
use super::syntax::{attributes, implementor, imports, is_reexport, is_test, segments};

/// From a file to another, and the names that lead there.
pub(super) type Uses = BTreeMap<(File, File), BTreeSet<String>>;

/// What the files of a crate use of one another.
pub(super) fn uses(mut of: Crate) -> Uses {
    let mut modules = Vec::new();
    for id in 0..of.modules.len() {
        let items = std::mem::take(&mut of.modules[id].items);
        // Names that are imported in the body of a function are names of the module here.
        let mut inner = InnerImports::default();
        for item in &items {
            if !matches!(item, Item::Use(_)) {
                inner.visit_item(item);
            }
        }
        for import in &inner.0 {
            of.import(id, import);
        }
        modules.push((id, items));
    }
    let mut uses = Uses::new();
    for (id, items) in modules {
        let mut collector = Collector {
            of: &of,
            module: id,
            own_type: None,
            uses: &mut uses,
        };
        for item in &items {
            collector.visit_item(item);
        }
    }
    uses
}

#[derive(Default)]
struct InnerImports(Vec<ItemUse>);

impl<'ast> Visit<'ast> for InnerImports {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.0.push(item.clone());
    }
}

struct Collector<'run> {
    of: &'run Crate,
    module: ModuleId,
    /// What `Self` is.
    own_type: Option<Definition>,
    uses: &'run mut Uses,
}

impl Collector<'_> {
    fn path(&mut self, path: &[String]) {
        if let [first, rest @ ..] = path
            && first == "Self"
        {
            if let Some(name) = rest.first() {
                self.own(name);
            }
            return;
        }
        let files = self.of.definers(self.module, path);
        self.add(files, &path.join("::"));
    }

    /// Counts the use of a function or constant of the type that `Self` is.
    fn own(&mut self, name: &str) {
        if let Some(own) = &self.own_type {
            let files = self.of.associated(own, name);
            self.add(files, &format!("Self::{name}"));
        }
    }

    /// Counts the use of a method of a value whose type is not known here.
    fn member(&mut self, name: &str) {
        let files = self.of.strays(name);
        self.add(files, &format!(".{name}"));
    }

    fn add(&mut self, files: BTreeSet<File>, name: &str) {
        let from = &self.of.modules[self.module].file;
        for to in files {
            if to != *from {
                let names = self.uses.entry((from.clone(), to)).or_default();
                names.insert(name.to_owned());
            }
        }
    }

    /// Counts what is written inside a macro or an attribute, which has no structure but its tokens.
    fn tokens(&mut self, tokens: TokenStream, place: Tokens) {
        let mut tokens = tokens.into_iter().peekable();
        let mut path: Vec<String> = Vec::new();
        // A name after a point is a field or a method.
        let mut is_member = false;
        while let Some(token) = tokens.next() {
            match token {
                TokenTree::Ident(name) => {
                    path.push(name.to_string());
                    let mut colons = tokens.clone();
                    let is_colon = |token: Option<TokenTree>| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
                    let leads_on = is_colon(colons.next())
                        && is_colon(colons.next())
                        && matches!(colons.next(), Some(TokenTree::Ident(_)));
                    if leads_on {
                        tokens.next();
                        tokens.next();
                        continue;
                    }
                    let is_call = place == Tokens::Macro
                        && matches!(tokens.peek(), Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis);
                    let is_type = |name: &String| name.starts_with(char::is_uppercase);
                    let found = std::mem::take(&mut path);
                    let is_path = found.len() > 1 || is_call || found.iter().all(is_type);
                    if is_member {
                        if let [name] = found.as_slice() {
                            self.own(name);
                            self.member(name);
                        }
                    } else if is_path {
                        self.path(&found);
                    }
                    is_member = false;
                }
                TokenTree::Group(group) => {
                    is_member = false;
                    self.tokens(group.stream(), place);
                }
                TokenTree::Punct(mark) => is_member = mark.as_char() == '.',
                TokenTree::Literal(literal) => {
                    is_member = false;
                    let text = syn::parse_str::<syn::LitStr>(&literal.to_string());
                    let path = text.and_then(|text| text.parse::<syn::Path>());
                    // `#[serde(with = "super::text")]`
                    if place == Tokens::Attribute
                        && let Ok(path) = path
                        && path.segments.len() > 1
                    {
                        let path = segments(&path);
                        self.path(&path);
                        // What serde calls there is written nowhere.
                        let module = self.of.module_file(self.module, &path);
                        self.add(module.into_iter().collect(), &path.join("::"));
                    }
                }
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tokens {
    Attribute,
    Macro,
}

impl<'ast> Visit<'ast> for Collector<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_impl(&mut self, block: &'ast ItemImpl) {
        let path = implementor(block);
        let own_type = path.and_then(|path| self.of.type_of(self.module, &path));
        let outer = std::mem::replace(&mut self.own_type, own_type);
        visit::visit_item_impl(self, block);
        self.own_type = outer;
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if !is_reexport(item) {
            for import in imports(item) {
                self.path(&import.path);
            }
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes: &[Attribute] = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            _ => &[],
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let is_for_tests = matches!(item, TraitItem::Fn(function) if is_test(&function.attrs));
        if !is_for_tests {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_local(&mut self, local: &'ast Local) {
        if !is_test(&local.attrs) {
            visit::visit_local(self, local);
        }
    }

    // `pub(in crate::module)` uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.path(&segments(path));
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        if let Expr::Path(receiver) = &*call.receiver
            && receiver.path.is_ident("self")
        {
            self.own(&call.method.to_string());
        } else {
            self.member(&call.method.to_string());
        }
        visit::visit_expr_method_call(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let path = attribute.path();
        if !path.is_ident("doc")
            && !path.is_ident("cfg")
            && let syn::Meta::List(list) = &attribute.meta
        {
            self.tokens(list.tokens.clone(), Tokens::Attribute);
        }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.path(&segments(&call.path));
        self.tokens(call.tokens.clone(), Tokens::Macro);
    }
}
