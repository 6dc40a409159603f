//! A pod that is played by a script.

use jiff::Timestamp;
use serde_json::Value;

use super::log::Splitter;
use super::pod::{Gone, Pod};
use super::status::{self, End, Which};
use crate::json::{is_deleted, list, object, text};
use crate::play::Step;
use crate::store::Deletion;
use crate::time::current_time;

/// How far a script is.
struct Scene {
    containers: Vec<String>,
    started: Option<Timestamp>,
    is_over: bool,
    is_node_lost: bool,
}

impl Pod {
    pub(super) async fn run_script(self, steps: Vec<Step>) {
        let Ok(object) = self.object() else { return };
        let containers = list(&object, Which::Main.in_spec()).iter();
        let mut scene = Scene {
            containers: containers
                .map(|container| text(container, "/name").to_owned())
                .collect(),
            started: None,
            is_over: false,
            is_node_lost: false,
        };
        for step in steps {
            if let Step::Wait(time) = step {
                let is_deleted = tokio::select! {
                    biased;
                    _ = self.until_deleted(), if !scene.is_node_lost => true,
                    () = tokio::time::sleep(time) => false,
                };
                if is_deleted {
                    break;
                }
                continue;
            }
            let is_deleted = self.object().map_or(true, |pod| is_deleted(&pod));
            if is_deleted && !scene.is_node_lost || self.play(&mut scene, step).is_err() {
                break;
            }
        }
        if !scene.is_over && !scene.is_node_lost {
            self.until_deleted().await;
            let end = ("Error", 143);
            let _ = self.end_containers(&mut scene, end.1, end.0);
        }
        for container in &scene.containers {
            self.logs.of(&self.uid, container).end();
        }
        if !scene.is_node_lost {
            self.finish_deletion();
        }
    }

    fn play(&self, scene: &mut Scene, step: Step) -> Result<(), Gone> {
        match step {
            Step::Schedule => {
                self.write(status::schedule)?;
                self.tell_scheduled();
                self.write(status::admit)?;
            }
            Step::Condition {
                kind,
                is_true,
                reason,
                message,
            } => {
                self.write(|pod| status::set_condition(pod, &kind, is_true, &reason, &message))?;
            }
            Step::Waiting { reason, message } => {
                self.write(|pod| {
                    for name in &scene.containers {
                        status::set_waiting(pod, Which::Main, name, &reason, &message);
                    }
                })?;
            }
            Step::Start => {
                let now = current_time();
                scene.started = Some(now);
                self.write(|pod| {
                    for name in &scene.containers {
                        status::set_running(pod, Which::Main, name, now);
                    }
                })?;
            }
            Step::Log(text) => self.log(scene, &text, current_time()),
            Step::LogAt(time, text) => self.log(scene, &text, time),
            Step::Exit { code, reason } => self.end_containers(scene, code, &reason)?,
            Step::Fail { reason, message } => {
                scene.is_over = true;
                self.write(|pod| {
                    let status = object(pod, "status");
                    status.insert("reason".to_owned(), reason.into());
                    status.insert("message".to_owned(), message.into());
                    end_all(pod, scene, 137, "Error");
                    status::set_phase(pod, false);
                })?;
            }
            Step::Event {
                is_warning,
                reason,
                message,
            } => self.tell(is_warning, &reason, &message),
            Step::Delete => {
                let _ = self.store.delete(&self.key, &Deletion::default());
            }
            Step::Remove => self.finish_deletion(),
            Step::LoseNode => scene.is_node_lost = true,
            Step::Wait(_) => {}
        }
        Ok(())
    }

    fn log(&self, scene: &Scene, text: &str, time: Timestamp) {
        let Some(container) = scene.containers.first() else {
            return;
        };
        let log = self.logs.of(&self.uid, container);
        let mut splitter = Splitter::default();
        let mut records = splitter.feed(text.as_bytes(), time);
        records.extend(splitter.finish(time));
        log.append(records, self.settings.log_file_bytes);
    }

    fn end_containers(&self, scene: &mut Scene, code: i32, reason: &str) -> Result<(), Gone> {
        scene.is_over = true;
        for container in &scene.containers {
            self.logs.of(&self.uid, container).end();
        }
        let written = self.write(|pod| {
            end_all(pod, scene, code, reason);
            status::set_phase(pod, code == 0);
        });
        written.map(drop)
    }
}

/// Ends those containers that started.
fn end_all(pod: &mut Value, scene: &Scene, code: i32, reason: &str) {
    let Some(started) = scene.started else { return };
    for name in &scene.containers {
        let end = End {
            code,
            reason: reason.to_owned(),
            message: String::new(),
            started,
            finished: current_time(),
        };
        status::set_ended(pod, Which::Main, name, &end);
    }
}
