//! What a seed stands for: a job, its pods, its hosts, and everything that goes wrong.

use std::fmt::Write as _;
use std::time::Duration;

use crate::random::Random;

/// How many pods a scenario describes; further ones are like the last.
const MAX_PODS: u64 = 5;

/// A run, as it is planned.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// The seed that it follows from.
    pub seed: u64,
    /// The job.
    pub job: JobPlan,
    /// The hosts that want it, in the order of their starts.
    pub hosts: Vec<HostPlan>,
    /// The connection to the server.
    pub network: NetworkPlan,
    /// When the server is away, and for how long.
    pub outages: Vec<(Duration, Duration)>,
    /// When the server forgets its history; `true` where running watches end with an error as well.
    pub compactions: Vec<(Duration, bool)>,
    /// What other people do, and when.
    pub edits: Vec<(Duration, Edit)>,
}

/// A job.
#[derive(Debug, Clone)]
pub struct JobPlan {
    /// How often it is retried.
    pub backoff_limit: u32,
    /// Its time limit in seconds.
    pub deadline: Option<u64>,
    /// Whether it has a secret.
    pub has_secret: bool,
    /// Whether the cluster may be asked to change jobs.
    pub may_patch: bool,
    /// Its pods, one after the other; further ones are like the last.
    pub pods: Vec<PodPlan>,
}

/// A pod: what delays it, what it writes, and how it ends.
#[derive(Debug, Clone)]
pub struct PodPlan {
    /// What delays its start.
    pub delay: Option<(Delay, Duration)>,
    /// Its lines, and the time before each.
    pub lines: Vec<Line>,
    /// How long it runs after its last line.
    pub rest: Duration,
    /// How it ends.
    pub end: PodEnd,
}

/// Something that is written.
#[derive(Debug, Clone)]
pub struct Line {
    /// How long after the one before.
    pub after: Duration,
    /// Its text, with its line feed, where it has one.
    pub text: String,
    /// How far the clock of the node is off, in milliseconds.
    pub clock_ms: i64,
}

/// What delays a pod for some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delay {
    /// No node has capacity.
    Unschedulable,
    /// The registry does not answer.
    ImagePull,
    /// Its container is being created.
    Creating,
}

/// How a pod ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PodEnd {
    /// Its program ends with this code.
    Exit(i32),
    /// It is killed for want of memory.
    OutOfMemory,
    /// A node under pressure evicts it.
    Evicted,
    /// Its node is drained.
    Drained,
    /// A more important pod takes its place.
    Preempted,
    /// Its node is lost, and the pod is collected after this time.
    NodeLost(Duration),
    /// Its image has an invalid name, so that it never starts.
    InvalidImage,
}

/// A host that wants the job.
#[derive(Debug, Clone)]
pub struct HostPlan {
    /// When it starts.
    pub start: Duration,
    /// When it is killed.
    pub kill: Option<Kill>,
    /// How long after its start it cancels the job.
    pub cancel: Option<Duration>,
}

/// When a host is killed.
#[derive(Debug, Clone, Copy)]
pub enum Kill {
    /// So long after its start.
    After(Duration),
    /// At its request of that number, before or after the server executes it.
    AtRequest(u64, bool),
}

/// What goes wrong between the hosts and the server.
#[derive(Debug, Clone)]
pub struct NetworkPlan {
    /// How long a request takes at most, without a fault.
    pub latency: Duration,
    /// How many of a thousand requests have a fault.
    pub request_faults: u64,
    /// How many of a thousand events of a watch have a fault.
    pub event_faults: u64,
    /// When the last fault happens.
    pub until: Duration,
}

/// What another person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// Deletes the Job, in the foreground or in the background.
    DeleteJob {
        /// Whether in the foreground.
        in_foreground: bool,
    },
    /// Suspends the Job.
    Suspend,
    /// Resumes the Job.
    Resume,
    /// Adds a label to the Job and its pods.
    Label,
    /// Evicts the pods that run.
    EvictPods,
    /// Deletes the pods.
    DeletePods,
}

impl Scenario {
    /// The scenario of a seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        let mut random = Random::new(seed);
        // The number of things that go wrong varies, so that each of them is seen alone as well.
        let is_calm = random.happens(150);
        let network = network(&mut random.fork(), is_calm);
        let mut scenario = Self {
            seed,
            job: job(&mut random.fork()),
            hosts: hosts(&mut random.fork()),
            network,
            outages: Vec::new(),
            compactions: Vec::new(),
            edits: edits(&mut random.fork()),
        };
        if !is_calm {
            if random.happens(200) {
                let outage = (random.time(0, 120_000), random.time(10, 90_000));
                scenario.outages.push(outage);
            }
            for _ in 0..random.below(3) {
                let compaction = (random.time(10, 120_000), random.happens(500));
                scenario.compactions.push(compaction);
            }
        }
        scenario
    }

    /// When the last fault of the network or of the server is over.
    #[must_use]
    pub fn calm_from(&self) -> Duration {
        let outages = self.outages.iter().map(|(start, length)| *start + *length);
        let has_faults = self.network.request_faults + self.network.event_faults > 0;
        let network = if has_faults {
            self.network.until
        } else {
            Duration::ZERO
        };
        outages.max().unwrap_or_default().max(network)
    }

    /// Whether another person does this at some time.
    #[must_use]
    pub fn has_edit(&self, is_meant: impl Fn(Edit) -> bool) -> bool {
        self.edits.iter().any(|(_, edit)| is_meant(*edit))
    }

    /// How the pod of this number, from 1, is planned.
    #[must_use]
    pub fn pod(&self, attempt: u32) -> Option<&PodPlan> {
        let index = usize::try_from(attempt.saturating_sub(1)).unwrap_or(usize::MAX);
        self.job.pods.get(index).or_else(|| self.job.pods.last())
    }
}

