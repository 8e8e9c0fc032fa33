//! Names of hosted zones that lead to load balancers, as clients have put them into Route 53: alias records of their DNS names, and
//! CNAME records (Route 53 developer guide, "Choosing between alias and non-alias records").

use std::collections::BTreeMap;

use serde_json::Value;

use super::edit::Edit;
use super::records::{RECORD_SET, Records};
use crate::model::arn::load_balancer_dns_name;
use crate::model::listener::LoadBalancer;
use crate::model::{DomainName, LoadBalancerName};

/// How many records may stand between a name and a load balancer.
const LONGEST_CHAIN: usize = 8;

/// Whether names may lead elsewhere after this change.
pub(super) fn changes(edit: &Edit) -> bool {
    edit.parts().iter().any(|part| match part {
        Edit::PutRecord { kind, .. } | Edit::DeleteRecord { kind, .. } => kind == RECORD_SET,
        _ => false,
    })
}

/// The load balancer of each name that leads to one.
pub(super) fn of(
    records: &Records,
    load_balancers: &BTreeMap<LoadBalancerName, LoadBalancer>,
) -> BTreeMap<DomainName, LoadBalancerName> {
    let sets: Vec<&Value> = records.of(RECORD_SET).map(|(_, record)| &record.value["Set"]).collect();
    let next: BTreeMap<&str, String> = sets.iter().filter_map(|set| Some((name(set)?, target(set)?))).collect();
    if next.is_empty() {
        return BTreeMap::new();
    }
    let balancers: BTreeMap<String, &LoadBalancerName> = load_balancers
        .values()
        .map(|balancer| (load_balancer_dns_name(&balancer.name, balancer.internal), &balancer.name))
        .collect();
    let leads_to = |name: &str| {
        let mut at = next.get(name);
        for _ in 0..LONGEST_CHAIN {
            let target = at?.strip_prefix("dualstack.").unwrap_or(at?);
            if let Some(balancer) = balancers.get(target) {
                return Some(LoadBalancerName::clone(balancer));
            }
            at = next.get(target);
        }
        None
    };
    // Route 53 writes `*` as an escape.
    let domain = |name: &str| DomainName::new(name.replace("\\052", "*"));
    next.keys().filter_map(|name| Some((domain(name), leads_to(name)?))).collect()
}

/// Without the dot at its end.
fn name(set: &Value) -> Option<&str> {
    set["Name"].as_str().map(|name| name.trim_end_matches('.'))
}

/// Where a set leads: that of an alias, or the value of a CNAME record.
fn target(set: &Value) -> Option<String> {
    let target = match (set["Type"].as_str()?, set["AliasTarget"]["DNSName"].as_str()) {
        ("A" | "AAAA" | "CNAME", Some(alias)) => alias,
        ("CNAME", None) => set["ResourceRecords"]["ResourceRecord"][0]["Value"].as_str()?,
        _ => return None,
    };
    Some(target.trim_end_matches('.').to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::super::records::Record;
    use super::*;
    use crate::model::Topology;

    #[test]
    fn names_lead_to_load_balancers_by_aliases_and_other_names() {
        let balancer = LoadBalancer::new("shop", Vec::new());
        let own = load_balancer_dns_name(&balancer.name, balancer.internal);
        let topology = Topology::new("shop", [balancer]);
        let sets = [
            ("app.example.com.", json!({ "Type": "A", "AliasTarget": { "DNSName": format!("dualstack.{own}.") } })),
            ("\\052.example.com.", json!({ "Type": "A", "AliasTarget": { "DNSName": format!("{own}.") } })),
            ("www.example.com.", cname("app.example.com")),
            ("a.example.com.", cname("b.example.com.")),
            ("b.example.com.", cname("a.example.com.")),
            ("other.example.com.", cname("gone.us-east-1.elb.amazonaws.com.")),
            ("example.com.", json!({ "Type": "NS", "ResourceRecords": { "ResourceRecord": [] } })),
        ];
        let mut records = Records::default();
        for (name, mut set) in sets {
            set["Name"] = json!(name);
            let record = Record::new(json!({ "Zone": "Z1", "Set": set }));
            records.put(RECORD_SET, name, &Arc::new(record)).unwrap();
        }
        let names = of(&records, &topology.load_balancers);
        let names: Vec<&str> = names.keys().map(DomainName::as_str).collect();
        assert_eq!(names, ["*.example.com", "app.example.com", "www.example.com"]);
    }

    fn cname(value: &str) -> Value {
        json!({ "Type": "CNAME", "TTL": 60, "ResourceRecords": { "ResourceRecord": [{ "Value": value }] } })
    }
}
