//! The local ports of listeners: as `--listen` says, and apart from each other where load balancers share an address.

use std::net::{IpAddr, Ipv4Addr, TcpListener};

use crate::admin::diagnosis::other_port;
use crate::admin::wire::Listen;
use crate::model::Topology;
use crate::model::listener::LoadBalancer;

/// Reads `443=8443` or `internal:443=8443`.
pub(crate) fn parse(text: &str) -> Result<Listen, String> {
    let (listener, local) = text.split_once('=').ok_or("must look like 443=8443")?;
    let number = |text: &str| -> Result<u16, String> {
        match text.trim().parse() {
            Ok(0) | Err(_) => Err(format!("`{text}` is not a port (1-65535)")),
            Ok(port) => Ok(port),
        }
    };
    let (load_balancer, port) = match listener.split_once(':') {
        Some((name, port)) => (Some(name.trim().to_owned()), port),
        None => (None, listener),
    };
    Ok(Listen { load_balancer, port: number(port)?, local: number(local)? })
}

/// Whether this machine has the address. Linux has all of 127.0.0.0/8, macOS only 127.0.0.1.
pub(crate) fn is_here(address: IpAddr) -> bool {
    TcpListener::bind((address, 0)).is_ok()
}

/// Applies `--listen`, and gives listeners other ports where their addresses turn out to be one. Returns what to tell
/// people of that.
pub(crate) fn bind(
    topology: &mut Topology,
    listen: &[Listen],
    is_here: impl Fn(IpAddr) -> bool,
) -> Result<Vec<String>, String> {
    for one in listen {
        bind_one(topology, one)?;
    }
    let told = share_address(topology, listen, is_here);
    let mut bound: Vec<(&LoadBalancer, u16)> = Vec::new();
    for (balancer, listener) in topology.listeners() {
        let clashes = |(other, port): &&(&LoadBalancer, u16)| {
            let (one, two) = (balancer.bind_address, other.bind_address);
            *port == listener.bind_port && (one == two || one.is_unspecified() || two.is_unspecified())
        };
        if bound.iter().any(|other| clashes(&other)) {
            return Err(format!("--listen: two listeners would be bound to local port {}", listener.bind_port));
        }
        bound.push((balancer, listener.bind_port));
    }
    Ok(told)
}

fn bind_one(topology: &mut Topology, listen: &Listen) -> Result<(), String> {
    let several = topology.has_several_load_balancers();
    let names: Vec<String> = topology.load_balancers.keys().map(ToString::to_string).collect();
    if let Some(name) = listen.load_balancer.as_ref().filter(|name| !names.contains(name)) {
        return Err(format!(
            "--listen {listen}: there is no load balancer `{name}`; the load balancers are: {}",
            names.join(", ")
        ));
    }
    let shown = topology.listeners().map(|(balancer, listener)| match several {
        true => format!("{}:{}", balancer.name, listener.port),
        false => listener.port.to_string(),
    });
    let ports: Vec<String> = shown.collect();
    let mut found = Vec::new();
    for balancer in topology.load_balancers.values_mut() {
        if listen.load_balancer.as_deref().is_none_or(|name| name == balancer.name.as_str()) {
            let listeners = balancer.listeners.iter_mut().filter(|listener| listener.port == listen.port);
            found.extend(listeners.map(|listener| (&balancer.name, listener)));
        }
    }
    // In an account without load balancers, it is about those that clients will create.
    if names.is_empty() && listen.load_balancer.is_none() {
        topology.local_ports.insert(listen.port, listen.local);
        return Ok(());
    }
    match found.as_mut_slice() {
        [(_, listener)] => {
            listener.bind_port = listen.local;
            Ok(())
        }
        [] => {
            Err(format!("--listen {listen}: no listener has port {}; the ports are: {}", listen.port, ports.join(", ")))
        }
        [(first, _), ..] => Err(format!(
            "--listen {listen}: several load balancers have a listener on port {}; name one of them: --listen \
             {first}:{listen}",
            listen.port
        )),
    }
}

