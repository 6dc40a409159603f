//! Which capabilities a tool may use.
//!
//! A component's import list is its request for capabilities. What it requests and was not granted is not
//! linked, so a mistake here fails closed; the check exists for the sake of the message.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::capability::text::all_of;
use crate::capability::{FetchPolicy, FetchRule};

/// The package of the ABI, without its version.
const ABI_PACKAGE: &str = "noetl:tool/";
/// Interfaces of WASI that are linked. They provide time, random numbers and a bounded log;
/// arguments and environment are empty, standard input is closed.
const LINKED_WASI: [&str; 4] = ["wasi:cli/", "wasi:clocks/", "wasi:io/", "wasi:random/"];
/// Interfaces that the standard libraries of languages import although most tools never call them. They are
/// linked as stubs, and every call to them ends the tool.
const INERT_WASI: [&str; 2] = ["wasi:filesystem/", "wasi:sockets/"];

/// The maximum length of an import's name that is read and shown; existing ones have 40 bytes.
const MAX_NAME_BYTES: usize = 200;
/// The maximum number of imports of each kind that are shown; all of WASI has about 40.
const MAX_NAMES: usize = 64;

/// A capability that can be granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Capability {
    /// Fetching objects.
    Objects,
    /// Creating secrets for jobs.
    Secrets,
    /// Creating, watching and cancelling jobs.
    Jobs,
    /// Reading the logs of its own jobs.
    Logs,
    /// Reporting its progress. Every tool has it.
    Progress,
}

impl Capability {
    /// Every capability.
    pub const ALL: [Self; 5] = [
        Self::Objects,
        Self::Secrets,
        Self::Jobs,
        Self::Logs,
        Self::Progress,
    ];

    /// Its name, which is that of its interface.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Objects => "objects",
            Self::Secrets => "secrets",
            Self::Jobs => "jobs",
            Self::Logs => "logs",
            Self::Progress => "progress",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Capability {
    type Err = GrantError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL
            .into_iter()
            .find(|capability| capability.as_str() == name);
        found.ok_or_else(|| GrantError::UnknownCapability {
            name: name.to_owned(),
        })
    }
}

/// Why grants are invalid or insufficient.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// The name of the capability is unknown.
    #[error(
        "unknown capability `{name}`: expected `objects`, `secrets`, `jobs`, `logs` or `progress`"
    )]
    UnknownCapability {
        /// The name.
        name: String,
    },
    /// The tool imports capabilities that it was not granted.
    #[error("`{kind}` needs {}, but is not granted {}", all_of(missing), if missing.len() == 1 { "it" } else { "them" })]
    Missing {
        /// The tool.
        kind: String,
        /// The digest of its component, which is what grants are bound to.
        digest: String,
        /// What it lacks.
        missing: Vec<Capability>,
        /// Everything that it needs.
        needed: Vec<Capability>,
    },
    /// The tool imports something that no host of this version provides.
    #[error("`{kind}` imports `{import}`, which this host does not provide")]
    UnknownImport {
        /// The tool.
        kind: String,
        /// The import's name.
        import: String,
    },
}

/// The capabilities that a tool was granted, and their scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    capabilities: BTreeSet<Capability>,
    fetch: Arc<FetchPolicy>,
}

impl Grants {
    /// Only reporting its progress.
    #[must_use]
    pub fn none() -> Self {
        Self {
            capabilities: BTreeSet::from([Capability::Progress]),
            fetch: Arc::new(FetchPolicy::of([])),
        }
    }

    /// Every capability, for trusted tools; only public objects.
    #[must_use]
    pub fn all() -> Self {
        Self::of(Capability::ALL)
    }

    /// These, and reporting its progress. [`Capability::Objects`] covers everything public.
    #[must_use]
    pub fn of(capabilities: impl IntoIterator<Item = Capability>) -> Self {
        let mut grants = Self::none();
        grants.capabilities.extend(capabilities);
        if grants.allow(Capability::Objects) {
            grants.fetch = Arc::default();
        }
        grants
    }

    /// Adds a rule for fetching.
    #[must_use]
    pub fn fetching(mut self, rule: FetchRule) -> Self {
        self.capabilities.insert(Capability::Objects);
        Arc::make_mut(&mut self.fetch).add(rule);
        self
    }

