//! The address of the endpoint, and how tasks reach it.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Where tasks find it.
pub const ADDRESS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 170, 2), 80);

/// The link-local address from which a task with this address connects to [`ADDRESS`]. The last byte tells tasks apart:
/// a project's subnet has 256 addresses.
pub fn link_local(task: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::new(169, 254, 172, task.octets()[3])
}
