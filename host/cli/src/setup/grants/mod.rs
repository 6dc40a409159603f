mod binding;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use toolhost::capability::{FetchPattern, FetchRule};
use toolhost::grant::{Capability, Grants};
use toolhost::registry::{ToolIdentity, is_built_in};
use toolhost_diagnostic::{Diagnostic, Document, Node, Source, Span, did_you_mean};
use toolhost_filesystem::read_regular_text;

use self::binding::{Binding, is_binding};

/// The grants of a folder's tools: its file `grants.yaml`.
///
/// ```yaml
/// grants:
///   my-tool:
///     - digest: sha256:…      # of the component that this is for
///     - jobs
///     - objects: {allow: ["gs://bucket/scripts/", "https://*.example.com/", "file:"]}
///     - objects: {allow: ["http://10.0.0.1:8080/"], private-addresses: true}
///     - credentials: [api]
///   tool-that-i-am-writing: [{file: my_tool.wasm}, jobs, logs]
///   script: [{override: sha256:…}, objects]
/// ```
///
/// `objects` alone covers everything public. Entries are cumulative. [`FetchPattern`] documents the values of
/// `allow`. A list without `digest`, `file` or `override` is for a built-in tool, and grants nothing to
/// others: any component can claim any kind.
#[derive(Debug, Clone, Default)]
pub struct GrantsFile {
    source: Option<Source>,
    kinds: BTreeMap<String, KindGrants>,
}

/// The list of a kind.
#[derive(Debug, Clone)]
struct KindGrants {
    /// The position of the kind.
    span: Span,
    binding: Binding,
    grants: Grants,
}

/// A component of the folder, as grants are looked up for it.
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The identity that it claims, and its digest.
    pub identity: ToolIdentity,
    /// The name of its file.
    pub file_name: String,
}

/// Why the grants cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum GrantsFileError {
    /// The file cannot be read.
    #[error("cannot read the grants in `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Something in it is wrong.
    #[error("the grants in `{}` are invalid", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, with its places.
        problems: Vec<Diagnostic>,
    },
}

/// The maximum size of the file; 10,000 tools with their digests fit.
const MAX_BYTES: u64 = 1 << 20;
/// The file's name.
const FILE_NAME: &str = "grants.yaml";
/// The entry with the credentials that a tool may use although its configuration does not name them.
const CREDENTIALS: &str = "credentials";
/// The settings of `objects`.
const SETTINGS: [&str; 2] = ["allow", "private-addresses"];

impl GrantsFile {
    /// Reads the grants of a folder; a folder without the file grants nothing.
    ///
    /// # Errors
    ///
    /// [`GrantsFileError`].
    pub fn load_from_folder(folder: &Path) -> Result<Self, GrantsFileError> {
        let path = Self::path_in(folder);
        let text = match read_regular_text(&path, MAX_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(source) => return Err(GrantsFileError::Unreadable { path, source }),
        };
        let parsed = Document::parse(&path.display().to_string(), &text)
            .map_err(|problem| vec![problem])
            .and_then(|document| Self::parse(&document));
        parsed.map_err(|problems| GrantsFileError::Invalid { path, problems })
    }

    /// The path of the grants of a folder.
    pub(super) fn path_in(folder: &Path) -> PathBuf {
        folder.join(FILE_NAME)
    }

