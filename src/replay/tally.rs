//! Counts what came of many lines. Tallies of several threads are added together.

use std::collections::BTreeMap;

use crate::line::{Line, Unreadable};
use crate::replay::{Contradiction, Verdict, group_of};

/// How many lines of a kind are shown.
pub const SAMPLES: usize = 3;

/// What came of lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub lines: u64,
    /// Decided as recorded.
    pub agreed: u64,
    /// By the rules that may have decided.
    pub possible: BTreeMap<Vec<u32>, u64>,
    /// Decided otherwise.
    pub contradicted: BTreeMap<Contradiction, Kind>,
    /// Without a rule, by status.
    pub not_routed: BTreeMap<u16, u64>,
    /// For ports that no listener has.
    pub no_listener: u64,
    /// By reason.
    pub unreadable: BTreeMap<Unreadable, u64>,
    /// Of other load balancers.
    pub other_load_balancers: u64,
    /// Lines by target group, as recorded.
    pub groups: BTreeMap<String, u64>,
    /// The first and last time.
    pub times: Option<(String, String)>,
}

/// Contradictions of one kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kind {
    /// How many.
    pub count: u64,
    /// The first and last time.
    pub times: Option<(String, String)>,
    /// The shortest lines' requests.
    pub samples: Vec<Sample>,
}

/// A request of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sample {
    /// How long it is; shorter ones are easier to read.
    pub length: usize,
    /// Method and URL, as logged.
    pub request: String,
    /// When.
    pub time: String,
}

impl Tally {
    /// Counts a line that could not be read.
    pub fn unreadable(&mut self, why: Unreadable) {
        self.lines += 1;
        *self.unreadable.entry(why).or_default() += 1;
    }

    /// Counts a line with its verdict.
    pub fn add(&mut self, line: &Line<'_>, verdict: Verdict) {
        self.lines += 1;
        widen(&mut self.times, line.time);
        if let Some(group) = group_of(line.target_group_arn) {
            match self.groups.get_mut(group) {
                Some(count) => *count += 1,
                None => drop(self.groups.insert(group.to_owned(), 1)),
            }
        }
        match verdict {
            Verdict::Agrees => self.agreed += 1,
            Verdict::Possible(rules) => *self.possible.entry(rules).or_default() += 1,
            Verdict::NotRouted => *self.not_routed.entry(line.status).or_default() += 1,
            Verdict::NoListener => self.no_listener += 1,
            Verdict::Contradicts(contradiction) => self.contradicted.entry(contradiction).or_default().add(line),
        }
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        self.agreed += other.agreed;
        self.no_listener += other.no_listener;
        self.other_load_balancers += other.other_load_balancers;
        sum(&mut self.possible, other.possible);
        sum(&mut self.not_routed, other.not_routed);
        sum(&mut self.unreadable, other.unreadable);
        sum(&mut self.groups, other.groups);
        for (contradiction, kind) in other.contradicted {
            self.contradicted.entry(contradiction).or_default().merge(kind);
        }
        if let Some((first, last)) = other.times {
            widen(&mut self.times, &first);
            widen(&mut self.times, &last);
        }
    }

    /// How many lines contradict the rules.
    pub fn contradictions(&self) -> u64 {
        self.contradicted.values().map(|kind| kind.count).sum()
    }
}

impl Kind {
    /// Counts a line.
    pub(crate) fn add(&mut self, line: &Line<'_>) {
        self.count += 1;
        widen(&mut self.times, line.time);
        let request = &line.request;
        let length = request.host.len() + request.path.len() + request.query.map_or(0, <[u8]>::len);
        if self.samples.len() == SAMPLES && self.samples.last().is_some_and(|longest| longest.length <= length) {
            return;
        }
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let port = request.port.map(|port| format!(":{port}")).unwrap_or_default();
        let query = request.query.map(|query| format!("?{}", text(query))).unwrap_or_default();
        let scheme = if matches!(line.kind, "http" | "ws") { "http" } else { "https" };
        let (method, host, path) = (text(request.method), text(request.host), text(request.path));
        self.keep(Sample {
            length,
            request: format!("{method} {scheme}://{host}{port}{path}{query}"),
            time: line.time.to_owned(),
        });
    }

    /// Keeps the shortest ones of different requests.
    fn keep(&mut self, sample: Sample) {
        if self.samples.iter().any(|known| known.request == sample.request) {
            return;
        }
        let at = self.samples.partition_point(|known| *known <= sample);
        self.samples.insert(at, sample);
        self.samples.truncate(SAMPLES);
    }

    /// Adds others.
    pub(crate) fn merge(&mut self, other: Self) {
        self.count += other.count;
        if let Some((first, last)) = other.times {
            widen(&mut self.times, &first);
            widen(&mut self.times, &last);
        }
        other.samples.into_iter().for_each(|sample| self.keep(sample));
    }
}

fn sum<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(key).or_default() += count;
    }
}

/// Times of logs are compared as texts: they are in UTC, all of one form.
fn widen(times: &mut Option<(String, String)>, time: &str) {
    match times {
        Some((first, last)) => {
            if time < first.as_str() {
                time.clone_into(first);
            }
            if time > last.as_str() {
                time.clone_into(last);
            }
        }
        None => *times = Some((time.to_owned(), time.to_owned())),
    }
}
