//! stub
use crate::model::{Topology, service::Service};
/// stub
pub fn load_balancer_may_reach(_t: &Topology, _s: &Service, _port: u16) -> bool {
    true
}