    /// Reads grants from a document.
    ///
    /// # Errors
    ///
    /// All errors, with their positions.
    pub fn parse(document: &Document) -> Result<Self, Vec<Diagnostic>> {
        let mut problems = Vec::new();
        let mut grants = BTreeMap::new();
        let wrong = |node: &Node, message: &str| {
            Diagnostic::error(message.to_owned()).at(document.source(), node.span)
        };
        for entry in document.root().entries().unwrap_or_default() {
            if entry.key.text != "grants" {
                let message = format!("unknown key `{}`", entry.key.text);
                let problem = Diagnostic::error(message).at(document.source(), entry.key.span);
                problems.push(problem.help("expected `grants`"));
                continue;
            }
            let Some(kinds) = entry.value.entries() else {
                problems.push(wrong(
                    &entry.value,
                    "expected a map from kinds to lists of capabilities",
                ));
                continue;
            };
            for kind in kinds {
                let Some(names) = kind.value.items() else {
                    problems.push(wrong(&kind.value, "expected a list of capabilities"));
                    continue;
                };
                let (bindings, names): (Vec<_>, Vec<_>) =
                    names.iter().partition(|entry| is_binding(entry));
                let binding = Binding::parse(bindings.into_iter(), document);
                let binding = binding.unwrap_or_else(|found| {
                    problems.extend(found);
                    Binding::Kind
                });
                if matches!(binding, Binding::Override(_)) && !is_built_in(&kind.key.text) {
                    let message = format!("no tool of kind `{}` is built in", kind.key.text);
                    let problem = Diagnostic::error(message).at(document.source(), kind.key.span);
                    problems.push(problem.help("write `digest` instead of `override`"));
                }
                let mut granted = Grants::none();
                for name in names {
                    match entry_of(name, document) {
                        Ok(entry) => granted = granted.and(&entry),
                        Err(found) => problems.extend(found),
                    }
                }
                let granted = KindGrants {
                    span: kind.key.span,
                    binding,
                    grants: granted,
                };
                grants.insert(kind.key.text.clone(), granted);
            }
        }
        if problems.is_empty() {
            Ok(Self {
                source: Some(document.source().clone()),
                kinds: grants,
            })
        } else {
            Err(problems)
        }
    }

    /// The grants of a built-in tool, in addition to those that all built-in tools have.
    #[must_use]
    pub fn of_built_in(&self, tool: &ToolIdentity) -> Grants {
        let found = self.kinds.get(&tool.kind);
        let found = found.filter(|entry| match &entry.binding {
            Binding::Kind => true,
            Binding::Components(digests) => digests.contains(&tool.digest),
            Binding::File(_) | Binding::Override(_) => false,
        });
        found.map_or_else(Grants::none, |entry| entry.grants.clone())
    }

    /// The grants of a component of the folder.
    #[must_use]
    pub fn of_plugin(&self, plugin: &Plugin) -> Grants {
        let found = self.kinds.get(&plugin.identity.kind);
        let found = found.filter(|entry| entry.is_for(plugin));
        found.map_or_else(Grants::none, |entry| entry.grants.clone())
    }

    /// Whether a component of the folder replaces the built-in tool of its kind.
    #[must_use]
    pub fn overrides(&self, plugin: &Plugin) -> bool {
        let entry = self.kinds.get(&plugin.identity.kind);
        entry.is_some_and(|entry| entry.binding == Binding::Override(plugin.identity.digest))
    }

    /// The entries for the kinds of these components: all that can be judged if other components of the folder are not
    /// loaded.
    #[must_use]
    pub(super) fn restricted_to(mut self, plugins: &[Plugin]) -> Self {
        let is_loaded = |kind: &str| plugins.iter().any(|plugin| plugin.identity.kind == kind);
        self.kinds.retain(|kind, _| is_loaded(kind));
        self
    }

    /// The entries that match no tool, each as a warning at its position.
    #[must_use]
    pub fn unused(&self, plugins: &[Plugin], built_in: &[ToolIdentity]) -> Vec<Diagnostic> {
        let Some(source) = &self.source else {
            return Vec::new();
        };
        let kinds = || {
            let kinds = plugins.iter().map(|plugin| plugin.identity.kind.as_str());
            kinds.chain(built_in.iter().map(|tool| tool.kind.as_str()))
        };
        let warning = |(kind, entry): (&String, &KindGrants)| {
            let mut plugins = plugins
                .iter()
                .filter(|plugin| plugin.identity.kind == *kind);
            let is_used = plugins.clone().any(|plugin| entry.is_for(plugin))
                || built_in
                    .iter()
                    .any(|tool| tool.kind == *kind && self.of_built_in(tool) == entry.grants);
            if is_used {
                return None;
            }
            let warn = |message: String| Diagnostic::warning(message).at(source, entry.span);
            let Some(plugin) = plugins.next() else {
                if built_in.iter().any(|tool| tool.kind == *kind) {
                    let message =
                        format!("no component of this folder is the `{kind}` with this digest");
                    return Some(warn(message));
                }
                let warning = warn(format!("unknown tool `{kind}`"));
                return Some(match did_you_mean(kind, kinds()) {
                    Some(meant) => warning.help(format!("did you mean `{meant}`?")),
                    None => warning.help("no component of this folder claims this kind"),
                });
            };
            let Plugin {
                identity,
                file_name,
            } = plugin;
            let digest = identity.digest;
            Some(match entry.binding {
                Binding::Kind => warn(format!(
                    "this list does not name its component, and grants nothing to `{file_name}`"
                ))
                .help(format!(
                    "add `- digest: {digest}`, or `- file: {file_name}` during \
                               development"
                )),
                _ => warn(format!("this does not match the `{kind}` of `{file_name}`"))
                    .help(format!("its digest is `{digest}`")),
            })
        };
        self.kinds.iter().filter_map(warning).collect()
    }
}

