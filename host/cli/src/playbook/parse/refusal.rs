/// A key of NoETL's language, current or earlier, that this host does not support.
pub(super) struct Refusal {
    pub(super) key: &'static str,
    /// What to do instead.
    pub(super) help: &'static str,
}

const fn refuse(key: &'static str, help: &'static str) -> Refusal {
    Refusal { key, help }
}

const RESULTS: &str = "remove it: templates refer to the results of earlier steps by the step's \
                       name, as in `{{ STEP.output }}`";
const CONDITIONS: &str = "write the condition at the arc: `next: {arcs: [{step: NAME, \
                          when: \"{{ … }}\"}]}`";
const SINK: &str = "write the result in a separate step";

/// Rejected at the top of a playbook.
pub(super) const ROOT: &[Refusal] = &[
    refuse("vars", "put the values under `workload`"),
    refuse("workbook", "write the tool into the step that uses it"),
    refuse("sink", SINK),
];

/// Rejected in a step.
pub(super) const STEP: &[Refusal] = &[
    refuse(
        "loop",
        "write a step for each item, or let the script go through the items itself",
    ),
    refuse("case", CONDITIONS),
    refuse("when", CONDITIONS),
    refuse("eval", CONDITIONS),
    refuse(
        "retry",
        "let the tool retry, as `job.backoffLimit` of the script tool does",
    ),
    refuse("sink", SINK),
    refuse("save", SINK),
    refuse("vars", RESULTS),
    refuse("set", RESULTS),
    refuse(
        "spec",
        "remove it: the mode of `next` is in `next.spec`, and the rest has no equivalent here",
    ),
    refuse("type", "name the tool by `kind`, under `tool` of the step"),
];

/// Rejected in an arc of `next`.
pub(super) const ARC: &[Refusal] = &[
    refuse("args", RESULTS),
    refuse("input", RESULTS),
    refuse("set", RESULTS),
    refuse("spec", "remove it"),
    refuse("then", "write `step: NAME` next to `when`"),
    refuse("else", "write `step: NAME` without `when` as the last arc"),
];

/// Rejected in a mapping under `next`.
pub(super) const NEXT: &[Refusal] = &[
    refuse(
        "when",
        "write the condition next to `step`, in an item of `arcs`",
    ),
    refuse("args", RESULTS),
    refuse("set", RESULTS),
];

/// Rejected in an entry of the keychain.
pub(super) const KEYCHAIN: &[Refusal] = &[
    refuse("provider", STORE),
    refuse("auth", STORE),
    refuse("map", STORE),
    refuse("data", STORE),
    refuse("endpoint", STORE),
    refuse("token", STORE),
];

const STORE: &str = "put the values into a credential of the credentials file, and name it by \
                     `credential`";
