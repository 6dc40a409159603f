use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::Component;
use wasmtime::component::types::{ComponentExtern, ComponentItem};

use super::cache::ComponentCache;
use super::compiler::{self, CompileError, Compiler, compile_in_process};
use super::description::{self, Description, shortened};
use super::error::LoadError;
use super::fault::ComponentFault;
use super::field_path::{KnownField, find_field};
use super::file_type::FileType;
use super::schema::ConfigSchema;
use super::source::ComponentSource;
use super::tool::{LoadedTool, ToolIdentity};
use crate::abi::{self, GuestFault, ToolPre};
use crate::digest::Digest;
use crate::engine::ToolEngine;
use crate::grant::{Grants, Imports};
use crate::limits::Limits;
use crate::scope::{Backends, CallContext, CallScope, RequestFields};
use crate::sealing::Vault;

/// The time limit of `describe` including waiting; its computation is limited by [`Limits::cpu_time`]. It has
/// nothing to wait for: an interpreter starts in a second.
const DESCRIBE_TIME: Duration = Duration::from_secs(10);

/// Creates tools from components.
#[derive(Debug)]
pub(crate) struct ToolLoader {
    engine: Arc<ToolEngine>,
    limits: Arc<Limits>,
    cache: Option<ComponentCache>,
    compiler: Compiler,
}

/// The author of a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Author {
    /// The authors of this library.
    Own,
    /// Anyone else.
    ThirdParty,
}

impl ToolLoader {
    /// A loader for this engine, with a cache of compiled components.
    #[must_use]
    pub(crate) fn new(
        engine: Arc<ToolEngine>,
        limits: Arc<Limits>,
        cache: Option<ComponentCache>,
        compiler: Compiler,
    ) -> Self {
        Self {
            engine,
            limits,
            cache,
            compiler,
        }
    }

    /// Compiles a component, calls its `describe`, and checks its imports against its grants; see
    /// [`ToolHost::load`](crate::host::ToolHost::load).
    ///
    /// # Errors
    ///
    /// [`LoadError`]; nothing is changed in this case.
    pub(crate) async fn load(
        &self,
        component: ComponentSource,
        grants: impl FnOnce(&ToolIdentity) -> Grants,
    ) -> Result<LoadedTool, LoadError> {
        let (bytes, origin) = component.read().await?;
        self.load_of(Author::ThirdParty, bytes, &origin, grants)
            .await
    }

    /// As above, for a component that this library was built with: it is compiled in this process.
    pub(crate) async fn load_embedded(
        &self,
        bytes: Arc<[u8]>,
        origin: &str,
        grants: impl FnOnce(&ToolIdentity) -> Grants,
    ) -> Result<LoadedTool, LoadError> {
        self.load_of(Author::Own, bytes, origin, grants).await
    }

    async fn load_of(
        &self,
        author: Author,
        bytes: Arc<[u8]>,
        origin: &str,
        grants: impl FnOnce(&ToolIdentity) -> Grants,
    ) -> Result<LoadedTool, LoadError> {
        if let Some(found) = FileType::other_than_component(&bytes) {
            let origin = origin.to_owned();
            return Err(LoadError::OtherFile { origin, found });
        }
        let digest = Digest::of(&bytes);
        let component = self.compile(author, bytes, digest, origin).await?;
        let described = self.describe(&component, origin).await?;
        let declared = described.capabilities();
        let wrong_description = |problem| LoadError::WrongDescription {
            origin: origin.to_owned(),
            problem: shortened(problem),
        };
        let schema = ConfigSchema::new(described.schema).map_err(|problem| {
            wrong_description(format!("its schema cannot be used: {problem}"))
        })?;
        let fields = RequestFields::new(&described.fields).map_err(wrong_description)?;
        let is_unknown = |key: &String| find_field(schema.document(), key) == KnownField::Unknown;
        let unknown = fields.keys().map(ToString::to_string).find(is_unknown);
        if let Some(key) = unknown {
            return Err(wrong_description(format!(
                "its `fields` name the key `{key}`, which its schema does not have"
            )));
        }
        let imports = self.imports(&component);
        let identity = ToolIdentity {
            kind: described.kind,
            version: described.version,
            digest,
        };
        let grants = grants(&identity).for_kind(&identity.kind);
        let callable = match grants.check(&identity.kind, &digest.to_string(), &imports) {
            Ok(()) => {
                let linked = grants.iter().chain(imports.named.iter().copied());
                let tool = ToolPre::link(&self.engine, &component, &Grants::of(linked));
                Ok(tool.map_err(|source| LoadError::WrongInterface {
                    origin: origin.to_owned(),
                    source: ComponentFault::new(source),
                })?)
            }
            Err(denial) => Err(denial),
        };
        Ok(LoadedTool {
            identity,
            summary: described.summary,
            origin: origin.to_owned(),
            imports,
            declared,
            grants,
            schema,
            fields: Arc::new(fields),
            callable,
        })
    }