impl KindGrants {
    fn is_for(&self, plugin: &Plugin) -> bool {
        match &self.binding {
            Binding::Kind => false,
            Binding::Components(digests) => digests.contains(&plugin.identity.digest),
            Binding::File(name) => *name == plugin.file_name,
            Binding::Override(digest) => *digest == plugin.identity.digest,
        }
    }
}

/// One entry of a list: a capability, optionally with its scope.
fn entry_of(node: &Node, document: &Document) -> Result<Grants, Vec<Diagnostic>> {
    let Some(entries) = node.entries() else {
        let capability = capability(node.as_str().unwrap_or_default(), node.span, document);
        return Ok(Grants::of([capability.map_err(|problem| vec![problem])?]));
    };
    let mut problems = Vec::new();
    let mut granted = Grants::none();
    for entry in entries {
        if entry.key.text == CREDENTIALS {
            match credentials(&entry.value, document) {
                Ok(names) => {
                    let names = names.iter().map(String::as_str);
                    granted = names.fold(granted, Grants::spending);
                }
                Err(found) => problems.extend(found),
            }
            continue;
        }
        match capability(&entry.key.text, entry.key.span, document) {
            Ok(Capability::Objects) => match rule(&entry.value, document) {
                Ok(rule) => granted = granted.fetching(rule),
                Err(found) => problems.extend(found),
            },
            Ok(other) => {
                let message = format!("`{other}` has no settings");
                let problem = Diagnostic::error(message).at(document.source(), entry.key.span);
                problems.push(problem.help(format!("write it as `- {other}`")));
            }
            Err(problem) => problems.push(problem),
        }
    }
    if problems.is_empty() {
        Ok(granted)
    } else {
        Err(problems)
    }
}

/// The list under `credentials:`.
fn credentials(node: &Node, document: &Document) -> Result<Vec<String>, Vec<Diagnostic>> {
    let wrong =
        |node: &Node, message: &str| Diagnostic::error(message).at(document.source(), node.span);
    let Some(items) = node.items() else {
        return Err(vec![wrong(node, "expected a list of names of credentials")]);
    };
    let (names, problems): (Vec<_>, Vec<_>) = items
        .iter()
        .map(|item| item.as_str().filter(|name| !name.is_empty()).ok_or(item))
        .partition(Result::is_ok);
    if problems.is_empty() {
        return Ok(names.into_iter().flatten().map(str::to_owned).collect());
    }
    let problems = problems.into_iter().filter_map(Result::err);
    Err(problems
        .map(|item| wrong(item, "expected the name of a credential"))
        .collect())
}

