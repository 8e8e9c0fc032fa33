//! Which action of which service a request asks for.
//!
//! One port serves all services, so the first of these that says something decides: the path of Smithy's RPC protocol,
//! `X-Amz-Target`, the scope of the signature, the host, the version in the form. (AssumeRoleWithWebIdentity is not signed at
//! all, and its host is the port's own.)

use crate::request::Request;
use crate::rest;
use crate::service::{self, Protocol, SERVICES, Service};
use crate::signature::credential::Credential;

/// An action of a service.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// Whose.
    pub service: &'static Service,
    /// As its API reference names it; empty if the request names none.
    pub action: String,
}

/// Why a request leads nowhere.
#[derive(Debug, PartialEq, Eq)]
pub enum NoRoute {
    /// Nothing names a service that is known here.
    Service,
    /// It asks for a protocol that no service speaks here: Smithy's RPC in CBOR.
    Cbor(&'static Service),
}

/// Decides.
///
/// # Errors
///
/// Nothing in the request names a service, or it is in CBOR.
pub fn route(request: &Request<'_>, credential: Option<&Credential>) -> Result<Route, NoRoute> {
    if let Some(rest) = request.path.strip_prefix("/service/") {
        let prefix = rest.split('/').next().unwrap_or_default();
        let service = SERVICES.iter().find(|service| !prefix.is_empty() && service.target_prefix == prefix);
        return Err(service.map_or(NoRoute::Service, NoRoute::Cbor));
    }
    if let Some((prefix, action)) = request.header("x-amz-target").and_then(|target| target.rsplit_once('.')) {
        let named = SERVICES.iter().find(|service| service.target_prefix == prefix).ok_or(NoRoute::Service)?;
        return Ok(Route { service: named, action: action.to_owned() });
    }
    let signed = credential.and_then(|credential| service::signed_as(&credential.service));
    let service = signed.or_else(|| by_host(request)).or_else(|| by_version(request)).ok_or(NoRoute::Service)?;
    let action = match service.protocol {
        Protocol::Query | Protocol::Ec2 => request.parameter("Action").unwrap_or_default(),
        Protocol::RestXml => rest::action(request).to_owned(),
        Protocol::Json => String::new(),
    };
    Ok(Route { service, action })
}

/// `ecs.us-east-1.amazonaws.com`, `iam.amazonaws.com`, and the same without a dot after the service.
fn by_host(request: &Request<'_>) -> Option<&'static Service> {
    let host = request.header("host")?;
    let host = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let label = host.strip_suffix(".amazonaws.com")?;
    SERVICES
        .iter()
        .find(|service| label.strip_prefix(service.host).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

fn by_version(request: &Request<'_>) -> Option<&'static Service> {
    let version = request.parameter("Version")?;
    let path = request.path.trim_start_matches('/').split('/').next().unwrap_or_default();
    SERVICES.iter().find(|service| !service.version.is_empty() && [version.as_str(), path].contains(&service.version))
}
