//! A tool that asks for the file system and the network. A host that links neither refuses to load it, and
//! says which interface it will not give; one that links them must give nothing.

use std::net::TcpStream;

use noetl_tool_sdk::{Capability, Context, Error, Host, Status, Tool, export_tool};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

struct Wasi;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

/// What came of each attempt: `Ok` where the host gave something.
#[derive(Serialize)]
struct Outcome {
    status: Status,
    file: String,
    directory: String,
    environment: String,
    network: String,
}

impl Tool for Wasi {
    const KIND: &'static str = "wasi";
    const SUMMARY: &'static str = "Tries the file system and the network.";
    const CAPABILITIES: &'static [Capability] = &[];

    type Config = Config;
    type Outcome = Outcome;

    fn run(_host: &impl Host, _config: Config, _context: &Context) -> Result<Outcome, Error> {
        Ok(Outcome {
            status: Status::Completed,
            file: format!("{:?}", std::fs::read("/etc/hostname")),
            directory: format!("{:?}", std::fs::read_dir("/").map(Iterator::count)),
            environment: format!("{:?}", std::env::var("PATH")),
            network: format!("{:?}", TcpStream::connect("127.0.0.1:1")),
        })
    }
}

export_tool!(Wasi);
