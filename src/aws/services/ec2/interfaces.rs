//! Network interfaces (EC2 API reference, DescribeNetworkInterfaces): one for each task that has an address, and one for each
//! load balancer in each default subnet that it could be in. Terraform waits until those of a load balancer are gone.

use serde_json::{Value, json};

use super::defaults;
use super::describe::{self, Shown};
use super::kinds::NETWORK_INTERFACE;
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::records::Tags;
use crate::ecs::world::Task;
use crate::model::arn::{self, ACCOUNT, REGION};
use crate::model::listener::LoadBalancer;
use crate::model::{SecurityGroupName, ServiceName, Zone};
use crate::protocols::fault::Fault;

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let tasks = state.snapshot.world.tasks.values().filter_map(|task| of_task(state, task));
    let balancers = state.desired.topology().load_balancers.values().map(|balancer| of_balancer(state, balancer));
    describe::described(&NETWORK_INTERFACE, input.read()?, tasks.chain(balancers).collect())
}

fn of_task(state: &State, task: &Task) -> Option<Shown> {
    let (zone, address) = (task.zone()?, task.address()?);
    let service = |name: &ServiceName| state.desired.topology().services.get(name);
    let groups = task.spec.service().and_then(service).map(|service| service.security_groups.as_slice());
    let id = arn::network_interface_id(&task.spec.id);
    let mut value = interface(&id, zone.as_str(), &address.to_string(), &named(state, groups.unwrap_or_default()));
    let attachment = arn::uuid(&["attachment", task.spec.id.as_str()]);
    value["description"] = json!(format!("arn:aws:ecs:{REGION}:{ACCOUNT}:attachment/{attachment}"));
    value["requesterId"] = json!("578734482556");
    value["attachment"]["instanceOwnerId"] = json!("578734482556");
    Some(Shown { id, value, tags: Tags::new() })
}

fn of_balancer(state: &State, balancer: &LoadBalancer) -> Shown {
    let name = arn::load_balancer_id(&balancer.name);
    let id = format!("eni-0{:016x}", arn::fingerprint(&["eni", &name]));
    let (zone, _) = defaults::ZONES[0];
    let address = super::gateways::inside("172.31.0.0/20", &name);
    let mut value = interface(&id, zone, &address, &named(state, &balancer.security_groups));
    value["description"] = json!(format!("ELB {name}"));
    value["requesterId"] = json!("amazon-elb");
    value["attachment"]["instanceOwnerId"] = json!("amazon-elb");
    Shown { id, value, tags: Tags::new() }
}

/// Groups as an interface lists them. The topology's name of a group is told apart from the one that it has at EC2.
fn named(state: &State, groups: &[SecurityGroupName]) -> Value {
    let all = super::groups::all(state);
    let found = groups.iter().filter_map(|key| all.iter().find(|group| group.id == arn::security_group_id(key)));
    found.map(|group| json!({ "groupId": group.id, "groupName": group.name })).collect()
}

fn interface(id: &str, zone: &str, address: &str, groups: &Value) -> Value {
    let name = format!("ip-{}.ec2.internal", address.replace('.', "-"));
    json!({
        "networkInterfaceId": id,
        "subnetId": arn::subnet_id(&Zone::new(zone)),
        "vpcId": defaults::vpc_id(),
        "availabilityZone": zone,
        "ownerId": ACCOUNT,
        "requesterManaged": true,
        "status": "in-use",
        "macAddress": "02:00:00:00:00:00",
        "privateIpAddress": address,
        "privateDnsName": name,
        "sourceDestCheck": true,
        "interfaceType": "interface",
        "groupSet": groups,
        "attachment": {
            "attachmentId": id.replace("eni-", "eni-attach-"),
            "deviceIndex": 1,
            "status": "attached",
            "deleteOnTermination": false,
        },
        "privateIpAddressesSet": [{ "privateIpAddress": address, "privateDnsName": name, "primary": true }],
        "ipv6AddressesSet": [],
    })
}
