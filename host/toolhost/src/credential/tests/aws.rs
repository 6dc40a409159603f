use super::*;

const KEYS: &str = r#"{"AccessKeyId": "ASIA1", "SecretAccessKey": "secret-of-role", "Token": "session-of-role",
 "Expiration": "2027-01-15T09:00:00Z", "Code": "Success"}"#;
/// The expiration of [`KEYS`]: an hour after [`NOW`].
const EXPIRATION: Duration = Duration::from_hours(500_001);

async fn ambient(world: &World) -> Access {
    world
        .access("")
        .access(&AccessRequest::new(Service::S3, None))
        .await
        .unwrap()
}

#[tokio::test]
async fn static_keys_come_with_their_region_and_endpoint() {
    let access = World::default().access(
        "\
credentials:
  s3: {type: aws, access_key_id: AK, secret_access_key: secret-key, session_token: session, region: eu-west-1,
       endpoint: 'http://storage', path_style: true}
  half: {type: aws, access_key_id: AK}
  other_half: {type: aws, secret_access_key: secret-key}
",
    );
    let given = open(&access, Service::S3, "s3").await.unwrap();
    assert_eq!(keys(&given), ["AK", "secret-key", "session"]);
    assert_eq!(given.region.as_deref(), Some("eu-west-1"));
    assert_eq!(given.endpoint.as_deref(), Some("http://storage"));
    assert_eq!(given.path_style, Some(true));
    for (name, missing) in [
        ("half", "secret_access_key"),
        ("other_half", "access_key_id"),
    ] {
        let error = open(&access, Service::S3, name).await.unwrap_err();
        assert_eq!(
            error.explanation.message,
            format!("the credential `{name}` has no `{missing}`")
        );
    }
}

#[tokio::test]
async fn a_profile_is_read_from_both_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let config = write(
        "config",
        "[default]\nregion = us-east-1\n[profile dev]\nregion = eu-central-1\nendpoint_url = http://dev\ns3 =\n  addressing_style = path\n[profile sso]\nsso_session = x\n",
    );
    let credentials = write(
        "credentials",
        "[default]\naws_access_key_id = AK0\naws_secret_access_key = secret0\n[dev]\naws_access_key_id=AK1\naws_secret_access_key=se=cret1\naws_session_token=token1\n",
    );
    let world = World::new(&[
        ("AWS_CONFIG_FILE", &config),
        ("AWS_SHARED_CREDENTIALS_FILE", &credentials),
    ]);
    let access = world.access(
        "credentials: {dev: {type: aws, profile: dev}, sso: {type: aws, profile: sso}, none: {type: aws, profile: x}, default: {type: aws}}",
    );
    let given = open(&access, Service::S3, "dev").await.unwrap();
    assert_eq!(keys(&given), ["AK1", "se=cret1", "token1"]);
    assert_eq!(given.origin, "the profile `dev`");
    assert_eq!(given.region.as_deref(), Some("eu-central-1"));
    assert_eq!(given.endpoint.as_deref(), Some("http://dev"));
    assert_eq!(given.path_style, Some(true));
    let given = open(&access, Service::S3, "default").await.unwrap();
    assert_eq!(keys(&given), ["AK0", "secret0", ""]);
    for (name, expected) in [
        (
            "sso",
            "the profile `sso` of the credential `sso` has no section `[sso-session …]` of the name in its `sso_session`",
        ),
        (
            "none",
            "the profile of the credential `none` is not defined",
        ),
    ] {
        let error = open(&access, Service::S3, name).await.unwrap_err();
        assert_eq!(error.explanation.message, expected);
    }
    assert_eq!(keys(&ambient(&world).await)[0], "AK0");
    world.set("AWS_PROFILE", "dev");
    assert_eq!(keys(&ambient(&world).await)[0], "AK1");
    world.set("AWS_ACCESS_KEY_ID", "AK2");
    world.set("AWS_SECRET_ACCESS_KEY", "secret2");
    world.set("AWS_REGION", "ap-south-1");
    let given = ambient(&world).await;
    assert_eq!(keys(&given)[0], "AK2");
    assert_eq!(given.region.as_deref(), Some("ap-south-1"));
}

