//! The modules of a crate, the names in each, and which file defines what a path names.

use std::collections::{BTreeMap, BTreeSet};

use syn::{Attribute, Item, ItemUse};

use super::syntax::{Import, attributes, declared, implementor, imports, is_test};

/// A module, by its place in `Crate::modules`.
pub(super) type ModuleId = usize;
/// The path of a source file below the root of its crate.
pub(super) type File = String;

/// The modules of one crate, inline ones too, without those of tests.
#[derive(Default)]
pub(super) struct Crate {
    pub(super) modules: Vec<Module>,
    /// The file of each function and constant in a type's own `impl` blocks.
    associated: BTreeMap<(Definition, String), BTreeSet<File>>,
}

pub(super) struct Module {
    pub(super) parent: Option<ModuleId>,
    pub(super) file: File,
    pub(super) items: Vec<Item>,
    names: BTreeMap<String, Vec<Name>>,
    /// What `use path::*` names.
    globs: Vec<Vec<String>>,
}

/// What a name means in a module: several things at most if they are in different namespaces.
#[derive(Clone)]
enum Name {
    Module(ModuleId),
    /// A type, trait or macro, which a path may lead into, or else a value.
    Item {
        is_type: bool,
    },
    /// What a `use` names.
    Import(Vec<String>),
    /// A macro that another module exports from the root.
    Macro(ModuleId),
}

/// An item where it is defined, whatever re-exports it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Definition {
    pub(super) file: File,
    module: ModuleId,
    name: String,
    is_type: bool,
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Module(ModuleId),
    Item(Definition),
}

/// The imports that lead to where a look-up is, by their modules: one that leads back to itself leads nowhere.
type Trail<'path> = Vec<(ModuleId, &'path [String])>;

impl Crate {
    /// Reads a crate: its files by their paths, and which of them is the root.
    pub(super) fn read(files: &BTreeMap<File, String>, root: &str) -> Self {
        let mut read = Self::default();
        let folder = folder_of(root);
        read.add_file(files, None, root, &folder);
        read.find_associated();
        read
    }

    /// The files that define what a path in a module names. None if it is a module, or not of this crate.
    pub(super) fn definers(&self, from: ModuleId, path: &[String]) -> BTreeSet<File> {
        let mut files = BTreeSet::new();
        for (definition, rest) in self.definitions(from, path) {
            if let Some(next) = rest.first() {
                files.extend(self.associated(&definition, next));
            }
            files.insert(definition.file);
        }
        files
    }

    /// The file of the module that a path names, if it names one.
    pub(super) fn module_file(&self, from: ModuleId, path: &[String]) -> Option<File> {
        let mut places = self.places(from, path, &Trail::new()).into_iter();
        places.find_map(|(place, _)| match place {
            Place::Module(module) => Some(self.modules[module].file.clone()),
            Place::Item(_) => None,
        })
    }

    /// The type that a path names, if it is one of this crate.
    pub(super) fn type_of(&self, from: ModuleId, path: &[String]) -> Option<Definition> {
        let mut found = self.definitions(from, path).into_iter();
        found
            .find(|(definition, rest)| definition.is_type && rest.is_empty())
            .map(|(definition, _)| definition)
    }

    /// The files whose `impl` blocks give a type this function or constant.
    pub(super) fn associated(&self, of: &Definition, name: &str) -> BTreeSet<File> {
        let key = (of.clone(), name.to_owned());
        self.associated.get(&key).cloned().unwrap_or_default()
    }

    /// The files that give types of other files a function of this name, if no type has one in its own file.
    pub(super) fn strays(&self, name: &str) -> BTreeSet<File> {
        let of_name = self
            .associated
            .iter()
            .filter(|((_, known), _)| known == name);
        let mut strays = BTreeSet::new();
        for ((of, _), files) in of_name {
            if files.contains(&of.file) {
                return BTreeSet::new();
            }
            strays.extend(files.iter().cloned());
        }
        strays
    }

    fn add_file(
        &mut self,
        files: &BTreeMap<File, String>,
        parent: Option<ModuleId>,
        file: &str,
        folder: &str,
    ) -> ModuleId {
        let text = files.get(file).expect("a module has a file");
        let items = syn::parse_file(text).expect("the sources compile").items;
        self.add_module(files, parent, file, folder, items)
    }

    /// Adds a module, and those inside it, whose files are in `folder`.
    fn add_module(
        &mut self,
        files: &BTreeMap<File, String>,
        parent: Option<ModuleId>,
        file: &str,
        folder: &str,
        items: Vec<Item>,
    ) -> ModuleId {
        let id = self.modules.len();
        self.modules.push(Module {
            parent,
            file: file.to_owned(),
            items: Vec::new(),
            names: BTreeMap::new(),
            globs: Vec::new(),
        });
        let mut kept = Vec::new();
        for item in items {
            if is_test(attributes(&item)) {
                continue;
            }
            match item {
                Item::Mod(module) => {
                    let name = module.ident.to_string();
                    let below = format!("{folder}{name}/");
                    let child = if let Some((_, items)) = module.content {
                        self.add_module(files, Some(id), file, &below, items)
                    } else {
                        let sibling = format!("{folder}{name}.rs");
                        let inside = format!("{below}mod.rs");
                        let path = if files.contains_key(&sibling) {
                            sibling
                        } else {
                            inside
                        };
                        self.add_file(files, Some(id), &path, &below)
                    };
                    self.declare(id, name, Name::Module(child));
                }
                Item::Use(import) => {
                    self.import(id, &import);
                    kept.push(Item::Use(import));
                }
                item => {
                    if let Some((name, is_type)) = declared(&item) {
                        let is_exported =
                            |attribute: &Attribute| attribute.path().is_ident("macro_export");
                        if attributes(&item).iter().any(is_exported) && id != 0 {
                            self.declare(0, name.clone(), Name::Macro(id));
                        }
                        self.declare(id, name, Name::Item { is_type });
                    }
                    kept.push(item);
                }
            }
        }
        self.modules[id].items = kept;
        id
    }

