use std::path::PathBuf;

use serde_json::{Value, json};

use super::*;

/// The problem's message and help, for tests that are not about its picture.
fn messages(text: &str) -> Vec<String> {
    problems(text)
        .iter()
        .map(|problem| match problem.help_text() {
            Some(help) => format!("{}: {}; {help}", place(problem), problem.message()),
            None => format!("{}: {}", place(problem), problem.message()),
        })
        .collect()
}

fn place(problem: &Diagnostic) -> String {
    let span = problem.span().expect("a problem has a place");
    format!("{}:{}", span.line, span.column)
}

fn warnings(text: &str) -> Vec<String> {
    let warnings = parse(text).warnings;
    warnings
        .iter()
        .map(|warning| warning.message().to_owned())
        .collect()
}

fn fixtures() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/fixtures/spec")
}

fn fixture(name: &str) -> Playbook {
    let path = fixtures().join(format!("{name}.yaml"));
    parse(&std::fs::read_to_string(path).unwrap())
}

#[test]
fn every_example_of_the_specification_is_a_playbook() {
    let mut names: Vec<_> = std::fs::read_dir(fixtures())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    names.sort();
    assert_eq!(names.len(), 18);
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let document = Document::parse(&path.display().to_string(), &text)
            .unwrap_or_else(|problem| panic!("{}", problem.render(false)));
        let playbook =
            Playbook::parse(&document).unwrap_or_else(|problems| panic!("{}", rendered(&problems)));
        assert!(
            playbook.warnings.is_empty(),
            "{}",
            rendered(&playbook.warnings)
        );
        assert_eq!(playbook.steps.len(), 1, "{}", path.display());
    }
}

#[test]
fn the_examples_keep_their_types_and_keys() {
    let full = fixture("full");
    let step = full.step("data_processor").unwrap();
    let tool = step.tool.as_ref().unwrap();
    assert_eq!((tool.kind.as_str(), &tool.version), ("script", &None));
    assert!(tool.config.get("kind").is_none());
    assert_eq!(tool.config["args"]["chunk_size"], json!(1000));
    assert_eq!(tool.config["job"]["backoffLimit"], json!(3));
    assert_eq!(
        tool.config["job"]["resources"]["limits"]["cpu"],
        json!("2000m")
    );
    assert_eq!(
        tool.config["job"]["env"]["GCP_TOKEN"],
        json!("{{ keychain.gcp_token.token }}")
    );
    let training = fixture("model_training");
    let tool = training.step("train_model").unwrap().tool.as_ref().unwrap();
    let parameters = &tool.config["args"]["hyperparameters"];
    assert_eq!(parameters["learning_rate"], json!(0.001));
    assert_eq!(
        tool.config["job"]["resources"]["limits"]["nvidia.com/gpu"],
        json!(1)
    );
    let arguments = fixture("arguments");
    let tool = arguments.step("run").unwrap().tool.as_ref().unwrap();
    let range = &tool.config["args"]["filters"]["date_range"];
    assert_eq!(range["start"], json!("2024-01-01"));
    let keychain = fixture("keychain");
    let [entry] = keychain.keychain.as_slice() else {
        panic!("one entry");
    };
    assert_eq!(
        (entry.name.as_str(), entry.credential.as_str()),
        ("gcp_token", "google_oauth")
    );
}

#[test]
fn a_tool_that_is_a_name_has_its_configuration_beside_it() {
    let playbook = fixture("verify_job");
    let step = playbook.step("verify_job").unwrap();
    assert_eq!(
        step.description.as_deref(),
        Some("Check script execution result")
    );
    let tool = step.tool.as_ref().unwrap();
    assert_eq!(tool.kind, "python");
    assert_eq!(
        tool.config["args"],
        json!({"input_data": "{{ run_script_step }}"})
    );
    assert!(
        tool.config["code"]
            .as_str()
            .unwrap()
            .starts_with("def main")
    );
}

