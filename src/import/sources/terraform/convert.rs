//! From resources to objects.

use super::resource::Resource;
use super::{balancer, ecs, group, security, shape::Shape};
use crate::objects::{Finding, Item, Kind, Object, Objects};

/// The objects of all resources of a state or plan.
pub(super) fn objects(resources: &[Resource]) -> Objects {
    let mut objects = Objects::default();
    for resource in resources {
        if resource.is_tainted {
            objects.findings.push(Finding {
                place: resource.values.place.clone(),
                note: "it is tainted: Terraform will replace it at the next apply".to_owned(),
                refused: false,
            });
        }
        match resource.kind {
            "aws_lb_target_group_attachment" | "aws_acm_certificate_validation" => {}
            "aws_ecs_express_gateway_service" => objects.findings.push(Finding {
                place: resource.values.place.clone(),
                note: "ECS Express Mode makes the load balancer itself; import its answers to `describe-*` instead"
                    .to_owned(),
                refused: true,
            }),
            _ => {
                let place = resource.values.place.clone();
                let before = objects.list.len();
                objects.list.extend(object(resource));
                if resource.is_data {
                    // What a data source does not say is no mistake of this configuration.
                    objects.list[before..].iter_mut().for_each(|object| object.others.clear());
                }
                if objects.list.len() == before && resource.kind == "aws_lb" {
                    objects.findings.push(Finding {
                        place,
                        note: "network and gateway load balancers are not emulated; it is left out".to_owned(),
                        refused: false,
                    });
                }
            }
        }
    }
    attach(resources, &mut objects);
    objects
}

fn object(resource: &Resource) -> Option<Object> {
    Some(match resource.kind {
        "aws_lb" => return balancer::load_balancer(resource),
        "aws_lb_listener" => balancer::listener(resource),
        "aws_lb_listener_certificate" => balancer::listener_certificate(resource),
        "aws_lb_listener_rule" => return balancer::rule(resource),
        "aws_lb_target_group" => group::target_group(resource),
        "aws_ecs_service" => ecs::service(resource),
        "aws_ecs_task_definition" => ecs::task_definition(resource),
        "aws_security_group" | "aws_default_security_group" => security::group(resource),
        "aws_security_group_rule" => return security::rule(resource),
        "aws_vpc_security_group_ingress_rule" => security::ingress_rule(resource),
        "aws_acm_certificate" => certificate(resource),
        "aws_secretsmanager_secret" | "aws_ssm_parameter" => secret(resource),
        "aws_route53_record" => return alias(resource),
        "aws_appautoscaling_target" => scalable_target(resource),
        "aws_wafv2_web_acl_association" => web_acl(resource),
        _ => return None,
    })
}

/// Certificates say for which names; never their keys.
fn certificate(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::Certificate, resource);
    shape.rename(&[("domain_name", "DomainName"), ("subject_alternative_names", "SubjectAlternativeNames")]);
    quiet(shape)
}

/// Names of secrets; never their values.
fn secret(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::Secret, resource);
    shape.name("Name");
    if let Some(name) = shape.object.get("Name").and_then(Item::as_text) {
        shape.object.ids.push(name);
    }
    quiet(shape)
}

/// A record that leads to a load balancer, or to any other name.
fn alias(resource: &Resource) -> Option<Object> {
    let mut shape = Shape::new(Kind::Alias, resource);
    let name = shape.take("fqdn").or_else(|| shape.take("name"))?;
    let target = shape.block("alias")?.get("name")?.clone();
    shape.put("Name", name);
    shape.put("DNSName", target);
    shape.object.ids.clear();
    Some(quiet(shape))
}

fn scalable_target(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::ScalableTarget, resource);
    shape.rename(&[
        ("resource_id", "ResourceId"),
        ("min_capacity", "MinCapacity"),
        ("max_capacity", "MaxCapacity"),
        ("scalable_dimension", "ScalableDimension"),
    ]);
    shape.object.ids.clear();
    quiet(shape)
}

fn web_acl(resource: &Resource) -> Object {
    let mut shape = Shape::new(Kind::WebAcl, resource);
    shape.rename(&[("resource_arn", "ResourceArn")]);
    shape.object.ids.clear();
    quiet(shape)
}

/// An object that is only asked for a few fields: the rest is not worth a line.
fn quiet(shape: Shape<'_>) -> Object {
    shape.object
}

/// Targets that Terraform registers itself: they become the groups'.
fn attach(resources: &[Resource], objects: &mut Objects) {
    for resource in resources.iter().filter(|resource| resource.kind == "aws_lb_target_group_attachment") {
        let place = &resource.values.place;
        let group = resource.values.get("target_group_arn").and_then(Item::as_text);
        let key = group.and_then(|group| objects.named(Kind::TargetGroup, &group).map(|group| group.key.clone()));
        let Some(group) = objects.list.iter_mut().find(|object| Some(&object.key) == key.as_ref()) else { continue };
        let target = super::shape::renamed(&resource.values, &[("target_id", "Id"), ("port", "Port")]);
        let mut targets = group.get("Targets").map(|known| known.list().to_vec()).unwrap_or_default();
        targets.push(target);
        group.fields.put("Targets", super::shape::list(targets, place));
    }
}
