//! The cases of `fixtures/alb/anomalies/`, run on the counters that requests use.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::*;
use crate::alb::targets::anomaly::{FULL_WEIGHT, Standing};
use crate::model::target_group::{TargetGroup, TargetGroupAttributes};
use crate::model::target_health::{TargetState, UnhealthyReason};
use neargate_fixture as fixture;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    #[serde(default = "weighted_random")]
    algorithm: String,
    mitigation: Option<String>,
    #[serde(default)]
    periods: Vec<Period>,
    /// Which requests are errors: by the status of the target's response, or `no response:` and that of the load balancer's.
    #[serde(default)]
    errors: BTreeMap<String, bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Period {
    /// Where it changes within the case.
    mitigation: Option<String>,
    /// `<requests>/<errors>` of each target; `unhealthy` for one that gets none.
    did: Vec<String>,
    /// `<share> %`, and `anomalous`.
    then: Vec<String>,
}

fn weighted_random() -> String {
    "weighted_random".into()
}

#[test]
fn anomalies_are_judged_as_documented() {
    fixture::each("alb/anomalies", check);
}

fn check(case: Case) {
    for (ended, expected) in &case.errors {
        let (target, own) = match ended.strip_prefix("no response: ") {
            Some(own) => (None, Some(own.parse().unwrap())),
            None => (Some(ended.parse().unwrap()), None),
        };
        assert_eq!(anomaly::is_error(target, own), *expected, "{}, {ended} ({})", case.name, case.source);
    }
    let book = LoadBook::new(mpsc::channel(1).0, anomaly::PERIOD);
    for (index, period) in case.periods.iter().enumerate() {
        let what = format!("{}, period {} ({})", case.name, index + 1, case.source);
        let mitigation = period.mitigation.as_ref().or(case.mitigation.as_ref()).unwrap() == "on";
        let table = table(&case.algorithm, mitigation, &period.did, index as u64 + 1);
        let group = book.open(&table).remove(0);
        for (target, did) in period.did.iter().enumerate().filter(|(_, did)| *did != "unhealthy") {
            let (requests, errors) = did.split_once('/').unwrap();
            let (requests, errors): (u32, u32) = (requests.parse().unwrap(), errors.parse().unwrap());
            (0..requests).for_each(|request| group.take(target).record(request < errors));
        }
        *lock(&group.judged) = Instant::now().checked_sub(anomaly::PERIOD).expect("the machine has run for seconds");
        assert!(group.choose(&table, 0, 0).is_some(), "{what}");
        let shown: Vec<_> = group.targets.iter().map(|target| show(target.outcomes.standing())).collect();
        assert_eq!(shown, period.then, "{what}");
        let anomalous = period.then.iter().filter(|text| text.contains("anomalous")).count();
        let mitigated = period.then.iter().filter(|text| !text.starts_with("100 %")).count();
        assert_eq!(book.anomalies()[&TargetGroupName::new("web")], Anomalies { anomalous, mitigated }, "{what}");
    }
}

fn show(standing: Standing) -> String {
    let share = standing.weight * 100 / FULL_WEIGHT;
    format!("{share} %{}", if standing.anomalous { " anomalous" } else { "" })
}

fn table(algorithm: &str, mitigation: bool, did: &[String], generation: u64) -> RoutingTable {
    let attributes = TargetGroupAttributes {
        algorithm: match algorithm {
            "round_robin" => Algorithm::RoundRobin,
            "least_outstanding_requests" => Algorithm::LeastOutstandingRequests,
            "weighted_random" => Algorithm::WeightedRandom,
            other => panic!("no algorithm is called {other}"),
        },
        anomaly_mitigation: mitigation,
        ..TargetGroupAttributes::default()
    };
    let state = |(did, last): (&String, u8)| {
        let target = Target { address: [10, 0, 0, last].into(), port: 80 };
        let failing = TargetHealth::Unhealthy(UnhealthyReason::Timeout);
        let health = if did == "unhealthy" { failing } else { TargetHealth::Healthy };
        TargetState { target, dial: (target.address, 80).into(), reachable: true, health }
    };
    let targets: Vec<_> = did.iter().zip(1..).map(state).collect();
    let group = RoutedTargetGroup {
        name: "web".into(),
        arn: crate::model::arn::Arn::target_group(&"web".into()),
        id: 0,
        in_use: true,
        eligible: balancing::eligible(&targets, &attributes).into(),
        settings: Arc::new(TargetGroup { attributes, ..TargetGroup::new(80) }),
        targets: targets.into(),
    };
    RoutingTable { generation, target_groups: vec![group], ..RoutingTable::empty() }
}
