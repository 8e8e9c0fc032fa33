//! Addresses of tasks: the project's subnet, and the assignment of its addresses.
//!
//! We assign addresses ourselves, because a task's host name contains its address (`ip-172-31-40-5.ec2.internal`) and the
//! engine needs the name before it chooses an address. As in a VPC subnet, the first four addresses and the last are never
//! assigned (VPC user guide, "Subnet sizing"), and a freed address is not reused soon.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

/// The number of addresses at the start of a subnet that AWS reserves: network, router, DNS, future use.
const RESERVED: u32 = 4;

/// The addresses of one project.
#[derive(Debug)]
pub(crate) struct Addresses {
    subnet: Ipv4Net,
    next: u32,
    used: BTreeSet<Ipv4Addr>,
}

impl Addresses {
    /// All addresses except `used` are free.
    pub(crate) fn new(subnet: Ipv4Net, used: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        Self { subnet, next: RESERVED, used: used.into_iter().collect() }
    }

    /// The subnet's second address, which AWS reserves for its DNS and we for the door.
    pub(crate) fn second(&self) -> Ipv4Addr {
        Ipv4Addr::from(u32::from(self.subnet.network()) + 2)
    }

    /// Takes the next free address.
    pub(crate) fn take(&mut self) -> Option<Ipv4Addr> {
        let network = u32::from(self.subnet.network());
        let last = u32::from(self.subnet.broadcast()) - network;
        for _ in RESERVED..last {
            let address = Ipv4Addr::from(network + self.next);
            self.next = if self.next + 1 >= last { RESERVED } else { self.next + 1 };
            if self.used.insert(address) {
                return Some(address);
            }
        }
        None
    }

    /// Returns an address.
    pub(crate) fn release(&mut self, address: Ipv4Addr) {
        self.used.remove(&address);
    }
}

/// Subnets to try for a project, best first: parts of the default VPC's 172.31.0.0/16, then of ranges that home and
/// office networks seldom use. The project's name decides where to start, so that a project keeps its subnet between
/// runs and two projects want different ones.
pub(crate) fn subnets(project: &str, taken: &[Ipv4Net]) -> Vec<Ipv4Net> {
    let start = project.bytes().fold(7_u8, |hash, byte| hash.wrapping_mul(31).wrapping_add(byte));
    let ranges = [[172, 31], [10, 213], [10, 214]];
    let mut subnets = Vec::new();
    for [first, second] in ranges {
        for offset in 0..=u8::MAX {
            let address = Ipv4Addr::new(first, second, start.wrapping_add(offset), 0);
            let Ok(subnet) = Ipv4Net::new(address, 24) else { continue };
            if !taken.iter().any(|other| other.contains(&subnet) || subnet.contains(other)) {
                subnets.push(subnet);
            }
        }
    }
    subnets
}

/// Networks that this machine has routes to, from the kernel's table, without the default route.
pub(crate) fn routed(table: &str) -> Vec<Ipv4Net> {
    let field = |text: &str| u32::from_str_radix(text, 16).ok().map(u32::swap_bytes).map(Ipv4Addr::from);
    table
        .lines()
        .skip(1)
        .filter_map(|line| {
            let columns: Vec<&str> = line.split_ascii_whitespace().collect();
            let subnet = Ipv4Net::with_netmask(field(columns.get(1)?)?, field(columns.get(7)?)?).ok()?;
            (subnet.prefix_len() > 0).then_some(subnet)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn net(text: &str) -> Ipv4Net {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_leave_out_the_reserved_and_come_back_last() {
        let mut addresses = Addresses::new(net("172.31.9.0/29"), [Ipv4Addr::new(172, 31, 9, 5)]);
        assert_eq!(addresses.take(), Some(Ipv4Addr::new(172, 31, 9, 4)));
        assert_eq!(addresses.take(), Some(Ipv4Addr::new(172, 31, 9, 6)), "5 is used");
        assert_eq!(addresses.take(), None, "7 is the broadcast address");
        addresses.release(Ipv4Addr::new(172, 31, 9, 5));
        assert_eq!(addresses.take(), Some(Ipv4Addr::new(172, 31, 9, 5)));
    }

    #[test]
    fn a_subnet_overlaps_nothing_that_is_there() {
        let free = subnets("chatkit", &[]);
        assert_eq!(free.len(), 3 * 256);
        assert_eq!(subnets("chatkit", &[])[0], free[0], "the same one each time");
        assert!(net("172.31.0.0/16").contains(&free[0]));
        let rest = subnets("chatkit", &[free[0], net("172.31.0.0/17")]);
        assert!(rest.iter().all(|subnet| *subnet != free[0] && !net("172.31.0.0/17").contains(subnet)));
        let office = subnets("chatkit", &[net("172.16.0.0/12"), net("10.213.0.0/16")]);
        assert!(net("10.214.0.0/16").contains(&office[0]));
    }

    #[test]
    fn routes_are_read_from_the_kernels_table() {
        let table = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n\
            eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n\
            eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n\
            tun0\t00001FAC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n";
        assert_eq!(routed(table), [net("192.0.2.0/24"), net("172.31.0.0/16")]);
    }
}