    /// Adds the names of a `use` to a module, as well for one in the body of a function.
    pub(super) fn import(&mut self, module: ModuleId, item: &ItemUse) {
        for Import { path, name } in imports(item) {
            match name {
                Some(name) => self.declare(module, name, Name::Import(path)),
                None => self.modules[module].globs.push(path),
            }
        }
    }

    fn declare(&mut self, module: ModuleId, name: String, meaning: Name) {
        let names = &mut self.modules[module].names;
        names.entry(name).or_default().push(meaning);
    }

    fn find_associated(&mut self) {
        let mut found: BTreeMap<_, BTreeSet<File>> = BTreeMap::new();
        for (id, module) in self.modules.iter().enumerate() {
            for item in &module.items {
                let Item::Impl(block) = item else { continue };
                let own = block.trait_.is_none().then(|| implementor(block)).flatten();
                let Some(of) = own.and_then(|path| self.type_of(id, &path)) else {
                    continue;
                };
                for item in &block.items {
                    let name = match item {
                        syn::ImplItem::Fn(function) => &function.sig.ident,
                        syn::ImplItem::Const(constant) => &constant.ident,
                        _ => continue,
                    };
                    let key = (of.clone(), name.to_string());
                    found.entry(key).or_default().insert(module.file.clone());
                }
            }
        }
        self.associated = found;
    }

    /// The items that a path names, each with the segments that lead into it.
    fn definitions<'path>(
        &self,
        from: ModuleId,
        path: &'path [String],
    ) -> Vec<(Definition, &'path [String])> {
        let found = self.places(from, path, &Trail::new()).into_iter();
        found
            .filter_map(|(place, rest)| match place {
                Place::Item(definition) => Some((definition, rest)),
                Place::Module(_) => None,
            })
            .collect()
    }

    fn places<'path>(
        &self,
        from: ModuleId,
        path: &'path [String],
        trail: &Trail,
    ) -> Vec<(Place, &'path [String])> {
        let Some((first, mut rest)) = path.split_first() else {
            return Vec::new();
        };
        let mut module = match first.as_str() {
            "crate" => 0,
            "self" => from,
            "super" => self.parent_of(from),
            name => return self.onward(self.lookup(from, name, trail), rest, trail),
        };
        while let Some((first, after)) = rest.split_first()
            && first == "super"
        {
            module = self.parent_of(module);
            rest = after;
        }
        self.onward([Place::Module(module)].into(), rest, trail)
    }

    /// Where the rest of a path leads from these places.
    fn onward<'path>(
        &self,
        places: BTreeSet<Place>,
        rest: &'path [String],
        trail: &Trail,
    ) -> Vec<(Place, &'path [String])> {
        let Some((next, after)) = rest.split_first() else {
            return places.into_iter().map(|place| (place, rest)).collect();
        };
        let mut found = Vec::new();
        for place in places {
            match place {
                Place::Module(module) => {
                    let mut inside = self.lookup(module, next, trail);
                    if inside.is_empty() {
                        // What a macro writes there.
                        inside.insert(self.item(module, next, true));
                    }
                    found.extend(self.onward(inside, after, trail));
                }
                // A path does not lead into a function or constant: it means another thing of that name.
                Place::Item(definition) if definition.is_type => {
                    found.push((Place::Item(definition), rest));
                }
                Place::Item(_) => {}
            }
        }
        found
    }

    /// What a name means in a module.
    fn lookup(&self, module: ModuleId, name: &str, trail: &Trail) -> BTreeSet<Place> {
        let Module { names, globs, .. } = &self.modules[module];
        let mut found = BTreeSet::new();
        for meaning in names.get(name).into_iter().flatten() {
            match meaning {
                Name::Module(id) => {
                    found.insert(Place::Module(*id));
                }
                Name::Item { is_type } => {
                    found.insert(self.item(module, name, *is_type));
                }
                Name::Macro(definer) => {
                    found.insert(self.item(*definer, name, false));
                }
                Name::Import(path) => found.extend(self.imported(module, path, trail)),
            }
        }
        if found.is_empty() {
            for glob in globs {
                let modules = self.imported(module, glob, trail);
                let trail = [trail.as_slice(), &[(module, glob)]].concat();
                for place in modules {
                    if let Place::Module(other) = place {
                        found.extend(self.lookup(other, name, &trail));
                    }
                }
            }
        }
        found
    }

    /// What an import of a module names.
    fn imported(&self, module: ModuleId, path: &[String], trail: &Trail) -> Vec<Place> {
        if trail.contains(&(module, path)) {
            return Vec::new();
        }
        let trail = [trail.as_slice(), &[(module, path)]].concat();
        let found = self.places(module, path, &trail).into_iter();
        found.map(|(place, _)| place).collect()
    }

    fn item(&self, module: ModuleId, name: &str, is_type: bool) -> Place {
        Place::Item(Definition {
            file: self.modules[module].file.clone(),
            module,
            name: name.to_owned(),
            is_type,
        })
    }

    fn parent_of(&self, module: ModuleId) -> ModuleId {
        self.modules[module]
            .parent
            .expect("`super` leads to a module")
    }
}

/// The folder of a file, with a slash at its end.
fn folder_of(file: &str) -> String {
    file.rsplit_once('/')
        .map(|(folder, _)| format!("{folder}/"))
        .unwrap_or_default()
}
