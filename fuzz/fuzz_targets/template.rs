//! A template is rendered or refused, within bounds; and what depends on a secret does not come out.

#![no_main]

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use toolhost::credential::CredentialsFile;
use toolhost_diagnostic::Document;
use toolhost::sealing::Vault;
use toolhost::template::{MAX_RENDERED_BYTES, MAX_RENDERING_TIME, Renderer, TemplateContext};

const SECRET: &str = "pl4nted-s3cret";

struct Fixture {
    renderer: Renderer,
    context: TemplateContext,
    runtime: Runtime,
}

static FIXTURE: LazyLock<Fixture> = LazyLock::new(|| {
    let text = format!("secrets: {{token: {SECRET}, account: {{user: ada, key: {SECRET}}}}}");
    let document = Document::parse("credentials.yaml", &text).expect("it is YAML");
    let secrets = CredentialsFile::parse(&document, Path::new("/nonexistent")).expect("it is right");
    let workload = json!({
        "text": "a text", "number": 7, "list": [1, 2, "three"], "nested": {"key": {"deep": true}},
    });
    let result = json!({"status": "completed", "rows": [{"id": 1}, {"id": 2}]});
    let context = TemplateContext::default().with_execution_id("522095307073519743".to_owned()).with_step("now".to_owned()).with_workload(Arc::new(workload)).with_results([("before".to_owned(), Arc::new(result))].into()).with_secrets(Arc::new(secrets));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers");
    Fixture {
        renderer: Renderer::new(),
        context,
        runtime,
    }
});

fuzz_target!(|template: &str| {
    let Fixture {
        renderer,
        context,
        runtime,
    } = &*FIXTURE;
    let vault = Vault::new();
    let config = json!({"value": template, "list": [template]});
    let started = Instant::now();
    let rendered = runtime.block_on(renderer.render_value(&config, context, &vault));
    // The bound itself, and what one evaluation does before it looks at the clock.
    assert!(started.elapsed() < MAX_RENDERING_TIME + Duration::from_secs(10));
    let told = match &rendered {
        Ok(value) => {
            let text = value.to_string();
            assert!(text.len() < MAX_RENDERED_BYTES * 8);
            if !Renderer::has_template(&config) {
                assert_eq!(value, &config);
            }
            text
        }
        Err(error) => format!("{error} {error:?} {:?}", error.help()),
    };
    let condition = runtime.block_on(renderer.evaluate_condition(template, context, &vault));
    let told = format!("{told} {condition:?}");
    if !template.contains(SECRET) {
        assert!(!told.contains(SECRET), "the secret came out: {told}");
    }
    for error in renderer.syntax_errors(&Value::String(template.to_owned())) {
        assert!(!error.to_string().is_empty());
    }
});
