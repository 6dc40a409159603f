//! Objects of HTTP servers.

mod answer;
mod opener;
mod question;
mod refusal;
mod source;

pub use source::HttpSource;

#[cfg(test)]
mod tests;
