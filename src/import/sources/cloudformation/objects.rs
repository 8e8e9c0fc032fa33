//! From evaluated values to the values of objects.

use super::stack::Stacks;
use super::tree::At;
use super::value::{Evaluated, Piece, Token, What};
use crate::objects::{Item, Kind, Link, Origin, Place, Value};

/// What the resources of a type are.
pub(super) fn kind(of: &str) -> Option<Kind> {
    Some(match of {
        "AWS::ElasticLoadBalancingV2::LoadBalancer" => Kind::LoadBalancer,
        "AWS::ElasticLoadBalancingV2::Listener" => Kind::Listener,
        "AWS::ElasticLoadBalancingV2::ListenerCertificate" => Kind::ListenerCertificate,
        "AWS::ElasticLoadBalancingV2::ListenerRule" => Kind::Rule,
        "AWS::ElasticLoadBalancingV2::TargetGroup" => Kind::TargetGroup,
        "AWS::ECS::Service" => Kind::Service,
        "AWS::ECS::TaskDefinition" => Kind::TaskDefinition,
        "AWS::EC2::SecurityGroup" => Kind::SecurityGroup,
        "AWS::EC2::SecurityGroupIngress" => Kind::SecurityGroupIngress,
        "AWS::CertificateManager::Certificate" => Kind::Certificate,
        "AWS::SecretsManager::Secret" | "AWS::SSM::Parameter" => Kind::Secret,
        "AWS::Route53::RecordSet" => Kind::Alias,
        "AWS::ApplicationAutoScaling::ScalableTarget" => Kind::ScalableTarget,
        "AWS::WAFv2::WebACLAssociation" => Kind::WebAcl,
        _ => return None,
    })
}

/// Attributes that say which resource is meant.
const IDENTITY: &[&str] = &[
    "Ref",
    "Arn",
    "TargetGroupArn",
    "ListenerArn",
    "LoadBalancerArn",
    "RuleArn",
    "GroupId",
    "Id",
    "ServiceArn",
    "TaskDefinitionArn",
    "CertificateArn",
];

/// The key of a resource among the objects.
pub(super) fn key(stacks: &Stacks, stack: usize, id: &str) -> String {
    format!("{}/{id}", stacks.list[stack].name)
}

/// A place with line and column.
pub(super) fn placed(place: &Place, at: At) -> Place {
    Place { position: Some(at), ..place.clone() }
}

/// A value of an object.
pub(super) fn item(stacks: &Stacks, value: &Evaluated, place: &Place) -> Item {
    let place = placed(place, value.at);
    let unknown = |why: String| Item {
        value: Value::Null,
        origin: Origin::Unknown { why, candidates: Vec::new() },
        place: place.clone(),
    };
    let made = match &value.what {
        What::Removed => Item::known(Value::Null, place.clone()),
        What::Missing(why) => unknown(why.clone()),
        What::Text(text, plain) => Item::known(scalar(text, *plain), place.clone()),
        What::List(items) => {
            let items = items.iter().enumerate().map(|(at, value)| item(stacks, value, &place.index(at)));
            Item::known(Value::List(items.collect()), place.clone())
        }
        What::Map(entries) => {
            let entries = entries.iter().map(|(key, value)| (key.clone(), item(stacks, value, &place.key(key))));
            Item::known(Value::Map(entries.collect()), place.clone())
        }
        What::Rope(pieces) => match value.token() {
            Some(token) if is_link(stacks, token) => {
                Item::known(Value::Link(Link::Resource(key(stacks, token.stack, &token.id))), place.clone())
            }
            _ => match physical(stacks, pieces) {
                Ok(text) => Item::text(text, &place),
                Err(why) => unknown(why),
            },
        },
    };
    if value.secret { Item { origin: Origin::Sensitive, ..made } } else { made }
}

fn is_link(stacks: &Stacks, token: &Token) -> bool {
    let of = stacks.list[token.stack].kind(&token.id);
    IDENTITY.contains(&token.attribute.as_str()) && kind(of).is_some_and(|kind| kind != Kind::Secret)
}

/// Plain text that only a number or a truth is written as. `010` stays text.
fn scalar(text: &str, plain: bool) -> Value {
    match text {
        "true" if plain => Value::Bool(true),
        "false" if plain => Value::Bool(false),
        "" | "~" | "null" if plain => Value::Null,
        text => match text.parse::<u64>() {
            Ok(number) if plain && number.to_string() == text => Value::Number(number.into()),
            _ => Value::Text(text.to_owned()),
        },
    }
}

/// Text with the names that resources will have, as far as a name here can stand for them.
pub(super) fn physical(stacks: &Stacks, pieces: &[Piece]) -> Result<String, String> {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Text(text) => Ok(text.clone()),
            Piece::Token(token) => name(stacks, token),
        })
        .collect()
}

/// The text of a property, if it is known.
pub(super) fn property(stacks: &Stacks, stack: usize, id: &str, property: &str) -> Option<String> {
    let node = stacks.list[stack].resource(id)?.get("Properties")?.get(property)?;
    let value = super::scope::Scope::new(stacks, stack).evaluate(node);
    match &value.what {
        What::Text(text, _) => Some(text.clone()),
        What::Rope(pieces) if value.token().is_none() => physical(stacks, pieces).ok(),
        _ => None,
    }
}

/// Names are as good as those of AWS where both sides of a link use them: of clusters, secrets, log groups, repositories, roles.
fn name(stacks: &Stacks, token: &Token) -> Result<String, String> {
    let stack = &stacks.list[token.stack];
    let (id, region, account) = (&token.id, &stack.region, &stack.account);
    let called = |field: &str| property(stacks, token.stack, id, field).unwrap_or_else(|| id.clone());
    Ok(match (stack.kind(id), token.attribute.as_str()) {
        ("AWS::ECS::Cluster", "Ref") => called("ClusterName"),
        ("AWS::ECS::Cluster", "Arn") => format!("arn:aws:ecs:{region}:{account}:cluster/{}", called("ClusterName")),
        ("AWS::ECS::Service", "Name") => called("ServiceName"),
        ("AWS::SecretsManager::Secret", "Ref" | "Id") => {
            format!("arn:aws:secretsmanager:{region}:{account}:secret:{}", called("Name"))
        }
        ("AWS::SSM::Parameter", "Ref") => called("Name"),
        ("AWS::Logs::LogGroup", "Ref") => called("LogGroupName"),
        ("AWS::ECR::Repository", "Ref") => called("RepositoryName"),
        ("AWS::ECR::Repository", "RepositoryUri") => {
            format!("{account}.dkr.ecr.{region}.amazonaws.com/{}", called("RepositoryName"))
        }
        ("AWS::ECR::Repository", "Arn") => {
            format!("arn:aws:ecr:{region}:{account}:repository/{}", called("RepositoryName"))
        }
        ("AWS::IAM::Role", "Arn") => format!("arn:aws:iam::{account}:role/{}", called("RoleName")),
        ("AWS::IAM::Role", "Ref") => called("RoleName"),
        ("AWS::DynamoDB::Table", "Ref") => called("TableName"),
        ("AWS::S3::Bucket", "Ref") => called("BucketName"),
        ("AWS::EFS::FileSystem" | "AWS::EFS::AccessPoint", "Ref" | "FileSystemId" | "AccessPointId") => id.clone(),
        (_, attribute) => {
            let attribute = if attribute == "Ref" { "the id" } else { attribute };
            return Err(format!("only AWS knows {attribute} of `{id}`"));
        }
    })
}
