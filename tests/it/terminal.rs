//! What others write reaches no terminal as it is: nothing that acts upon one, and no line that looks like one
//! of this program.

use std::fmt::Write as _;
use std::process::Output;

use serde_json::Value;
use toolhost_diagnostic::Document;

use crate::guests;
use crate::program::Workspace;
use crate::tidy::files;

/// Renames the window, clears the screen, sets colors in two ways, turns text around, hides a space, goes
/// back to the beginning of the line, and begins another.
const HOSTILE: &str = "x\u{1b}]0;t\u{7}\u{1b}[2J\u{7f}\u{9b}31m\u{202e}\u{2066}\u{2028}\u{200b}\u{feff}\ry\nforged: z";
/// A part of what is shown instead.
const SHOWN: &str = r"x\x1b]0;t\x07\x1b[2J\x7f\u{9b}31m\u{202e}\u{2066}\u{2028}\u{200b}\u{feff}\ry";
/// The part of it that may be in the name of a file, and in the source of a playbook.
const HOSTILE_NAME: &str = "x\u{1b}]0;t\u{7}\u{202e}\u{200b}";
/// A part of what is shown instead of either.
const SHOWN_NAME: &str = r"x\x1b]0;t\x07";

/// A text in quotes, as YAML and JSON read it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for unit in text.encode_utf16() {
        write!(quoted, "\\u{unit:04x}").unwrap();
    }
    quoted + "\""
}

fn playbook(step: &str, tool: &str) -> String {
    format!(
        "apiVersion: noetl.io/v2\nkind: Playbook\nmetadata: {{name: test}}\nworkflow:\n- step: {step}\n  tool: {tool}\n"
    )
}

/// A playbook whose only step has the given name, and calls the tool `terminal`.
fn calling(action: &str) -> String {
    let text = quoted(HOSTILE);
    playbook(
        &quoted("x\u{202e}\u{200b}y"),
        &format!("{{kind: terminal, action: {action}, text: {text}}}"),
    )
}

/// A playbook with a script of one line.
fn running(script: &str) -> String {
    let tool = format!(
        "{{kind: script, script: {{content: {}, interpreter: sh}}, job: {{backoffLimit: 0}}}}",
        quoted(script)
    );
    playbook("s", &tool)
}

/// A workspace with the tool `terminal` among its plugins, and these files.
fn workspace(files: &[(&str, &str)]) -> Workspace {
    let workspace = Workspace::new(files);
    let plugins = workspace.path().join("plugins");
    std::fs::create_dir(&plugins).unwrap();
    std::fs::copy(
        guests::file("guest-terminal"),
        plugins.join("terminal.wasm"),
    )
    .unwrap();
    let grants = "grants: {terminal: [{file: terminal.wasm}, progress]}\n";
    std::fs::write(plugins.join("grants.yaml"), grants).unwrap();
    workspace
}

/// Everything that a command wrote, of which nothing acts upon a terminal.
#[track_caller]
fn harmless(output: &Output) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8(text).unwrap();
    let acts = |character: char| {
        (character.is_control() && character != '\n')
            || "\u{202e}\u{2066}\u{2028}\u{200b}\u{feff}".contains(character)
    };
    assert!(!text.contains(acts), "{text:?}");
    let is_forged = |line: &str| line.starts_with("forged");
    assert!(!text.lines().any(is_forged), "{text}");
    text
}

/// As above, and the hostile text is among it.
#[track_caller]
fn harmless_and_shown(output: &Output, shown: &str) -> String {
    let text = harmless(output);
    assert!(text.contains(shown), "{text}");
    text
}

#[test]
fn a_tool_cannot_forge_a_row_or_act_upon_the_terminal_by_its_summary() {
    let workspace = workspace(&[]);
    let output = workspace.run(&["tool", "list", "--plugins", "plugins"]);
    let listed = harmless(&output);
    let rows: Vec<_> = listed.lines().map(|row| row.split('@').next()).collect();
    assert_eq!(
        rows,
        [
            Some("container"),
            Some("python"),
            Some("script"),
            Some("terminal")
        ]
    );
    assert!(
        listed.ends_with(
            "  Writes a given text.…
"
        ),
        "{listed}"
    );
    let inspect = ["tool", "inspect", "terminal", "--plugins", "plugins"];
    let output = workspace.run(&inspect);
    harmless_and_shown(
        &output,
        r"text.\nforged@1.0.0  sha256:000000000000  \x1b]0;",
    );
    let output = workspace.run(&[&inspect[..], &["--output", "json"]].concat());
    harmless_and_shown(
        &output,
        r"\u001b]0;title\u0007\u001b[2J\u007f\u009b31m\u202e\u200b",
    );
    let tool: Value = serde_json::from_slice(&output.stdout).unwrap();
    let summary = tool["summary"].as_str().unwrap();
    assert!(summary.ends_with("\u{7f}\u{9b}31m\u{202e}\u{200b}"));
}

