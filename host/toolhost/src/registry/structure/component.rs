use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternalKind, ComponentInstance,
    ComponentOuterAliasKind, ComponentTypeRef, Payload,
};

use super::bounds::{Census, Measure};
use super::error::StructureError;
use super::types;

/// A component that is being read.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// The number of instances that each component of its index space creates.
    components: Vec<u64>,
    /// The number of instances that it creates itself so far.
    instances: u64,
}

impl Frame {
    /// The number of instances that an instance of it creates, including itself.
    pub(super) fn instances(&self) -> u64 {
        self.instances.saturating_add(1)
    }

    /// Adds a component that creates the given number of instances.
    pub(super) fn define(&mut self, instances: u64) {
        self.components.push(instances);
    }

    /// Counts a section. `outer` are the components around it, innermost first.
    pub(super) fn read(
        &mut self,
        payload: &Payload<'_>,
        outer: &[&Self],
        census: &mut Census,
        bytes: &[u8],
    ) -> Result<(), StructureError> {
        match payload {
            Payload::ModuleSection { .. } => census.add(Measure::Modules, 1_u64)?,
            Payload::ComponentSection { .. } => census.add(Measure::Components, 1_u64)?,
            Payload::InstanceSection(section) => self.make(section.count().into(), census)?,
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone() {
                    let instances = match instance? {
                        ComponentInstance::Instantiate {
                            component_index, ..
                        } => self.component(component_index),
                        ComponentInstance::FromExports(_) => 1,
                    };
                    self.make(instances, census)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone() {
                    self.alias(&alias?, outer)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                census.add(Measure::Imports, section.count())?;
                for import in section.clone() {
                    let import = import?;
                    census.reach(Measure::NameBytes, import.name.name.len())?;
                    if matches!(import.ty, ComponentTypeRef::Component(_)) {
                        return Err(StructureError::Unsupported("imports a component"));
                    }
                }
            }
            Payload::ComponentExportSection(section) => {
                census.add(Measure::Exports, section.count())?;
                for export in section.clone() {
                    let export = export?;
                    census.reach(Measure::NameBytes, export.name.name.len())?;
                    if export.kind == ComponentExternalKind::Component {
                        self.define(self.component(export.index));
                    }
                }
            }
            Payload::ComponentCanonicalSection(section) => {
                census.add(Measure::Canonicals, section.count())?;
            }
            Payload::ComponentTypeSection(section) => {
                let range = section.range();
                let content = bytes.get(range.clone()).unwrap_or_default();
                types::component_types(BinaryReader::new(content, range.start), census)?;
            }
            Payload::CoreTypeSection(section) => {
                for declared in section.clone() {
                    types::core_type(&declared?, census)?;
                }
            }
            Payload::ComponentStartSection { .. } => {
                return Err(StructureError::Unsupported("has a start function"));
            }
            _ => {}
        }
        Ok(())
    }

    fn make(&mut self, instances: u64, census: &mut Census) -> Result<(), StructureError> {
        self.instances = self.instances.saturating_add(instances);
        census.reach(Measure::Instances, self.instances)?;
        Ok(())
    }

    /// The number of instances that a component creates. The compiler rejects an index that does not exist.
    fn component(&self, index: u32) -> u64 {
        let found = usize::try_from(index).ok();
        let found = found.and_then(|index| self.components.get(index));
        found.copied().unwrap_or(1)
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>, outer: &[&Self]) -> Result<(), StructureError> {
        match alias {
            // The exports of an instance cannot be determined without its type.
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                ..
            } => Err(StructureError::Unsupported(
                "takes a component from an instance",
            )),
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => {
                let distance = usize::try_from(*count).unwrap_or(usize::MAX);
                let instances = match distance.checked_sub(1) {
                    None => self.component(*index),
                    Some(distance) => outer
                        .get(distance)
                        .map_or(1, |frame| frame.component(*index)),
                };
                self.define(instances);
                Ok(())
            }
            _ => Ok(()),
        }
    }
}
