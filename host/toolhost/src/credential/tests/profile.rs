//! Profiles of Amazon that assume roles, sign in, or run a program.

use std::os::unix::fs::PermissionsExt as _;

use hmac::{Hmac, Mac as _};
use sha2::{Digest as _, Sha256};

use super::*;
use crate::capability::Reason;

/// A home folder with Amazon's files in it.
struct Home {
    folder: tempfile::TempDir,
    world: World,
}

impl Home {
    fn new(config: &str, credentials: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let home = Self {
            world: World::new(&[
                ("HOME", folder.path().to_str().unwrap()),
                ("PATH", "/usr/bin:/bin"),
            ]),
            folder,
        };
        home.write(".aws/config", config);
        home.write(".aws/credentials", credentials);
        home
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn sends_to(&self, variable: &str, server: &Server) {
        self.world.set(variable, server.url("").as_str());
    }

    /// Opens S3 with the profile.
    async fn open(&self, profile: &str) -> Result<Access, CapabilityError> {
        let file = format!("credentials: {{c: {{type: aws, profile: '{profile}'}}}}");
        open(&self.world.access(&file), Service::S3, "c").await
    }
}

/// A server that returns the keys of the requested role and checks the caller: it knows only these keys, and each
/// role's keys once they were returned.
fn security_token_service() -> impl Fn(usize, &Received) -> Answer + Send + Sync + 'static {
    |_, received| {
        let sent = form(received);
        assert_eq!(sent["Action"], "AssumeRole");
        assert_eq!(sent["Version"], "2011-06-15");
        let role = sent["RoleArn"].rsplit('/').next().unwrap().to_owned();
        let authorization = received.header("authorization").unwrap();
        let id = authorization
            .strip_prefix("AWS4-HMAC-SHA256 Credential=")
            .and_then(|rest| rest.split('/').next())
            .unwrap();
        let (secret, token) = match id.strip_prefix("ASIA-") {
            Some(role) => (
                format!("secret-of-{role}"),
                Some(format!("session-of-{role}")),
            ),
            None => ("secret-base".to_owned(), None),
        };
        assert_eq!(
            received.header("x-amz-security-token"),
            token.as_deref(),
            "{id}"
        );
        if signature(received, &secret) != authorization.rsplit("Signature=").next().unwrap() {
            return Answer::new(403).body(format!(
                "<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code><Message>for {secret}</Message></Error></ErrorResponse>"
            ));
        }
        if role == "forbidden" {
            return Answer::new(403).body(
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>not authorized to perform sts:AssumeRole</Message></Error></ErrorResponse>",
            );
        }
        Answer::ok(format!(
            r#"<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult>
  <AssumedRoleUser><Arn>a</Arn></AssumedRoleUser>
  <Credentials>
    <AccessKeyId>ASIA-{role}</AccessKeyId><SecretAccessKey>secret-of-{role}</SecretAccessKey>
    <SessionToken>session-of-{role}</SessionToken><Expiration>2027-01-15T09:00:00Z</Expiration>
  </Credentials>
</AssumeRoleResult></AssumeRoleResponse>"#
        ))
    }
}

/// Returns the signature by Signature Version 4, computed from the received request
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).
fn signature(received: &Received, secret: &str) -> String {
    let authorization = received.header("authorization").unwrap();
    let part = |name: &str| {
        let rest = authorization.split(name).nth(1).unwrap();
        rest.split(',').next().unwrap().to_owned()
    };
    let signed = part("SignedHeaders=");
    assert!(signed.starts_with("content-type;host;"), "{signed}");
    let credential = part("Credential=");
    let scope = credential.split_once('/').unwrap().1;
    let headers = signed.split(';').fold(String::new(), |headers, name| {
        format!("{headers}{name}:{}\n", received.header(name).unwrap())
    });
    let hex = |bytes: &[u8]| {
        let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<Vec<_>>().concat()
    };
    let body = hex(&Sha256::digest(&received.body));
    let canonical = format!("POST\n{}\n\n{headers}\n{signed}\n{body}", received.target);
    let text = format!(
        "AWS4-HMAC-SHA256\n{}\n{scope}\n{}",
        received.header("x-amz-date").unwrap(),
        hex(&Sha256::digest(canonical))
    );
    let keyed = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let key = scope
        .split('/')
        .fold(format!("AWS4{secret}").into_bytes(), |key, part| {
            keyed(&key, part)
        });
    hex(&keyed(&key, &text))
}

