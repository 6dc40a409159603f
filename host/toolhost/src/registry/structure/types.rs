use wasmparser::{
    BinaryReader, ComponentAlias, ComponentExternName, ComponentImport, ComponentType,
    ComponentTypeRef, CompositeInnerType, CoreType, ModuleTypeDeclaration, RecGroup,
};

use super::bounds::{Census, Measure};
use super::error::StructureError;

/// The start of a component type, which can contain others.
const COMPONENT_TYPE: u8 = 0x41;
/// As above, for an instance type.
const INSTANCE_TYPE: u8 = 0x42;

/// Counts the types of a section.
///
/// The parser's own reader of types recurses without a limit and aborts the process for some 100 kB of nested
/// types; so types that can contain others are walked here, and everything else is left to it.
pub(super) fn component_types(
    mut reader: BinaryReader<'_>,
    census: &mut Census,
) -> Result<(), StructureError> {
    // The number of remaining declarations in each open type; the innermost is last.
    let mut left = vec![reader.read_var_u32()?];
    while let Some(count) = left.last_mut() {
        let Some(remaining) = count.checked_sub(1) else {
            left.pop();
            continue;
        };
        *count = remaining;
        census.add(Measure::ComponentTypes, 1_u64)?;
        let is_type = left.len() == 1 || declaration(&mut reader, census)?;
        if is_type && let Some(declarations) = nested(&mut reader)? {
            left.push(declarations);
            census.reach(Measure::TypeDepth, left.len())?;
        }
    }
    Ok(())
}

/// Reads a declaration, or only the header of one that is a type.
fn declaration(reader: &mut BinaryReader<'_>, census: &mut Census) -> Result<bool, StructureError> {
    match reader.read_u8()? {
        0x00 => core_type(&reader.read::<CoreType<'_>>()?, census)?,
        0x01 => return Ok(true),
        0x02 => {
            reader.read::<ComponentAlias<'_>>()?;
        }
        0x03 => {
            reader.read::<ComponentImport<'_>>()?;
        }
        // The compiler rejects everything else with its own message; here it is not a type.
        _ => {
            reader.read::<ComponentExternName<'_>>()?;
            reader.read::<ComponentTypeRef>()?;
        }
    }
    Ok(false)
}

/// Reads a type, or only the number of declarations of one that contains them.
fn nested(reader: &mut BinaryReader<'_>) -> Result<Option<u32>, StructureError> {
    let mut ahead = reader.clone();
    if matches!(ahead.read_u8()?, COMPONENT_TYPE | INSTANCE_TYPE) {
        let declarations = ahead.read_var_u32()?;
        *reader = ahead;
        return Ok(Some(declarations));
    }
    reader.read::<ComponentType<'_>>()?;
    Ok(None)
}

/// Counts a core type of a component.
pub(super) fn core_type(
    declared: &CoreType<'_>,
    census: &mut Census,
) -> Result<(), StructureError> {
    match declared {
        CoreType::Rec(group) => {
            group_of_types(group, census)?;
        }
        CoreType::Module(declarations) => {
            census.add(Measure::ComponentTypes, declarations.len())?;
            for declaration in declarations {
                if let ModuleTypeDeclaration::Type(group) = declaration {
                    group_of_types(group, census)?;
                }
            }
        }
    }
    Ok(())
}

/// Counts the types of a module, and returns the longest signature.
pub(super) fn group_of_types(
    group: &RecGroup,
    census: &mut Census,
) -> Result<usize, StructureError> {
    let mut longest = 0;
    for declared in group.types() {
        census.add(Measure::CoreTypes, 1_u64)?;
        let length = match &declared.composite_type.inner {
            CompositeInnerType::Func(signature) => {
                signature.params().len() + signature.results().len()
            }
            CompositeInnerType::Struct(structure) => structure.fields.len(),
            CompositeInnerType::Array(_) | CompositeInnerType::Cont(_) => 1,
        };
        census.reach(Measure::SignatureLength, length)?;
        longest = longest.max(length);
    }
    Ok(longest)
}
