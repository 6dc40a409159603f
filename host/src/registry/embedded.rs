/// The first-party tools that this host was built with, as the name of their origin and the component.
pub const EMBEDDED_TOOLS: [(&str, &[u8]); 2] = [
    (
        "built in: python",
        include_bytes!(concat!(env!("OUT_DIR"), "/python.wasm")),
    ),
    (
        "built in: script",
        include_bytes!(concat!(env!("OUT_DIR"), "/script.wasm")),
    ),
];
