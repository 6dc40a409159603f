//! The mock host of the SDK and the host accept the same names, and give the same messages for invalid ones.

use noetl_tool_sdk::mock::MockHost;
use noetl_tool_sdk::{Error, Host, JobSpec, SecretEntry};
use toolhost::capability::{CapabilityError, FileName, JobName, NameError, VariableName};

/// What each kind of name takes, and what none does.
const TEXTS: [&str; 28] = [
    "",
    "a",
    "A",
    "0",
    "_",
    "-",
    ".",
    "..",
    "a-b",
    "a--b",
    "a_b",
    "a.b",
    "a b",
    "-a",
    "a-",
    "1A",
    "A1",
    "A=B",
    "../x",
    "/etc/passwd",
    "a\\b",
    "..data",
    "main.py",
    "ä",
    "Ä.py",
    "NOETL_ARGS",
    "script-greet-522095307073519743",
    "$(reboot)",
];

/// As a tool sees what the host says.
fn said<T>(parsed: Result<T, NameError>) -> Result<(), (String, String)> {
    parsed.map(drop).map_err(|error| {
        let error = CapabilityError::from(error);
        (
            error.explanation.reason.as_str().to_owned(),
            error.explanation.message,
        )
    })
}

fn mocked<T>(result: Result<T, Error>) -> Result<(), (String, String)> {
    result
        .map(drop)
        .map_err(|error| (error.code, error.message))
}

#[test]
fn the_mock_host_refuses_the_names_that_the_host_refuses() {
    let longest = [51, 52, 53, 255, 256].map(|length| "a".repeat(length));
    let texts = TEXTS.into_iter().chain(longest.iter().map(String::as_str));
    let (mut taken, mut refused) = (0, 0);
    for text in texts {
        let mock = MockHost::new();
        let script = mock.create_object(b"").unwrap();
        let job = mock.create_job(JobSpec::new(text));
        let file = mock.create_job(JobSpec::new("a").script(text, &script));
        let variable = mock.create_secret(vec![SecretEntry::text(text, "")]);
        for (ours, theirs) in [
            (said(text.parse::<JobName>()), mocked(job)),
            (said(text.parse::<FileName>()), mocked(file)),
            (said(text.parse::<VariableName>()), mocked(variable)),
        ] {
            match &ours {
                Ok(()) => taken += 1,
                Err(_) => refused += 1,
            }
            // The host shortens what it quotes; what is too long alone differs by it.
            if text.len() <= 80 {
                assert_eq!(ours, theirs, "{text:?}");
            }
            assert_eq!(ours.is_ok(), theirs.is_ok(), "{text:?}");
        }
    }
    assert!(taken > 20 && refused > 20, "{taken} and {refused}");
}
