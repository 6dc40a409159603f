//! What the program `toolhost` is made of beyond its command line: [`playbook`] reads playbooks of NoETL and walks
//! their steps, [`setup`] puts a host together.

pub mod playbook;
pub mod setup;
