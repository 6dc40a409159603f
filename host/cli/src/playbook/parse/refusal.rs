/// A key of NoETL's language, of today or of earlier, that this host does not run.
pub(super) struct Refusal {
    pub(super) key: &'static str,
    /// What to do instead.
    pub(super) help: &'static str,
}

const fn refuse(key: &'static str, help: &'static str) -> Refusal {
    Refusal { key, help }
}

const RESULTS: &str = "leave it out: templates find the results of earlier steps by the step's name, \
                       as in `{{ STEP.output }}`";
const CONDITIONS: &str = "write the condition at the arc that leads on: `next: {arcs: [{step: NAME, \
                          when: \"{{ … }}\"}]}`";
const SINK: &str = "write the result in a step of its own";

/// Refused at the top of a playbook.
pub(super) const ROOT: &[Refusal] = &[
    refuse("vars", "put the values under `workload`"),
    refuse("workbook", "write the tool into the step that uses it"),
    refuse("sink", SINK),
];

/// Refused in a step.
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
        "let the tool try again, as `job.backoffLimit` of the script tool does",
    ),
    refuse("sink", SINK),
    refuse("save", SINK),
    refuse("vars", RESULTS),
    refuse("set", RESULTS),
    refuse(
        "spec",
        "leave it out: the mode of `next` stands in `next.spec`, and the rest has no counterpart here",
    ),
    refuse("type", "name the tool by `kind`, under `tool` of the step"),
];

/// Refused in an arc of `next`.
pub(super) const ARC: &[Refusal] = &[
    refuse("args", RESULTS),
    refuse("input", RESULTS),
    refuse("set", RESULTS),
    refuse("spec", "leave it out"),
    refuse("then", "write `step: NAME` beside `when`"),
    refuse("else", "write `step: NAME` without `when` as the last arc"),
];

/// Refused in a mapping under `next`.
pub(super) const NEXT: &[Refusal] = &[
    refuse(
        "when",
        "write the condition beside `step`, in an item of `arcs`",
    ),
    refuse("args", RESULTS),
    refuse("set", RESULTS),
];

/// Refused in an entry of the keychain.
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
