//! How problems look to a person.

use super::*;

#[test]
fn an_unknown_key_of_a_step_is_named_with_what_was_meant() {
    let found = problems(
        "\
workflow:
  - step: one
    tools: {kind: script}
",
    );
    let expected = "  \
  × unknown key `tools` in step `one`
   ╭─[book.yaml:6:5]
 5 │   - step: one
 6 │     tools: {kind: script}
   ·     ─────
   ╰────
  help: did you mean `tool`?
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_loop_is_refused() {
    let found = problems(
        "\
workflow:
  - step: one
    loop: {in: \"{{ workload.items }}\", iterator: item}
    tool: {kind: script}
",
    );
    let expected = "  \
  × `loop` is not supported in step `one`
   ╭─[book.yaml:6:5]
 5 │   - step: one
 6 │     loop: {in: \"{{ workload.items }}\", iterator: item}
   ·     ────
 7 │     tool: {kind: script}
   ╰────
  help: write a step for each item, or let the script go through the items itself
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_list_of_tasks_is_refused() {
    let found = problems(
        "\
workflow:
  - step: one
    tool:
      - fetch: {kind: http}
      - store: {kind: postgres}
",
    );
    let expected = "  \
  × `tool` of step `one` is a list of tasks, which is not supported
   ╭─[book.yaml:6:5]
 5 │   - step: one
 6 │     tool:
   ·     ────
 7 │       - fetch: {kind: http}
   ╰────
  help: make each task a separate step, and write `tool:` as a mapping with `kind:`
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_playbook_in_a_playbook_is_refused() {
    let found = problems(
        "\
workflow:
  - step: one
    tool: {kind: playbook, path: other}
",
    );
    let expected = "  \
  × `kind: playbook` is not supported: a step runs a tool
   ╭─[book.yaml:6:18]
 5 │   - step: one
 6 │     tool: {kind: playbook, path: other}
   ·                  ────────
   ╰────
  help: write the steps of the other playbook here, or run it separately
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_tool_without_a_kind_is_refused() {
    let found = problems(
        "\
workflow:
  - step: one
    tool:
      script: {uri: a.py}
",
    );
    let expected = "  \
  × missing key `kind` in `tool` of step `one`
   ╭─[book.yaml:6:5]
 5 │   - step: one
 6 │     tool:
   ·     ────
 7 │       script: {uri: a.py}
   ╰────
  help: write `kind: KIND`, such as `kind: script`
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_key_next_to_the_tool_is_moved_under_it() {
    let found = problems(
        "\
workflow:
  - step: one
    tool: {kind: script}
    job:
      image: python:3.11-slim
",
    );
    let expected = "  \
  × `job` of step `one` is next to `tool`, not under it
   ╭─[book.yaml:7:5]
 6 │     tool: {kind: script}
 7 │     job:
   ·     ───
 8 │       image: python:3.11-slim
   ╰────
  help: indent it under `tool:`
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_step_that_there_is_not_is_named_with_what_was_meant() {
    let found = problems(
        "\
workflow:
  - step: extract
    next: trasnform
  - step: transform
    tool: {kind: script}
",
    );
    let expected = "  \
  × `next` of step `extract` names the unknown step `trasnform`
   ╭─[book.yaml:6:11]
 5 │   - step: extract
 6 │     next: trasnform
   ·           ─────────
 7 │   - step: transform
   ╰────
  help: did you mean `transform`?
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_circle_is_shown_arc_by_arc() {
    let found = problems(
        "\
workflow:
  - step: one
    next: two
  - step: two
    next: {arcs: [{step: three}]}
  - step: three
    next: [two]
",
    );
    let expected = "  \
  × the steps form a cycle: `two` → `three` → `two`
    ╭─[book.yaml:8:26]
  7 │   - step: two
  8 │     next: {arcs: [{step: three}]}
    ·                          ──┬──
    ·                            ╰── from `two`
  9 │   - step: three
 10 │     next: [two]
    ·            ─┬─
    ·             ╰── from `three`
    ╰────
  help: each step runs at most once: let `next` only name later steps, or repeat the work in the
        script
";
    assert_eq!(render(&found), expected);
}

#[test]
fn two_steps_of_one_name_are_shown_both() {
    let found = problems(
        "\
workflow:
  - step: one
    tool: {kind: script}
  - step: one
    tool: {kind: script}
",
    );
    let expected = "  \
  × two steps have the name `one`
   ╭─[book.yaml:5:11]
 4 │ workflow:
 5 │   - step: one
   ·           ─┬─
   ·            ╰── first here
 6 │     tool: {kind: script}
 7 │   - step: one
   ·           ─┬─
   ·            ╰── and again here
 8 │     tool: {kind: script}
   ╰────
  help: give one of them another name
";
    assert_eq!(render(&found), expected);
}

#[test]
fn a_name_that_is_a_number_is_refused() {
    let found = problems(
        "\
workflow:
  - step: 1
    tool: {kind: script}
",
    );
    let expected = "  \
  × `step` must be a string, not a number
   ╭─[book.yaml:5:11]
 4 │ workflow:
 5 │   - step: 1
   ·           ─
 6 │     tool: {kind: script}
   ╰────
  help: quote it
";
    assert_eq!(render(&found), expected);
}

#[test]
fn vars_at_the_top_are_sent_to_the_workload() {
    let found = problems(
        "\
vars: {a: 1}
workflow:
  - step: one
    tool: {kind: script}
",
    );
    let expected = "  \
  × `vars` is not supported in the playbook
   ╭─[book.yaml:4:1]
 3 │ metadata: {name: x}
 4 │ vars: {a: 1}
   · ────
 5 │ workflow:
   ╰────
  help: put the values under `workload`
";
    assert_eq!(render(&found), expected);
}

#[test]
fn an_entry_of_the_keychain_that_is_minted_is_refused() {
    let found = problems(
        "\
keychain:
  - name: token
    kind: oauth2
    endpoint: https://example.com
workflow:
  - step: one
    tool: {kind: script}
",
    );
    let expected = "  \
  × the keychain entry `token` has no `credential`, and a custom request is not supported
   ╭─[book.yaml:6:11]
 5 │   - name: token
 6 │     kind: oauth2
   ·           ──────
 7 │     endpoint: https://example.com
   ╰────
  help: put `token_url`, `client_id` and `client_secret` into a credential of type `oauth2`, and
        write `credential: NAME`
";
    assert_eq!(render(&found), expected);
}

#[test]
fn an_else_is_refused_with_the_form_that_is_taken() {
    let found = problems(
        "\
workflow:
  - step: one
    next:
      - when: \"{{ workload.a }}\"
        step: two
      - else: [{step: two}]
  - step: two
    tool: {kind: script}
",
    );
    let expected = "  \
  × `else` is not supported in an item of `next` of step `one`
    ╭─[book.yaml:9:9]
  8 │         step: two
  9 │       - else: [{step: two}]
    ·         ────
 10 │   - step: two
    ╰────
  help: write `step: NAME` without `when` as the last arc
";
    assert_eq!(render(&found), expected);
}
