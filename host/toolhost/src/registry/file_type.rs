/// What a file that is not a component is instead, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileType {
    /// Nothing.
    Empty,
    /// A WebAssembly module, as the target `wasm32-wasip1` has.
    Module,
    /// WebAssembly of another version of the binary format.
    OtherVersion,
    /// WebAssembly as text.
    WebAssemblyText,
    /// A program or library of Linux, which the tool was built as instead.
    Elf,
    /// Something else.
    Unknown,
}

/// How a binary begins: WebAssembly specification, binary format of modules.
const MAGIC: &[u8] = b"\0asm";
/// The version and layer of a module.
const MODULE: [u8; 4] = [1, 0, 0, 0];
/// The version and layer of a component (component model, binary format).
const COMPONENT: [u8; 4] = [0x0d, 0, 1, 0];
/// How a program or a library of Linux begins (elf(5)).
const ELF: &[u8] = b"\x7fELF";

impl FileType {
    /// The type of a file; none if it begins like a component.
    pub(super) fn other_than_component(bytes: &[u8]) -> Option<Self> {
        if let Some(rest) = bytes.strip_prefix(MAGIC) {
            return match rest.first_chunk::<4>() {
                Some(&COMPONENT) => None,
                Some(&MODULE) => Some(Self::Module),
                _ => Some(Self::OtherVersion),
            };
        }
        let text = bytes.trim_ascii_start();
        Some(if bytes.is_empty() {
            Self::Empty
        } else if bytes.starts_with(ELF) {
            Self::Elf
        } else if text.starts_with(b"(component") || text.starts_with(b"(module") {
            Self::WebAssemblyText
        } else {
            Self::Unknown
        })
    }

    /// What it is, for a message.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "an empty file",
            Self::Module => "a WebAssembly module",
            Self::OtherVersion => "WebAssembly of an unknown version",
            Self::WebAssemblyText => "WebAssembly as text",
            Self::Elf => "a program or library of Linux",
            Self::Unknown => "a file of another format",
        }
    }

    /// How to make a component instead.
    pub(super) const fn help(self) -> &'static str {
        match self {
            Self::Module => {
                "build the tool for the target `wasm32-wasip2`, or make a component of the module with `wasm-tools \
                 component new`"
            }
            Self::Elf => {
                "build the tool with `--target wasm32-wasip2`, and use the file in the folder of that target"
            }
            Self::WebAssemblyText => "convert it with `wasm-tools parse`",
            Self::OtherVersion => {
                "build the tool with a newer toolchain, or use a newer version of this host"
            }
            Self::Empty | Self::Unknown => {
                "use the `.wasm` file of a component, as `cargo build --target wasm32-wasip2` writes it"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FileType;

    #[test]
    fn a_file_is_known_by_its_first_bytes() {
        let cases: [(&[u8], Option<FileType>); 9] = [
            (b"\0asm\x0d\0\x01\0and more", None),
            (b"\0asm\x01\0\0\0", Some(FileType::Module)),
            (b"\0asm\x02\0\x01\0", Some(FileType::OtherVersion)),
            (b"\0asm", Some(FileType::OtherVersion)),
            (b"", Some(FileType::Empty)),
            (b"\x7fELF\x02\x01", Some(FileType::Elf)),
            (b"\n (component)", Some(FileType::WebAssemblyText)),
            (b"(module)", Some(FileType::WebAssemblyText)),
            (b"kind: script", Some(FileType::Unknown)),
        ];
        for (bytes, expected) in cases {
            let shown = String::from_utf8_lossy(bytes);
            assert_eq!(FileType::other_than_component(bytes), expected, "{shown}");
        }
    }
}