fn job(random: &mut Random) -> JobPlan {
    let pods = random.between(1, MAX_PODS);
    let mut pods: Vec<_> = (1..=pods).map(|number| pod(random, number)).collect();
    // What does not count against the limit must not be repeated forever.
    if let Some(last) = pods.last_mut()
        && !matches!(
            last.end,
            PodEnd::Exit(_) | PodEnd::OutOfMemory | PodEnd::InvalidImage
        )
    {
        last.end = PodEnd::Exit(random.one_of(&[0, 0, 1], 0));
    }
    JobPlan {
        backoff_limit: u32::try_from(random.below(4)).unwrap_or(0),
        deadline: random.happens(250).then(|| random.between(1, 240)),
        has_secret: random.happens(700),
        may_patch: !random.happens(100),
        pods,
    }
}

fn pod(random: &mut Random, number: u64) -> PodPlan {
    let delays = [Delay::Unschedulable, Delay::ImagePull, Delay::Creating];
    let delay = random.happens(250).then(|| {
        // An image that cannot be pulled for a minute is given up.
        let kind = random.one_of(&delays, Delay::Creating);
        let longest = if kind == Delay::ImagePull {
            20_000
        } else {
            300_000
        };
        (kind, random.time(100, longest))
    });
    let lines = random.below(9);
    let mut clock_ms = 0;
    let lines: Vec<Line> = (0..lines)
        .map(|line| {
            if random.happens(60) {
                // Runtimes copy two streams in parallel, and clocks are set.
                let step = i64::try_from(random.below(5_000)).unwrap_or(0);
                clock_ms += if random.happens(500) {
                    step
                } else {
                    -step.min(900)
                };
            }
            let is_last = line + 1 == lines;
            Line {
                after: match random.below(4) {
                    0 | 1 => Duration::ZERO,
                    2 => random.time(1, 2_000),
                    _ => random.time(1, 60_000),
                },
                text: text(random, number, line, is_last),
                clock_ms,
            }
        })
        .collect();
    let node_lost = PodEnd::NodeLost(random.time(1_000, 120_000));
    let end = match random.below(100) {
        0..45 => PodEnd::Exit(0),
        45..70 => PodEnd::Exit(i32::try_from(random.between(1, 3)).unwrap_or(1)),
        70..75 => PodEnd::OutOfMemory,
        75..80 => PodEnd::Evicted,
        80..86 => PodEnd::Drained,
        86..92 => PodEnd::Preempted,
        92..97 => node_lost,
        _ => PodEnd::InvalidImage,
    };
    PodPlan {
        delay,
        lines,
        rest: random.time(1, 60_000),
        end,
    }
}

fn text(random: &mut Random, pod: u64, line: u64, is_last: bool) -> String {
    match random.below(10) {
        // Lines that cannot be distinguished by their text.
        0 => "same\n".to_owned(),
        1 => "\n".to_owned(),
        2 if is_last => format!("pod {pod} line {line} without an end"),
        3 => format!("pod {pod} line {line} {}\n", "x".repeat(20_000)),
        4 => {
            let mut lines = String::new();
            for part in 0..random.between(2, 40) {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "pod {pod} line {line} part {part}");
            }
            lines
        }
        _ => format!("pod {pod} line {line}\n"),
    }
}

fn hosts(random: &mut Random) -> Vec<HostPlan> {
    let mut hosts = Vec::new();
    let mut start = Duration::ZERO;
    // Hosts that are killed, each followed by another one.
    while hosts.len() < 3 && random.happens(350) {
        let kill = if random.happens(500) {
            Kill::AtRequest(random.between(1, 25), random.happens(500))
        } else {
            Kill::After(random.time(1, 90_000))
        };
        let after = match kill {
            Kill::After(after) => after,
            Kill::AtRequest(..) => random.time(1, 30_000),
        };
        hosts.push(HostPlan {
            start,
            kill: Some(kill),
            cancel: None,
        });
        start += after + random.time(1, 60_000);
    }
    hosts.push(HostPlan {
        start,
        kill: None,
        cancel: random.happens(120).then(|| random.time(1, 120_000)),
    });
    // Another worker that got the same step.
    if random.happens(120) {
        hosts.push(HostPlan {
            start: random.time(1, 30_000),
            kill: None,
            cancel: None,
        });
    }
    hosts
}

fn network(random: &mut Random, is_calm: bool) -> NetworkPlan {
    let rates = [0, 0, 10, 50, 200, 400];
    let rate = |random: &mut Random| if is_calm { 0 } else { random.one_of(&rates, 0) };
    NetworkPlan {
        latency: random.time(1, 500),
        request_faults: rate(random),
        event_faults: rate(random),
        until: random.time(1_000, 300_000),
    }
}

fn edits(random: &mut Random) -> Vec<(Duration, Edit)> {
    let mut edits = Vec::new();
    if !random.happens(350) {
        return edits;
    }
    for _ in 0..random.between(1, 3) {
        let at = random.time(10, 180_000);
        match random.below(10) {
            0 | 1 => {
                let in_foreground = random.happens(500);
                edits.push((at, Edit::DeleteJob { in_foreground }));
            }
            2..5 => {
                edits.push((at, Edit::Suspend));
                edits.push((at + random.time(1, 60_000), Edit::Resume));
            }
            5 | 6 => edits.push((at, Edit::Label)),
            7 | 8 => edits.push((at, Edit::EvictPods)),
            _ => edits.push((at, Edit::DeletePods)),
        }
    }
    edits.sort_by_key(|(at, _)| *at);
    edits
}
