use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;

use super::*;

/// A helper, a shell script.
struct Helper {
    folder: tempfile::TempDir,
}

impl Helper {
    fn new(script: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("helper");
        std::fs::write(&path, format!("#!/bin/sh\n{script}")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn provider(&self) -> CommandProvider {
        // Started by the shell, so that no other test's fork keeps the file open for writing.
        let command = [
            "/bin/sh".to_owned(),
            self.file("helper").display().to_string(),
        ];
        let world = World::new(&[
            ("PATH", "/usr/bin:/bin"),
            ("OTHER", "hunter2"),
            ("HOME", self.folder.path().to_str().unwrap()),
        ]);
        CommandProvider::new(&command, world.machine()).unwrap()
    }
}

#[tokio::test]
async fn a_program_gets_the_name_and_answers_in_json() {
    let helper = Helper::new(
        r#"read -r name
env > "$HOME/environment"
case "$1 $name" in
  "get db") echo '{"type": "postgres", "host": "h", "password": "a-password"}' ;;
  "get registry") echo '{"ServerURL": "x", "Username": "ada", "Secret": "a-secret"}' ;;
  "get word") echo '"a-word"' ;;
  "get map") echo '{"key": "a-key"}' ;;
  "get none") ;;
  "get null") echo null ;;
  "get docker") echo 'credentials not found in native keychain'; exit 1 ;;
  "get broken") echo hunter2; exit 3 ;;
  "get text") echo hunter2 ;;
esac
"#,
    );
    let provider = helper.provider();
    let credential = provider.credential("db").await.unwrap().unwrap();
    assert_eq!(credential.kind, CredentialType::Postgres);
    assert_eq!(
        credential.text("password").unwrap().expose_secret(),
        "a-password"
    );
    let credential = provider.credential("registry").await.unwrap().unwrap();
    assert_eq!(credential.kind, CredentialType::Basic);
    assert_eq!(credential.text("username").unwrap().expose_secret(), "ada");
    for (name, expected) in [("word", json!("a-word")), ("map", json!({"key": "a-key"}))] {
        let secret = provider.secret(name).await.unwrap().unwrap();
        assert_eq!(secret.expose(), &expected);
        assert!(provider.credential(name).await.unwrap().is_none());
    }
    assert!(provider.secret("db").await.unwrap().is_none());
    for name in ["none", "null", "docker", "two\nlines", ""] {
        assert!(provider.secret(name).await.unwrap().is_none(), "{name}");
    }
    for (name, expected) in [
        ("broken", "it ended with exit status: 3"),
        ("text", "its output is not valid JSON"),
    ] {
        let error = provider.secret(name).await.unwrap_err().to_string();
        let expected = format!("cannot get secret `{name}` from the command `/bin/sh`: {expected}");
        assert_eq!(error, expected);
    }
    let environment = std::fs::read_to_string(helper.file("environment")).unwrap();
    assert!(environment.contains("HOME="));
    assert!(!environment.contains("hunter2"), "{environment}");
}

#[tokio::test]
async fn a_program_that_writes_without_end_is_ended() {
    let helper = Helper::new("exec yes hunter2");
    let error = helper.provider().secret("x").await.unwrap_err().to_string();
    assert!(
        error.ends_with("it wrote more than 262144 bytes"),
        "{error}"
    );
}

#[tokio::test]
async fn processes_that_a_program_left_behind_are_not_waited_for() {
    let helper = Helper::new("sleep 1000 &\necho $! > \"$HOME/pid\"\necho '\"word\"'");
    let secret = helper.provider().secret("x").await.unwrap().unwrap();
    assert_eq!(secret.expose(), &json!("word"));
    wait_until_gone(&helper).await;
}

#[tokio::test]
async fn a_program_that_hangs_is_ended_with_its_group() {
    let helper = Helper::new("sleep 1000 &\necho $! > \"$HOME/pid\"\nwait");
    let provider = helper.provider().with_timeout(Duration::from_millis(500));
    let error = provider.secret("x").await.unwrap_err().to_string();
    assert!(error.ends_with("it took longer than 500ms"), "{error}");
    wait_until_gone(&helper).await;
}

#[tokio::test]
async fn a_missing_program_is_named() {
    let command = ["/nonexistent/helper".to_owned()];
    let provider = CommandProvider::new(&command, World::default().machine()).unwrap();
    let error = provider.credential("x").await.unwrap_err().to_string();
    assert!(
        error.contains("the command `/nonexistent/helper`: No such file"),
        "{error}"
    );
}

/// Waits until the process that the helper started has ended.
async fn wait_until_gone(helper: &Helper) {
    let pid = std::fs::read_to_string(helper.file("pid")).unwrap();
    let stat = format!("/proc/{}/stat", pid.trim());
    // A process that is not reaped remains as a zombie.
    while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
        tokio::task::yield_now().await;
    }
}
