//! What was measured while the service was deployed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use neargate_model::settled_request::SettledRequest;

use crate::life::TaskLife;

/// Everything that was measured.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// When the last sample had settled.
    pub length: Duration,
    /// When the deployment began.
    pub deployed: Duration,
    /// When it had ended, if it has.
    pub ended: Option<Duration>,
    /// The traffic, in any order.
    pub samples: Vec<Sample>,
    /// What the load balancer says of each request, by the root of its trace ID.
    pub entries: BTreeMap<String, SettledRequest>,
    /// The tasks of the service that were seen, in the order of their creation.
    pub tasks: Vec<TaskLife>,
    /// Settings that advice refers to.
    pub settings: Settings,
}

/// Settings of the service and its load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// `deregistration_delay.timeout_seconds` of the target group.
    pub deregistration_delay: Duration,
    /// `idle_timeout.timeout_seconds` of the load balancer.
    pub idle_timeout: Duration,
    /// `minimumHealthyPercent` of the service.
    pub minimum_healthy_percent: u32,
}

/// One request, or one WebSocket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The root of its `X-Amzn-Trace-Id`.
    pub root: String,
    /// How it was sent.
    pub way: Way,
    /// When it was sent.
    pub sent: Duration,
    /// When its response was complete, or it was clear that none comes.
    pub settled: Duration,
    /// What came of it.
    pub outcome: Outcome,
}

/// How a request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// HTTP/1.1 over a connection that is kept between requests.
    Kept,
    /// HTTP/1.1 over a connection of its own.
    New,
    /// HTTP/2, many at once over one connection.
    Http2,
    /// A WebSocket that stays open.
    WebSocket,
}

impl Way {
    /// As people read it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "HTTP/1.1, kept connection",
            Self::New => "HTTP/1.1, new connection",
            Self::Http2 => "HTTP/2",
            Self::WebSocket => "WebSocket",
        }
    }
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// A complete response with this status; 101 for a WebSocket that was open until its client closed it.
    Answered(u16),
    /// The other side closed the WebSocket in good order, so a client knows that it has to open another.
    Closed,
    /// The response, or the WebSocket, broke off.
    Cut(String),
    /// The load balancer could not be reached.
    NoConnection(String),
    /// Nothing came for so long that the client gave up.
    GaveUp,
}

impl Outcome {
    /// Whether the client did not get what it asked for. What an application refuses with a 4xx, it answers.
    pub fn is_lost(&self) -> bool {
        match self {
            Self::Answered(status) => *status >= 500,
            Self::Closed => false,
            Self::Cut(_) | Self::NoConnection(_) | Self::GaveUp => true,
        }
    }
}

impl Recording {
    /// Takes what the load balancer says of a request; anyone's, as others may use it meanwhile.
    pub fn log(&mut self, entry: SettledRequest) {
        if let Some(root) = root(&entry.trace_id) {
            self.entries.insert(root.to_owned(), entry);
        }
    }

    /// What the load balancer says of a sample.
    pub fn entry(&self, sample: &Sample) -> Option<&SettledRequest> {
        self.entries.get(&sample.root)
    }

    /// The task behind a target at that time. An address can come back with a later task.
    pub fn task_at(&self, target: SocketAddr, time: Duration) -> Option<&TaskLife> {
        let mut all = self.tasks.iter().filter_map(|task| Some((task, task.targets.get(&target)?.registered)));
        let first = all.clone().next().map(|(task, _)| task);
        let latest = all.rfind(|(_, registered)| *registered <= time).map(|(task, _)| task);
        latest.or(first)
    }
}

/// `1-58337262-36d228ad5d99923122bbe354` of `Self=…;Root=1-58337262-36d228ad5d99923122bbe354;Sampled=1` (ALB user guide,
/// "Request tracing").
fn root(trace_id: &str) -> Option<&str> {
    trace_id.split(';').find_map(|field| field.trim().strip_prefix("Root="))
}
