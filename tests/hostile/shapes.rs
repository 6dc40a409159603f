//! Files that are not components, or unusual ones.

use crate::binary::{
    COMPONENT, CUSTOM_SECTION, MEMORY_SECTION, MODULE, TYPE_SECTION, component_of, section,
};
use crate::case::{Bound, Case, Input, refused};
use crate::tool::{Tool, described, description};

const AT_ONCE: Bound = Bound::seconds(2, 256);
const NO_COMPONENT: &str = "is not a WebAssembly component";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        refused("an empty file", AT_ONCE, NO_COMPONENT, Vec::new),
        refused("a string", AT_ONCE, NO_COMPONENT, || {
            b"no wasm at all".to_vec()
        }),
        refused("a module", AT_ONCE, NO_COMPONENT, || MODULE.to_vec()),
        refused("an unknown version", AT_ONCE, NO_COMPONENT, || {
            b"\0asm\xff\0\x01\0".to_vec()
        }),
        refused(
            "a component cut in the middle",
            AT_ONCE,
            NO_COMPONENT,
            || {
                let whole = described(&description("hostile"));
                whole[..whole.len() / 2].to_vec()
            },
        ),
        refused(
            "an overlong encoding of a number",
            AT_ONCE,
            NO_COMPONENT,
            || [COMPONENT, &[1], &[0x80; 20]].concat(),
        ),
        refused(
            "a section that ends after the file",
            AT_ONCE,
            NO_COMPONENT,
            || [COMPONENT, &[1, 0xff, 0xff, 0xff, 0xff, 0x0f], MODULE].concat(),
        ),
        refused(
            "a section that says it has 4,294,967,295 types",
            AT_ONCE,
            NO_COMPONENT,
            || component_of(&[section(TYPE_SECTION, &[0xff, 0xff, 0xff, 0xff, 0x0f])]),
        ),
        refused("an unknown section", AT_ONCE, NO_COMPONENT, || {
            [COMPONENT, &section(99, b"abc")].concat()
        }),
        refused("bytes after the end", AT_ONCE, NO_COMPONENT, || {
            [described(&description("hostile")), b"and more".to_vec()].concat()
        }),
        refused("two exports of one name", AT_ONCE, NO_COMPONENT, || {
            // Assembled with two names; one is then replaced.
            let text = "(component (import \"f\" (func $f)) (export \"ab\" (func $f)) (export \"cd\" (func $f)))";
            let mut bytes = wat::parse_str(text).unwrap();
            let second = bytes.windows(2).position(|pair| pair == b"cd").unwrap();
            bytes[second..second + 2].copy_from_slice(b"ab");
            bytes
        }),
        refused(
            "a component that exports nothing",
            AT_ONCE,
            "does not fit the tool interface",
            || COMPONENT.to_vec(),
        ),
        refused(
            "a `describe` that returns a number",
            AT_ONCE,
            "does not fit the tool interface",
            || {
                let text = r#"(component (core module $m (func (export "f") (result i32) (i32.const 1)))
                (core instance $i (instantiate $m))
                (func $f (result u32) (canon lift (core func $i "f")))
                (instance $h (export "describe" (func $f)) (export "invoke" (func $f)))
                (export "noetl:tool/handler@0.1.0" (instance $h)))"#;
                wat::parse_str(text).unwrap()
            },
        ),
        refused(
            "a shared memory",
            AT_ONCE,
            "threads must be enabled",
            || component_of(&[section(MEMORY_SECTION, &[1, 3, 1, 1])]),
        ),
        Case {
            name: "a file of 8 TiB",
            input: Input::Sparse(8 << 40),
            bound: AT_ONCE,
            says: "has more than 67108864 bytes",
        },
        Case {
            name: "a tool with 60 MB of unused data",
            input: Input::Listed(Box::new(|| {
                let padding = [&[4], b"junk".as_slice(), &vec![0; 60_000_000]].concat();
                [
                    described(&description("padded")),
                    section(CUSTOM_SECTION, &padding),
                ]
                .concat()
            })),
            bound: Bound::seconds(10, 512),
            says: "padded@1.0.0",
        },
    ];
    cases.push(refused(
        "an interface that this host does not have",
        AT_ONCE,
        "does not fit the tool interface",
        || {
            let mut tool = Tool::new(b"{}");
            tool.component =
                "(import \"host:shell/run@1.0.0\" (instance (export \"run\" (func))))".to_owned();
            tool.build()
        },
    ));
    cases
}