const BASE: &str = "[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = secret-base\n";

#[tokio::test]
async fn a_profile_assumes_a_role_with_another_profiles_keys_and_so_on() {
    let home = Home::new(
        "\
[profile first]
role_arn = arn:aws:iam::1:role/one
source_profile = base
region = eu-west-1
external_id = their id
role_session_name = me
duration_seconds = 1800
[profile second]
role_arn = arn:aws:iam::2:role/two
source_profile = first
region = eu-north-1
endpoint_url = http://storage
s3 =
  addressing_style = path
[profile itself]
role_arn = arn:aws:iam::1:role/own
source_profile = itself
aws_access_key_id = AKIABASE
aws_secret_access_key = secret-base
",
        BASE,
    );
    let server = Server::start(security_token_service()).await;
    home.sends_to("AWS_ENDPOINT_URL_STS", &server);
    let given = home.open("second").await.unwrap();
    assert_eq!(
        keys(&given),
        ["ASIA-two", "secret-of-two", "session-of-two"]
    );
    assert_eq!(given.region.as_deref(), Some("eu-north-1"));
    assert_eq!(given.endpoint.as_deref(), Some("http://storage"));
    assert_eq!(given.path_style, Some(true));
    assert!(given.expires_at.is_some());
    let requests = server.requests();
    let fields: Vec<_> = requests.iter().map(form).collect();
    assert_eq!(fields[0]["ExternalId"], "their id");
    assert_eq!(fields[0]["RoleSessionName"], "me");
    assert_eq!(fields[0]["DurationSeconds"], "1800");
    assert_eq!(fields[1]["RoleSessionName"], "toolhost");
    assert_eq!(fields[1].get("ExternalId"), None);
    for (request, region) in requests.iter().zip(["eu-west-1", "eu-north-1"]) {
        let authorization = request.header("authorization").unwrap();
        let scope = format!("/{region}/sts/aws4_request,");
        assert!(authorization.contains(&scope), "{authorization}");
    }
    let given = home.open("itself").await.unwrap();
    assert_eq!(keys(&given)[0], "ASIA-own");
}

#[tokio::test]
async fn a_credential_assumes_a_role_with_its_own_keys_or_a_profiles() {
    let home = Home::new("", BASE);
    let server = Server::start(security_token_service()).await;
    home.sends_to("AWS_ENDPOINT_URL_STS", &server);
    let access = home.world.access(
        "\
credentials:
  own: {type: aws, access_key_id: AKIABASE, secret_access_key: secret-base, role_arn: r/one, external_id: e}
  of_profile: {type: aws, profile: base, role_arn: r/two}
",
    );
    for (name, role) in [("own", "one"), ("of_profile", "two")] {
        let given = open(&access, Service::S3, name).await.unwrap();
        assert_eq!(keys(&given)[1], format!("secret-of-{role}"));
    }
    assert_eq!(form(&server.requests()[0])["ExternalId"], "e");
}