#[test]
fn whatever_a_tool_says_is_shown_without_what_acts_upon_a_terminal() {
    let workspace = workspace(&[]);
    for action in ["fail", "log", "panic", "refuse", "reject", "report"] {
        std::fs::write(workspace.path().join("p.yaml"), calling(action)).unwrap();
        let arguments = ["run", "p.yaml", "--plugins", "plugins"];
        // A report is shown on a terminal alone, and the message of a problem goes over several lines.
        let shown = match action {
            "reject" => SHOWN_NAME,
            "report" => r"x\u{202e}\u{200b}y",
            _ => SHOWN,
        };
        let output = workspace.run(&arguments);
        harmless_and_shown(&output, shown);
        // What the library logs has it as well.
        let mut logging = workspace.command(&arguments);
        let output = logging.env("RUST_LOG", "trace").output().unwrap();
        harmless_and_shown(&output, shown);
        let output = workspace.run(&[&arguments[..], &["--output", "json"]].concat());
        harmless(&output);
        if !output.stdout.is_empty() {
            let report: Value = serde_json::from_slice(&output.stdout).unwrap();
            assert_eq!(
                report["steps"].as_array().map_or(0, Vec::len),
                usize::from(action != "reject")
            );
        }
    }
}

#[test]
fn an_outcome_as_json_is_escaped_and_means_the_same() {
    let config = format!("{{\"action\": \"fail\", \"text\": {}}}", quoted(HOSTILE));
    let workspace = workspace(&[("c.json", &config)]);
    let output = workspace.run(&[
        "call",
        "terminal",
        "--config",
        "c.json",
        "--plugins",
        "plugins",
    ]);
    harmless_and_shown(&output, r"x\u001b]0;t\u0007\u001b[2J\u007f\u009b31m\u202e");
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(outcome["message"], HOSTILE);
}

#[test]
fn what_a_tool_logs_is_logged_once_and_not_while_its_step_is_checked() {
    let workspace = workspace(&[("p.yaml", &calling("log"))]);
    let output = workspace.run(&["run", "p.yaml", "--plugins", "plugins"]);
    let text = harmless_and_shown(&output, SHOWN);
    assert_eq!(text.matches("ERROR guest: ").count(), 1, "{text}");
}

#[test]
fn the_lines_of_a_log_are_escaped_and_keep_their_colors_where_those_are_asked_for() {
    let script =
        r"printf '\033[31mred\033]0;t\007\033[2J\302\233\233\342\200\256\ry\r\nforged: z\n'";
    let workspace = workspace(&[("p.yaml", &running(script))]);
    let output = workspace.run(&["run", "p.yaml"]);
    let expected =
        "  | \\x1b[31mred\\x1b]0;t\\x07\\x1b[2J\\u{9b}\u{fffd}\\u{202e}\\ry\n  | forged: z\n";
    harmless_and_shown(&output, expected);
    let output = workspace.run(&["run", "p.yaml", "--color", "always"]);
    let shown = String::from_utf8(output.stderr).unwrap();
    let expected = "  | \u{1b}[31mred\\x1b]0;t\\x07\\x1b[2J\\u{9b}\u{fffd}\\u{202e}\\ry\u{1b}[0m\n  | forged: z\n";
    assert!(shown.contains(expected), "{shown:?}");
}

#[test]
fn problems_quote_playbooks_and_names_without_what_acts_upon_a_terminal() {
    let name = quoted(HOSTILE);
    let cases = [
        // A step, its tool, and its keys.
        playbook(&name, "{kind: scrpt}"),
        playbook("s", &format!("{{kind: {name}}}")),
        playbook("s", &format!("{{kind: script, {name}: 1}}")),
        playbook("s", &format!("{{kind: script, script: {{uri: {name}}}}}")),
        playbook(
            "s",
            &format!("{{kind: script, script: {{content: x, interpreter: {name}}}}}"),
        ),
        playbook(
            "s",
            &format!("{{kind: script, args: {}}}", quoted("{{ x\u{1b}\u{7f} }}")),
        ),
        format!(
            "{}- step: {name}\n  tool: {{kind: script}}\n- step: {name}\n",
            playbook("s", "{}")
        ),
        format!("{}{name}: 1\n", playbook("s", "{kind: script}")),
        // An excerpt, and invalid YAML.
        playbook("s", &format!("{{kind: scrpt}} # {HOSTILE_NAME}")),
        playbook("s", "{kind: scrpt} # \u{202e}\u{200b}\u{2066}"),
        playbook("s", &format!("{{kind: '{HOSTILE_NAME}'}}")),
        HOSTILE.to_owned(),
    ];
    let workspace = workspace(&[]);
    for playbook in cases {
        std::fs::write(workspace.path().join("p.yaml"), &playbook).unwrap();
        for command in ["run", "plan"] {
            let output = workspace.run(&[command, "p.yaml"]);
            assert!(
                command == "plan" || !output.status.success(),
                "{playbook:?}"
            );
            harmless(&output);
            // Where there are colors, what is quoted has none of its own.
            let output = workspace.run(&[command, "p.yaml", "--color", "always"]);
            let shown = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
            for hostile in ["\u{1b}]", "\u{7}", "\u{9b}", "\u{202e}", "\u{200b}", "\r"] {
                assert!(!shown.contains(hostile), "{shown:?}");
            }
        }
    }
}

