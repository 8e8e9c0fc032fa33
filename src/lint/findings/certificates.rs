//! Findings about hosts that rules match and certificates do not name.

use neargate_model::listener::{Certificate, ListenerProtocol};
use neargate_model::rule::Condition;

use super::balancer::Balancer;
use super::finding::{Finding, Kind};
use crate::dimension::{self, Dimension, Set};
use crate::texts::{self, TextSet};

pub(super) fn findings(balancer: &Balancer<'_>, found: &mut Vec<Finding>) {
    for (at, listener) in balancer.load_balancer.listeners.iter().enumerate() {
        let ListenerProtocol::Https(settings) = &listener.protocol else { continue };
        let mut names = Vec::new();
        for certificate in &settings.certificates {
            match certificate {
                Certificate::Issued(issued) => names.extend(issued.names.iter().map(|name| name.as_str())),
                // What the user's own files name is not known here.
                Certificate::Files { .. } => return,
            }
        }
        let Ok(covered) = TextSet::new(names.iter().map(|name| texts::covered_by(name)).collect()) else { continue };
        for (index, rule) in listener.rules.iter().enumerate() {
            let hosts = rule.conditions.iter().filter(|condition| matches!(condition, Condition::HostHeader(_)));
            for condition in hosts {
                let Ok(Set::Texts(hosts)) = Set::new(condition) else { continue };
                let Some(host) = dimension::outside(&Dimension::Host, &hosts, &covered) else { continue };
                let others = texts::shortest(&[&hosts, &covered], &[]).is_ok_and(|common| common.is_some());
                found.push(balancer.finding(at, Some(index), Kind::HostWithoutCertificate { host, others }));
            }
        }
    }
}