    /// Adds a credential that the tool may use although the configuration of a call does not name it. The
    /// credential determines the servers that it may be sent to.
    #[must_use]
    pub fn spending(mut self, credential: &str) -> Self {
        Arc::make_mut(&mut self.fetch).add_credential(credential);
        self
    }

    /// Trusts the tool's code to follow its configuration, like the built-in tools: it may send credentials
    /// and sealed headers to every server that it may fetch from. See [`FetchPolicy::trust`].
    #[must_use]
    pub fn trusted(mut self) -> Self {
        Arc::make_mut(&mut self.fetch).trust();
        self
    }

    /// The union of both.
    #[must_use]
    pub fn and(self, other: &Self) -> Self {
        let mut both = self;
        both.capabilities.extend(other.iter());
        both = other.fetch.credentials().fold(both, Self::spending);
        if other.fetch.is_trusted() {
            both = both.trusted();
        }
        let rules = other.fetch.rules().iter().cloned();
        rules.fold(both, Self::fetching)
    }

    /// Sets the tool that they are for, so that a denial can print the entry to add.
    #[must_use]
    pub(crate) fn for_kind(mut self, kind: &str) -> Self {
        let policy = FetchPolicy::clone(&self.fetch);
        self.fetch = Arc::new(policy.for_kind(kind));
        self
    }

    /// What may be fetched.
    #[must_use]
    pub fn fetch(&self) -> &Arc<FetchPolicy> {
        &self.fetch
    }

    /// Whether this capability is granted.
    #[must_use]
    pub fn allow(&self, capability: Capability) -> bool {
        self.capabilities.contains(&capability)
    }

    /// The granted capabilities in order.
    pub fn iter(&self) -> impl Iterator<Item = Capability> + '_ {
        self.capabilities.iter().copied()
    }

    /// Checks the imports of a tool against its grants.
    ///
    /// # Errors
    ///
    /// [`GrantError::Missing`] with everything that is missing, [`GrantError::UnknownImport`] with the first
    /// import that cannot be granted.
    pub fn check(&self, kind: &str, digest: &str, imports: &Imports) -> Result<(), GrantError> {
        if let Some(import) = imports.unknown.first() {
            return Err(GrantError::UnknownImport {
                kind: kind.to_owned(),
                import: import.clone(),
            });
        }
        let missing: Vec<_> = imports
            .capabilities
            .iter()
            .copied()
            .filter(|wanted| !self.allow(*wanted))
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        Err(GrantError::Missing {
            kind: kind.to_owned(),
            digest: digest.to_owned(),
            missing,
            needed: imports.needed(),
        })
    }
}

/// The imports of a component, classified by how the host handles them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imports {
    /// The capabilities.
    pub capabilities: Vec<Capability>,
    /// The capabilities from which it only uses types, such as the handle of an object that is passed to a
    /// job. They need no grant.
    pub named: Vec<Capability>,
    /// The parts of WASI that are linked.
    pub linked: Vec<String>,
    /// The parts of WASI that are only linked as stubs.
    pub inert: Vec<String>,
    /// Imports that no host of this version provides.
    pub unknown: Vec<String>,
}

impl Imports {
    /// Classifies the names of imported interfaces, such as `noetl:tool/jobs@0.1.0`, each with whether a
    /// function of it is imported.
    pub fn new<'name>(interfaces: impl IntoIterator<Item = (&'name str, bool)>) -> Self {
        let mut imports = Self::default();
        for (name, has_functions) in interfaces {
            let name = name
                .get(..name.floor_char_boundary(MAX_NAME_BYTES))
                .unwrap_or(name);
            let begins_with = |prefix: &&str| name.starts_with(*prefix);
            if let Some(interface) = name.strip_prefix(ABI_PACKAGE) {
                let interface = interface.split('@').next().unwrap_or(interface);
                match interface.parse() {
                    Ok(capability) if has_functions => imports.capabilities.push(capability),
                    Ok(capability) => imports.named.push(capability),
                    // The interface of shared types has no functions.
                    Err(_) if interface == "types" => {}
                    Err(_) => imports.unknown.push(name.to_owned()),
                }
            } else if LINKED_WASI.iter().any(begins_with) {
                imports.linked.push(name.to_owned());
            } else if is_inert(name) {
                imports.inert.push(name.to_owned());
            } else {
                imports.unknown.push(name.to_owned());
            }
        }
        imports.capabilities.sort_unstable();
        imports.capabilities.dedup();
        for names in [
            &mut imports.linked,
            &mut imports.inert,
            &mut imports.unknown,
        ] {
            names.truncate(MAX_NAMES);
        }
        imports
    }

    /// The capabilities that need a grant.
    #[must_use]
    pub fn needed(&self) -> Vec<Capability> {
        let capabilities = self.capabilities.iter().copied();
        capabilities
            .filter(|capability| *capability != Capability::Progress)
            .collect()
    }
}

