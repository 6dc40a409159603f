//! A planning host: it calls tools, and creates nothing.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use toolhost::capability::{CapabilityError, FetchRequest, Object, ObjectMetadata, ObjectSource};
use toolhost_kubernetes::Planner;

use super::{SetUp, Settings, SetupError, objects, set_up_with};

/// Where the scripts of a plan come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanSources {
    /// From the locations in the playbook.
    Fetched,
    /// From nowhere: every script is empty.
    Empty,
}

/// Assembles a host whose jobs are collected by the planner instead of being run. They may request what the
/// policy of [`Settings::kubernetes`] allows.
///
/// # Errors
///
/// [`SetupError`].
pub async fn set_up_plan(
    settings: Settings,
    sources: PlanSources,
) -> Result<(SetUp, Planner), SetupError> {
    let kubernetes = settings.kubernetes.clone().unwrap_or_default();
    let planner = Planner::new().with_policy(kubernetes.policy);
    let objects: Arc<dyn ObjectSource> = match sources {
        PlanSources::Fetched => Arc::new(objects::sources(&settings)),
        PlanSources::Empty => Arc::new(EmptySource),
    };
    let set_up = set_up_with(settings, Arc::new(planner.clone()), objects).await?;
    Ok((set_up, planner))
}

/// Returns an empty object for every request.
#[derive(Debug)]
struct EmptySource;

#[async_trait]
impl ObjectSource for EmptySource {
    async fn fetch(&self, request: FetchRequest) -> Result<Object, CapabilityError> {
        let mut metadata = ObjectMetadata::default();
        metadata.uri = Some(request.uri);
        Ok(Object {
            bytes: Bytes::new(),
            metadata,
        })
    }
}
