//! Playbooks: reading them, and running their steps.
