//! Putting tools into use.

use std::sync::Arc;

use super::ToolHost;
use crate::grant::{GrantError, Grants};
use crate::registry::{ComponentSource, EMBEDDED_TOOLS, LoadError, LoadedTool, ToolIdentity};

/// Why a component was not installed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InstallError {
    /// It cannot be used as a tool.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It needs a capability that it was not granted, or that this host does not have.
    #[error(transparent)]
    Denied(#[from] GrantError),
}

impl ToolHost {
    /// Puts a component into use as a tool: compiles and checks it, and resolves its kind to it from now on.
    ///
    /// The component is a path (`&str`, `&Path`, `PathBuf`) or the bytes of a binary (`Vec<u8>`, `&[u8]`,
    /// `Arc<[u8]>`). Its kind and version are what it claims; the version that was in use before stays loaded,
    /// and [`Registry::roll_back`](crate::registry::Registry::roll_back) returns to it. Running calls keep the
    /// version that they started with. A component that is not trusted may claim the kind of another tool, also
    /// of a built-in one: [`install_with`](Self::install_with) decides with its digest.
    ///
    /// # Errors
    ///
    /// [`InstallError`]; nothing is changed in this case.
    pub async fn install(
        &self,
        component: impl Into<ComponentSource>,
        grants: Grants,
    ) -> Result<Arc<LoadedTool>, InstallError> {
        self.install_with(component, |_| grants).await
    }

    /// As [`install`](Self::install), with the grants that `grants` returns for the component's digest and the
    /// kind and version that it claims.
    ///
    /// # Errors
    ///
    /// As [`install`](Self::install).
    pub async fn install_with(
        &self,
        component: impl Into<ComponentSource>,
        grants: impl FnOnce(&ToolIdentity) -> Grants,
    ) -> Result<Arc<LoadedTool>, InstallError> {
        let tool = self.load(component, grants).await?;
        if let Some(denial) = tool.denial() {
            return Err(denial.clone().into());
        }
        let tool = Arc::new(tool);
        self.registry.activate(Arc::clone(&tool));
        Ok(tool)
    }

    /// Compiles, describes and checks a component without putting it into use: for a host that compares
    /// components before it decides between [`Registry::add`](crate::registry::Registry::add) and
    /// [`Registry::activate`](crate::registry::Registry::activate).
    ///
    /// `grants` is called with the digest of the component, and the kind and version that it claims: only the
    /// digest cannot be claimed by a component. A tool that needs more than it is granted is loaded
    /// nevertheless, and reports the denial when it is called.
    ///
    /// # Errors
    ///
    /// [`LoadError`]; nothing is changed in this case.
    pub async fn load(
        &self,
        component: impl Into<ComponentSource>,
        grants: impl FnOnce(&ToolIdentity) -> Grants,
    ) -> Result<LoadedTool, LoadError> {
        self.loader.load(component.into(), grants).await
    }

    /// Installs the built-in tools with every capability. They may fetch from public addresses only.
    ///
    /// # Errors
    ///
    /// [`LoadError`] if this build is broken.
    pub async fn load_embedded_tools(&self) -> Result<(), LoadError> {
        self.load_embedded_tools_with(|_| Grants::all()).await
    }

    /// As above, with the grants that `grants` returns for each tool.
    ///
    /// A built-in tool that needs more than it is granted is loaded nevertheless, and reports the denial when
    /// it is called.
    ///
    /// # Errors
    ///
    /// As above.
    pub async fn load_embedded_tools_with(
        &self,
        grants: impl Fn(&ToolIdentity) -> Grants,
    ) -> Result<(), LoadError> {
        for (origin, component) in EMBEDDED_TOOLS {
            // Their code is part of this build, and follows the configuration.
            let grants = |tool: &ToolIdentity| grants(tool).trusted();
            let loading = self.loader.load_embedded(component.into(), origin, grants);
            let tool = loading.await?;
            self.registry.activate(Arc::new(tool));
        }
        Ok(())
    }
}
