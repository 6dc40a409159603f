//! Engines: implementations of the capabilities.
