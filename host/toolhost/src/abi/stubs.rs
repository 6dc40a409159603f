//! Imports that are only linked as stubs.
//!
//! The standard libraries of languages import files and sockets although most tools never call them.
//! Such tools load; calling such an import traps, save for the list of folders, which is empty.
//! `Linker::define_unknown_imports_as_traps` cannot be used for it: it gives a new type to every handle that an
//! interface takes from another one that is linked.

use wasmtime::Engine;
use wasmtime::component::types::{ComponentInstance, ComponentItem};
use wasmtime::component::{Component, Linker, LinkerInstance, ResourceType, Val};

use crate::grant::is_inert;

/// Defines stubs for the imports of these interfaces.
pub(super) fn define<T: Send + 'static>(
    linker: &mut Linker<T>,
    component: &Component,
) -> wasmtime::Result<()> {
    let engine = linker.engine().clone();
    let component_type = component.component_type();
    let instances: Vec<_> = component_type
        .imports(&engine)
        .filter_map(|(name, item)| match item.ty {
            ComponentItem::ComponentInstance(instance) => Some((name, instance)),
            _ => None,
        })
        .collect();
    let (inert, others): (Vec<_>, Vec<_>) =
        instances.into_iter().partition(|(name, _)| is_inert(name));
    let known: Vec<ResourceType> = others
        .iter()
        .flat_map(|(_, instance)| resources(instance, &engine))
        .collect();
    for (name, instance) in inert {
        define_instance(linker.instance(name)?, name, &instance, &known, &engine)?;
    }
    Ok(())
}

fn define_instance<T: Send + 'static>(
    mut linker: LinkerInstance<'_, T>,
    interface: &str,
    instance: &ComponentInstance,
    known: &[ResourceType],
    engine: &Engine,
) -> wasmtime::Result<()> {
    for (name, item) in instance.exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(_) => {
                let called = format!("{interface}#{name}");
                let returns_nothing = has_no_folders(interface, name);
                linker.func_new(name, move |_, _, _, results| match results {
                    [result] if returns_nothing => {
                        *result = Val::List(Vec::new());
                        Ok(())
                    }
                    _ => wasmtime::bail!("tools have no `{called}`"),
                })?;
            }
            ComponentItem::Resource(resource) if !known.contains(&resource) => {
                // Such a handle cannot be created, so any type will do.
                linker.resource(name, ResourceType::host::<()>(), |_, _| Ok(()))?;
            }
            _ => {}
        }
    }
    Ok(())
}

/// Whether a function returns the folders of a tool. The standard libraries of JavaScript and Python call it at their
/// start, and accept that there are none.
fn has_no_folders(interface: &str, function: &str) -> bool {
    interface.starts_with("wasi:filesystem/preopens@") && function == "get-directories"
}

fn resources(instance: &ComponentInstance, engine: &Engine) -> Vec<ResourceType> {
    let exports = instance.exports(engine);
    exports
        .filter_map(|(_, item)| match item.ty {
            ComponentItem::Resource(resource) => Some(resource),
            _ => None,
        })
        .collect()
}
