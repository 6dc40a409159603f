//! Binaries, as bytes, that no assembler writes.

/// How a component begins.
pub(crate) const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
/// How a module begins.
pub(crate) const MODULE: &[u8] = b"\0asm\x01\0\0\0";
/// Of a component.
pub(crate) const CORE_MODULE_SECTION: u8 = 1;
/// As above.
pub(crate) const COMPONENT_SECTION: u8 = 4;
/// As above.
pub(crate) const COMPONENT_TYPE_SECTION: u8 = 7;
/// Of either.
pub(crate) const CUSTOM_SECTION: u8 = 0;
/// Of a module.
pub(crate) const TYPE_SECTION: u8 = 1;
/// As above.
pub(crate) const IMPORT_SECTION: u8 = 2;
/// As above.
pub(crate) const FUNCTION_SECTION: u8 = 3;
/// As above.
pub(crate) const TABLE_SECTION: u8 = 4;
/// As above.
pub(crate) const MEMORY_SECTION: u8 = 5;
/// As above.
pub(crate) const GLOBAL_SECTION: u8 = 6;
/// As above.
pub(crate) const ELEMENT_SECTION: u8 = 9;
/// As above.
pub(crate) const CODE_SECTION: u8 = 10;
/// As above.
pub(crate) const DATA_SECTION: u8 = 11;
/// A number in LEB128.
pub(crate) fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

/// A section with its length.
pub(crate) fn section(id: u8, body: &[u8]) -> Vec<u8> {
    [&[id], leb(body.len()).as_slice(), body].concat()
}

/// So many of something, each the same.
pub(crate) fn vector(count: usize, item: &[u8]) -> Vec<u8> {
    [leb(count), item.repeat(count)].concat()
}

/// A module of these sections within a component.
pub(crate) fn component_of(sections: &[Vec<u8>]) -> Vec<u8> {
    let module = [MODULE, &sections.concat()].concat();
    [COMPONENT, &section(CORE_MODULE_SECTION, &module)].concat()
}

/// A component with a module of functions without parameters, that have these bodies: locals and instructions.
pub(crate) fn functions(bodies: &[Vec<u8>]) -> Vec<u8> {
    let sized: Vec<_> = bodies
        .iter()
        .flat_map(|body| [leb(body.len()).as_slice(), body].concat())
        .collect();
    component_of(&[
        section(TYPE_SECTION, &[1, 0x60, 0, 0]),
        section(FUNCTION_SECTION, &vector(bodies.len(), &[0])),
        section(CODE_SECTION, &[leb(bodies.len()), sized].concat()),
    ])
}

/// The beginning of a function: so many locals of type `i32`.
pub(crate) fn locals(count: usize) -> Vec<u8> {
    if count == 0 {
        return vec![0];
    }
    [&[1], leb(count).as_slice(), &[0x7f]].concat()
}
