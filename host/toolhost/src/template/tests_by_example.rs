use std::sync::Arc;

use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use super::{Renderer, TemplateContext, TemplateError};
use crate::credential::{CredentialsFile, Keychain, KeychainEntry, KeychainKind, SecretProvider};
use crate::diagnostic::Document;
use crate::sealing::Vault;

const CREDENTIALS: &str = r#"
secrets:
  token: "tok-en-1234"
  number: 424242
  account: {user: ada, key: "k-e-y-5678"}
credentials:
  google: {type: bearer, token: "bearer-9999"}
"#;

fn context() -> TemplateContext {
    let document = Document::parse("credentials.yaml", CREDENTIALS).unwrap();
    let file = Arc::new(CredentialsFile::parse(&document, std::path::Path::new(".")).unwrap());
    let entry = KeychainEntry {
        name: "gcp_token".to_owned(),
        kind: KeychainKind::from_name("bearer").unwrap(),
        credential: "google".to_owned(),
        min_ttl: std::time::Duration::ZERO,
    };
    let mut context = TemplateContext {
        execution_id: "42".to_owned(),
        step: "now".to_owned(),
        workload: Arc::new(json!({
            "name": "Ada", "count": 3, "ratio": 0.5, "on": true, "none": null,
            "list": [1, "two", {"three": 3}], "nested": {"deep": {"er": "value"}},
        })),
        secrets: Arc::clone(&file) as Arc<dyn SecretProvider>,
        keychain: Arc::new(Keychain::new(vec![entry], file)),
        ..TemplateContext::default()
    };
    let result = json!({"status": "completed", "output": "7\n", "rows": [1, 2]});
    context
        .results
        .insert("earlier".to_owned(), Arc::new(result));
    context
}

async fn rendered(template: &str) -> Result<(Value, Vault), TemplateError> {
    let vault = Vault::new();
    let config = json!({ "key": template });
    let mut value = Renderer::new()
        .render_value(&config, &context(), &vault)
        .await?;
    Ok((value["key"].take(), vault))
}

async fn plain(template: &str) -> Value {
    let (value, vault) = rendered(template).await.unwrap();
    assert!(vault.is_empty(), "`{template}` touched a secret");
    value
}

async fn sealed(template: &str) -> Value {
    let (value, vault) = rendered(template).await.unwrap();
    let reference = value.as_str().unwrap();
    assert!(
        Vault::has_reference(reference),
        "`{template}` became {value}"
    );
    let opened = vault.open_json(&format!("\"{reference}\"")).unwrap();
    serde_json::from_str(opened.expose_secret()).unwrap()
}

async fn problem(template: &str) -> String {
    let error = rendered(template).await.unwrap_err();
    let document = Document::parse("x.yaml", "key: x\n").unwrap();
    error
        .diagnostic(&document, &[] as &[&str])
        .message()
        .to_owned()
}

#[tokio::test]
async fn a_whole_expression_keeps_its_type() {
    let cases = [
        ("{{ workload.count }}", json!(3)),
        ("{{ workload.ratio }}", json!(0.5)),
        ("{{ workload.on }}", json!(true)),
        ("{{ workload.none }}", json!(null)),
        ("{{ workload.list }}", json!([1, "two", {"three": 3}])),
        ("{{ workload.count + 1 }}", json!(4)),
        ("{{ workload.name }}", json!("Ada")),
        ("n={{ workload.count }}", json!("n=3")),
        ("{{ workload.count }}{{ workload.count }}", json!("33")),
    ];
    for (template, expected) in cases {
        assert_eq!(plain(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn names_and_filters_are_those_of_noetl() {
    let cases = [
        ("{{ earlier.output | trim | int }}", json!(7)),
        ("{{ earlier.result.rows }}", json!([1, 2])),
        ("{{ earlier.data.status }}", json!("completed")),
        ("{{ earlier.output | int }}", json!(7)),
        ("{{ ' 0.5\n' | float }}", json!(0.5)),
        ("{{ execution_id }}", json!("42")),
        ("{{ name }}", json!("Ada")),
        ("{{ workload.missing | default('x') }}", json!("x")),
        ("{{ workload.missing.deeper | default(1) }}", json!(1)),
        (
            "{% if workload.on %}yes{% else %}no{% endif %}",
            json!("yes"),
        ),
        (
            "{{ workload.nested | tojson }}",
            json!(r#"{"deep":{"er":"value"}}"#),
        ),
        ("{{ '[1]' | fromjson }}", json!([1])),
        ("{{ 'Ada' | b64encode }}", json!("QWRh")),
        ("{{ 'QWRh' | b64decode }}", json!("Ada")),
        ("{{ workload.list | length }}", json!(3)),
        ("{{ workload.name | upper }}", json!("ADA")),
        ("{{ '{{' }}", json!("{{")),
        ("a {{ '{{' }} b", json!("a {{ b")),
        ("{# a comment #}x", json!("x")),
        ("<{{ '<&' }}>\n", json!("<<&>\n")),
    ];
    for (template, expected) in cases {
        assert_eq!(plain(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn whatever_touches_a_secret_is_sealed_as_a_whole() {
    let cases = [
        ("{{ secret.token }}", json!("tok-en-1234")),
        ("Bearer {{ secret.token }}", json!("Bearer tok-en-1234")),
        ("{{ secret.number }}", json!(424_242)),
        (
            "{{ secret['token'] | b64encode }}",
            json!("dG9rLWVuLTEyMzQ="),
        ),
        ("{{ secret.account.key | upper }}", json!("K-E-Y-5678")),
        (
            "{% set alias = secret %}{{ alias.token }}",
            json!("tok-en-1234"),
        ),
        ("{{ secret.token | length }}", json!(11)),
        (
            "{% if secret.token == 'x' %}a{% else %}b{% endif %}",
            json!("b"),
        ),
        ("{{ keychain.gcp_token.token }}", json!("bearer-9999")),
        (
            "{{ keychain.gcp_token.access_token }}",
            json!("bearer-9999"),
        ),
    ];
    for (template, expected) in cases {
        assert_eq!(sealed(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn a_secret_is_redacted_even_where_only_a_part_of_it_was_used() {
    let (_, vault) = rendered("{{ secret.token | length }}").await.unwrap();
    let texts = vault.texts();
    assert!(
        texts
            .iter()
            .any(|text| text.expose_secret() == "tok-en-1234")
    );
}

#[tokio::test]
async fn what_is_not_defined_is_named_with_its_whole_path() {
    let cases = [
        ("{{ workload.nam }}", "`workload.nam` is not defined"),
        (
            "{{ workload.nested.deeep.er }}",
            "`workload.nested.deeep` is not defined",
        ),
        ("x {{ later.output }}", "`later` is not defined"),
        (
            "{{ wrong.status == 'completed' }}",
            "`wrong` is not defined",
        ),
        (
            "{% if wrong.status == 'x' %}a{% endif %}",
            "`wrong` is not defined",
        ),
        ("{{ wrong.a.b ~ 'x' }}", "`wrong` is not defined"),
        ("{{ secret.tokn }}", "the secret `tokn` is not defined"),
    ];
    for (template, expected) in cases {
        assert_eq!(problem(template).await, expected, "{template}");
    }
    let error = rendered("{{ workload.nam }}").await.unwrap_err();
    assert_eq!(error.help().as_deref(), Some("did you mean `name`?"));
    assert_eq!(error.pointer(), "key");
}
