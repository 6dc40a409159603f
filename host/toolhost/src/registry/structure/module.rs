use wasmparser::{
    CustomSectionReader, ElementItems, KnownCustom, Name, NameSectionReader, Payload,
};

use super::bounds::{Census, Measure};
use super::error::StructureError;
use super::{function, types};

/// A module that is being read.
#[derive(Debug, Default)]
pub(super) struct Module {
    /// The parameters and results of its longest signature.
    longest_signature: u64,
}

impl Module {
    /// Counts a section.
    pub(super) fn read(
        &mut self,
        payload: &Payload<'_>,
        census: &mut Census,
    ) -> Result<(), StructureError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section.clone() {
                    let longest = types::group_of_types(&group?, census)?;
                    let longest = u64::try_from(longest).unwrap_or(u64::MAX);
                    self.longest_signature = self.longest_signature.max(longest);
                }
            }
            Payload::ImportSection(section) => census.add(Measure::CoreImports, section.count())?,
            Payload::ExportSection(section) => census.add(Measure::CoreExports, section.count())?,
            Payload::FunctionSection(section) => census.add(Measure::Functions, section.count())?,
            Payload::TableSection(section) => census.add(Measure::CoreItems, section.count())?,
            Payload::MemorySection(section) => census.add(Measure::CoreItems, section.count())?,
            Payload::GlobalSection(section) => census.add(Measure::CoreItems, section.count())?,
            Payload::TagSection(section) => census.add(Measure::CoreItems, section.count())?,
            Payload::DataSection(section) => census.add(Measure::DataSegments, section.count())?,
            Payload::ElementSection(section) => {
                for segment in section.clone() {
                    let count = match segment?.items {
                        ElementItems::Functions(items) => items.count(),
                        ElementItems::Expressions(_, items) => items.count(),
                    };
                    // A segment without elements counts as well.
                    census.add(Measure::Elements, u64::from(count) + 1)?;
                }
            }
            Payload::CodeSectionEntry(body) => {
                function::count(body, self.longest_signature, census)?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Counts the names for debugging, which the compiler keeps one by one. Other sections of this kind are ignored by
/// the compiler, or only copied.
pub(super) fn custom_section(
    section: &CustomSectionReader<'_>,
    census: &mut Census,
) -> Result<(), StructureError> {
    if let KnownCustom::Name(names) = section.as_known() {
        count_names(names, census)?;
    }
    Ok(())
}

fn count_names(names: NameSectionReader<'_>, census: &mut Census) -> Result<(), StructureError> {
    for name in names {
        // The compiler also reads them only up to the first error.
        let Ok(name) = name else {
            return Ok(());
        };
        let count = match name {
            Name::Function(map) => map.count(),
            Name::Local(map) => map.count(),
            _ => 0,
        };
        census.add(Measure::DebugNames, count)?;
    }
    Ok(())
}
