use serde_json::json;

use super::*;
use crate::playbook::NextMode;

fn order(playbook: &Playbook) -> Vec<&str> {
    let steps = playbook.steps_in_order();
    steps.map(|step| step.name.as_str()).collect()
}

fn targets(body: &str) -> Vec<(String, Option<String>)> {
    let playbook = playbook(&format!(
        "workflow:\n  - step: a\n    next: {body}\n  - step: b\n    next: c\n  - step: c\n    tool: {{kind: x}}\n"
    ));
    let arcs = &playbook.step("a").unwrap().next.arcs;
    arcs.iter()
        .map(|arc| {
            (
                arc.step.clone(),
                arc.when.as_ref().map(|when| when.text.clone()),
            )
        })
        .collect()
}

#[test]
fn everything_that_a_playbook_says_is_kept() {
    let playbook = read(
        "\
apiVersion: noetl.io/v1
kind: Playbook
metadata: {name: sales, path: demo/sales, description: Adds up, version: 2, labels: {team: a}}
workload: {bucket: b, limit: 5}
workflow:
  - step: sum
    desc: Adds up the sales
    tool: {kind: script@0.1, script: {uri: a.py}}
  - step: end
",
    )
    .unwrap();
    assert_eq!(playbook.metadata().name, "sales");
    assert_eq!(playbook.metadata().path.as_deref(), Some("demo/sales"));
    assert_eq!(playbook.metadata().description.as_deref(), Some("Adds up"));
    assert_eq!(playbook.workload(), &json!({"bucket": "b", "limit": 5}));
    let step = playbook.step("sum").unwrap();
    assert_eq!(step.description.as_deref(), Some("Adds up the sales"));
    let tool = step.tool.as_ref().unwrap();
    assert_eq!(
        (tool.reference.as_str(), tool.kind()),
        ("script@0.1", "script")
    );
    assert_eq!(tool.config, json!({"script": {"uri": "a.py"}}));
    assert!(playbook.step("end").unwrap().tool.is_none());
    assert_eq!(lines(playbook.warnings()), [""; 0]);
}

#[test]
fn next_has_many_forms() {
    let to = |step: &str| (step.to_owned(), None);
    let when = |step: &str, when: &str| (step.to_owned(), Some(when.to_owned()));
    assert_eq!(targets("b"), [to("b")]);
    assert_eq!(targets("[b]"), [to("b")]);
    assert_eq!(targets("[b, c]"), [to("b"), to("c")]);
    assert_eq!(targets("{step: b}"), [to("b")]);
    assert_eq!(
        targets("[{step: b, when: true}, {step: c}]"),
        [when("b", "true"), to("c")]
    );
    assert_eq!(
        targets("{arcs: [{step: b, when: \"{{ x }}\"}, c], spec: {mode: exclusive}}"),
        [when("b", "{{ x }}"), to("c")]
    );
    assert_eq!(targets("[]"), []);
}

#[test]
fn the_mode_of_next_is_exclusive_unless_it_says_otherwise() {
    for (next, mode) in [
        ("{arcs: [a, b]}", NextMode::Exclusive),
        ("{arcs: [a, b], spec: {}}", NextMode::Exclusive),
        (
            "{arcs: [a, b], spec: {mode: inclusive}}",
            NextMode::Inclusive,
        ),
    ] {
        let playbook = playbook(&format!(
            "workflow:\n  - step: s\n    next: {next}\n  - {{step: a, tool: {{kind: x}}}}\n  - {{step: b, tool: {{kind: x}}}}\n"
        ));
        assert_eq!(playbook.step("s").unwrap().next.mode, mode, "{next}");
    }
}

#[test]
fn steps_without_any_next_follow_each_other() {
    let steps = "  - {step: a, tool: {kind: x}}\n  - {step: b, tool: {kind: x}}\n  - step: end\n";
    assert_eq!(
        order(&playbook(&format!("workflow:\n{steps}"))),
        ["a", "b", "end"]
    );
}

#[test]
fn a_step_that_is_called_start_is_the_first() {
    let playbook = playbook(
        "workflow:\n  - {step: a, tool: {kind: x}}\n  - {step: start, next: a}\n  - {step: b, tool: {kind: x}}\n",
    );
    assert_eq!(order(&playbook), ["start", "a"]);
    assert_eq!(
        lines(playbook.warnings()),
        [
            "7:12: the step `b` never runs; it cannot be reached from `start`, where the playbook starts"
        ]
    );
}

#[test]
fn a_step_is_after_all_its_predecessors() {
    let playbook = playbook(
        "\
workflow:
  - {step: a, next: {spec: {mode: inclusive}, arcs: [join, b, c]}}
  - {step: join, tool: {kind: x}}
  - {step: c, next: join}
  - {step: b, next: c}
",
    );
    assert_eq!(order(&playbook), ["a", "b", "c", "join"]);
}