/// The settings under `objects:`.
fn rule(node: &Node, document: &Document) -> Result<FetchRule, Vec<Diagnostic>> {
    let wrong =
        |node: &Node, message: String| Diagnostic::error(message).at(document.source(), node.span);
    let Some(settings) = node.entries() else {
        let problem = wrong(node, "expected a map with `allow`".to_owned());
        return Err(vec![problem.help("without settings, write `- objects`")]);
    };
    let mut problems = Vec::new();
    let mut rule = FetchRule::default();
    for setting in settings {
        match setting.key.text.as_str() {
            "allow" => match setting.value.items() {
                Some(items) => {
                    let mut patterns = Vec::new();
                    for item in items {
                        match item.as_str().unwrap_or_default().parse::<FetchPattern>() {
                            Ok(pattern) => patterns.push(pattern),
                            Err(error) => problems.push(wrong(item, error.to_string())),
                        }
                    }
                    rule.allow = Some(patterns);
                }
                None => problems.push(wrong(&setting.value, "expected a list of URIs".to_owned())),
            },
            "private-addresses" => match setting.value.to_value() {
                Value::Bool(allowed) => rule.private_addresses = allowed,
                _ => problems.push(wrong(&setting.value, "expected true or false".to_owned())),
            },
            unknown => {
                let message = format!("unknown setting `{unknown}`");
                let problem = Diagnostic::error(message).at(document.source(), setting.key.span);
                problems.push(match did_you_mean(unknown, SETTINGS) {
                    Some(meant) => problem.help(format!("did you mean `{meant}`?")),
                    None => problem.help("expected `allow` or `private-addresses`"),
                });
            }
        }
    }
    if problems.is_empty() {
        Ok(rule)
    } else {
        Err(problems)
    }
}

fn capability(name: &str, span: Span, document: &Document) -> Result<Capability, Diagnostic> {
    name.parse().map_err(|error| {
        let problem = Diagnostic::error(format!("{error}")).at(document.source(), span);
        if name == CREDENTIALS {
            return problem.help("write it as `- credentials: [NAME]`");
        }
        let known = Capability::ALL.iter().map(|capability| capability.as_str());
        let known = known.chain(binding::keys()).chain([CREDENTIALS]);
        match did_you_mean(name, known) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem,
        }
    })
}

#[cfg(test)]
mod tests {
    use toolhost::digest::Digest;

    use super::*;

    fn parse(text: &str) -> Result<GrantsFile, Vec<Diagnostic>> {
        GrantsFile::parse(&Document::parse("grants.yaml", text).unwrap())
    }

    fn plugin(kind: &str, component: &[u8]) -> Plugin {
        Plugin {
            identity: identity(kind, component),
            file_name: format!("{kind}.wasm"),
        }
    }

    fn identity(kind: &str, component: &[u8]) -> ToolIdentity {
        ToolIdentity::new(kind, semver::Version::new(1, 0, 0), Digest::of(component))
    }

    fn of(grants: &GrantsFile, kind: &str) -> Grants {
        grants.of_plugin(&plugin(kind, b"mine"))
    }

    #[test]
    fn grants_what_it_says_to_the_component_of_the_digest_and_nothing_to_others() {
        let digest = Digest::of(b"mine");
        let text = format!("grants:\n  mine: [{{digest: \"{digest}\"}}, jobs, logs]\n");
        let grants = parse(&text).unwrap();
        assert!(of(&grants, "mine").allow(Capability::Jobs));
        assert!(!of(&grants, "mine").allow(Capability::Objects));
        assert_eq!(of(&grants, "other"), Grants::none());
        assert_eq!(grants.of_plugin(&plugin("mine", b"theirs")), Grants::none());
    }

    #[test]
    fn a_list_is_for_several_components_or_for_a_file_but_never_for_a_name_alone() {
        let (one, two) = (Digest::of(b"one"), Digest::of(b"two"));
        let text = format!(
            "grants:\n  a:\n    - digest: {one}\n    - digest: {two}\n    - jobs\n  \
             b: [{{file: b.wasm}}, jobs]\n  c: [jobs]\n"
        );
        let grants = parse(&text).unwrap();
        let jobs = |plugin: &Plugin| grants.of_plugin(plugin).allow(Capability::Jobs);
        assert!(jobs(&plugin("a", b"one")) && jobs(&plugin("a", b"two")));
        assert!(!jobs(&plugin("a", b"three")));
        assert!(jobs(&plugin("b", b"any")));
        let elsewhere = Plugin {
            file_name: "innocent.wasm".to_owned(),
            ..plugin("b", b"any")
        };
        assert!(!jobs(&elsewhere) && !jobs(&plugin("c", b"any")));
    }