/// Whether the interface of this name is only linked as a stub.
pub(crate) fn is_inert(interface: &str) -> bool {
    INERT_WASI
        .iter()
        .any(|prefix| interface.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    const IMPORTS: [(&str, bool); 7] = [
        ("noetl:tool/types@0.1.0", false),
        ("noetl:tool/jobs@0.1.0", true),
        ("noetl:tool/objects@0.1.0", true),
        ("noetl:tool/secrets@0.1.0", false),
        ("wasi:clocks/wall-clock@0.2.6", true),
        ("wasi:filesystem/types@0.2.6", true),
        ("noetl:tool/progress@0.1.0", true),
    ];

    #[test]
    fn sorts_imports_by_what_the_host_makes_of_them() {
        let imports = Imports::new(IMPORTS);
        let capabilities = [Capability::Objects, Capability::Jobs, Capability::Progress];
        assert_eq!(imports.capabilities, capabilities);
        assert_eq!(imports.named, [Capability::Secrets]);
        assert_eq!(imports.linked, ["wasi:clocks/wall-clock@0.2.6"]);
        assert_eq!(imports.inert, ["wasi:filesystem/types@0.2.6"]);
        assert!(imports.unknown.is_empty());
    }

    #[test]
    fn names_everything_that_was_not_granted() {
        let error = Grants::of([Capability::Logs])
            .check("mine", "sha256:0a", &Imports::new(IMPORTS))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "`mine` needs `objects` and `jobs`, but is not granted them"
        );
    }

    #[test]
    fn long_lists_of_imports_are_truncated() {
        let long = format!("host:{}", "x".repeat(100_000));
        let imports = Imports::new(std::iter::repeat_n((long.as_str(), true), 1_000));
        assert_eq!(imports.unknown.len(), MAX_NAMES);
        let error = Grants::all()
            .check("mine", "sha256:0a", &imports)
            .unwrap_err();
        assert!(error.to_string().len() < 300, "{error}");
    }

    #[test]
    fn refuses_imports_that_cannot_be_granted() {
        for import in [
            "wasi:http/outgoing-handler@0.2.6",
            "noetl:tool/shell@0.1.0",
            "env",
        ] {
            let error = Grants::all()
                .check("mine", "sha256:0a", &Imports::new([(import, true)]))
                .unwrap_err();
            assert!(
                matches!(error, GrantError::UnknownImport { .. }),
                "{import}"
            );
        }
    }

    #[test]
    fn grants_add_up_and_take_nothing_away() {
        let rule = |private_addresses| FetchRule {
            allow: Some(vec!["https://a.example/".parse().unwrap()]),
            private_addresses,
        };
        let narrow = Grants::of([Capability::Jobs]).fetching(rule(false));
        assert!(narrow.allow(Capability::Objects) && narrow.allow(Capability::Jobs));
        assert_eq!(narrow.fetch().rules(), [rule(false)]);
        let both = Grants::of([Capability::Objects]).and(&Grants::none().fetching(rule(true)));
        assert_eq!(both.fetch().rules(), [FetchRule::default(), rule(true)]);
        assert!(Grants::of([Capability::Jobs]).fetch().rules().is_empty());
        assert_eq!(narrow.clone().and(&narrow), narrow);
        let spending = narrow
            .clone()
            .and(&Grants::none().spending("api").trusted());
        assert_eq!(spending.fetch().credentials().collect::<Vec<_>>(), ["api"]);
        assert!(spending.fetch().is_trusted() && !narrow.fetch().is_trusted());
        assert!(!Grants::none().spending("api").allow(Capability::Objects));
        assert!(!Grants::all().fetch().is_trusted());
    }

    #[test]
    fn every_capability_is_known_by_its_name() {
        for capability in Capability::ALL {
            assert_eq!(capability.as_str().parse(), Ok(capability));
        }
    }
}
