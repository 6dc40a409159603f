//! Structures that overwhelm a compiler.

use crate::binary::{
    CODE_SECTION, COMPONENT, COMPONENT_SECTION, COMPONENT_TYPE_SECTION, CORE_MODULE_SECTION,
    CUSTOM_SECTION, DATA_SECTION, ELEMENT_SECTION, FUNCTION_SECTION, GLOBAL_SECTION,
    IMPORT_SECTION, MEMORY_SECTION, MODULE, TABLE_SECTION, TYPE_SECTION, component_of, functions,
    leb, locals, section, vector,
};
use crate::case::{Bound, Case, refused};
use crate::tool::{Tool, description};

/// What is refused for its structure is refused before anything is compiled.
const AT_ONCE: Bound = Bound::seconds(2, 256);
/// As above, where it has been promised.
const WITHIN_A_SECOND: Bound = Bound::seconds(1, 256);
/// Where there are tens of megabytes to read.
const LARGE: Bound = Bound::seconds(8, 256);

const BLOCK: [u8; 2] = [0x02, 0x40];
const LOOP: [u8; 2] = [0x03, 0x40];
const END: u8 = 0x0b;

pub(crate) fn cases() -> Vec<Case> {
    let mut cases = bodies();
    cases.extend(counts());
    cases.extend(nesting());
    cases
}

fn bodies() -> Vec<Case> {
    vec![
        refused(
            "50,000 nested loops",
            WITHIN_A_SECOND,
            "too many nested blocks",
            || functions(&[nested(&LOOP, 50_000, 0)]),
        ),
        refused(
            "50,000 nested blocks",
            AT_ONCE,
            "too many nested blocks",
            || functions(&[nested(&BLOCK, 50_000, 0)]),
        ),
        refused(
            "2,000 locals across 20,000 loops",
            WITHIN_A_SECOND,
            "too many nested blocks",
            || functions(&[nested(&LOOP, 20_000, 2_000)]),
        ),
        refused(
            "2,000 locals across 20,000 loops, one after the other",
            AT_ONCE,
            "too many locals for the branches",
            || {
                let mut body = locals(2_000);
                for index in 0..20_000 {
                    body.extend(LOOP);
                    body.extend(use_local(index % 2_000));
                    body.push(END);
                }
                body.push(END);
                functions(&[body])
            },
        ),
        refused(
            "50,000 branches to 4,000 blocks with 1,000 locals",
            AT_ONCE,
            "too many locals for the branches",
            || {
                let mut body = locals(1_000);
                body.extend(BLOCK.repeat(4_000));
                for index in 0..50_000 {
                    body.extend([0x41, 0, 0x0d]);
                    body.extend(leb(index % 4_000));
                }
                body.extend(vec![END; 4_001]);
                functions(&[body])
            },
        ),
        refused(
            "a table of 1,000,000 branches",
            AT_ONCE,
            "too many locals for the branches",
            || {
                let mut body = locals(100);
                body.extend(BLOCK.repeat(100));
                body.extend([0x41, 0, 0x0e]);
                body.extend(vector(1_000_000, &[5]));
                body.extend(vec![0; 1]);
                body.extend(vec![END; 101]);
                functions(&[body])
            },
        ),
        refused(
            "a function of 6 MB",
            AT_ONCE,
            "too many bytes in one function",
            || {
                let body = [locals(0), [0x41, 0, 0x1a].repeat(2_000_000), vec![END]].concat();
                functions(&[body])
            },
        ),
        refused(
            "50,000 locals in each of 1,000 functions",
            AT_ONCE,
            "too many locals",
            || functions(&vec![[locals(50_000), vec![END]].concat(); 1_000]),
        ),
        refused(
            "5,000 functions of 500 loops and 100 locals",
            LARGE,
            "too many locals for the branches of its functions",
            || functions(&vec![nested(&LOOP, 500, 100); 5_000]),
        ),
    ]
}