#[test]
fn arguments_of_the_step_become_those_of_the_tool() {
    for key in ["args", "input"] {
        let playbook = playbook(&format!(
            "workflow:\n  - step: a\n    {key}: {{x: \"{{{{ y }}}}\"}}\n    tool: {{kind: t, z: 1}}\n"
        ));
        let tool = playbook.steps()[0].tool.as_ref().unwrap();
        assert_eq!(
            tool.config,
            json!({"z": 1, "args": {"x": "{{ y }}"}}),
            "{key}"
        );
        let problem = playbook.diagnose("a", &["args", "x"], false, "odd", None);
        assert_eq!(problem.span().unwrap().line, 6, "{key}");
        let problem = playbook.diagnose("a", &["z"], false, "odd", None);
        assert_eq!(problem.span().unwrap().line, 7, "{key}");
    }
}

#[test]
fn a_tool_that_is_a_string_has_its_configuration_next_to_it() {
    for key in ["args", "input"] {
        let playbook = playbook(&format!(
            "workflow:\n  - step: a\n    desc: d\n    tool: t@1\n    z: {{y: 1}}\n    {key}: {{x: 2}}\n    next: b\n  - step: b\n    tool: {{kind: t}}\n"
        ));
        assert_eq!(lines(playbook.warnings()), [""; 0]);
        let tool = playbook.steps()[0].tool.as_ref().unwrap();
        assert_eq!(tool.kind(), "t");
        assert_eq!(tool.config, json!({"z": {"y": 1}, "args": {"x": 2}}));
        assert_eq!(order(&playbook), ["a", "b"]);
        let nowhere: [&str; 0] = [];
        let line = |path: &[&str]| {
            let problem = playbook.diagnose("a", path, false, "odd", None);
            problem.span().unwrap().line
        };
        assert_eq!(line(&nowhere), 7, "the kind");
        assert_eq!(line(&["z", "y"]), 8);
        assert_eq!(line(&["args", "x"]), 9);
    }
}

#[test]
fn the_older_form_refuses_what_the_step_refuses() {
    let problems = problems(
        "workflow:\n  - {step: a, tool: t, retry: 3, when: x, code: c}\n  - {step: b, tool: '', code: c}\n  - {step: c, tool: playbook, path: p}\n",
    );
    let messages: Vec<_> = problems.iter().map(Diagnostic::message).collect();
    assert_eq!(
        messages,
        [
            "`retry` is not supported in step `a`",
            "`when` is not supported in step `a`",
            "`kind` of `tool` of step `b` is empty",
            "`kind: playbook` is not supported: a step runs a tool",
        ]
    );
}

#[test]
fn arguments_of_the_tool_come_before_those_of_the_step() {
    let playbook =
        playbook("workflow:\n  - step: a\n    args: {x: 1}\n    tool: {kind: t, input: {x: 2}}\n");
    let tool = playbook.steps()[0].tool.as_ref().unwrap();
    assert_eq!(tool.config, json!({"input": {"x": 2}}));
    assert_eq!(
        lines(playbook.warnings()),
        [
            "6:5: `args` of step `a` has no effect, because its `tool` has `input`; remove one of them"
        ]
    );
}

#[test]
fn warns_of_what_has_no_effect() {
    let playbook = playbook(
        "\
executor: {profile: local, version: noetl-runtime/1}
workflow:
  - step: a
    next: [b, c]
  - step: b
    next: c
  - step: c
",
    );
    assert_eq!(
        lines(playbook.warnings()),
        [
            "4:1: `executor` has no effect; this host runs the playbook itself; `--engine` says where \
             jobs run",
            "7:12: `next` never reaches `c`, because `b` is always taken; the first arc whose `when` \
             holds is taken; `next: {spec: {mode: inclusive}, arcs: […]}` takes each one that holds",
            "10:11: the step `c` does nothing; give it a `tool` or a `next`",
        ]
    );
}

