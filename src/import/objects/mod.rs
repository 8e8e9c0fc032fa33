//! What a team has at AWS, whatever file it was read from: load balancers, listeners, rules, target groups, services and
//! so on, each in the shape of AWS's API.
//!
//! ```text
//!  bytes ──sources──► Objects ──lower──► neargate.yaml, task definitions, .env.example, fidelity report
//!                      │  every leaf: a value, where it comes from (Origin), and its place in the source (Place)
//!                      └─ links: text that is an ARN, an id or a name; or Link, where the source knows more
//! ```
//! A front end (`sources/`) makes objects and decides nothing: what neargate makes of a field is `lower`'s to say.
//!
//! | kind | fields, as AWS's API spells them |
//! |---|---|
//! | `LoadBalancer` | `Name` `Type` `Scheme` `DNSName` `SecurityGroups` `Attributes` |
//! | `Listener` | `LoadBalancerArn` `Port` `Protocol` `SslPolicy` `Certificates` `DefaultActions` `Attributes` `MutualAuthentication` |
//! | `ListenerCertificate` | `ListenerArn` `Certificates` |
//! | `Rule` | `ListenerArn` `Priority` `Conditions` `Actions` `Transforms` |
//! | `TargetGroup` | `Name` `Port` `Protocol` `ProtocolVersion` `TargetType` `HealthCheck…` `HealthyThresholdCount` `Matcher` `Targets` `Attributes` |
//! | `Service` | as DescribeServices: `serviceName` `cluster` `taskDefinition` `desiredCount` `loadBalancers` `networkConfiguration` … |
//! | `TaskDefinition` | as RegisterTaskDefinition: `family` `containerDefinitions` `cpu` … |
//! | `SecurityGroup` | `GroupName` `IpPermissions` |
//! | `SecurityGroupIngress` | `GroupId` `IpPermissions`: rules that are resources |
//! | `Certificate` | `DomainName` `SubjectAlternativeNames` |
//! | `Secret` | `Name`, never a value |
//! | `Alias` | `Name` `DNSName`: a record that leads to a load balancer |
//! | `ScalableTarget` | `ResourceId` `MinCapacity` `MaxCapacity` |
//! | `WebAcl` | `ResourceArn` |
//!
//! `Attributes` is a map by AWS's key (`idle_timeout.timeout_seconds`), or the API's list of `Key` and `Value`. A front end
//! may leave out any field, and may add more: the report says that those are not honoured.

pub(crate) mod bind;
pub(crate) mod item;
pub(crate) mod object;
pub(crate) mod place;

pub use bind::NotBound;
pub use item::{Item, Link, Origin, Value};
pub use object::{Finding, Kind, Object, Objects, Target, made_up};
pub use place::Place;
