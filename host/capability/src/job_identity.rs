/// The identity of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct JobIdentity {
    /// The job's name.
    pub name: String,
    /// The namespace, where the engine has them.
    pub namespace: Option<String>,
    /// The engine's own identifier.
    pub uid: Option<String>,
    /// Whether it was found running rather than created.
    pub adopted: bool,
}

impl JobIdentity {
    /// Creates the identity of a job that was created under this name.
    #[must_use]
    pub fn created(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }
}