/// Moves load balancers whose loopback address this machine does not have to the one that it has.
fn share_address(topology: &mut Topology, listen: &[Listen], is_here: impl Fn(IpAddr) -> bool) -> Vec<String> {
    let mut told = Vec::new();
    if !topology.has_several_load_balancers() {
        return told;
    }
    let only = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let is_missing = |address: IpAddr| address.is_loopback() && address != only && !is_here(address);
    let (mut moved, stays): (Vec<_>, Vec<_>) =
        topology.load_balancers.values_mut().partition(|balancer| is_missing(balancer.bind_address));
    // In the order of the file, which is that of their addresses.
    moved.sort_by_key(|balancer| balancer.bind_address);
    let mut taken: Vec<u16> = Vec::new();
    for balancer in stays.iter().filter(|balancer| balancer.bind_address == only) {
        taken.extend(balancer.listeners.iter().map(|listener| listener.bind_port));
    }
    for balancer in moved {
        let missing = std::mem::replace(&mut balancer.bind_address, only);
        let mut mapped = Vec::new();
        for listener in &mut balancer.listeners {
            let is_given = listen.iter().any(|one| {
                one.port == listener.port
                    && one.load_balancer.as_deref().is_none_or(|name| name == balancer.name.as_str())
            });
            if !is_given && taken.contains(&listener.bind_port) {
                let mut port = other_port(listener.port);
                while taken.contains(&port) {
                    port = port.checked_add(1).unwrap_or(1024);
                }
                listener.bind_port = port;
                mapped.push(format!("{} is {port}", listener.port));
            }
            taken.push(listener.bind_port);
        }
        let name = &balancer.name;
        let ports = if mapped.is_empty() { String::new() } else { format!(": port {}", mapped.join(", ")) };
        told.push(format!(
            "load balancer {name} shares 127.0.0.1, because this machine has no address {missing}{ports}; `--listen \
             {name}:PORT=LOCAL` chooses other ports"
        ));
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::input::testing::topology;

    const FILE: &str = "\
name: shop
load_balancers:
  public:
    domain: shop.example.com
    listeners:
      - { port: 80, protocol: HTTP, default_action: { fixed_response: { content_type: text/plain, status_code: 200 } } }
      - { port: 443, protocol: HTTPS, default_action: { fixed_response: { content_type: text/plain, status_code: 200 } } }
  internal:
    domain: internal.example.com
    internal: true
    listeners:
      - { port: 443, protocol: HTTPS, default_action: { fixed_response: { content_type: text/plain, status_code: 200 } } }
      - { port: 9000, protocol: HTTP, default_action: { fixed_response: { content_type: text/plain, status_code: 200 } } }
";

    fn bound(listen: &[&str], is_here: bool) -> Result<(Vec<String>, Vec<String>), String> {
        let mut topology = topology(FILE);
        let listen: Vec<Listen> = listen.iter().map(|text| parse(text).unwrap()).collect();
        let told = bind(&mut topology, &listen, |_| is_here)?;
        let shown = topology.listeners().map(|(balancer, listener)| {
            format!("{}:{} at {}:{}", balancer.name, listener.port, balancer.bind_address, listener.bind_port)
        });
        Ok((shown.collect(), told))
    }

    #[test]
    fn each_load_balancer_has_its_own_address() {
        let (shown, told) = bound(&[], true).unwrap();
        let expected = [
            "internal:443 at 127.0.0.2:443",
            "internal:9000 at 127.0.0.2:9000",
            "public:80 at 127.0.0.1:80",
            "public:443 at 127.0.0.1:443",
        ];
        assert_eq!(shown, expected);
        assert!(told.is_empty());
    }

    #[test]
    fn where_there_is_one_address_ports_are_mapped_and_that_is_said() {
        let (shown, told) = bound(&[], false).unwrap();
        assert_eq!(shown[..2], ["internal:443 at 127.0.0.1:8443", "internal:9000 at 127.0.0.1:9000"]);
        let expected = "load balancer internal shares 127.0.0.1, because this machine has no address 127.0.0.2: port 443 is \
                        8443; `--listen internal:PORT=LOCAL` chooses other ports";
        assert_eq!(told, [expected]);
        let (shown, _) = bound(&["internal:443=9443"], false).unwrap();
        assert_eq!(shown[0], "internal:443 at 127.0.0.1:9443");
    }

    #[test]
    fn listen_names_one_of_several_load_balancers() {
        let (shown, _) = bound(&["internal:443=8443", "80=8080"], true).unwrap();
        assert_eq!(shown[0], "internal:443 at 127.0.0.2:8443");
        assert_eq!(shown[2], "public:80 at 127.0.0.1:8080");
        for (listen, wrong) in [
            (
                "443=8443",
                "several load balancers have a listener on port 443; name one of them: --listen internal:443=8443",
            ),
            ("private:443=8443", "there is no load balancer `private`; the load balancers are: internal, public"),
            (
                "public:9000=1",
                "no listener has port 9000; the ports are: internal:443, internal:9000, public:80, public:443",
            ),
            ("public:80=443", "two listeners would be bound to local port 443"),
        ] {
            let error = bound(&[listen], true).unwrap_err();
            assert!(error.ends_with(wrong), "{listen}: {error}");
        }
    }

    #[test]
    fn a_listener_is_remapped_by_two_ports() {
        assert_eq!(parse("443=8443"), Ok(Listen { load_balancer: None, port: 443, local: 8443 }));
        assert_eq!(parse("a-b:443=8443").map(|listen| listen.to_string()), Ok("a-b:443=8443".to_owned()));
        for wrong in ["443", "0=1", "443=65536", "a:=1", "a:b:1=2"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