fn counts() -> Vec<Case> {
    vec![
        refused("1,000,000 functions", AT_ONCE, "too many functions", || {
            functions(&vec![vec![0, END]; 1_000_000])
        }),
        refused(
            "300,000 types of functions",
            AT_ONCE,
            "too many types of functions",
            || component_of(&[section(TYPE_SECTION, &vector(300_000, &[0x60, 0, 0]))]),
        ),
        refused(
            "a function of 1,000 parameters",
            AT_ONCE,
            "too many parameters",
            || {
                let parameters = vector(1_000, &[0x7f]);
                component_of(&[section(
                    TYPE_SECTION,
                    &[&[1, 0x60], parameters.as_slice(), &[0]].concat(),
                )])
            },
        ),
        refused(
            "300,000 imports of a module",
            AT_ONCE,
            "too many imports of modules",
            || {
                component_of(&[
                    section(TYPE_SECTION, &[1, 0x60, 0, 0]),
                    section(IMPORT_SECTION, &vector(300_000, &[1, b'a', 1, b'b', 0, 0])),
                ])
            },
        ),
        refused(
            "300,000 globals",
            AT_ONCE,
            "too many tables, memories and globals",
            || {
                component_of(&[section(
                    GLOBAL_SECTION,
                    &vector(300_000, &[0x7f, 0, 0x41, 0, END]),
                )])
            },
        ),
        refused(
            "5,000,000 elements of a table",
            AT_ONCE,
            "too many elements",
            || {
                let elements = vector(5_000_000, &[0]);
                component_of(&[
                    section(TYPE_SECTION, &[1, 0x60, 0, 0]),
                    section(FUNCTION_SECTION, &[1, 0]),
                    section(TABLE_SECTION, &[1, 0x70, 0, 0]),
                    section(
                        ELEMENT_SECTION,
                        &[&[1, 0, 0x41, 0, END], elements.as_slice()].concat(),
                    ),
                    section(CODE_SECTION, &[1, 2, 0, END]),
                ])
            },
        ),
        refused(
            "300,000 segments of data",
            AT_ONCE,
            "too many segments of data",
            || {
                component_of(&[
                    section(MEMORY_SECTION, &[1, 0, 1]),
                    section(DATA_SECTION, &vector(300_000, &[1, 0])),
                ])
            },
        ),
        refused(
            "20,000,000 names for debugging",
            LARGE,
            "too many names for debugging",
            || {
                // A subsection, of the names of functions.
                let names = section(1, &vector(20_000_000, &[0, 0]));
                component_of(&[section(
                    CUSTOM_SECTION,
                    &[&[4], b"name".as_slice(), &names].concat(),
                )])
            },
        ),
        refused("1,000 imports", AT_ONCE, "too many imports", || {
            let imports: String = (0..1_000)
                .map(|index| format!("(import \"a:b/c{index}\" (instance))"))
                .collect();
            text(&imports)
        }),
        refused("5,000 exports", AT_ONCE, "too many exports", || {
            let exports: String = (0..5_000)
                .map(|index| format!("(export \"e{index}\" (func $f))"))
                .collect();
            text(&format!("(import \"f\" (func $f)) {exports}"))
        }),
        refused(
            "an import with a name of 50,000 bytes",
            AT_ONCE,
            "too many bytes in the name",
            || text(&format!("(import \"{}\" (func))", "a".repeat(50_000))),
        ),
        refused(
            "100,000 types of components",
            AT_ONCE,
            "too many types of components",
            || {
                // Functions without parameters and results.
                let types = vector(100_000, &[0x40, 0, 1, 0]);
                [COMPONENT, &section(COMPONENT_TYPE_SECTION, &types)].concat()
            },
        ),
    ]
}

