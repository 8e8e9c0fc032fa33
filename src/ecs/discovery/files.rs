//! The files of a task's containers that lead to names: `/etc/hosts` and `/etc/resolv.conf`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::Ipv4Addr;

use neargate_model::dns;
use neargate_model::service_connect::Endpoint;

/// The DNS server of the network that a task is in: the second address of its subnet (VPC user guide, "Amazon DNS server").
pub fn resolver(task: Ipv4Addr) -> Ipv4Addr {
    let [a, b, c, _] = task.octets();
    Ipv4Addr::new(a, b, c, 2)
}

/// `/etc/resolv.conf`: the network's DNS server, and the domain of its hosts.
pub fn resolv_conf(task: Ipv4Addr, region: &str) -> String {
    format!("search {}\nnameserver {}\n", dns::search_domain(region), resolver(task))
}

/// `/etc/hosts`: the loopback address, the task's own, and those of Service Connect. Fargate's tasks have no names for IPv6.
pub fn hosts(task: Ipv4Addr, region: &str, endpoints: &[Endpoint]) -> String {
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    let _ = writeln!(hosts, "{task} {}", dns::private_name(task, region));
    let mut named = BTreeSet::new();
    for Endpoint { address, dns_name, .. } in endpoints {
        if named.insert(dns_name) {
            let _ = writeln!(hosts, "{address} {dns_name}");
        }
    }
    hosts
}
