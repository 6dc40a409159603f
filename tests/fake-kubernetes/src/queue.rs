//! Kueue's part: which Jobs of a queue may run.
//!
//! As Kueue 0.17 does it: a Job with the label of a queue has a Workload, which says whether it is admitted and why not; a
//! Job that runs without being admitted is stopped, by suspending it.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::events;
use crate::json::{flag, is_deleted, list, object, text};
use crate::kind::{JOBS, WORKLOADS};
use crate::store::{Key, Store};
use crate::time;

const QUEUE_LABEL: &str = "/metadata/labels/kueue.x-k8s.io~1queue-name";
/// What Kueue says of a Workload that no quota is left for.
const PENDING: &str = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor default, 1 more \
                       needed";

pub(crate) struct Queue {
    pub(crate) store: Arc<Store>,
    pub(crate) slots: watch::Receiver<usize>,
}

impl Queue {
    pub(crate) async fn run(mut self) {
        let mut versions = self.store.versions();
        loop {
            versions.mark_unchanged();
            let slots = *self.slots.borrow_and_update();
            self.look(slots);
            tokio::select! {
                biased;
                changed = versions.changed() => if changed.is_err() { return },
                changed = self.slots.changed() => if changed.is_err() { return },
            }
        }
    }

    fn look(&self, slots: usize) {
        let mut used = 0;
        let jobs = self.store.list(&JOBS, "").0;
        let is_queued = |job: &&Arc<Value>| job.pointer(QUEUE_LABEL).is_some() && !is_deleted(job);
        for job in jobs.iter().filter(is_queued) {
            let workload = self.workload(job);
            let has = |object: &Value, kind: &str| {
                let mut conditions = list(object, "/status/conditions").iter();
                conditions.any(|condition| {
                    text(condition, "/type") == kind && text(condition, "/status") == "True"
                })
            };
            if has(job, "Complete") || has(job, "Failed") {
                continue;
            }
            let is_admitted = self
                .store
                .get(&workload)
                .is_some_and(|workload| has(&workload, "Admitted"));
            let has_capacity = used < slots;
            let is_suspended = flag(job, "/spec/suspend");
            if has_capacity {
                used += 1;
            }
            match (is_admitted, has_capacity) {
                (false, true) if is_suspended => {
                    self.admit(&workload, true, "The workload is admitted");
                    self.suspend(job, false, "Started", "Admitted by clusterQueue cluster");
                }
                (true, false) => {
                    self.admit(&workload, false, PENDING);
                    let why = "Preempted to accommodate a workload in the ClusterQueue";
                    self.suspend(job, true, "Stopped", why);
                }
                // Not by the queue.
                (false, _) if !is_suspended => {
                    self.suspend(job, true, "Stopped", "Not admitted by cluster queue");
                }
                _ => {}
            }
        }
    }

    /// The Workload of a Job, made where there is none.
    fn workload(&self, job: &Value) -> Key {
        let (name, uid) = (text(job, "/metadata/name"), text(job, "/metadata/uid"));
        let key = Key::new(
            &WORKLOADS,
            text(job, "/metadata/namespace"),
            &format!("job-{name}"),
        );
        let workload = json!({
            "kind": WORKLOADS.name, "apiVersion": WORKLOADS.api_version(),
            "metadata": {
                "labels": {"kueue.x-k8s.io/job-uid": uid},
                "ownerReferences": [{
                    "apiVersion": "batch/v1", "kind": "Job", "name": name, "uid": uid, "controller": true,
                }],
            },
            "spec": {"queueName": job.pointer(QUEUE_LABEL)},
            "status": {"conditions": [condition("QuotaReserved", false, PENDING)]},
        });
        // One that is there stays.
        let _ = self.store.create(&key, workload);
        key
    }

    fn admit(&self, workload: &Key, is_admitted: bool, message: &str) {
        let conditions = ["QuotaReserved", "Admitted"];
        let conditions = conditions.map(|kind| condition(kind, is_admitted, message));
        // It may be gone by now.
        let _ = self.store.update(workload, |workload| {
            object(workload, "status").insert("conditions".to_owned(), json!(conditions));
            Ok(())
        });
    }

    fn suspend(&self, job: &Value, is_suspended: bool, reason: &str, message: &str) {
        let _ = self.store.update(&Key::of(&JOBS, job), |job| {
            object(job, "spec").insert("suspend".to_owned(), is_suspended.into());
            Ok(())
        });
        let source = "batch/job-kueue-controller";
        events::tell(&self.store, (&JOBS, job), source, (false, reason), message);
    }
}

fn condition(kind: &str, is_true: bool, message: &str) -> Value {
    json!({
        "type": kind, "status": if is_true { "True" } else { "False" },
        "reason": if is_true { kind } else { "Pending" },
        "message": message, "lastTransitionTime": time::now(),
    })
}