#[tokio::test]
async fn a_web_identity_takes_a_role() {
    let server = Server::start(|count, received| {
        let sent = form(received);
        assert_eq!(received.header("authorization"), None);
        assert_eq!(sent["Action"], "AssumeRoleWithWebIdentity");
        assert_eq!(sent["Version"], "2011-06-15");
        assert_eq!(sent["RoleArn"], "arn:aws:iam::1:role/r");
        Answer::ok(format!(
            r#"<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleWithWebIdentityResult>
    <SubjectFromWebIdentityToken>s</SubjectFromWebIdentityToken>
    <Credentials>
      <AccessKeyId>ASIA{count}</AccessKeyId>
      <SecretAccessKey>secret&amp;{}</SecretAccessKey>
      <SessionToken>session</SessionToken>
      <Expiration>2027-01-15T09:00:00Z</Expiration>
    </Credentials>
  </AssumeRoleWithWebIdentityResult>
</AssumeRoleWithWebIdentityResponse>"#,
            sent["WebIdentityToken"]
        ))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "jwt-one\n").unwrap();
    let world = World::new(&[
        ("AWS_ENDPOINT_URL_STS", server.url("/").as_str()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE", file.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    let access = world.access("");
    let request = AccessRequest::new(Service::S3, None);
    let given = access.access(&request).await.unwrap();
    assert_eq!(keys(&given), ["ASIA0", "secret&jwt-one", "session"]);
    assert_eq!(given.expires_at, Some(SystemTime::UNIX_EPOCH + EXPIRATION));
    assert_eq!(given.region.as_deref(), Some("eu-west-1"));
    // The kubelet writes a new token, which the next renewal reads.
    std::fs::write(&file, "jwt-two\n").unwrap();
    access.refuse(&request, &given).await;
    let given = access.access(&request).await.unwrap();
    assert_eq!(keys(&given)[1], "secret&jwt-two");
}

#[tokio::test]
async fn the_cause_of_a_refused_role_is_reported() {
    let server = Server::start(|_, received| {
        Answer::new(403).body(format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized: {}</Message></Error></ErrorResponse>",
            form(received)["WebIdentityToken"]
        ))
    })
    .await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "hunter2-jwt").unwrap();
    let world = World::new(&[("AWS_ENDPOINT_URL_STS", server.url("/").as_str())]);
    let access = world.access(&format!(
        "credentials: {{s3: {{type: aws, role_arn: r, web_identity_token_file: '{}'}}}}",
        file.display()
    ));
    let error = open(&access, Service::S3, "s3").await.unwrap_err();
    assert!(
        error
            .explanation
            .message
            .ends_with("refused the request: status 403, AccessDenied (Not authorized: ***)"),
        "{}",
        error.explanation.message
    );
}

#[tokio::test]
async fn the_keys_of_a_container_come_from_its_endpoint() {
    let server = Server::start(|_, received| {
        assert_eq!(received.header("authorization"), Some("container-token"));
        Answer::ok(KEYS)
    })
    .await;
    let world = World::new(&[
        (
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
            server.url("/keys").as_str(),
        ),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "container-token"),
    ]);
    let given = ambient(&world).await;
    assert_eq!(keys(&given), ["ASIA1", "secret-of-role", "session-of-role"]);
    assert_eq!(given.expires_at, Some(SystemTime::UNIX_EPOCH + EXPIRATION));
    world.set(
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        "http://192.0.2.1/keys",
    );
    let error = world
        .access("")
        .access(&AccessRequest::new(Service::S3, None))
        .await
        .unwrap_err();
    assert!(
        error
            .explanation
            .message
            .contains("would send a token unencrypted")
    );
}

#[tokio::test]
async fn the_keys_of_an_instance_are_requested_in_a_session() {
    let server = Server::start(|_, received| {
        let session = received.header("x-aws-ec2-metadata-token");
        match (received.method.as_str(), received.target.as_str(), session) {
            ("PUT", "/latest/api/token", None) => {
                assert!(
                    received
                        .header("x-aws-ec2-metadata-token-ttl-seconds")
                        .is_some()
                );
                Answer::ok("the-session")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/", Some("the-session")) => {
                Answer::ok("the-role\n")
            }
            ("GET", "/latest/meta-data/iam/security-credentials/the-role", Some("the-session")) => {
                Answer::ok(KEYS)
            }
            ("GET", "/latest/meta-data/placement/region", Some("the-session")) => {
                Answer::ok("us-west-2")
            }
            _ => Answer::new(401),
        }
    })
    .await;
    let world = World::new(&[("AWS_EC2_METADATA_SERVICE_ENDPOINT", server.url("").as_str())]);
    let access = world.access("");
    for _ in 0..3 {
        let given = access
            .access(&AccessRequest::new(Service::S3, None))
            .await
            .unwrap();
        assert_eq!(keys(&given), ["ASIA1", "secret-of-role", "session-of-role"]);
        assert_eq!(given.region.as_deref(), Some("us-west-2"));
        assert_eq!(given.origin, "the instance's role");
    }
    assert_eq!(server.requests().len(), 4);
    world.set("AWS_EC2_METADATA_DISABLED", "true");
    let given = ambient(&world).await;
    assert!(matches!(given.authorization, Authorization::Anonymous));
}

#[tokio::test]
async fn a_machine_without_metadata_is_anonymous_and_asked_once() {
    let port = crate::http::tests::server::closed_port().await;
    let world = World::new(&[
        (
            "AWS_EC2_METADATA_SERVICE_ENDPOINT",
            &format!("http://127.0.0.1:{port}"),
        ),
        ("AWS_REGION", "eu-west-1"),
    ]);
    let given = ambient(&world).await;
    assert!(matches!(given.authorization, Authorization::Anonymous));
    assert_eq!(given.region.as_deref(), Some("eu-west-1"));
    assert!(
        given.origin.contains("neither `AWS_ACCESS_KEY_ID`"),
        "{}",
        given.origin
    );
}
