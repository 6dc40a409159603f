//! What the program `toolhost` is made of beyond its command line: [`playbook`] reads playbooks of NoETL and walks
//! their steps, [`cases`] tests tools without an engine, [`setup`] puts a host together.

pub mod cases;
pub mod playbook;
pub mod setup;
