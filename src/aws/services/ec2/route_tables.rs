//! Route tables (EC2 API reference).

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{done, missing};
use super::finding::gone;
use super::kinds::{INTERNET_GATEWAY, NAT_GATEWAY, ROUTE_TABLE, SUBNET, VPC};
use super::specification::{Specification, specified};
use super::{defaults, describe, gateways};
use crate::aws::action::{Decision, Input, State};
use crate::control::desired::edit::Edit;
use crate::control::desired::records::Record;
use crate::protocols::answer::Members;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Asked {
    route_table_id: String,
    vpc_id: String,
    subnet_id: Option<String>,
    gateway_id: Option<String>,
    nat_gateway_id: Option<String>,
    vpc_peering_connection_id: Option<String>,
    transit_gateway_id: Option<String>,
    network_interface_id: Option<String>,
    vpc_endpoint_id: Option<String>,
    destination_cidr_block: Option<String>,
    destination_ipv6_cidr_block: Option<String>,
    association_id: String,
    client_token: Option<String>,
    tag_specification: Vec<Specification>,
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let made = state.made_with(ROUTE_TABLE.record, "clientToken", asked.client_token.as_deref());
    if let Some((id, _)) = made {
        return Ok(Decision::members(json!({ "routeTable": describe::one(state, &ROUTE_TABLE, id)? })));
    }
    let vpc = VPC.find(state, &asked.vpc_id)?;
    let tags = specified(asked.tag_specification, &ROUTE_TABLE)?;
    let id = state.ids.ec2("rtb");
    let mut value = defaults::route_table(&id, &asked.vpc_id, vpc.text("cidrBlock"));
    value["clientToken"] = json!(asked.client_token);
    let edit = Edit::put(ROUTE_TABLE.record, &id, Record::new(value).with(tags));
    Ok(Decision::edit(edit, move |state| {
        Ok(Members(json!({ "routeTable": describe::one(state, &ROUTE_TABLE, &id)? })))
    }))
}

/// Whether it serves all subnets of its VPC that have no other.
pub(super) fn is_main(table: &Value) -> bool {
    items(table, "associationSet").any(|association| association["main"] == json!(true))
}

fn items<'v>(table: &'v Value, list: &str) -> impl Iterator<Item = &'v Value> {
    table[list].as_array().into_iter().flatten()
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { route_table_id: id, .. } = input.read()?;
    if items(&ROUTE_TABLE.find(state, &id)?.value, "associationSet").next().is_some() {
        let message = format!("The routeTable '{id}' has dependencies and cannot be deleted.");
        return Err(Fault::new("DependencyViolation", message));
    }
    Ok(Decision::edit(gone(&ROUTE_TABLE, &id), |_| Ok(done())))
}

impl Asked {
    /// The range that a route is for, as AWS keeps it: without the bits of a host.
    fn destination(&self) -> Result<String, Fault> {
        let given = self.destination_cidr_block.as_ref().or(self.destination_ipv6_cidr_block.as_ref());
        let given = given.ok_or_else(|| missing("destinationCidrBlock"))?;
        let range: IpNet = given.parse().map_err(|_| {
            let message = format!(
                "Value ({given}) for parameter destinationCidrBlock is invalid. This is not a valid CIDR block."
            );
            Fault::new("InvalidParameterValue", message)
        })?;
        Ok(range.trunc().to_string())
    }

    /// Where it leads: the member that names it, and its id.
    fn target(&self, state: &State) -> Result<(&'static str, &str), Fault> {
        let given = [
            ("gatewayId", &self.gateway_id),
            ("natGatewayId", &self.nat_gateway_id),
            ("vpcPeeringConnectionId", &self.vpc_peering_connection_id),
            ("transitGatewayId", &self.transit_gateway_id),
            ("networkInterfaceId", &self.network_interface_id),
            ("gatewayId", &self.vpc_endpoint_id),
        ];
        let mut given = given.into_iter().filter_map(|(member, id)| Some((member, id.as_deref()?)));
        let (member, id) = given.next().ok_or_else(|| {
            Fault::new(
                "MissingParameter",
                "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, \
                 vpcPeeringConnectionId, transitGatewayId or vpcEndpointId",
            )
        })?;
        match id.split('-').next() {
            Some("igw") => gateways::exists(state, &INTERNET_GATEWAY, id)?,
            Some("nat") => gateways::exists(state, &NAT_GATEWAY, id)?,
            _ => {}
        }
        Ok((member, id))
    }
}

fn destination_of(route: &Value) -> Option<&str> {
    route["destinationCidrBlock"].as_str().or_else(|| route["destinationIpv6CidrBlock"].as_str())
}

pub(super) fn create_route(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let mut table = ROUTE_TABLE.find(state, &asked.route_table_id)?.into_owned();
    let destination = asked.destination()?;
    if items(&table.value, "routeSet").any(|route| destination_of(route) == Some(&destination)) {
        let message = format!("The route identified by {destination} already exists.");
        return Err(Fault::new("RouteAlreadyExists", message));
    }
    let (member, target) = asked.target(state)?;
    let route = defaults::route(&destination, member, target);
    list(&mut table, "routeSet").for_each(|routes| routes.push(route.clone()));
    Ok(Decision::edit(Edit::put(ROUTE_TABLE.record, asked.route_table_id, table), |_| Ok(done())))
}

/// A list of a table, to be changed.
fn list<'r>(table: &'r mut Record, name: &str) -> impl Iterator<Item = &'r mut Vec<Value>> {
    table.value[name].as_array_mut().into_iter()
}