#[test]
fn all_problems_are_reported_together() {
    let problems = read(
        "\
apiVersion: noetl.io/v3
kind: playbook
metadata: {path: p}
workload: [1]
keychian: []
keychain:
  - {name: a, kind: bearer, credential: c, token: t}
  - {name: a, kind: baerer, credential: c}
  - {kind: bearer, scope: gloabl}
executor: {spec: {entry_step: b}}
workflow:
  - just text
  - name: b
  - step: c
    desc: [1]
    when: \"{{ x }}\"
    args: {}
    next: {arcs: [{step: d, args: {}}, {when: \"\"}, 5], spec: {mode: all, policy: {}}, extra: 1}
  - step: \"{{ d }}\"
    tool: {kind: \"{{ k }}\"}
  - step: e
    tool: 5
    next: 5
",
    )
    .unwrap_err();
    assert_eq!(
        lines(&problems),
        [
            "1:13: unsupported apiVersion `noetl.io/v3`; write `noetl.io/v2` or \
             `noetl.io/v1`",
            "2:7: unsupported kind `playbook`; write `Playbook`",
            "3:1: missing key `name` in `metadata`; write `name: NAME`",
            "4:11: `workload` must be a mapping, not a list; no help",
            "5:1: unknown key `keychian` in the playbook; did you mean `keychain`?",
            "7:44: `token` is not supported in the keychain entry `a`; put the values into a \
             credential of the credentials file, and name it by `credential`",
            "8:21: unknown kind `baerer` of the keychain entry `a`; did you mean `bearer`?",
            "9:5: missing key `name` in an entry of `keychain`; write `name: NAME`; \
             templates then use `{{ keychain.NAME.FIELD }}`",
            "9:5: missing key `credential` in an entry of `keychain`; name a credential from the \
             credentials file",
            "9:27: unknown scope `gloabl` of an entry of `keychain`; did you mean \
             `global`?",
            "10:12: `spec` is not supported in `executor`; remove it: the playbook starts with \
             the step `start` or the first one, and `next` of a step names its successors",
            "12:5: a step must be a mapping, not a string; write `- step: NAME` with a `tool`",
            "13:5: missing key `step` in a step; write `step: NAME` instead of `name: \
             NAME`",
            "15:11: `desc` of step `c` must be a string, not a list; no help",
            "16:5: `when` is not supported in step `c`; write the condition at the arc: `next: \
             {arcs: [{step: NAME, when: \"{{ … }}\"}]}`",
            "17:5: step `c` has `args` but no `tool`; add the `tool` that uses them, or remove \
             them",
            "18:29: `args` is not supported in an item of `arcs` in `next` of step `c`; remove \
             it: templates refer to the results of earlier steps by the step's name, as in `{{ \
             STEP.output }}`",
            "18:40: missing key `step` in an item of `arcs` in `next` of step `c`; write \
             `step: NAME`",
            "18:47: `when` in an item of `arcs` in `next` of step `c` is empty; write a text",
            "18:52: an item of `arcs` in `next` of step `c` must be a string, not a number; quote \
             it",
            "18:69: unknown mode `all` in `spec` in `next` of step `c`; expected `exclusive` \
             and `inclusive`",
            "18:74: unknown key `policy` in `spec` in `next` of step `c`; expected `mode`",
            "18:87: unknown key `extra` in `next` of step `c`; expected `arcs`, `spec` and `step`",
            "19:11: the name of a step is a template: `{{ d }}`; use at most 128 letters, \
             digits, `_` and `-`",
            "20:18: `kind` of `tool` of step `{{ d }}` is a template; write the kind itself: the \
             tools of a playbook must be known before it runs",
            "22:11: `tool` of step `e` must be a mapping, not a number; no help",
            "23:11: `next` of step `e` must be the name of a step, a list of names, or `{arcs: \
             [{step: NAME}]}`, not a number; no help"
        ]
    );
}

#[test]
fn a_document_that_is_not_a_playbook_is_refused() {
    let begin = "a playbook starts with `apiVersion: noetl.io/v2` and `kind: Playbook`, and its \
                 steps are under `workflow:`";
    for (text, expected) in [
        (
            "",
            &*format!("1:1: a playbook must be a mapping, not null; {begin}"),
        ),
        (
            "- step: a\n",
            &*format!("1:1: a playbook must be a mapping, not a list; {begin}"),
        ),
        (
            "workfolw: []\n",
            "1:1: unknown key `workfolw` in the playbook; did you mean `workflow`?
1:1: missing key `apiVersion` in the playbook; write `apiVersion: noetl.io/v2`
1:1: missing key `kind` in the playbook; write `kind: Playbook`
1:1: missing key `metadata` in the playbook; write `metadata: {name: NAME}`",
        ),
        (
            "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {name: 1}\nworkflow: []\n",
            "3:18: `metadata.name` must be a string, not a number; quote it
4:11: `workflow` has no steps; write at least one step: `- step: NAME` with a `tool`",
        ),
    ] {
        assert_eq!(lines(&read(text).unwrap_err()).join("\n"), expected);
    }
}

#[test]
fn the_number_of_problems_and_steps_is_bounded() {
    let steps = "  - {step: a, tol: {}}\n".repeat(60);
    let found = problems(&format!("workflow:\n{steps}"));
    assert_eq!(found.len(), 51);
    assert_eq!(found[50].message(), "69 more problems are not shown");
    let many = format!("workflow: [{}]\n", "{step: a},".repeat(10_001));
    assert_eq!(problems(&many)[0].message(), "`workflow` has 10001 steps");
}

#[test]
fn many_steps_with_unknown_names_are_refused_in_time() {
    let steps: Vec<_> = (0..10_000)
        .map(|index| format!("{{step: s{index}, next: t{index}}}"))
        .collect();
    let found = problems(&format!("workflow: [{}]\n", steps.join(",")));
    assert_eq!(found.len(), 51);
    assert_eq!(found[50].message(), "9950 more problems are not shown");
}

#[test]
fn a_long_circle_is_found_in_time() {
    let steps: Vec<_> = (0..10_000)
        .map(|index| format!("{{step: s{index}, next: s{}}}", (index + 1) % 10_000))
        .collect();
    let found = problems(&format!("workflow: [{}]\n", steps.join(",")));
    assert_eq!(
        found[0].message(),
        "the steps form a cycle: `s0` → `s1` → `s2` → `s3` → `s4` → `s5` → `s6` → `s7` → … → `s0`"
    );
}
