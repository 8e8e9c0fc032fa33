//! The names that AWS's DNS gives to addresses of a VPC (VPC user guide, "DNS attributes for your VPC").

use std::net::Ipv4Addr;

/// The private DNS name of an address.
pub fn private_name(address: Ipv4Addr, region: &str) -> String {
    let [a, b, c, d] = address.octets();
    format!("ip-{a}-{b}-{c}-{d}.{}", search_domain(region))
}

/// The search domain of the region's resolver.
pub fn search_domain(region: &str) -> String {
    if region == "us-east-1" { "ec2.internal".to_owned() } else { format!("{region}.compute.internal") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_region() {
        let address = Ipv4Addr::new(172, 31, 2, 72);
        assert_eq!(private_name(address, "us-east-1"), "ip-172-31-2-72.ec2.internal");
        assert_eq!(private_name(address, "ap-northeast-1"), "ip-172-31-2-72.ap-northeast-1.compute.internal");
    }
}
