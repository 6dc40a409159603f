//! Serves until it is ended. Writes a kubeconfig to the file that the argument names.
//!
//! ```text
//! cargo run -p fake-kubernetes --example serve -- /tmp/kubeconfig
//! kubectl --kubeconfig /tmp/kubeconfig get jobs --watch
//! ```

use std::error::Error;

use fake_kubernetes::{FakeKubernetes, Settings};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args()
        .nth(1)
        .ok_or("the argument is missing: where the kubeconfig goes")?;
    let server = FakeKubernetes::start(Settings::default()).await?;
    std::fs::write(path, server.kubeconfig("default"))?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