#[test]
fn arguments_and_the_names_of_files_are_shown_without_what_acts_upon_a_terminal() {
    let hostile_file = format!("{HOSTILE_NAME}\nforged.yaml");
    let kubeconfig = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: {}\n",
        quoted(HOSTILE)
    );
    let workspace = workspace(&[
        ("p.yaml", &running("true")),
        ("kubeconfig", &kubeconfig),
        (&hostile_file, "{"),
    ]);
    let plugins = workspace.path().join("broken");
    std::fs::create_dir(&plugins).unwrap();
    std::fs::write(plugins.join(format!("{HOSTILE_NAME}.wasm")), "x").unwrap();
    let grants = workspace.path().join("grants");
    std::fs::create_dir(&grants).unwrap();
    let text = format!("grants: {{a: [{}]}}\n", quoted(HOSTILE));
    std::fs::write(grants.join("grants.yaml"), text).unwrap();
    let missing = format!("{HOSTILE_NAME}.missing");
    let commands: [&[&str]; 13] = [
        &[HOSTILE],
        &["run", HOSTILE],
        &["run", &hostile_file],
        &["run", &missing],
        &["run", "p.yaml", "--set", HOSTILE],
        &["run", "p.yaml", "--execution-id", HOSTILE],
        &["run", "p.yaml", "--credential-provider", HOSTILE],
        &["run", "p.yaml", "--credentials", &missing],
        &[
            "run",
            "p.yaml",
            "--engine",
            "kubernetes",
            "--kubeconfig",
            "kubeconfig",
        ],
        &[
            "job",
            "list",
            "--kubeconfig",
            "kubeconfig",
            "--kube-context",
            HOSTILE,
        ],
        &["tool", "inspect", HOSTILE],
        &["tool", "list", "--plugins", "broken"],
        &["tool", "list", "--plugins", "grants"],
    ];
    for arguments in commands {
        let output = workspace.run(arguments);
        let text = harmless(&output);
        assert!(text.contains(SHOWN_NAME), "{arguments:?}: {text}");
    }
}

#[test]
fn help_shows_variables_without_what_acts_upon_a_terminal() {
    let workspace = workspace(&[]);
    let mut command = workspace.command(&["run", "--help"]);
    let output = command
        .env("TOOLHOST_PLUGINS", HOSTILE_NAME)
        .output()
        .unwrap();
    harmless_and_shown(&output, r"TOOLHOST_PLUGINS=x\x1b]0;t\x07");
}

#[test]
fn a_plan_is_escaped_and_means_the_same() {
    let tool = format!(
        "{{kind: script, script: {{content: x, interpreter: [sh, {}]}}}}",
        quoted(HOSTILE)
    );
    let workspace = workspace(&[("p.yaml", &playbook("s", &tool))]);
    let output = workspace.run(&["plan", "p.yaml"]);
    assert!(output.status.success());
    harmless(&output);
    let planned = String::from_utf8(output.stdout).unwrap();
    let job = planned.split("---\n").nth(1).unwrap();
    let job = Document::parse("plan", job).unwrap().to_value();
    let command = &job["spec"]["template"]["spec"]["containers"][0]["command"];
    assert_eq!(command[1], HOSTILE, "{planned}");
}

#[test]
fn one_file_of_the_command_line_writes_and_it_escapes_what_it_writes() {
    let files = files(&guests::workspace().join("host/cli/src/cli"));
    assert!(files.len() > 15, "{files:?}");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        let writes = [
            "io::stdout",
            "io::stderr",
            "print!",
            "println!",
            "dbg!",
            ".print(",
        ];
        let found = writes.iter().find(|word| text.contains(**word));
        let is_terminal = path.ends_with("terminal.rs");
        assert!(
            is_terminal || found.is_none(),
            "{}: {found:?}",
            path.display()
        );
    }
}