    #[test]
    fn what_is_written_for_a_built_in_tool_is_for_it_alone_unless_it_is_overridden() {
        let built_in = identity("script", b"built in");
        let theirs = plugin("script", b"theirs");
        let plain = parse("grants:\n  script: [objects]\n").unwrap();
        assert!(plain.of_built_in(&built_in).allow(Capability::Objects));
        assert_eq!(plain.of_plugin(&theirs), Grants::none());
        assert!(!plain.overrides(&theirs));
        let digest = theirs.identity.digest;
        let text = format!("grants:\n  script: [{{override: \"{digest}\"}}, jobs]\n");
        let overridden = parse(&text).unwrap();
        assert_eq!(overridden.of_built_in(&built_in), Grants::none());
        assert!(overridden.of_plugin(&theirs).allow(Capability::Jobs));
        assert!(overridden.overrides(&theirs));
        assert!(!overridden.overrides(&plugin("script", b"another")));
    }

    #[test]
    fn what_is_for_no_tool_is_reported_with_what_was_probably_meant() {
        let digest = Digest::of(b"another");
        let text = format!(
            "grants:\n  greeet: [jobs]\n  wait: [jobs]\n  greet: [{{digest: \"{digest}\"}}]\n  \
             weather: [jobs]\n  script: [objects]\n"
        );
        let grants = parse(&text).unwrap();
        let plugins = [plugin("greet", b"mine"), plugin("weather", b"mine")];
        let warnings = grants.unused(&plugins, &[identity("script", b"built in")]);
        let told: Vec<_> = warnings
            .iter()
            .map(|warning| {
                let place = warning.location().unwrap();
                (place, warning.message(), warning.help_text().unwrap())
            })
            .collect();
        let mine = Digest::of(b"mine");
        let expected = [
            (
                "2:3",
                "unknown tool `greeet`",
                "did you mean `greet`?".to_owned(),
            ),
            (
                "4:3",
                "this does not match the `greet` of `greet.wasm`",
                format!("its digest is `{mine}`"),
            ),
            (
                "3:3",
                "unknown tool `wait`",
                "no component of this folder claims this kind".to_owned(),
            ),
            (
                "5:3",
                "this list does not name its component, and grants nothing to `weather.wasm`",
                format!("add `- digest: {mine}`, or `- file: weather.wasm` during development"),
            ),
        ];
        assert_eq!(told.len(), expected.len(), "{told:?}");
        for (place, message, help) in expected {
            let found = told
                .iter()
                .any(|told| *told == (format!("grants.yaml:{place}"), message, help.as_str()));
            assert!(found, "{place} {message} {help}: {told:#?}");
        }
    }

    #[test]
    fn a_list_names_its_component_once_and_by_a_whole_digest() {
        let digest = Digest::of(b"mine");
        let text = format!(
            "grants:\n  a: [{{digest: sha256:0a}}]\n  b: [{{file: ../b.wasm}}]\n  \
             c: [{{override: \"{digest}\"}}]\n  d: [{{file: d.wasm}}, {{digest: \"{digest}\"}}]\n  \
             e: [{{digst: \"{digest}\"}}]\n"
        );
        let problems = parse(&text).unwrap_err();
        let told: Vec<_> = problems
            .iter()
            .map(|problem| (problem.location().unwrap(), problem.message()))
            .collect();
        let expected = [
            (
                "2:16",
                "expected `sha256:` and 64 lowercase hexadecimal digits",
            ),
            ("3:14", "expected the name of a file in this folder"),
            ("4:3", "no tool of kind `c` is built in"),
            ("5:32", "this list already names its component"),
        ];
        for (index, (place, message)) in expected.into_iter().enumerate() {
            assert_eq!(told[index], (format!("grants.yaml:{place}"), message));
        }
        assert_eq!(problems[4].help_text(), Some("did you mean `digest`?"));
    }

    #[test]
    fn a_pipe_instead_of_the_file_is_refused_immediately() {
        use rustix::fs::{CWD, FileType, Mode, mknodat};
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE_NAME);
        mknodat(CWD, &path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        let error = GrantsFile::load_from_folder(folder.path()).unwrap_err();
        assert!(matches!(error, GrantsFileError::Unreadable { .. }));
    }