#[tokio::test]
async fn a_profile_assumes_a_role_with_the_machines_keys() {
    let home = Home::new(
        "\
[profile environment]
role_arn = r/one
credential_source = Environment
[profile container]
role_arn = r/two
credential_source = EcsContainer
[profile other]
role_arn = r/one
credential_source = Moon
",
        "",
    );
    let server = Server::start(security_token_service()).await;
    home.sends_to("AWS_ENDPOINT_URL_STS", &server);
    for (profile, expected) in [
        ("environment", "has no keys at its `credential_source`"),
        ("container", "has no keys at its `credential_source`"),
        ("other", "has a `credential_source` that is neither"),
    ] {
        let error = home.open(profile).await.unwrap_err();
        assert!(error.explanation.message.contains(expected), "{error}");
    }
    home.world.set("AWS_ACCESS_KEY_ID", "AKIABASE");
    home.world.set("AWS_SECRET_ACCESS_KEY", "secret-base");
    let given = home.open("environment").await.unwrap();
    assert_eq!(keys(&given)[0], "ASIA-one");
    let container = Server::start(|_, _| {
        Answer::ok(r#"{"AccessKeyId": "ASIA-c", "SecretAccessKey": "secret-of-c", "Token": "session-of-c"}"#)
    })
    .await;
    home.sends_to("AWS_CONTAINER_CREDENTIALS_FULL_URI", &container);
    let given = home.open("container").await.unwrap();
    assert_eq!(keys(&given)[0], "ASIA-two");
}

#[tokio::test]
async fn the_cause_of_a_role_that_cannot_be_assumed_is_reported() {
    let home = Home::new(
        "\
[profile round]
role_arn = r/one
source_profile = and_round
[profile and_round]
role_arn = r/two
source_profile = round
[profile nowhere]
role_arn = r/one
source_profile = hunter2
[profile empty]
region = eu-west-1
[profile of_empty]
role_arn = r/one
source_profile = empty
[profile forbidden]
role_arn = r/forbidden
source_profile = base
[profile wrong]
role_arn = r/one
source_profile = wrong_keys
[profile factor]
role_arn = r/one
source_profile = base
mfa_serial = arn:aws:iam::1:mfa/me
",
        &format!(
            "{BASE}[wrong_keys]\naws_access_key_id = AKIABASE\naws_secret_access_key = hunter2-wrong\n"
        ),
    );
    let server = Server::start(security_token_service()).await;
    home.sends_to("AWS_ENDPOINT_URL_STS", &server);
    for (profile, expected) in [
        ("round", "is circular"),
        (
            "nowhere",
            "the profile of the credential `c` is not defined",
        ),
        (
            "of_empty",
            "the profile `empty` of the credential `c` has no keys",
        ),
        (
            "forbidden",
            "403, AccessDenied (not authorized to perform sts:AssumeRole)",
        ),
        ("wrong", "403, SignatureDoesNotMatch"),
        (
            "factor",
            "requires a second factor (`mfa_serial`), which is not supported",
        ),
    ] {
        let error = home.open(profile).await.unwrap_err();
        assert!(
            error.explanation.message.contains(expected),
            "{profile}: {error}"
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

const SESSIONS: &str = "\
[sso-session corporate]
sso_region = eu-west-1
sso_start_url = https://corporate.awsapps.com/start
[profile person]
sso_session = corporate
sso_account_id = 123456789012
sso_role_name = Reader
region = eu-central-1
[profile legacy]
sso_start_url = https://corporate.awsapps.com/start
sso_region = eu-west-1
sso_account_id = 123456789012
sso_role_name = Reader
[profile nowhere]
sso_session = other
sso_account_id = 1
sso_role_name = Reader
[profile half]
sso_session = corporate
sso_account_id = 1
[profile role_of_person]
role_arn = r/one
source_profile = person
";
/// SHA-1 of `corporate`, and of the address, by `sha1sum`.
const TOKEN_OF_SESSION: &str = ".aws/sso/cache/e276d18d65653fa285155bfd3e11ab029306830c.json";
const TOKEN_OF_ADDRESS: &str = ".aws/sso/cache/0ac0f50da8ff67b8f155699b43451db9a19509fd.json";

async fn portal() -> Server {
    Server::start(|_, received| {
        assert_eq!(
            received.target,
            "/federation/credentials?role_name=Reader&account_id=123456789012"
        );
        match received.header("x-amz-sso_bearer_token") {
            Some("sso-token") => Answer::ok(
                r#"{"roleCredentials": {"accessKeyId": "ASIA-person", "secretAccessKey": "secret-of-person", "sessionToken": "session-of-person", "expiration": 1800003600000}}"#,
            ),
            Some("forbidden") => Answer::new(403)
                .body(r#"{"message": "No access", "__type": "com.amazonaws.switchboard.portal#ForbiddenException"}"#),
            _ => Answer::new(401).body(r#"{"message": "Session token not found or invalid"}"#),
        }
    })
    .await
}

fn token_file(token: &str, expires_at: &str) -> String {
    format!(
        r#"{{"startUrl": "https://corporate.awsapps.com/start", "region": "eu-west-1", "accessToken": "{token}", "expiresAt": "{expires_at}", "refreshToken": "r"}}"#
    )
}

#[tokio::test]
async fn a_user_who_signed_in_gets_the_keys_of_a_role() {
    let home = Home::new(SESSIONS, "");
    let server = portal().await;
    home.sends_to("AWS_ENDPOINT_URL_SSO", &server);
    for (profile, file, ends) in [
        ("person", TOKEN_OF_SESSION, "2027-01-15T09:00:00Z"),
        // As older versions write it.
        ("legacy", TOKEN_OF_ADDRESS, "2027-01-15T09:00:00UTC"),
    ] {
        home.write(file, &token_file("sso-token", ends));
        let given = home.open(profile).await.unwrap();
        assert_eq!(
            keys(&given),
            ["ASIA-person", "secret-of-person", "session-of-person"]
        );
        let hour = Duration::from_hours(1);
        assert_eq!(given.expires_at, Some(home.world.now() + hour), "{profile}");
    }
    let given = home.open("person").await.unwrap();
    assert_eq!(given.region.as_deref(), Some("eu-central-1"));
    assert!(given.origin.contains("the profile `person`"));
    // A user who signed in can assume a role.
    let service = Server::start(security_token_service()).await;
    home.sends_to("AWS_ENDPOINT_URL_STS", &service);
    let given = home.open("role_of_person").await.unwrap();
    assert_eq!(keys(&given)[0], "ASIA-one");
}

#[tokio::test]
async fn the_hint_for_an_expired_sign_in_is_the_command() {
    let home = Home::new(SESSIONS, "");
    let server = portal().await;
    home.sends_to("AWS_ENDPOINT_URL_SSO", &server);
    let signed_out = async |case: &str| {
        let error = home.open("person").await.unwrap_err();
        assert_eq!(
            error.explanation.reason,
            Reason::CredentialExpired,
            "{case}: {error}"
        );
        assert_eq!(
            error.explanation.message,
            "the profile `person` of the credential `c` is not signed in, or no longer"
        );
        let hint = "run `aws sso login --profile person`";
        assert_eq!(
            error.explanation.hint_text().as_deref(),
            Some(hint),
            "{case}"
        );
    };
    signed_out("no token").await;
    home.write(
        TOKEN_OF_SESSION,
        &token_file("sso-token", "2020-01-15T09:00:00Z"),
    );
    signed_out("an old token").await;
    assert_eq!(server.requests().len(), 0);
    home.write(
        TOKEN_OF_SESSION,
        &token_file("hunter2-unknown", "2027-01-15T09:00:00Z"),
    );
    signed_out("a token that the server does not know").await;
    for (token, expected) in [
        (
            token_file("forbidden", "2027-01-15T09:00:00Z"),
            "refused the request: status 403 (No access)",
        ),
        (
            "hunter2".to_owned(),
            "has a token of `aws sso login` that is not readable",
        ),
        (
            token_file("hunter2", "soon"),
            "has a token of `aws sso login` without a time",
        ),
    ] {
        home.write(TOKEN_OF_SESSION, &token);
        // A failure is repeated for a second.
        home.world.pass(Duration::from_secs(2));
        let error = home.open("person").await.unwrap_err();
        assert!(error.explanation.message.contains(expected), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    for (profile, expected) in [
        ("nowhere", "has no section `[sso-session …]`"),
        ("half", "has no `sso_role_name`"),
    ] {
        let error = home.open(profile).await.unwrap_err();
        assert!(error.explanation.message.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn the_token_of_a_sign_in_is_read_only_from_a_regular_file() {
    let home = Home::new(SESSIONS, "");
    let pipe = home.folder.path().join(TOKEN_OF_SESSION);
    std::fs::create_dir_all(pipe.parent().unwrap()).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let error = home.open("person").await.unwrap_err();
    let expected = "which cannot be read: not a regular file";
    assert!(error.explanation.message.contains(expected), "{error}");
}

/// A profile with a script as its program, and the arguments in the line.
fn with_process(script: &str, arguments: &str) -> Home {
    let home = Home::new("", "");
    home.write("bin/a helper", &format!("#!/bin/sh\n{script}"));
    let path = home.folder.path().join("bin/a helper");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).unwrap();
    // Started by the shell, so that no other test's fork keeps the file open for writing.
    let line = format!("/bin/sh \"{}\" {arguments}", path.display());
    home.write(
        ".aws/config",
        &format!("[profile program]\ncredential_process = {line}\nregion = eu-west-1\n"),
    );
    home
}

#[tokio::test]
async fn a_program_of_a_profile_returns_keys_and_is_run_without_a_shell() {
    let home = with_process(
        r#"env > "$HOME/environment"
printf '%s\n' "$@" > "$HOME/arguments"
echo '{"Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": "secret1", "SessionToken": "session1", "Expiration": "2027-01-15T09:00:00Z"}'
"#,
        r#"--name "two words" $HOME `id` ; exit 1 | 'a"b' > out"#,
    );
    home.world.set("OTHER", "hunter2");
    home.world.set("AWS_SECRET_ACCESS_KEY", "hunter2");
    home.world.set("AWS_REGION", "eu-north-1");
    let given = home.open("program").await.unwrap();
    assert_eq!(keys(&given), ["ASIA1", "secret1", "session1"]);
    assert_eq!(
        given.expires_at,
        Some(home.world.now() + Duration::from_hours(1))
    );
    assert_eq!(given.region.as_deref(), Some("eu-north-1"));
    let read = |name: &str| std::fs::read_to_string(home.folder.path().join(name)).unwrap();
    assert_eq!(
        read("arguments").lines().collect::<Vec<_>>(),
        [
            "--name",
            "two words",
            "$HOME",
            "`id`",
            ";",
            "exit",
            "1",
            "|",
            "a\"b",
            ">",
            "out"
        ]
    );
    let environment = read("environment");
    assert!(environment.contains("AWS_REGION=eu-north-1"));
    assert!(!environment.contains("hunter2"), "{environment}");
}

#[tokio::test]
async fn a_program_of_a_profile_without_keys_is_named() {
    for (script, expected) in [
        ("echo hunter2; exit 3", "it ended with exit status: 3"),
        ("echo hunter2", "its output is not the JSON of keys"),
        (
            r#"echo '{"Version": 2, "AccessKeyId": "hunter2", "SecretAccessKey": "hunter2"}'"#,
            "its output has version 2 instead of 1",
        ),
        (
            r#"echo '{"Version": 1, "AccessKeyId": "hunter2"}'"#,
            "its output is not the JSON of keys",
        ),
        (
            r#"echo '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "hunter2", "Expiration": "hunter2"}'"#,
            "its output has an `Expiration` that is not a time",
        ),
        ("exec yes hunter2", "it wrote more than 262144 bytes"),
    ] {
        let home = with_process(script, "--token hunter2");
        let error = home.open("program").await.unwrap_err();
        assert_eq!(
            error.explanation.message,
            format!(
                "cannot get the profile `program` of the credential `c` from the `credential_process` `/bin/sh`: {expected}"
            )
        );
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    let home = Home::new("[profile program]\ncredential_process = \"hunter2\n", "");
    let error = home.open("program").await.unwrap_err();
    assert!(
        error
            .explanation
            .message
            .ends_with("that is not a program with arguments"),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn the_keys_of_a_program_are_kept_until_they_end() {
    let home = with_process(
        r#"echo run >> "$HOME/runs"
echo '{"Version": 1, "AccessKeyId": "ASIA1", "SecretAccessKey": "secret1", "Expiration": "2027-01-15T09:00:00Z"}'
"#,
        "",
    );
    let access = home
        .world
        .access("credentials: {c: {type: aws, profile: program}}");
    let runs = || {
        let runs = std::fs::read_to_string(home.folder.path().join("runs")).unwrap();
        runs.lines().count()
    };
    for _ in 0..3 {
        open(&access, Service::S3, "c").await.unwrap();
    }
    assert_eq!(runs(), 1);
    home.world.pass(Duration::from_hours(1));
    open(&access, Service::S3, "c").await.unwrap();
    assert_eq!(runs(), 2);
}