pub(super) fn replace_route(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let mut table = ROUTE_TABLE.find(state, &asked.route_table_id)?.into_owned();
    let destination = asked.destination()?;
    let (member, target) = asked.target(state)?;
    let is_it = |route: &Value| destination_of(route) == Some(&destination);
    if !items(&table.value, "routeSet").any(is_it) {
        return Err(no_route(&asked.route_table_id, &destination, "InvalidParameterValue"));
    }
    let new = defaults::route(&destination, member, target);
    list(&mut table, "routeSet").flatten().filter(|route| is_it(route)).for_each(|route| *route = new.clone());
    Ok(Decision::edit(Edit::put(ROUTE_TABLE.record, asked.route_table_id, table), |_| Ok(done())))
}

fn no_route(table: &str, destination: &str, code: &'static str) -> Fault {
    let message = format!("no route with destination-cidr-block {destination} in route table {table}");
    Fault::new(code, message)
}

pub(super) fn delete_route(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let mut table = ROUTE_TABLE.find(state, &asked.route_table_id)?.into_owned();
    let destination = asked.destination()?;
    let is_it = |route: &Value| destination_of(route) == Some(&destination);
    match items(&table.value, "routeSet").find(|route| is_it(route)) {
        None => return Err(no_route(&asked.route_table_id, &destination, "InvalidRoute.NotFound")),
        Some(route) if route["gatewayId"] == "local" => {
            let message = format!("cannot remove local route {destination} in route table {}", asked.route_table_id);
            return Err(Fault::new("InvalidParameterValue", message));
        }
        Some(_) => {}
    }
    list(&mut table, "routeSet").for_each(|routes| routes.retain(|route| !is_it(route)));
    Ok(Decision::edit(Edit::put(ROUTE_TABLE.record, asked.route_table_id, table), |_| Ok(done())))
}

pub(super) fn associate(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let mut table = ROUTE_TABLE.find(state, &asked.route_table_id)?.into_owned();
    let association = state.ids.ec2("rtbassoc");
    let value = match (&asked.subnet_id, &asked.gateway_id) {
        (Some(subnet), _) => {
            SUBNET.find(state, subnet)?;
            if find_association(state, |one| one["subnetId"] == json!(subnet)).is_some() {
                let message = format!(
                    "the specified association for route table {} conflicts with an existing association",
                    asked.route_table_id
                );
                return Err(Fault::new("Resource.AlreadyAssociated", message));
            }
            defaults::association(&association, &asked.route_table_id, Some(subnet))
        }
        (None, Some(gateway)) => {
            gateways::exists(state, &INTERNET_GATEWAY, gateway)?;
            let mut value = defaults::association(&association, &asked.route_table_id, None);
            value["main"] = json!(false);
            value["gatewayId"] = json!(gateway);
            value
        }
        (None, None) => return Err(missing("subnetId")),
    };
    list(&mut table, "associationSet").for_each(|all| all.push(value.clone()));
    let edit = Edit::put(ROUTE_TABLE.record, asked.route_table_id, table);
    Ok(Decision::edit(edit, move |_| Ok(Members(associated(&association)))))
}

fn associated(association: &str) -> Value {
    json!({ "associationId": association, "associationState": { "state": "associated" } })
}

/// The table that has such an association, and the association.
fn find_association(state: &State, is_it: impl Fn(&Value) -> bool) -> Option<(String, Record, Value)> {
    ROUTE_TABLE.list(state).into_iter().find_map(|(id, table)| {
        let association = items(&table.value, "associationSet").find(|one| is_it(one))?.clone();
        Some((id, table.into_owned(), association))
    })
}

fn association(state: &State, id: &str) -> Result<(String, Record, Value), Fault> {
    find_association(state, |one| one["routeTableAssociationId"] == json!(id))
        .ok_or_else(|| Fault::new("InvalidAssociationID.NotFound", format!("The association ID '{id}' does not exist")))
}

pub(super) fn disassociate(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let Asked { association_id, .. } = input.read()?;
    let (id, mut table, found) = association(state, &association_id)?;
    if found["main"] == json!(true) {
        let message = format!("cannot disassociate the main route table association {association_id}");
        return Err(Fault::new("InvalidParameterValue", message));
    }
    list(&mut table, "associationSet").for_each(|all| all.retain(|one| *one != found));
    Ok(Decision::edit(Edit::put(ROUTE_TABLE.record, id, table), |_| Ok(done())))
}

/// Another table for a subnet, or for all of them that have none of their own.
pub(super) fn replace_association(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let asked: Asked = input.read()?;
    let (from, mut before, mut found) = association(state, &asked.association_id)?;
    let after = ROUTE_TABLE.find(state, &asked.route_table_id)?;
    list(&mut before, "associationSet").for_each(|all| all.retain(|one| *one != found));
    let mut after = if from == asked.route_table_id { before.clone() } else { after.into_owned() };
    let new = state.ids.ec2("rtbassoc");
    found["routeTableAssociationId"] = json!(new);
    found["routeTableId"] = json!(asked.route_table_id);
    list(&mut after, "associationSet").for_each(|all| all.push(found.clone()));
    let edits =
        vec![Edit::put(ROUTE_TABLE.record, from, before), Edit::put(ROUTE_TABLE.record, asked.route_table_id, after)];
    Ok(Decision::edits(edits, move |_| {
        let mut reply = associated(&new);
        reply["newAssociationId"] = reply["associationId"].take();
        Ok(Members(reply))
    }))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    describe::remembered(state, input, &ROUTE_TABLE)
}