    #[test]
    fn says_what_may_be_fetched() {
        let text = "grants:
  mine:
    - file: mine.wasm
    - jobs
    - objects: {allow: [\"gs://b/scripts/\", \"file:\"]}
    - objects: {allow: [\"http://10.0.0.1:8080/\"], private-addresses: true}
  other: [{file: other.wasm}, objects]
  third: [{file: third.wasm}, {objects: {private-addresses: true}}]
";
        let grants = parse(text).unwrap();
        let rule = |patterns: &[&str], private_addresses| FetchRule {
            allow: Some(patterns.iter().map(|text| text.parse().unwrap()).collect()),
            private_addresses,
        };
        let mine = of(&grants, "mine");
        assert!(mine.allow(Capability::Objects) && mine.allow(Capability::Jobs));
        let expected = [
            rule(&["gs://b/scripts/", "file:"], false),
            rule(&["http://10.0.0.1:8080/"], true),
        ];
        assert_eq!(mine.fetch().rules(), expected);
        assert_eq!(of(&grants, "other").fetch().rules(), [FetchRule::default()]);
        let everywhere = FetchRule {
            allow: None,
            private_addresses: true,
        };
        assert_eq!(of(&grants, "third").fetch().rules(), [everywhere]);
    }

    #[test]
    fn says_which_credentials_may_be_named() {
        let text = "grants:
  mine: [{file: mine.wasm}, {credentials: [api, other]}]
  third: [{file: third.wasm}, objects]
";
        let grants = parse(text).unwrap();
        let names = |kind: &str| {
            let grants = of(&grants, kind);
            let names = grants.fetch().credentials().map(str::to_owned);
            names.collect::<Vec<_>>()
        };
        assert_eq!(names("mine"), ["api", "other"]);
        assert!(names("third").is_empty());
        assert!(!of(&grants, "mine").allow(Capability::Objects));
        assert!(!of(&grants, "mine").fetch().is_trusted());
        for (text, place, help) in [
            (
                "[credentials]",
                "2:10",
                Some("write it as `- credentials: [NAME]`"),
            ),
            ("[{credentials: api}]", "2:24", None),
            ("[{credentials: [[]]}]", "2:25", None),
            (
                "[{credentails: [api]}]",
                "2:11",
                Some("did you mean `credentials`?"),
            ),
        ] {
            let problems = parse(&format!("grants:\n  mine: {text}\n")).unwrap_err();
            assert_eq!(
                problems[0].location(),
                Some(format!("grants.yaml:{place}")),
                "{text}"
            );
            assert_eq!(problems[0].help_text(), help, "{text}");
        }
    }

    #[test]
    fn names_every_mistake_of_what_may_be_fetched_at_its_place() {
        let text = "grants:
  mine:
    - objects: {alow: []}
    - objects: {allow: [\"example.com\", 1]}
    - objects: {private-addresses: maybe}
    - objects:
    - jobs: {allow: []}
    - objets: {allow: []}
";
        let problems = parse(text).unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| problem.location().unwrap())
            .collect();
        let expected = ["3:17", "4:25", "4:40", "5:36", "6:14", "7:7", "8:7"];
        assert_eq!(places, expected.map(|place| format!("grants.yaml:{place}")));
        assert_eq!(problems[0].help_text(), Some("did you mean `allow`?"));
        assert_eq!(problems[6].help_text(), Some("did you mean `objects`?"));
    }

    #[test]
    fn names_every_mistake_at_its_place() {
        let problems = parse("grants:\n  mine: [job]\n  other: jobs\ngrant: {}\n").unwrap_err();
        let places: Vec<_> = problems
            .iter()
            .map(|problem| problem.location().unwrap())
            .collect();
        assert_eq!(
            places,
            ["grants.yaml:2:10", "grants.yaml:3:10", "grants.yaml:4:1"]
        );
        assert_eq!(problems[0].help_text(), Some("did you mean `jobs`?"));
    }
}
