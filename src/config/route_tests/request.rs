//! The request of a test: `GET /path`, `POST https://host/path?query`, or `/path`.

use std::net::IpAddr;

use neargate_alb::certificates::covers;
use neargate_lint::Witness;
use neargate_lint::visit::Step;
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};
use neargate_model::{LoadBalancerName, Topology};

use super::file::{DefaultsFile, LongTestFile};
use crate::lower::lowering::Lowering;
use crate::read::reader::Spanned;
use crate::text::diagnostics::Diagnostic;
use crate::text::suggest::help_for;

/// What requests are read with.
pub(super) struct Requests<'a> {
    pub(super) topology: &'a Topology,
    pub(super) defaults: Option<&'a DefaultsFile>,
}

impl<'a> Requests<'a> {
    /// The request, and the load balancer at which it arrives. `None` after reporting.
    pub(super) fn lower(
        &self,
        text: &Spanned<String>,
        long: Option<&LongTestFile>,
        lowering: &mut Lowering<'_>,
    ) -> Option<(LoadBalancerName, Step)> {
        let refuse = |lowering: &mut Lowering<'_>, wrong: String, help: &str| {
            lowering.report(Diagnostic::error(wrong, text.span, "").help(help));
        };
        let (method, target) = match text.value.split_once(' ') {
            Some((method, target)) => (method, target.trim()),
            None => ("GET", text.value.as_str()),
        };
        let defaults =
            |field: fn(&DefaultsFile) -> &Option<Spanned<String>>| self.defaults.and_then(|file| field(file).as_ref());
        let (scheme, authority, rest) = match target.split_once("://") {
            Some((scheme, rest)) => {
                let (authority, path) = rest.find(['/', '?']).map_or((rest, ""), |at| rest.split_at(at));
                (Some(scheme), Some(authority), path)
            }
            None if target.starts_with('/') => (None, None, target),
            None => {
                let help = "write a method and a path, such as `GET /api/users`, or a URL";
                refuse(lowering, format!("`{}` is no request", text.value), help);
                return None;
            }
        };
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (host, port) = match authority.map(|authority| authority.rsplit_once(':').unwrap_or((authority, ""))) {
            Some((host, "")) => (Some(host), None),
            Some((host, port)) => match port.parse::<u16>() {
                Ok(port) => (Some(host), Some(port)),
                Err(_) => {
                    refuse(lowering, format!("`{port}` is no port"), "write a number after the colon");
                    return None;
                }
            },
            None => (defaults(|file| &file.host).map(|host| host.value.as_str()), None),
        };
        let named = long.and_then(|long| long.load_balancer.as_ref()).or(defaults(|file| &file.load_balancer));
        let balancer = match named {
            Some(name) => self.load_balancer(name, lowering)?,
            None => match self.led_to(host) {
                Some(balancer) => balancer,
                None => {
                    refuse(lowering, "the file has no load balancer".to_owned(), "declare one under `load_balancer`");
                    return None;
                }
            },
        };
        let scheme = scheme.or(defaults(|file| &file.scheme).map(|scheme| scheme.value.as_str()));
        let Some(listener) = listener(balancer, scheme, port) else {
            let ports: Vec<String> = balancer.listeners.iter().map(|listener| listener.port.to_string()).collect();
            let help = format!("the listeners of `{}` are on {}", balancer.name, ports.join(", "));
            refuse(lowering, format!("no listener takes `{}`", text.value), &help);
            return None;
        };
        let source = match long.and_then(|long| long.source.as_ref()).or(defaults(|file| &file.source)) {
            Some(source) => match source.value.parse::<IpAddr>() {
                Ok(source) => Some(source),
                Err(_) => {
                    let wrong = format!("`{}` is no address", source.value);
                    lowering.report(Diagnostic::error(wrong, source.span, "").help("write one such as 198.51.100.7"));
                    return None;
                }
            },
            None => None,
        };
        let headers = long.and_then(|long| long.headers.as_ref());
        let name = balancer.domains.first().map(|name| name.as_str().replacen("*.", "www.", 1));
        let request = Witness {
            host: host.map(str::to_owned).or(name),
            path: Some(if path.is_empty() { b"/".to_vec() } else { path.as_bytes().to_vec() }),
            method: Some(method.to_owned()),
            source,
            headers: headers
                .into_iter()
                .flat_map(|headers| headers.iter())
                .map(|(name, value)| (name.value.clone(), value.clone().into_bytes()))
                .collect(),
            parameters: query.split('&').filter(|part| !part.is_empty()).map(|part| part.as_bytes().to_vec()).collect(),
        };
        Some((balancer.name.clone(), Step { listener, request }))
    }

    /// The load balancer of that name. `None` after reporting.
    pub(super) fn load_balancer(
        &self,
        name: &Spanned<String>,
        lowering: &mut Lowering<'_>,
    ) -> Option<&'a LoadBalancer> {
        let all = &self.topology.load_balancers;
        let known = all.values().find(|balancer| balancer.name.as_str() == name.value);
        if known.is_none() {
            let names = all.keys().map(LoadBalancerName::as_str);
            lowering.report(
                Diagnostic::error(format!("there is no load balancer `{}`", name.value), name.span, "")
                    .maybe_help(help_for(name, "the load balancers are", names)),
            );
        }
        known
    }

    fn led_to(&self, host: Option<&str>) -> Option<&'a LoadBalancer> {
        let balancers = self.topology.load_balancers.values();
        let leads = |balancer: &&LoadBalancer| {
            host.is_some_and(|host| balancer.domains.iter().any(|name| covers(name.as_str(), host)))
        };
        balancers.into_iter().find(leads).or_else(|| self.topology.default_load_balancer())
    }
}

/// The listener that a browser would connect to.
fn listener(balancer: &LoadBalancer, scheme: Option<&str>, port: Option<u16>) -> Option<usize> {
    let is_https = |listener: &Listener| matches!(listener.protocol, ListenerProtocol::Https(_));
    let speaks = |listener: &Listener| scheme.is_none_or(|scheme| is_https(listener) == (scheme == "https"));
    let all = &balancer.listeners;
    if let Some(port) = port {
        return all.iter().position(|listener| listener.port == port && speaks(listener));
    }
    let usual = |listener: &Listener| listener.port == if is_https(listener) { 443 } else { 80 };
    let candidates = [
        all.iter().position(|listener| is_https(listener) && usual(listener) && speaks(listener)),
        all.iter().position(|listener| is_https(listener) && speaks(listener)),
        all.iter().position(|listener| usual(listener) && speaks(listener)),
        all.iter().position(speaks),
    ];
    candidates.into_iter().flatten().next()
}