#[test]
fn a_playbook_has_its_parts() {
    let playbook = parse(
        "\
apiVersion: noetl.io/v2
kind: Playbook
metadata: {name: report, path: reports/daily, labels: {team: data}, description: Daily}
workload: {bucket: gs://b, count: 3}
keychain:
  - {name: a, kind: bearer, scope: global, credential: google_oauth}
  - {name: b}
workflow:
  - step: start
    next: fetch
  - step: fetch
    tool: {kind: script@0.1, script: {uri: x}, input: {a: 1}}
    next: [{step: end}]
  - step: end
",
    );
    assert_eq!(playbook.name.as_deref(), Some("report"));
    assert_eq!(playbook.path.as_deref(), Some("reports/daily"));
    assert_eq!(playbook.workload, json!({"bucket": "gs://b", "count": 3}));
    assert_eq!(playbook.keychain[1].credential, "b");
    let tool = playbook.step("fetch").unwrap().tool.as_ref().unwrap();
    assert_eq!(
        (tool.kind.as_str(), tool.version.as_deref()),
        ("script", Some("0.1"))
    );
    assert_eq!(
        tool.config,
        json!({"script": {"uri": "x"}, "input": {"a": 1}})
    );
    assert!(playbook.step("end").unwrap().tool.is_none());
    assert!(playbook.warnings.is_empty());
}

#[test]
fn arguments_of_the_step_become_the_tools_unless_it_has_its_own() {
    let text = "\
workflow:
  - step: one
    input: {a: 1}
    tool: {kind: script}
    next: two
  - step: two
    args: {a: 1}
    tool: {kind: script, input: {b: 2}}
";
    let playbook = parse(text);
    let one = playbook.step("one").unwrap().tool.as_ref().unwrap();
    assert_eq!(one.config, json!({"args": {"a": 1}}));
    assert_eq!(
        one.document_path(&["args", "a"]),
        ["workflow", "0", "input", "a"]
    );
    let place = document(text)
        .locate(&one.document_path(&["args", "a"]))
        .unwrap();
    assert_eq!((place.value.line, place.value.column), (3, 16));
    let two = playbook.step("two").unwrap().tool.as_ref().unwrap();
    assert_eq!(two.config, json!({"input": {"b": 2}}));
    assert_eq!(
        two.document_path(&["input", "b"]),
        ["workflow", "1", "tool", "input", "b"]
    );
    assert_eq!(warnings(text), ["`args` of the step is not used"]);
}

#[test]
fn every_form_of_next_is_read() {
    let tool = "tool: {kind: script}";
    for (next, expected, mode) in [
        ("b", vec![("b", None)], NextMode::Exclusive),
        (
            "[b, c]",
            vec![("b", None), ("c", None)],
            NextMode::Inclusive,
        ),
        (
            "[{step: b}, c]",
            vec![("b", None), ("c", None)],
            NextMode::Inclusive,
        ),
        (
            "{step: b, when: x}",
            vec![("b", Some("x"))],
            NextMode::Exclusive,
        ),
        (
            "{arcs: [{step: b, when: '{{ a.x }}'}, {step: c}]}",
            vec![("b", Some("{{ a.x }}")), ("c", None)],
            NextMode::Exclusive,
        ),
        (
            "{spec: {mode: inclusive}, arcs: [{step: b, when: true}, {step: c}]}",
            vec![("b", Some("true")), ("c", None)],
            NextMode::Inclusive,
        ),
        ("null", vec![], NextMode::Exclusive),
    ] {
        let text = format!(
            "workflow:\n- {{step: a, {tool}, next: {next}}}\n- {{step: b, {tool}}}\n- {{step: c, {tool}}}\n"
        );
        let playbook = parse(&text);
        let step = playbook.step("a").unwrap();
        let arcs: Vec<_> = step
            .arcs
            .iter()
            .map(|arc| (arc.step.as_str(), arc.condition.as_deref()))
            .collect();
        assert_eq!(arcs, expected, "{next}");
        assert_eq!(step.mode, mode, "{next}");
    }
}

#[test]
fn everything_that_is_wrong_is_reported_at_once() {
    let text = "\
apiVersion: noetl.io/v3
kind: Playbok
metadata: {name: 5}
workload: [1]
executor: {profile: local}
vars: {a: 1}
workbook: []
worklfow: []
keychain:
  - {kind: bearer}
  - {name: a, kind: oauth2}
  - {name: b, kind: berer}
  - {name: c, token: x}
  - {name: c}
  - d
workflow:
  - step: one
    tool: [{kind: script}]
    loop: {in: x}
    desk: text
  - step: two
    tool: {knd: script}
    next: thre
  - step: two
    tool: {kind: playbook}
    when: x
  - tool: {kind: script@}
    next: {arc: []}
  - step: 4
    tool: 5
    next: {arcs: [{when: x}, {step: one, set: {}}, {step: one, when: 5}], spec: {mode: all}}
  - step: three
    args: 1
    input: 2
    tool: {kind: script}
    next: 7
  - x
";
    assert_eq!(
        messages(text),
        [
            "1:13: `apiVersion` cannot be `noetl.io/v3`; did you mean `noetl.io/v2`?",
            "2:7: `kind` cannot be `Playbok`; did you mean `Playbook`?",
            "3:18: `metadata.name` must be a text, not a number; quote it",
            "4:11: `workload` must be a mapping, not a list",
            "6:1: `vars` is not supported yet: variables of a playbook; put the values under `workload`",
            "7:1: `workbook` is not supported yet: a workbook of named tasks; write each task as the `tool` of a step",
            "8:1: unknown key `worklfow` in a playbook; did you mean `workflow`?",
            "10:5: an entry of `keychain` has no `name`",
            "11:21: keychain entries of kind `oauth2` are not supported yet; use `kind: credential`, and a credential that holds the values or a valid token",
            "12:21: `kind` of a keychain entry cannot be `berer`; did you mean `bearer`?",
            "13:12: two keychain entries are called `c`",
            "13:15: `token` is not supported yet: a keychain entry takes its fields from a credential; put the values into `credentials:` of the credentials file, and name them with `credential`",
            "15:5: an entry of `keychain` must be a mapping, not a text",
            "18:11: a list of tasks as `tool` is not supported yet; write a step for each of them",
            "19:5: `loop` is not supported yet: a step that repeats; write a step for each item, or let the script go through them",
            "20:5: unknown key `desk` in a step of `workflow`; did you mean `desc`?",
            "21:11: two steps are called `two`; later steps could not tell their results apart",
            "22:12: `tool` has no `kind`; did you mean `kind`?",
            "23:11: there is no step `thre`; did you mean `three`?",
            "25:18: tools of kind `playbook` are not supported yet: a playbook in a playbook; put its steps into this playbook, or run it on its own",
            "26:5: `when` is not supported yet: a condition of a step; put `when` on the arc that leads to the step",
            "27:5: a step of `workflow` has no name; begin it with `step: NAME`",
            "27:18: `script@` does not name a tool; write `kind: NAME` or `kind: NAME@VERSION`",
            "28:12: unknown key `arc` in `next`; did you mean `arcs`?",
            "29:11: `step` must be a text, not a number; quote it",
            "30:11: `tool` must be a mapping, not a number",
            "31:19: an arc of `next` has no `step`",
            "31:42: `set` is not supported yet: values that an arc carries; take them from the results of earlier steps, as in `{{ STEP.output }}`",
            "31:70: `when` must be a condition such as `{{ STEP.status == 'completed' }}`, not a number",
            "31:88: `mode` cannot be `all`; known are `exclusive`, `inclusive`",
            "33:5: `args` and `input` are two names of the same thing; keep one of them",
            "36:11: `next` must be a text, not a number; quote it",
            "37:5: a step of `workflow` must be a mapping, not a text",
        ]
    );
}

#[test]
fn a_playbook_without_steps_is_refused() {
    for (text, message) in [
        ("metadata: {name: x}\n", "the playbook has no `workflow`"),
        ("workflow: []\n", "`workflow` has no steps"),
        ("workflow:\n", "`workflow` has no steps"),
        ("[]\n", "a playbook must be a mapping, not a list"),
        ("workflow: {}\n", "`workflow` must be a list, not a mapping"),
    ] {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{text}");
        assert_eq!(problems[0].message(), message, "{text}");
    }
}

#[test]
fn steps_that_never_run_get_a_warning() {
    let text = "\
workflow:
  - {step: a, next: c}
  - {step: b, next: c}
  - {step: c}
";
    assert_eq!(warnings(text), ["the step `b` never runs"]);
    let text = "workflow:\n  - {step: x, next: a}\n  - {step: a}\n  - {step: start, next: a}\n";
    assert_eq!(warnings(text), ["the step `x` never runs"]);
    let text = "workflow:\n  - {step: a, next: {arcs: [{step: b}, {step: c}]}}\n  - {step: b}\n  - {step: c}\n";
    assert_eq!(warnings(text), ["the way to `c` is never taken"]);
    let text = "executor: {profile: local}\nworkflow:\n  - {step: a}\n  - {step: b}\n";
    assert_eq!(
        warnings(text),
        [
            "`executor` is ignored",
            "no step has a `next`: all run in the order they are written",
        ]
    );
}

#[test]
fn steps_run_after_all_that_lead_to_them() {
    let text = "\
workflow:
  - {step: d}
  - {step: start, next: [b, c]}
  - {step: c, next: d}
  - {step: b, next: c}
";
    let playbook = parse(text);
    let order: Vec<_> = playbook
        .steps_in_order()
        .map(|step| step.name.as_str())
        .collect();
    assert_eq!(order, ["start", "b", "c", "d"]);
}

#[test]
fn a_long_chain_of_steps_needs_no_stack() {
    use std::fmt::Write as _;
    let mut text = String::from("workflow:\n");
    for index in 0..9_999 {
        writeln!(text, "- {{step: s{index}, next: s{}}}", index + 1).unwrap();
    }
    text.push_str("- {step: s9999}\n");
    assert_eq!(parse(&text).steps_in_order().count(), 10_000);
}

fn shown(text: &str) -> String {
    rendered(&problems(text))
}

#[test]
fn shows_an_unknown_key() {
    let text = "workflow:\n  - step: run\n    tol: {kind: script}\n";
    let expected = "  \
  × unknown key `tol` in a step of `workflow`
   ╭─[book.yaml:3:5]
 2 │   - step: run
 3 │     tol: {kind: script}
   ·     ───
   ╰────
  help: did you mean `tool`?
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_a_wrong_type() {
    let text = "workflow:\n  - step: 2024\n    tool: {kind: script}\n";
    let expected = "  \
  × `step` must be a text, not a number
   ╭─[book.yaml:2:11]
 1 │ workflow:
 2 │   - step: 2024
   ·           ────
 3 │     tool: {kind: script}
   ╰────
  help: quote it
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_an_unknown_step() {
    let text = "workflow:\n  - step: fetch\n    next:\n      arcs:\n        - step: procss\n  - step: process\n";
    let expected = "  \
  × there is no step `procss`
   ╭─[book.yaml:5:17]
 4 │       arcs:
 5 │         - step: procss
   ·                 ──────
 6 │   - step: process
   ╰────
  help: did you mean `process`?
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_two_steps_of_one_name() {
    let text = "workflow:\n  - step: a\n    next: b\n  - step: b\n  - step: a\n";
    let expected = "  \
  × two steps are called `a`
   ╭─[book.yaml:2:11]
 1 │ workflow:
 2 │   - step: a
   ·           ┬
   ·           ╰── first here
 3 │     next: b
 4 │   - step: b
 5 │   - step: a
   ·           ┬
   ·           ╰── and again here
   ╰────
  help: later steps could not tell their results apart
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_a_circle() {
    let text =
        "workflow:\n  - {step: a, next: b}\n  - {step: b, next: c}\n  - {step: c, next: b}\n";
    let expected = "  \
  × the steps lead in a circle: b → c → b
   ╭─[book.yaml:4:21]
 3 │   - {step: b, next: c}
 4 │   - {step: c, next: b}
   ·                     ┬
   ·                     ╰── this closes it
   ╰────
  help: a step runs once; loops are not supported yet
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_a_refused_key() {
    let text = "workflow:\n  - step: a\n    loop: {in: \"{{ rows }}\", iterator: row}\n    tool: {kind: script}\n";
    let expected = "  \
  × `loop` is not supported yet: a step that repeats
   ╭─[book.yaml:3:5]
 2 │   - step: a
 3 │     loop: {in: \"{{ rows }}\", iterator: row}
   ·     ────
 4 │     tool: {kind: script}
   ╰────
  help: write a step for each item, or let the script go through them
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_a_missing_kind() {
    let text = "workflow:\n  - step: a\n    tool:\n      script: {uri: x}\n";
    let expected = "  \
  × `tool` has no `kind`
   ╭─[book.yaml:4:7]
 3 │     tool:
 4 │       script: {uri: x}
   ·       ────────────────
   ╰────
  help: `kind` names the tool, such as `kind: script`
";
    assert_eq!(shown(text), expected);
}

#[test]
fn shows_bad_templates_in_tools_and_conditions() {
    let text = "\
workflow:
  - step: a
    args:
      x: \"{{ workload.x | }}\"
    tool: {kind: script}
    next: {arcs: [{step: b, when: 'a.status =='}]}
  - step: b
";
    let expected = "  \
  × not a valid template: unexpected end of variable block, expected identifier
   ╭─[book.yaml:4:27]
 3 │     args:
 4 │       x: \"{{ workload.x | }}\"
   ·                           ──
 5 │     tool: {kind: script}
   ╰────
  help: write `{{ '{{' }}` for braces that are no template
  × not a valid template: unexpected end of variable block
   ╭─[book.yaml:6:35]
 5 │     tool: {kind: script}
 6 │     next: {arcs: [{step: b, when: 'a.status =='}]}
   ·                                   ─────────────
 7 │   - step: b
   ╰────
  help: write `{{ '{{' }}` for braces that are no template
";
    assert_eq!(shown(text), expected);
}

#[test]
fn a_value_is_never_null_by_mistake() {
    assert_eq!(
        parse("workflow: [{step: a}]\n").workload,
        Value::Object(serde_json::Map::new())
    );
    assert_eq!(
        parse("workload:\nworkflow: [{step: a}]\n").workload,
        Value::Object(serde_json::Map::new())
    );
}
