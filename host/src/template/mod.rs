//! Rendering templates in configuration values.
