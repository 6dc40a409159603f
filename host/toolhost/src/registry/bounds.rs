/// The largest component; one that brings a Python interpreter has 18 MB.
pub const MAX_COMPONENT_BYTES: u64 = 64 << 20;
