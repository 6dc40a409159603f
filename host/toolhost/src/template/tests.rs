use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use serde_json::{Value as Json, json};

use super::*;
use crate::capability::text::chain;
use crate::credential::{
    CredentialError, CredentialsFile, Keychain, KeychainEntry, KeychainKind, SecretProvider,
    SecretValue,
};
use crate::diagnostic::Document;
use crate::sealing::{ExecutionSecrets, Vault};

const CREDENTIALS: &str = "\
secrets:
  token: hunter2-token
  db_password: 'hunter2 \"pass\"'
  number: 424242
  nested: {user: hunter2-user, list: [hunter2-item]}
credentials:
  google_oauth: {type: google, access_token: hunter2-google}
  login: {type: basic, username: hunter2-name, password: hunter2-word}
  service: {type: google, service_account: {client_email: a@b}}
";

fn context() -> TemplateContext {
    let document = Document::parse_confidential("credentials.yaml", CREDENTIALS).unwrap();
    let file = Arc::new(CredentialsFile::parse(&document, Path::new("")).unwrap());
    let entries = vec![KeychainEntry {
        name: "gcp_token".to_owned(),
        kind: KeychainKind::from_name("bearer").unwrap(),
        credential: "google_oauth".to_owned(),
        min_ttl: Duration::ZERO,
    }];
    TemplateContext {
        execution_id: "522095307073519743".to_owned(),
        step: "second".to_owned(),
        workload: Arc::new(json!({
            "output": "gs://out",
            "count": 3,
            "ratio": 0.5,
            "nothing": null,
            "yes": true,
            "list": [1, 2, 3],
            "rows": [{"id": 1, "name": "one"}, {"id": 2, "name": "two"}],
            "nested": {"a": {"b": "deep"}},
            "first": "hidden by a step",
            "items": "a key that is also a method",
        })),
        results: BTreeMap::from([
            (
                "first".to_owned(),
                Arc::new(json!({"status": "completed", "output": "hello", "succeeded": 1})),
            ),
            (
                "other".to_owned(),
                Arc::new(json!({"result": {"real": 1}, "x": 2})),
            ),
            ("secret".to_owned(), Arc::new(json!({"x": 1}))),
        ]),
        names: BTreeMap::from([("item".to_owned(), Arc::new(json!({"id": 7})))]),
        secrets: Arc::clone(&file) as Arc<dyn SecretProvider>,
        keychain: Arc::new(Keychain::new(entries, file)),
    }
}

async fn try_render(template: &str) -> Result<Json, TemplateError> {
    let config = json!({"args": {"value": template}});
    let rendered = Renderer::new()
        .render_value(&config, &context(), &Vault::new())
        .await?;
    Ok(rendered["args"]["value"].clone())
}

/// The rendered value of a template that touches no secret.
async fn render(template: &str) -> Json {
    let rendered = try_render(template)
        .await
        .unwrap_or_else(|error| panic!("{template}: {}", chain(&error)));
    if let Some(text) = rendered.as_str() {
        assert!(!Vault::has_reference(text), "{template} was sealed");
    }
    rendered
}

/// The text behind the one sealed reference that a template must become.
async fn unseal(template: &str) -> String {
    let vault = Vault::new();
    let rendered = Renderer::new()
        .render_value(&json!(template), &context(), &vault)
        .await
        .unwrap_or_else(|error| panic!("{template}: {}", chain(&error)));
    let reference = rendered.as_str().expect("a reference is a text");
    assert!(Vault::has_reference(reference), "{template}: {reference}");
    assert_eq!(reference.len(), "sealed.".len() + 32, "{reference}");
    let opened = vault.open_text(reference).unwrap();
    opened.expose_secret().to_owned()
}

async fn failure(template: &str) -> String {
    let error = try_render(template).await.unwrap_err();
    let text = chain(&error);
    let shown = format!("{text} {error:?} {:?}", error.help());
    assert!(!shown.contains("hunter2"), "{shown}");
    text.strip_prefix("cannot render the template at `args.value`: ")
        .unwrap_or(&text)
        .to_owned()
}

async fn help(template: &str) -> String {
    try_render(template)
        .await
        .unwrap_err()
        .help()
        .unwrap_or_default()
}

