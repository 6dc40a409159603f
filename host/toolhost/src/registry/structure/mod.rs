//! The structure of a component, before anything is compiled.
//!
//! A compiler's work is not proportional to its input: nesting, locals and branches multiply, and components
//! that instantiate each other twice double with each level. So the binary is walked once with a parser that
//! neither recurses nor trusts a count, and is rejected by name if it is far from everything that toolchains
//! write.

mod bounds;
mod component;
mod error;
mod function;
mod module;
mod types;

use wasmparser::{Parser, Payload};

use bounds::{Census, Measure};
use component::Frame;
use module::Module;

pub(super) use error::StructureError;

/// Rejects a component that would cost too much to compile.
///
/// The time is linear in the number of bytes, about 10 ms for a megabyte; the memory is that of a stack of at most
/// as many entries as [`Measure::ComponentDepth`] and [`Measure::BlockDepth`] allow.
///
/// # Errors
///
/// [`StructureError`], which names the exceeded limit.
pub(super) fn check(bytes: &[u8]) -> Result<(), StructureError> {
    census(bytes).map(|_| ())
}

/// The state between a header and its end.
enum Level {
    Component(Frame),
    Module(Module),
}

fn census(bytes: &[u8]) -> Result<Census, StructureError> {
    let mut census = Census::default();
    // The innermost is last. Each payload is that of the innermost.
    let mut levels: Vec<Level> = Vec::new();
    for payload in Parser::new(0).parse_all(bytes) {
        match payload? {
            Payload::Version { encoding, .. } => {
                let level = match encoding {
                    wasmparser::Encoding::Component => Level::Component(Frame::default()),
                    wasmparser::Encoding::Module => Level::Module(Module::default()),
                };
                levels.push(level);
                census.reach(Measure::ComponentDepth, levels.len())?;
            }
            Payload::End(_) => end(&mut levels, &mut census)?,
            Payload::CustomSection(section) => module::custom_section(&section, &mut census)?,
            payload => read(&payload, &mut levels, &mut census, bytes)?,
        }
    }
    Ok(census)
}

fn read(
    payload: &Payload<'_>,
    levels: &mut [Level],
    census: &mut Census,
    bytes: &[u8],
) -> Result<(), StructureError> {
    let Some((level, outer)) = levels.split_last_mut() else {
        return Ok(());
    };
    match level {
        Level::Module(module) => module.read(payload, census),
        Level::Component(frame) => {
            // The nesting level of a component, and the contents of the outer ones, for aliases.
            let outer = outer.iter().rev().filter_map(|level| match level {
                Level::Component(frame) => Some(frame),
                Level::Module(_) => None,
            });
            frame.read(payload, &outer.collect::<Vec<_>>(), census, bytes)
        }
    }
}

fn end(levels: &mut Vec<Level>, census: &mut Census) -> Result<(), StructureError> {
    match (levels.pop(), levels.last_mut()) {
        (Some(Level::Component(inner)), Some(Level::Component(outer))) => {
            outer.define(inner.instances());
        }
        (Some(Level::Component(root)), None) => {
            census.reach(Measure::Instances, root.instances())?;
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
