//! The bindings that `wasmtime` generates from the WIT.

wasmtime::component::bindgen!({
    path: "wit/v0.1",
    world: "tool",
    imports: {
        "noetl:tool/objects.fetch-object": async | trappable,
        "noetl:tool/jobs.create-job": async | trappable,
        "noetl:tool/jobs.watch-job": async | trappable,
        "noetl:tool/jobs.cancel": async | trappable,
        "noetl:tool/logs.read-logs": async | trappable,
        default: trappable,
    },
    exports: { default: async },
    with: {
        "noetl:tool/objects.object": super::resources::HostObject,
        "noetl:tool/secrets.secret": super::resources::HostSecret,
        "noetl:tool/jobs.job-spec": super::resources::HostJobSpec,
        "noetl:tool/jobs.job": super::resources::HostJob,
    },
});