#[tokio::test]
async fn a_single_expression_keeps_its_type() {
    for (template, expected) in [
        ("{{ workload.count }}", json!(3)),
        ("{{ workload.ratio }}", json!(0.5)),
        ("{{ workload.yes }}", json!(true)),
        ("{{ workload.nothing }}", Json::Null),
        ("{{ workload.list }}", json!([1, 2, 3])),
        ("{{ workload.nested }}", json!({"a": {"b": "deep"}})),
        ("{{workload.output}}", json!("gs://out")),
        ("{{- workload.count -}}", json!(3)),
        ("{{ '007' }}", json!("007")),
        ("{{ 1 + 2 }}", json!(3)),
        (
            "{{ {'a': [1, none], 2: true} }}",
            json!({"a": [1, null], "2": true}),
        ),
        ("{{ '}}{{' }}", json!("}}{{")),
        ("{{ 18446744073709551615 }}", json!(u64::MAX)),
    ] {
        assert_eq!(render(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn anything_else_is_a_text() {
    for (template, expected) in [
        ("{{ workload.count }} ", "3 "),
        ("{{ workload.count }}{{ workload.count }}", "33"),
        ("n={{ workload.count }}", "n=3"),
        ("{% if workload.yes %}1{% endif %}", "1"),
        ("{{ workload.yes }}/{{ workload.nothing }}", "True/None"),
        ("{{ workload.list }}!", "[1, 2, 3]!"),
        ("{{ {'a': 'b'} }}!", "{'a': 'b'}!"),
        ("line\n{{ workload.count }}\n", "line\n3\n"),
        ("{# nothing #}x", "x"),
        ("{{ '{{' }} literal }}", "{{ literal }}"),
        ("{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
        ("<{{ '<a href=\"\">&' }}>", "<<a href=\"\">&>"),
        (
            "{% for row in workload.rows %}{{ row.name }};{% endfor %}",
            "one;two;",
        ),
        (
            "{% for k, v in workload.nested.items() %}{{ k }}={{ v.b }}{% endfor %}",
            "a=deep",
        ),
        ("{% set x = workload.count %}{{ x }}", "3"),
        ("{% macro f(a) %}<{{ a }}>{% endmacro %}{{ f(1) }}", "<1>"),
        (
            "{{ 'yes' if workload.yes }}{{ 'no' if not workload.yes }}",
            "yes",
        ),
    ] {
        assert_eq!(render(template).await, json!(expected), "{template}");
    }
}

#[tokio::test]
async fn texts_without_a_template_stay_as_they_are() {
    let config =
        json!({"{{ key }}": "a { b } c", "n": [1, null, true], "t": "}} %} #}", "s": "${#a[@]}"});
    let vault = Vault::new();
    let rendered = Renderer::new()
        .render_value(&config, &context(), &vault)
        .await
        .unwrap();
    assert_eq!(rendered, config);
    assert!(vault.is_empty());
}

#[tokio::test]
async fn names_are_found_where_noetl_has_them() {
    for (template, expected) in [
        ("{{ first.output }}", json!("hello")),
        ("{{ first.result.output }}", json!("hello")),
        ("{{ first.data.output }}", json!("hello")),
        ("{{ first.data.result.output }}", json!("hello")),
        ("{{ steps.first.output }}", json!("hello")),
        ("{{ steps.first.data.output }}", json!("hello")),
        ("{{ steps.secret.x }}", json!(1)),
        ("{{ other.result }}", json!({"real": 1})),
        ("{{ other.result.real }}", json!(1)),
        ("{{ other.data.x }}", json!(2)),
        ("{{ output }}", json!("gs://out")),
        ("{{ rows[1].name }}", json!("two")),
        ("{{ rows[-1]['name'] }}", json!("two")),
        ("{{ item.id }}", json!(7)),
        ("{{ execution_id }}", json!("522095307073519743")),
        ("{{ step }}", json!("second")),
        (
            "{{ workload['items'] }}",
            json!("a key that is also a method"),
        ),
        ("{{ range(3) | list }}", json!([0, 1, 2])),
    ] {
        assert_eq!(render(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn filters_and_methods_do_what_noetl_users_expect() {
    for (template, expected) in [
        ("{{ '42' | int }}", json!(42)),
        ("{{ 'x' | int(0) }}", json!(0)),
        ("{{ '1.5' | float }}", json!(1.5)),
        ("{{ workload.list | length }}", json!(3)),
        ("{{ workload.list | len }}", json!(3)),
        ("{{ 'aB' | upper }}", json!("AB")),
        ("{{ 'aB' | lower }}", json!("ab")),
        ("{{ ' a ' | trim }}", json!("a")),
        ("{{ 'a-b' | replace('-', '+') }}", json!("a+b")),
        ("{{ 'a,b' | split(',') }}", json!(["a", "b"])),
        ("{{ workload.list | join('-') }}", json!("1-2-3")),
        ("{{ workload.list | first }}", json!(1)),
        ("{{ workload.list | last }}", json!(3)),
        ("{{ 'é' | b64encode }}", json!("w6k=")),
        ("{{ 'w6k=' | b64decode }}", json!("é")),
        ("{{ 5 | string }}", json!("5")),
        ("{{ workload.list | string }}", json!("[1, 2, 3]")),
        ("{{ workload.nested | keys }}", json!(["a"])),
        ("{{ workload.nested | values }}", json!([{"b": "deep"}])),
        (
            "{{ workload.nested | items | list }}",
            json!([["a", {"b": "deep"}]]),
        ),
        (
            "{{ '[1, {\"a\": null}]' | fromjson }}",
            json!([1, {"a": null}]),
        ),
        (
            "{{ {'a': '<&>', 'b': [1.5, none]} | tojson }}",
            json!("{\"a\":\"<&>\",\"b\":[1.5,null]}"),
        ),
        ("{{ workload.list | tojson }}", json!("[1,2,3]")),
        ("{{ [1] | tojson(indent=2) }}", json!("[\n  1\n]")),
        ("{{ workload.rows | map(attribute='id') | sum }}", json!(3)),
        (
            "{{ workload.rows | selectattr('id', '>', 1) | map(attribute='name') | list }}",
            json!(["two"]),
        ),
        ("{{ workload.list + [4] }}", json!([1, 2, 3, 4])),
        ("{{ 2 in workload.list }}", json!(true)),
        ("{{ 'count' in workload }}", json!(true)),
        ("{{ workload.get('count') }}", json!(3)),
        ("{{ workload.get('absent', 'x') }}", json!("x")),
        ("{{ 'ab'.upper() }}", json!("AB")),
        ("{{ 'a b'.split() }}", json!(["a", "b"])),
        ("{{ workload.nested.keys() | list }}", json!(["a"])),
        ("{{ workload.output.startswith('gs://') }}", json!(true)),
        ("{{ workload.nested == {'a': {'b': 'deep'}} }}", json!(true)),
    ] {
        assert_eq!(render(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn what_may_be_absent_has_a_default_at_any_depth() {
    for (template, expected) in [
        ("{{ workload.absent | default('x') }}", json!("x")),
        ("{{ workload.absent | d }}", json!("")),
        ("{{ workload.absent.deeper.still | default(1) }}", json!(1)),
        ("{{ workload['absent'].deeper | default(1) }}", json!(1)),
        ("{{ workload[\"absent\"].deeper | default(1) }}", json!(1)),
        ("{{ absent | default(1) }}", json!(1)),
        ("{{ absent.deeper[0].still | default(1) }}", json!(1)),
        ("{{ workload.nothing | default(1) }}", Json::Null),
        ("{{ workload.nothing | default(1, true) }}", json!(1)),
        ("{{ workload.list[9] | default(1) }}", json!(1)),
        ("{{ workload.list[9].x | default(1) }}", json!(1)),
        ("{{ workload.absent is defined }}", json!(false)),
        ("{{ workload.absent.deeper is defined }}", json!(false)),
        ("{{ workload.absent.deeper is undefined }}", json!(true)),
        ("{{ first.absent.deeper is not defined }}", json!(true)),
        ("{{ 'a' if workload.absent else 'b' }}", json!("b")),
        ("{{ workload.absent.deeper or 'b' }}", json!("b")),
        (
            "{% for row in workload.rows %}{{ row.extra.x | default('-') }}{% endfor %}",
            json!("--"),
        ),
        (
            "{{ workload.one.x | default(1) + workload.two.y | default(2) }}",
            json!(3),
        ),
    ] {
        assert_eq!(render(template).await, expected, "{template}");
    }
}

#[tokio::test]
async fn what_is_not_defined_is_named_with_its_path() {
    for (template, expected, suggestion) in [
        (
            "{{ workload.outputs }}",
            "`workload.outputs` is not defined",
            "output",
        ),
        (
            "a {{ workload.outputs }}",
            "`workload.outputs` is not defined",
            "output",
        ),
        (
            "{{ workload.nested.a.bb }}",
            "`workload.nested.a.bb` is not defined",
            "",
        ),
        (
            "{{ workload.neste.a.b }}",
            "`workload.neste` is not defined",
            "nested",
        ),
        (
            "{{ worklod.output }}",
            "`worklod` is not defined",
            "workload",
        ),
        ("{{ frist.output }}", "`frist` is not defined", "first"),
        (
            "{{ first.result.outptu }}",
            "`first.result.outptu` is not defined",
            "output",
        ),
        ("{{ steps.frist }}", "`steps.frist` is not defined", "first"),
        (
            "{{ workload.outputs | upper }}",
            "`workload.outputs` is not defined",
            "output",
        ),
        (
            "{{ workload.outputs ~ 'x' }}",
            "`workload.outputs` is not defined",
            "output",
        ),
        (
            "{{ workload.counts > 3 }}",
            "`workload.counts` is not defined",
            "count",
        ),
        (
            "{{ workload.counts + 3 }}",
            "`workload.counts` is not defined",
            "count",
        ),
        (
            "{{ workload.outputs | tojson }}",
            "`workload.outputs` is not defined",
            "output",
        ),
        (
            "{{ workload.outputs.upper() }}",
            "`workload.outputs` is not defined",
            "output",
        ),
        (
            "{{ [workload.x.y] | tojson }}",
            "`workload.x` is not defined",
            "",
        ),
        (
            "{{ 'a' ~ workload.x.y }}",
            "`workload.x` is not defined",
            "",
        ),
        ("{{ workload.x.y }}", "`workload.x` is not defined", ""),
        (
            "{{ workload.list[7] }}",
            "`workload.list[7]` is not defined",
            "",
        ),
        (
            "{% for row in workload.rows %}{{ row.nmae }}{% endfor %}",
            "`workload.rows[0].nmae` is not defined",
            "name",
        ),
        (
            "{% for x in workload.lists %}{% endfor %}",
            "`workload.lists` is not defined",
            "list",
        ),
    ] {
        let text = failure(template).await;
        assert_eq!(text, expected, "{template}");
        if !suggestion.is_empty() {
            let expected = format!("did you mean `{suggestion}`?");
            assert_eq!(help(template).await, expected, "{template}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_template_is_said() {
    for (template, expected) in [
        (
            "{{ a b }}",
            "invalid template: unexpected identifier, expected end of variable block",
        ),
        (
            "{{ x",
            "invalid template: unexpected end of input, expected end of variable block",
        ),
        ("{% if %}", "invalid template: unexpected end of block"),
        (
            "{% include 'x' %}",
            "invalid template: unknown statement include",
        ),
        ("{{ 'x' | uper }}", "unknown filter `uper`"),
        (
            "{{ workload.count + 'x' }}",
            "tried to use + operator on unsupported types number and string",
        ),
        ("{{ 5 // 0 }}", "unable to calculate 5 // 0"),
        ("{{ 'x' | int }}", "invalid float literal"),
        (
            "{{ 'x' | fromjson }}",
            "not JSON: expected value at line 1 column 1",
        ),
        ("{{ '%%' | b64decode }}", "not Base64"),
        ("{{ debug() }}", "debug is unknown"),
        ("{{ 1e400 }}", "the number is infinite or not a number"),
    ] {
        assert_eq!(failure(template).await, expected, "{template}");
    }
    assert_eq!(help("{{ 'x' | uper }}").await, "did you mean `upper`?");
}

#[tokio::test]
async fn the_line_and_the_part_at_fault_are_known() {
    let error = try_render("one\ntwo {{ workload.count }}\nthree {{ workload.outputs | upper }}\n")
        .await
        .unwrap_err();
    assert_eq!(error.line, Some(3));
    assert_eq!(error.expression.as_deref(), Some("workload.outputs"));
    assert_eq!(error.pointer(), "args.value");
}

#[tokio::test]
async fn endless_templates_are_stopped() {
    let nested = "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}";
    let nest = |uses: &str| {
        format!(
            "{{% set ns = namespace(a=[]) %}}{{% for i in range(25000) %}}\
             {{% set ns.a = [ns.a] %}}{{% endfor %}}{uses}"
        )
    };
    let doubled = format!(
        "{{% set a = ['xxxxxxxx'] %}}{}",
        "{% set a = [a, a] %}".repeat(40)
    );
    for template in [
        nested.to_owned(),
        "{{ 'x' * 1000000000 }}".to_owned(),
        "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}".to_owned(),
        "{{ range(100000) | map('string') | join('x' * 1000) }}".to_owned(),
        format!("{doubled}{{{{ a }}}}"),
        format!("{doubled}{{{{ a | tojson }}}}"),
        format!("{doubled}{{{{ a | string }}}}"),
    ] {
        let text = failure(&template).await;
        assert!(
            text.starts_with("the template exceeds its limits"),
            "{text}"
        );
    }
    assert!(
        failure(&nest("{{ ns.a | tojson }}"))
            .await
            .contains("nested more than")
    );
    // Deep values must not take the stack with them when they are printed, compared and dropped.
    let printed = render(&nest("{{ ns.a }}{{ ns.a == [ns.a] }}")).await;
    assert!(
        printed
            .as_str()
            .is_some_and(|text| text.ends_with("]False"))
    );
    assert!(
        failure("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}")
            .await
            .contains("recursion")
    );
    let parentheses = format!("{{{{ {}1{} }}}}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(failure(&parentheses).await.contains("recursion"));
}

#[tokio::test]
async fn whatever_depends_on_a_secret_is_sealed_whole() {
    for (template, expected) in [
        ("{{ secret.token }}", "hunter2-token"),
        ("Bearer {{ secret.token }}", "Bearer hunter2-token"),
        ("{{ secret['token'] }}", "hunter2-token"),
        ("{{ secret.get('token') }}", "hunter2-token"),
        ("{{ secret.token | upper }}", "HUNTER2-TOKEN"),
        ("{{ secret.token | length }}", "13"),
        ("{{ secret.token | b64encode }}", "aHVudGVyMi10b2tlbg=="),
        ("{{ secret.token[0] }}", "h"),
        ("{{ secret.number }}", "424242"),
        (
            "{{ secret.nested }}",
            "{\"user\":\"hunter2-user\",\"list\":[\"hunter2-item\"]}",
        ),
        ("{{ secret.nested.user }}", "hunter2-user"),
        ("{{ secret.token == 'x' }}", "false"),
        ("{{ 'a' if secret.token else 'b' }}", "a"),
        ("{% if secret.token %}a{% endif %}", "a"),
        ("{% set x = secret %}{{ x.token }}", "hunter2-token"),
        ("{% set x = secret.token %}{{ x }}", "hunter2-token"),
        (
            "{% macro f(s) %}<{{ s.token }}>{% endmacro %}{{ f(secret) }}",
            "<hunter2-token>",
        ),
        (
            "{% macro f() %}<{{ secret.token }}>{% endmacro %}{{ f() }}",
            "<hunter2-token>",
        ),
        (
            "{% for name in secret %}{{ name }},{% endfor %}",
            "db_password,nested,number,token,",
        ),
        (
            "{% for name, value in secret | items %}{{ value if name == 'token' }}{% endfor %}",
            "hunter2-token",
        ),
        (
            "{% for name, value in secret.items() %}{{ value if name == 'token' }}{% endfor %}",
            "hunter2-token",
        ),
        ("{{ (secret | values)[3] }}", "hunter2-token"),
        ("{{ secret | length }}", "4"),
        ("{{ (secret | dictsort)[3][1] }}", "hunter2-token"),
        (
            "{{ [secret] | map(attribute='token') | join }}",
            "hunter2-token",
        ),
        ("{{ secret.absent | default('none') }}", "none"),
        ("{{ secret.absent is defined }}", "false"),
        ("{{ secret.absent.deeper | default('none') }}", "none"),
        ("{{ 'token' in secret }}", "true"),
        (
            "{{ workload.output ~ secret.token }}",
            "gs://outhunter2-token",
        ),
        ("{{ keychain.gcp_token.token }}", "hunter2-google"),
        ("{{ keychain.gcp_token.access_token }}", "hunter2-google"),
        ("{{ keychain['gcp_token']['token'] }}", "hunter2-google"),
        (
            "{{ keychain.login.username }}:{{ keychain.login.password }}",
            "hunter2-name:hunter2-word",
        ),
        ("{{ login.username }}", "hunter2-name"),
        (
            "{{ keychain.login }}",
            "{\"password\":\"hunter2-word\",\"username\":\"hunter2-name\"}",
        ),
        (
            "{{ keychain.login | tojson }}",
            "{\"password\":\"hunter2-word\",\"username\":\"hunter2-name\"}",
        ),
        (
            "{{ keychain.service.service_account_json | tojson }}",
            "{\"client_email\":\"a@b\"}",
        ),
        ("{{ keychain.absent.token | default('none') }}", "none"),
        ("{{ keychain.login.absent | default('none') }}", "none"),
    ] {
        assert_eq!(unseal(template).await, expected, "{template}");
    }
    let whole: Json = serde_json::from_str(&unseal("{{ secret | tojson }}").await).unwrap();
    assert_eq!(whole["nested"]["user"], "hunter2-user");
    assert!(unseal("{{ secret }}!").await.contains("hunter2-token"));
}

#[tokio::test]
async fn a_branch_that_is_not_taken_seals_nothing() {
    assert_eq!(
        render("{{ secret.token if false else 'x' }}").await,
        json!("x")
    );
    assert_eq!(
        render("{% if false %}{{ secret.token }}{% endif %}").await,
        json!("")
    );
}

#[tokio::test]
async fn leaves_are_sealed_one_by_one_and_secrets_are_remembered() {
    let vault = Vault::new();
    let config = json!({
        "plain": "{{ workload.count }}",
        "list": ["{{ secret.token }}", "{{ secret.db_password | upper }}", 5],
        "part": "{{ secret.nested.user[:3] }}",
    });
    let rendered = Renderer::new()
        .render_value(&config, &context(), &vault)
        .await
        .unwrap();
    assert_eq!(rendered["plain"], json!(3));
    assert_eq!(rendered["list"][2], json!(5));
    let document = rendered.to_string();
    assert!(!document.to_lowercase().contains("hunter2"), "{document}");
    let opened = vault.open_json(&document).unwrap();
    let opened: Json = serde_json::from_str(opened.expose_secret()).unwrap();
    assert_eq!(opened["list"][1], json!("HUNTER2 \"PASS\""));
    assert_eq!(opened["part"], json!("hun"));
    let remembered: BTreeSet<_> = vault
        .texts()
        .iter()
        .map(|text| text.expose_secret().to_owned())
        .collect();
    for text in [
        "hunter2-token",
        "hunter2 \"pass\"",
        "HUNTER2 \"PASS\"",
        "hunter2-user",
        "hunter2-item",
    ] {
        assert!(remembered.contains(text), "{text}");
    }
    assert!(!remembered.contains("424242"), "it was not touched");
}

#[tokio::test]
async fn an_unknown_secret_is_named_with_the_fix() {
    for template in [
        "{{ secret.db_pasword }}",
        "x{{ secret.db_pasword }}",
        "{{ secret['db_pasword'] | upper }}",
    ] {
        let text = failure(template).await;
        assert!(text.contains("db_pasword"), "{template}: {text}");
        let help = help(template).await;
        assert!(
            help.contains("did you mean `db_password`?"),
            "{template}: {help}"
        );
    }
    assert_eq!(
        failure("{{ secret.other }}").await,
        "the secret `other` is not defined"
    );
    assert_eq!(
        help("{{ secret.other }}").await,
        "add `other` to `secrets:` of the credentials file; there are `db_password`, \
             `nested`, `number` and `token`"
    );
    assert_eq!(
        failure("{{ keychain.gcp_tokn.token }}").await,
        "`keychain.gcp_tokn` is not defined"
    );
    assert_eq!(
        help("{{ keychain.gcp_tokn.token }}").await,
        "did you mean `gcp_token`?"
    );
    assert_eq!(
        failure("{{ keychain.login.pasword }}").await,
        "`keychain.login.pasword` is not defined"
    );
    assert!(
        failure("{{ keychain.service.token }}")
            .await
            .contains("not supported")
    );
}

#[tokio::test]
async fn no_error_shows_what_a_secret_holds() {
    for template in [
        "{{ secret.token | int }}",
        "{{ secret.token | fromjson }}",
        "{{ secret.token | b64decode }}",
        "{{ secret.token + 1 }}",
        "{{ workload[secret.token] }}",
        "{{ secret[secret.token] }}",
        "{{ keychain[secret.token].x }}",
        "{{ steps[secret.token] }}",
        "{{ workload[secret.token].x.y }}",
        "{{ [workload[secret.token].x] | tojson }}",
        "{{ secret.token.absent }}",
        "{{ secret.nested.absent }}",
        "{{ secret.token.format(1) | int }}",
        "{{ secret.nested.foo() }}",
        "{{ {secret.token: 1}[secret.db_password] }}",
        "{{ secret.token | replace(1, 2) | round }}",
        "{{ secret.token() }}",
        "{{ 'x' | attr(secret.token) }}",
        "{{ secret.number // 0 }}",
        "{{ workload.rows | map(secret.token) | list }}",
        "{{ workload.rows | map(attribute=secret.token) | join }}",
        "{{ workload.rows | selectattr('id', secret.token) | list }}",
    ] {
        if let Ok(rendered) = try_render(template).await {
            assert!(Vault::has_reference(&rendered.to_string()), "{template}");
        } else {
            let text = failure(template).await;
            assert!(!text.contains("424242"), "{template}: {text}");
        }
    }
}

#[tokio::test]
async fn a_result_in_which_a_secret_stands_is_sealed_when_it_is_used() {
    let mut context = context();
    // The secret is `hunter2-token`, in plain and in base64; the step ended before anybody knew.
    let early =
        json!({"output": "x hunter2-token", "encoded": "aHVudGVyMi10b2tlbg==", "plain": "y"});
    context.results.insert("early".to_owned(), Arc::new(early));
    let config = json!({
        "a": ["{{ early.output }}", "{{ steps.early.encoded ~ '!' }}", "{{ early }}"],
        "b": "{{ secret.token }}",
        "plain": ["{{ early.plain }}", "{{ first.output }}", "{{ workload.count }}", "hunter2-token"],
    });
    let render = async |vault: &Vault| {
        let rendered = Renderer::new().render_value(&config, &context, vault).await;
        rendered.unwrap()
    };
    let vault = Vault::new();
    let rendered = render(&vault).await;
    for index in 0..3 {
        let sealed = rendered["a"][index].as_str().unwrap();
        assert!(Vault::has_reference(sealed), "{sealed}");
    }
    let first = vault.open_text(rendered["a"][0].as_str().unwrap()).unwrap();
    assert_eq!(first.expose_secret(), "x hunter2-token");
    assert_eq!(rendered["plain"], json!(["y", "hello", 3, "hunter2-token"]));
    // The text around it is not a secret.
    assert!(vault.redactor().unwrap().redact("x y") == "x y");
    assert_eq!(vault.texts().len(), 1);

    let secrets = ExecutionSecrets::new();
    let vault = Vault::of_execution(secrets.clone());
    render(&vault).await;
    assert!(!secrets.is_empty());
}

/// A provider that answers late, counts what it is asked, and cannot list its names.
struct Remote {
    asked: Mutex<Vec<String>>,
}

#[async_trait]
impl SecretProvider for Remote {
    async fn secret(&self, name: &str) -> Result<Option<SecretValue>, CredentialError> {
        tokio::task::yield_now().await;
        self.asked.lock().unwrap().push(name.to_owned());
        match name {
            "broken" => Err(CredentialError::Provider {
                owner: "secret `broken`".to_owned(),
                provider: "the vault".to_owned(),
                message: "timeout".to_owned(),
            }),
            _ => Ok(Some(SecretValue::new(json!(format!("value of {name}"))))),
        }
    }

    fn secret_names(&self) -> Vec<String> {
        Vec::new()
    }
}

#[tokio::test]
async fn a_secret_is_asked_for_once_and_only_when_it_is_touched() {
    let remote = Arc::new(Remote {
        asked: Mutex::default(),
    });
    let context = TemplateContext {
        secrets: Arc::clone(&remote) as Arc<dyn SecretProvider>,
        ..context()
    };
    let vault = Vault::new();
    let config = json!([
        "{{ secret.a }} {{ secret.b }} {{ secret.a }}",
        "{{ secret.a if true else secret.never }}",
        "{% for i in range(3) %}{{ secret['s' ~ i] }}{% endfor %}",
    ]);
    let rendered = Renderer::new()
        .render_value(&config, &context, &vault)
        .await
        .unwrap();
    assert_eq!(*remote.asked.lock().unwrap(), ["a", "b", "s0", "s1", "s2"]);
    let opened = vault.open_text(rendered[2].as_str().unwrap()).unwrap();
    assert_eq!(opened.expose_secret(), "value of s0value of s1value of s2");

    let error = Renderer::new()
        .render_value(&json!("{{ secret.broken }}"), &context, &vault)
        .await
        .unwrap_err();
    assert!(chain(&error).ends_with("cannot get secret `broken` from the vault: timeout"));
}

#[tokio::test]
async fn conditions_are_true_or_false() {
    for (condition, expected) in [
        ("{{ first.status == 'completed' }}", true),
        ("first.status == 'failed'", false),
        ("{{ workload.absent }}", false),
        ("{{ workload.list }}", true),
        ("{% if workload.yes %}true{% else %}false{% endif %}", true),
        ("{% if workload.yes %}False{% endif %}", false),
        ("secret.token == 'hunter2-token'", true),
    ] {
        let holds = Renderer::new()
            .evaluate_condition(condition, &context(), &Vault::new())
            .await
            .unwrap_or_else(|error| panic!("{condition}: {}", chain(&error)));
        assert_eq!(holds, expected, "{condition}");
    }
}

async fn shown(text: &str) -> String {
    let document = Document::parse("book.yaml", text).unwrap();
    let config = document.root().get("tool").unwrap().to_value();
    let error = Renderer::new()
        .render_value(&config, &context(), &Vault::new())
        .await
        .unwrap_err();
    error.diagnostic(&document, &["tool"]).render(false)
}

#[tokio::test]
async fn a_problem_is_shown_at_its_place() {
    let text = "tool:\n  args:\n    output: \"{{ workload.outputs }}\"\n";
    let expected = "  \
  × `workload.outputs` is not defined
   ╭─[book.yaml:3:17]
 2 │   args:
 3 │     output: \"{{ workload.outputs }}\"
   ·                 ────────────────
   ╰────
  help: did you mean `output`?
";
    assert_eq!(shown(text).await, expected);
}

#[tokio::test]
async fn a_problem_in_a_block_is_shown_at_its_line() {
    let text = "\
tool:
  script: |
    first {{ workload.count }}
    second {{ secret.db_pasword }}
    third
";
    let expected = "  \
  × the secret `db_pasword` is not defined
   ╭─[book.yaml:4:15]
 3 │     first {{ workload.count }}
 4 │     second {{ secret.db_pasword }}
   ·               ─────────────────
 5 │     third
   ╰────
  help: did you mean `db_password`? Or add `db_pasword` to `secrets:` of the credentials file
";
    assert_eq!(shown(text).await, expected);
}

#[tokio::test]
async fn a_bad_template_is_shown_at_its_place() {
    let text = "tool: {env: [\"{{ a b }}\"]}\n";
    let expected = "  \
  × invalid template: unexpected identifier, expected end of variable block
   ╭─[book.yaml:1:20]
 1 │ tool: {env: [\"{{ a b }}\"]}
   ·                    ─
   ╰────
  help: write `{{ '{{' }}` for literal braces
";
    assert_eq!(shown(text).await, expected);
}
