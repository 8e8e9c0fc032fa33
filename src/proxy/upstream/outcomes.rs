//! The outcomes of requests to a target, and its resulting weight: the memory of [`crate::alb::targets::anomaly`], shared
//! by all workers.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use crate::alb::targets::anomaly;
use crate::alb::targets::anomaly::{Outcomes, Standing};

/// The counters of one target.
pub(crate) struct OutcomeCounters {
    /// Whether its group has enough targets to look for anomalies; if not, nothing is counted.
    watched: AtomicBool,
    requests: AtomicU32,
    errors: AtomicU32,
    anomalous: AtomicBool,
    weight: AtomicU32,
}

impl OutcomeCounters {
    pub(crate) fn new() -> Self {
        Self {
            watched: AtomicBool::new(false),
            requests: AtomicU32::new(0),
            errors: AtomicU32::new(0),
            anomalous: AtomicBool::new(false),
            weight: AtomicU32::new(anomaly::FULL_WEIGHT),
        }
    }

    pub(crate) fn watch(&self, watched: bool) {
        self.watched.store(watched, Ordering::Relaxed);
        if !watched {
            self.anomalous.store(false, Ordering::Relaxed);
        }
    }

    pub(crate) fn record(&self, failed: bool) {
        if self.watched.load(Ordering::Relaxed) {
            self.requests.fetch_add(1, Ordering::Relaxed);
            self.errors.fetch_add(u32::from(failed), Ordering::Relaxed);
        }
    }

    pub(crate) fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// How the target stands.
    pub(crate) fn standing(&self) -> Standing {
        Standing { anomalous: self.anomalous.load(Ordering::Relaxed), weight: self.weight.load(Ordering::Relaxed) }
    }

    /// What has happened since the last time.
    pub(crate) fn take(&self) -> (Standing, Outcomes) {
        let standing = self.standing();
        let errors = self.errors.swap(0, Ordering::Relaxed);
        // A request may end between the two lines; more errors than requests there cannot be.
        let requests = self.requests.swap(0, Ordering::Relaxed).max(errors);
        (standing, Outcomes { requests, errors })
    }

    pub(crate) fn set(&self, standing: Standing) {
        self.anomalous.store(standing.anomalous, Ordering::Relaxed);
        self.weight.store(standing.weight, Ordering::Relaxed);
    }
}