fn nesting() -> Vec<Case> {
    vec![
        refused(
            "200,000 nested components",
            WITHIN_A_SECOND,
            "too many nested components",
            || components_within(200_000),
        ),
        refused(
            "10,000 components next to each other",
            AT_ONCE,
            "too many components",
            || {
                [
                    COMPONENT,
                    &section(COMPONENT_SECTION, COMPONENT).repeat(10_000),
                ]
                .concat()
            },
        ),
        refused(
            "10,000 modules next to each other",
            AT_ONCE,
            "too many modules",
            || {
                [
                    COMPONENT,
                    &section(CORE_MODULE_SECTION, MODULE).repeat(10_000),
                ]
                .concat()
            },
        ),
        refused(
            "5,000 instances of a module",
            AT_ONCE,
            "too many instances",
            || {
                text(&format!(
                    "(core module $m) {}",
                    "(core instance (instantiate $m))".repeat(5_000)
                ))
            },
        ),
        refused(
            "30 components that make two instances of the one before",
            AT_ONCE,
            "too many instances",
            doubling_instances,
        ),
        refused(
            "100,000 nested types of components",
            AT_ONCE,
            "too many nested types",
            || types_within(0x41),
        ),
        refused(
            "100,000 nested types of instances",
            AT_ONCE,
            "too many nested types",
            || types_within(0x42),
        ),
        refused(
            "an import of a component",
            AT_ONCE,
            "imports a component",
            || text("(component (import \"c\" (component $c)) (instance (instantiate $c)))"),
        ),
        refused(
            "a component out of an instance",
            AT_ONCE,
            "takes a component from an instance",
            || {
                text(
                    "(component $c (component $d) (export \"d\" (component $d)))
                 (instance $i (instantiate $c)) (alias export $i \"d\" (component $d))",
                )
            },
        ),
        refused(
            "imported instances whose types double 24 times",
            Bound::seconds(10, 512),
            "effective type size exceeds",
            doubling_types,
        ),
        refused(
            "functions between components with a type that doubles 14 times",
            Bound::seconds(20, 512),
            "does not fit the tool interface",
            adapters,
        ),
        refused(
            "a memory of 4 GiB",
            Bound::seconds(5, 256),
            "exceeds the limit",
            || text("(core module $m (memory 65536)) (core instance (instantiate $m))"),
        ),
        refused(
            "a table of 9,000,000 elements",
            Bound::seconds(5, 256),
            "exceeds the limit",
            || with_module("(table 9000000 funcref)"),
        ),
        refused(
            "a function that runs when the component starts, without end",
            Bound::seconds(12, 256),
            "computed for more than",
            || with_module("(func $start (loop (br 0))) (start $start)"),
        ),
    ]
}

/// The given number of nested blocks around uses of the locals.
fn nested(begin: &[u8], depth: usize, count: usize) -> Vec<u8> {
    let mut body = locals(count);
    body.extend(begin.repeat(depth));
    if count > 0 {
        for index in 0..depth {
            body.extend(use_local(index % count));
        }
    }
    body.extend(vec![END; depth + 1]);
    body
}

/// Adds one to a local.
fn use_local(index: usize) -> Vec<u8> {
    let index = leb(index);
    [&[0x20], index.as_slice(), &[0x41, 1, 0x6a, 0x21], &index].concat()
}

/// A component in the text format.
fn text(content: &str) -> Vec<u8> {
    wat::parse_str(format!("(component {content})")).unwrap()
}

/// A tool whose module has this as well.
fn with_module(module: &str) -> Vec<u8> {
    let mut tool = Tool::new(description("hostile").to_string().as_bytes());
    tool.module = module.to_owned();
    tool.build()
}

fn components_within(depth: usize) -> Vec<u8> {
    // From the inside out, sizes first, so that nothing is copied again and again.
    let mut sizes = vec![COMPONENT.len()];
    for index in 0..depth {
        let inner = sizes[index];
        sizes.push(COMPONENT.len() + 1 + leb(inner).len() + inner);
    }
    sizes.pop();
    let mut bytes = Vec::new();
    for size in sizes.iter().rev() {
        bytes.extend(COMPONENT);
        bytes.push(COMPONENT_SECTION);
        bytes.extend(leb(*size));
    }
    bytes.extend(COMPONENT);
    bytes
}

/// A section of types each of which declares one type.
fn types_within(kind: u8) -> Vec<u8> {
    let body = [&[1], [kind, 1, 1].repeat(100_000).as_slice(), &[kind, 0]].concat();
    [COMPONENT, &section(COMPONENT_TYPE_SECTION, &body)].concat()
}

fn doubling_instances() -> Vec<u8> {
    let mut content =
        "(component $c0 (core module $m) (core instance (instantiate $m)))".to_owned();
    for index in 1..=30 {
        let before = index - 1;
        content.push_str(&format!(
            "(component $c{index} (alias outer 1 $c{before} (component $c))
               (instance (instantiate $c)) (instance (instantiate $c)))"
        ));
    }
    content.push_str("(instance (instantiate $c30))");
    text(&content)
}

fn doubling_types() -> Vec<u8> {
    let mut content = "(type $t0 (instance (export \"f\" (func))))".to_owned();
    for index in 1..=24 {
        let before = index - 1;
        content.push_str(&format!(
            "(type $t{index} (instance (alias outer 1 $t{before} (type $t))
               (export \"a\" (instance (type $t))) (export \"b\" (instance (type $t)))))"
        ));
    }
    content.push_str("(import \"i\" (instance (type $t24)))");
    text(&content)
}

/// Functions that one component lifts and another lowers, which the compiler writes code for that copies each part.
fn adapters() -> Vec<u8> {
    let mut types = "(type $t0 (tuple string string))".to_owned();
    for index in 1..=14 {
        let before = index - 1;
        types.push_str(&format!("(type $t{index} (tuple $t{before} $t{before}))"));
    }
    let provider: String = (0..8)
        .map(|index| {
            format!(
                "(func (export \"f{index}\") (param \"x\" $t14)
                   (canon lift (core func $i \"f\") (memory (core memory $i \"memory\")) (realloc (core func $i \"realloc\"))))"
            )
        })
        .collect();
    let imports: String = (0..8)
        .map(|index| format!("(import \"f{index}\" (func $f{index} (param \"x\" $t14)))"))
        .collect();
    let lowered: String = (0..8)
        .map(|index| {
            format!("(core func $l{index} (canon lower (func $f{index}) (memory (core memory $i \"memory\"))))")
        })
        .collect();
    let core_imports: String = (0..8)
        .map(|index| format!("(import \"\" \"f{index}\" (func (param i32)))"))
        .collect();
    let with: String = (0..8)
        .map(|index| format!("(export \"f{index}\" (func $l{index}))"))
        .collect();
    let arguments: String = (0..8)
        .map(|index| format!("(with \"f{index}\" (func $p \"f{index}\"))"))
        .collect();
    let memory = "(memory (export \"memory\") 1)
        (func (export \"realloc\") (param i32 i32 i32 i32) (result i32) unreachable)";
    text(&format!(
        "(component $provider {types}
           (core module $m {memory} (func (export \"f\") (param i32)))
           (core instance $i (instantiate $m)) {provider})
         (component $user {types} {imports}
           (core module $memory {memory}) (core instance $i (instantiate $memory)) {lowered}
           (core module $m {core_imports})
           (core instance (instantiate $m (with \"\" (instance {with})))))
         (instance $p (instantiate $provider))
         (instance (instantiate $user {arguments}))"
    ))
}