    async fn compile(
        &self,
        author: Author,
        bytes: Arc<[u8]>,
        digest: Digest,
        origin: &str,
    ) -> Result<Component, LoadError> {
        let cached = self.cache.as_ref();
        if let Some(component) = cached.and_then(|cache| cache.load(self.engine.wasmtime(), digest))
        {
            return Ok(component);
        }
        let compiled = match author {
            Author::Own => compile_in_process(&self.engine, bytes).await,
            Author::ThirdParty => self.compiler.compile(&self.engine, bytes).await,
        };
        let component = compiled.map_err(|error| not_compiled(origin, error))?;
        if let Some(cache) = &self.cache {
            compiler::keep(cache, &self.engine, digest, &component);
        }
        Ok(component)
    }

    async fn describe(
        &self,
        component: &Component,
        origin: &str,
    ) -> Result<Description, LoadError> {
        let wrong_interface = |source: wasmtime::Error| LoadError::WrongInterface {
            origin: origin.to_owned(),
            source: ComponentFault::new(source),
        };
        // Its backends refuse everything.
        let scope = Arc::new(CallScope::new(
            CallContext::default(),
            Arc::clone(&self.limits),
            Vault::new(),
            CancellationToken::new(),
            Arc::new(Backends::none()),
            None,
        ));
        let describing = abi::describe(&self.engine, component, scope);
        let described = tokio::time::timeout(DESCRIBE_TIME, describing).await;
        let described = described.unwrap_or_else(|_| {
            let what = format!("it waited for more than {} s", DESCRIBE_TIME.as_secs());
            Err(GuestFault::LimitExceeded { what })
        });
        let text = described.map_err(|fault| match fault {
            GuestFault::NotStarted(source) => wrong_interface(source),
            fault => LoadError::NotDescribed {
                origin: origin.to_owned(),
                source: ComponentFault::new(fault),
            },
        })?;
        let described = description::read(&text);
        described.map_err(|problem| LoadError::WrongDescription {
            origin: origin.to_owned(),
            problem,
        })
    }

    fn imports(&self, component: &Component) -> Imports {
        let component_type = component.component_type();
        let imports = component_type.imports(self.engine.wasmtime());
        Imports::new(
            imports.map(|(name, item)| (name, has_functions(&item, self.engine.wasmtime()))),
        )
    }
}

fn not_compiled(origin: &str, error: CompileError) -> LoadError {
    let origin = origin.to_owned();
    match error.not_a_component() {
        Ok(source) => LoadError::NotAComponent { origin, source },
        Err(source) => LoadError::NotCompiled { origin, source },
    }
}

/// Whether an import contains anything to call. An interface contains no other interfaces; an import that
/// does is not searched, since its types may have any size.
fn has_functions(item: &ComponentExtern, engine: &Engine) -> bool {
    let is_function = |item: &ComponentExtern| {
        !matches!(item.ty, ComponentItem::Resource(_) | ComponentItem::Type(_))
    };
    match &item.ty {
        ComponentItem::ComponentInstance(instance) => {
            instance.exports(engine).any(|(_, item)| is_function(&item))
        }
        _ => is_function(item),
    }
}
