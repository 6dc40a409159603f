use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::log::Logs;
use super::status::NODE;
use crate::events;
use crate::json::{is_deleted, number, object, text};
use crate::kind::PODS;
use crate::settings::Settings;
use crate::store::{Key, Store};

/// One pod on the node.
pub(super) struct Pod {
    pub(super) store: Arc<Store>,
    pub(super) settings: Arc<Settings>,
    pub(super) logs: Arc<Logs>,
    pub(super) key: Key,
    pub(super) uid: String,
    pub(super) directory: PathBuf,
}

/// The pod is gone.
#[derive(Debug)]
pub(super) struct Gone;

impl Pod {
    /// The pod as it is now.
    pub(super) fn object(&self) -> Result<Arc<Value>, Gone> {
        let object = self.store.get(&self.key).ok_or(Gone)?;
        if text(&object, "/metadata/uid") == self.uid {
            Ok(object)
        } else {
            Err(Gone)
        }
    }

    /// Changes the pod.
    pub(super) fn write(&self, change: impl FnOnce(&mut Value)) -> Result<Arc<Value>, Gone> {
        self.object()?;
        let written = self.store.update(&self.key, |object| {
            change(object);
            Ok(())
        });
        written.map_err(|_| Gone)
    }

    /// Waits until the pod is deleted; how long its processes may still take.
    pub(super) async fn until_deleted(&self) -> Duration {
        self.until_grace_below(Duration::MAX).await
    }

    /// Waits until the pod is deleted with less grace than that.
    pub(super) async fn until_grace_below(&self, limit: Duration) -> Duration {
        let mut versions = self.store.versions();
        loop {
            versions.mark_unchanged();
            let grace = self
                .object()
                .map_or(Some(Duration::ZERO), |pod| self.grace(&pod));
            if let Some(grace) = grace.filter(|grace| *grace < limit) {
                return grace;
            }
            if versions.changed().await.is_err() {
                return Duration::ZERO;
            }
        }
    }

    /// How long a deleted pod may take.
    fn grace(&self, pod: &Value) -> Option<Duration> {
        let seconds = number(pod, "/metadata/deletionGracePeriodSeconds").unwrap_or(0);
        let seconds = u32::try_from(seconds).unwrap_or(0);
        is_deleted(pod).then(|| self.settings.grace_second * seconds)
    }

    /// Waits until it makes sense to try again what could not be done.
    pub(super) async fn pause(&self) {
        tokio::time::sleep(self.settings.kubelet_retry).await;
    }

    /// Removes a deleted pod whose processes ended.
    pub(super) fn finish_deletion(&self) {
        let _ = self.write(|pod| {
            if is_deleted(pod) {
                let metadata = object(pod, "metadata");
                metadata.insert("deletionGracePeriodSeconds".to_owned(), 0.into());
            }
        });
    }

    pub(super) fn tell_scheduled(&self) {
        let Key {
            namespace, name, ..
        } = &self.key;
        let message = format!("Successfully assigned {namespace}/{name} to {NODE}");
        if let Ok(pod) = self.object() {
            let (about, source) = ((&PODS, &*pod), "default-scheduler");
            events::tell(&self.store, about, source, (false, "Scheduled"), &message);
        }
    }

    pub(super) fn tell(&self, is_warning: bool, reason: &str, message: &str) {
        if let Ok(pod) = self.object() {
            let about = (&PODS, &*pod);
            events::tell(&self.store, about, "kubelet", (is_warning, reason), message);
        }
    }
}
