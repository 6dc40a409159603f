/// The first-party tools that this host was built with, as the name of their origin and the component.
pub const EMBEDDED_TOOLS: [(&str, &[u8]); 1] = [(
    "built in: script",
    include_bytes!(concat!(env!("OUT_DIR"), "/script.wasm")),
)];
