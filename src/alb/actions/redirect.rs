//! Redirect actions: `#{…}` keywords and the `Location` they lead to (ALB user guide, "Redirect actions").

use neargate_model::rule::Redirect;

/// Longest `Location` before the request fails with 507 (ALB user guide, metric
/// `HTTP_Redirect_Url_Limit_Exceeded_Count`: "the URL in the response location header is larger than 8K").
pub const LONGEST_LOCATION: usize = 8 * 1024;

/// A redirect action, prepared.
#[derive(Debug)]
pub struct CompiledRedirect {
    /// 301 or 302.
    pub status_code: u16,
    protocol: Template,
    host: Template,
    port: Template,
    path: Template,
    query: Template,
}

/// The values of the keywords for one request.
#[derive(Clone, Copy, Debug)]
pub struct RedirectFacts<'a> {
    /// `#{protocol}`: `http` or `https`, of the listener.
    pub protocol: &'a str,
    /// `#{host}`: without a port.
    pub host: &'a [u8],
    /// `#{port}`: of the listener.
    pub port: u16,
    /// `#{path}` is this without the leading slash.
    pub path: &'a [u8],
    /// `#{query}`: empty if there is none.
    pub query: &'a [u8],
}

/// The `Location` is longer than an ALB sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationTooLong;

impl CompiledRedirect {
    /// Compiles the action.
    pub fn new(redirect: &Redirect) -> Self {
        Self {
            status_code: redirect.status_code,
            protocol: Template::new(&redirect.protocol),
            host: Template::new(&redirect.host),
            port: Template::new(&redirect.port),
            path: Template::new(&redirect.path),
            query: Template::new(&redirect.query),
        }
    }

    /// The value of `Location`: protocol and host in lower case, the port always written, no `?` without a query.
    ///
    /// `bound_port` returns the port that a client can actually reach when a listener was remapped. It gets the host as
    /// an argument, because a redirect to another host must keep its port.
    pub fn location(
        &self,
        facts: &RedirectFacts<'_>,
        bound_port: impl FnOnce(&[u8], u16) -> u16,
    ) -> Result<Vec<u8>, LocationTooLong> {
        let mut location = Vec::with_capacity(128);
        self.protocol.fill(facts, &mut location);
        location.extend_from_slice(b"://");
        let host_start = location.len();
        self.host.fill(facts, &mut location);
        location.make_ascii_lowercase();

        let mut port = Vec::with_capacity(5);
        self.port.fill(facts, &mut port);
        let number = std::str::from_utf8(&port).ok().and_then(|text| text.parse::<u16>().ok());
        let port = number.map_or(facts.port, |port| bound_port(&location[host_start..], port));
        location.push(b':');
        location.extend_from_slice(itoa::Buffer::new().format(port).as_bytes());

        self.path.fill(facts, &mut location);
        let without_query = location.len();
        location.push(b'?');
        self.query.fill(facts, &mut location);
        if location.len() == without_query + 1 {
            location.truncate(without_query);
        }
        if location.len() > LONGEST_LOCATION { Err(LocationTooLong) } else { Ok(location) }
    }
}

/// Text with keywords.
#[derive(Debug)]
struct Template(Vec<Part>);

#[derive(Debug)]
enum Part {
    Text(String),
    Protocol,
    Host,
    Port,
    Path,
    Query,
}

impl Template {
    /// `#{…}` around an unknown word is ordinary text.
    fn new(text: &str) -> Self {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while !rest.is_empty() {
            let keyword = [
                ("#{protocol}", Part::Protocol),
                ("#{host}", Part::Host),
                ("#{port}", Part::Port),
                ("#{path}", Part::Path),
                ("#{query}", Part::Query),
            ]
            .into_iter()
            .find_map(|(word, part)| rest.strip_prefix(word).map(|after| (after, part)));
            if let Some((after, part)) = keyword {
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(part);
                rest = after;
            } else {
                let mut characters = rest.chars();
                plain.extend(characters.next());
                rest = characters.as_str();
            }
        }
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Self(parts)
    }

    fn fill(&self, facts: &RedirectFacts<'_>, out: &mut Vec<u8>) {
        for part in &self.0 {
            match part {
                Part::Text(text) => out.extend_from_slice(text.as_bytes()),
                Part::Protocol => out.extend_from_slice(facts.protocol.as_bytes()),
                Part::Host => out.extend_from_slice(facts.host),
                Part::Port => out.extend_from_slice(itoa::Buffer::new().format(facts.port).as_bytes()),
                Part::Path => out.extend_from_slice(facts.path.strip_prefix(b"/").unwrap_or(facts.path)),
                Part::Query => out.extend_from_slice(facts.query),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;
    use neargate_fixture as fixture;

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Case {
        name: String,
        source: String,
        redirect: Parts,
        listener: Listener,
        host: String,
        path: String,
        #[serde(default)]
        query: String,
        /// Remapped ports: AWS's port to the local one, for hosts of the stack.
        #[serde(default)]
        remap: std::collections::BTreeMap<u16, u16>,
        /// `<a*10>` is the letter ten times; absent if the result would be too long.
        location: Option<String>,
    }

    /// Expands `<a*10>`, at most one.
    fn written_out(text: &str) -> String {
        let Some((before, rest)) = text.split_once('<') else { return text.to_owned() };
        let (run, after) = rest.split_once('>').unwrap();
        let (letter, count) = run.split_once('*').unwrap();
        format!("{before}{}{after}", letter.repeat(count.parse().unwrap()))
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Listener {
        protocol: String,
        port: u16,
    }

    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parts {
        protocol: Option<String>,
        host: Option<String>,
        port: Option<String>,
        path: Option<String>,
        query: Option<String>,
    }

    fn check(case: Case) {
        let defaults = Redirect::with_defaults(301);
        let redirect = CompiledRedirect::new(&Redirect {
            protocol: case.redirect.protocol.unwrap_or(defaults.protocol),
            host: case.redirect.host.unwrap_or(defaults.host),
            port: case.redirect.port.unwrap_or(defaults.port),
            path: case.redirect.path.unwrap_or(defaults.path),
            query: case.redirect.query.unwrap_or(defaults.query),
            status_code: 301,
        });
        let path = written_out(&case.path);
        let facts = RedirectFacts {
            protocol: &case.listener.protocol,
            host: case.host.as_bytes(),
            port: case.listener.port,
            path: path.as_bytes(),
            query: case.query.as_bytes(),
        };
        let own_host = case.host.to_ascii_lowercase();
        let location = redirect.location(&facts, |host, port| {
            if host == own_host.as_bytes() { case.remap.get(&port).copied().unwrap_or(port) } else { port }
        });
        let location = location.map(|bytes| String::from_utf8(bytes).unwrap());
        let expected = case.location.map(|text| written_out(&text)).ok_or(LocationTooLong);
        assert_eq!(location, expected, "{} ({})", case.name, case.source);
    }

    #[test]
    fn locations_are_those_of_the_fixtures() {
        fixture::each("alb/redirects", check);
    }
}
