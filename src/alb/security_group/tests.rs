//! The cases of `fixtures/alb/security-groups/`.

use serde::Deserialize;

use super::*;
use neargate_fixture as fixture;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    source: String,
    /// Groups with their rules: `tcp 8000 from alb-sg`, `tcp 1-1024 from 10.0.0.0/8`, `all from alb-sg`.
    groups: BTreeMap<String, Vec<String>>,
    load_balancer: Vec<String>,
    /// Groups of the target; absent when a client connects to the load balancer.
    target: Option<Vec<String>>,
    client: Option<IpAddr>,
    port: u16,
    allowed: bool,
    because: String,
}

#[test]
fn connections_are_let_in_as_the_cases_say() {
    fixture::each("alb/security-groups", check);
}

fn check(case: Case) {
    let groups: Groups = case
        .groups
        .iter()
        .map(|(name, rules)| {
            let ingress = rules.iter().map(|rule| parse_rule(rule)).collect();
            (SecurityGroupName::new(name), SecurityGroup { ingress })
        })
        .collect();
    let names = |names: &[String]| names.iter().map(SecurityGroupName::new).collect::<Vec<_>>();
    let load_balancer = names(&case.load_balancer);
    let verdict = match (&case.target, case.client) {
        (Some(target), None) => load_balancer_reaches(&groups, &load_balancer, &names(target), case.port),
        (None, Some(client)) => client_reaches(&groups, &load_balancer, case.port, client),
        _ => panic!("{}: either a target or a client", case.name),
    };
    assert_eq!(
        verdict,
        Verdict { allowed: case.allowed, because: case.because.clone() },
        "{} ({})",
        case.name,
        case.source
    );
}

fn parse_rule(text: &str) -> IngressRule {
    let (what, source) = text.split_once(" from ").expect("a source");
    let source = source.parse().map_or_else(|_| Source::SecurityGroup(SecurityGroupName::new(source)), Source::Cidr);
    let (protocol, ports) = what.split_once(' ').unwrap_or((what, "0-65535"));
    let protocol = match protocol {
        "tcp" => IpProtocol::Tcp,
        "udp" => IpProtocol::Udp,
        "all" => IpProtocol::All,
        other => panic!("no such protocol: {other}"),
    };
    let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
    IngressRule { protocol, from_port: from.parse().expect("a port"), to_port: to.parse().expect("a port"), source }
}
