//! Secrets and credentials by name.
