//! What `lint` finds, in words: each finding with its place in the file, a request that shows it, and a way out.

use neargate_lint::Witness;
use neargate_lint::findings::{self, Finding, Kind, Place, Severity};
use neargate_model::listener::{Listener, ListenerProtocol, LoadBalancer};

use super::load::Loaded;
use super::text::diagnostics::Diagnostic;
use super::text::source::Span;

const ORDER: &str = "rules are evaluated in the order of their priorities (ALB user guide, Listener rules)";

/// A finding, ready to be shown.
#[derive(Clone, Debug)]
pub struct Found {
    /// The name by which a file accepts it, such as `shadowed`.
    pub id: &'static str,
    /// Whether it is a warning rather than a note.
    pub is_warning: bool,
    /// Place, words, request and help.
    pub diagnostic: Diagnostic,
}

/// All findings about the rules of a file, but those that a comment accepts: `# neargate-lint: allow order`, at the end of
/// the line of the finding or on the line above it.
pub fn lint(loaded: &Loaded) -> Vec<Found> {
    let found = findings::of_topology(&loaded.topology);
    let told = found.iter().filter_map(|finding| Some((finding, describe(loaded, finding)?)));
    let wanted = told.filter(|(finding, diagnostic)| !is_accepted(loaded, diagnostic.span(), finding.kind.id()));
    wanted
        .map(|(finding, diagnostic)| Found {
            id: finding.kind.id(),
            is_warning: finding.kind.severity() == Severity::Warning,
            diagnostic,
        })
        .collect()
}

fn is_accepted(loaded: &Loaded, span: Span, id: &str) -> bool {
    let line = loaded.sources.line(span.file(), span.range().start);
    let text = |line: usize| {
        let (from, to) =
            (loaded.sources.line_start(span.file(), line), loaded.sources.line_start(span.file(), line + 1));
        loaded.sources.text(span.file()).get(from..to).unwrap_or_default()
    };
    let allows = |line: &str| {
        let (before, allowed) = line.split_once("# neargate-lint: allow ")?;
        Some((before.trim().is_empty(), allowed.split(',').any(|word| word.trim() == id)))
    };
    let above = line.checked_sub(1).and_then(|line| allows(text(line))).is_some_and(|(alone, allows)| alone && allows);
    above || allows(text(line)).is_some_and(|(_, allows)| allows)
}

/// `None` for what has no place in a file.
fn describe(loaded: &Loaded, finding: &Finding) -> Option<Diagnostic> {
    let about = About::new(loaded, &finding.place)?;
    let told = words(&finding.kind, &about);
    let at = about.span(finding.place.rule);
    let mut diagnostic = match finding.kind.severity() {
        Severity::Warning => Diagnostic::warning(told.message, at, ""),
        Severity::Note => Diagnostic::remark(told.message, at, ""),
    };
    for (rule, label) in told.others {
        diagnostic = diagnostic.also(about.span(Some(rule)), label);
    }
    for note in told.notes {
        diagnostic = diagnostic.note(note);
    }
    if let Some(witness) = finding.kind.witness() {
        diagnostic = diagnostic.note(format!("for example: `{}`", about.explain(witness)));
    }
    Some(diagnostic.help(told.help))
}

/// The words for a finding.
struct Told {
    message: String,
    others: Vec<(usize, String)>,
    notes: Vec<String>,
    help: String,
}

impl Told {
    fn new(message: String, help: impl Into<String>) -> Self {
        Self { message, others: Vec::new(), notes: Vec::new(), help: help.into() }
    }

    fn other(mut self, rule: usize, label: impl Into<String>) -> Self {
        self.others.push((rule, label.into()));
        self
    }

    fn note(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }
}

fn words(kind: &Kind, about: &About<'_>) -> Told {
    let this = || about.rule(about.place.rule.unwrap_or(about.listener.rules.len()));
    match kind {
        Kind::Shadowed { by } => {
            let told = Told::new(
                format!("{} never decides a request", this()),
                "give it a lower priority number than these, or remove it",
            );
            by.iter().fold(told.note(ORDER), |told, rule| told.other(*rule, covers_label(by)))
        }
        Kind::NeverMatches => Told::new(
            format!("{} matches no request", this()),
            "correct its conditions: no request that a client can send satisfies all of them",
        )
        .note("paths are compared in normal form: without dot segments, and without percent-encoding where none is needed (ALB user guide, Path conditions)"),
        Kind::ValueWithoutEffect { field, value, by } => {
            let value = about.value(field, *value);
            let message = format!("{} decides nothing by its {field} `{value}`", this());
            if by.is_empty() {
                return Told::new(message, "remove the value: no request that a client can send has it here");
            }
            let told = Told::new(message, "remove the value, or move the rule up").note(ORDER);
            by.iter().fold(told, |told, rule| told.other(*rule, "matches all of it"))
        }
        Kind::WithoutEffect => Told::new(
            format!("{} changes nothing", this()),
            "remove it, or give it another action",
        )
        .note("without it, every request that it decides would find the same action"),
        Kind::TakesFrom { later, .. } => Told::new(
            format!("{} takes requests from {}", this(), about.rule(*later)),
            "if the other should decide them, give it a lower priority number",
        )
        .other(*later, "matches them as well")
        .note(ORDER),
        Kind::PrefixWithoutRoot { goes_to, .. } => Told::new(
            format!("{} does not match its prefix without the slash", this()),
            "add the path without `/*` as another value if it belongs here",
        )
        .note(format!("that goes to {}", about.rule(*goes_to))),
        Kind::Unanchored { field, expression, text } => Told::new(
            format!("the {field} expression `{expression}` is found anywhere, as in `{text}`"),
            "begin it with `^` if it describes the beginning",
        ),
        Kind::RedirectLoop { locations, .. } => {
            Told::new(format!("{} redirects in a circle", this()), "let a rule before it decide the redirected request")
                .note(format!("by way of {}", locations.join(", ")))
        }
        Kind::RedirectToWrongProtocol { location, .. } => Told::new(
            format!("{} redirects to a port that speaks another protocol", this()),
            "give the redirect its `port`, such as 443",
        )
        .note(format!("its Location is {location}")),
        Kind::PlainForward { .. } => Told::new(
            format!("{} serves the application without TLS", this()),
            "redirect: `{ redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } }`",
        )
        .note("pages served there are not a secure context: crypto.randomUUID and Secure cookies do not work on them"),
        Kind::NoRedirectToHttps => Told::new(
            "nothing listens on port 80".to_owned(),
            "add `- { port: 80, protocol: HTTP, default_action: { redirect: { protocol: HTTPS, port: 443, status_code: HTTP_301 } } }`",
        )
        .note("people who type the name without https:// wait until the browser times out"),
        Kind::HealthCheckRedirected { group, .. } => Told::new(
            format!("clients are redirected from the health check path of `{group}`"),
            "check a path that the application answers itself, if this is not meant",
        )
        .note("health checks go to targets directly and follow no rules (ALB user guide, Health checks)"),
        Kind::NoWeight => Told::new(
            format!("all weights of {} are 0", this()),
            "give at least one target group a weight; until then clients get 503",
        ),
        Kind::UnreachableGroup { group } => Told::new(
            format!("no request reaches the target group `{group}`"),
            "every rule that forwards to it is covered by earlier rules: reorder them",
        ),
        Kind::HostWithoutCertificate { host, others } => {
            let told = Told::new(
                format!("no certificate of the listener names `{host}`, which {} matches", this()),
                "add the name to `domain`, or narrow the condition",
            );
            if *others { told.note("other hosts that it matches are named") } else { told }
        }
        Kind::Undecided(why) => Told::new(
            format!("it was not decided what {} matches: {why}", about.place.rule.map_or("this listener".to_owned(), |_| this())),
            "simplify the conditions",
        ),
    }
}

fn covers_label(by: &[usize]) -> &'static str {
    if by.len() == 1 { "matches everything it would match" } else { "matches a part of it" }
}

/// The listener that a finding is about.
struct About<'l> {
    place: &'l Place,
    load_balancer: &'l LoadBalancer,
    listener: &'l Listener,
    /// Of the listener, and of its rules.
    spans: &'l (Span, Vec<Span>),
}

impl<'l> About<'l> {
    fn new(loaded: &'l Loaded, place: &'l Place) -> Option<Self> {
        let load_balancer = loaded.topology.load_balancers.get(&place.load_balancer)?;
        let listener = load_balancer.listeners.get(place.listener)?;
        let spans = loaded.places.listeners_of(load_balancer).get(place.listener)?;
        Some(Self { place, load_balancer, listener, spans })
    }

    fn span(&self, rule: Option<usize>) -> Span {
        rule.and_then(|rule| self.spans.1.get(rule)).copied().unwrap_or(self.spans.0)
    }

    fn rule(&self, rule: usize) -> String {
        match self.listener.rules.get(rule) {
            Some(rule) => format!("the rule with priority {}", rule.priority),
            None => format!("the default rule of port {}", self.listener.port),
        }
    }

    fn value(&self, field: &str, value: usize) -> String {
        let rule = self.place.rule.and_then(|rule| self.listener.rules.get(rule));
        let condition = rule.and_then(|rule| rule.conditions.iter().find(|condition| condition.field() == field));
        condition.and_then(|condition| condition.texts().into_iter().nth(value)).unwrap_or_default()
    }

    /// The command that explains what becomes of a request.
    fn explain(&self, witness: &Witness) -> String {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (scheme, usual) = match self.listener.protocol {
            ListenerProtocol::Http => ("http", 80),
            ListenerProtocol::Https(_) => ("https", 443),
        };
        let domain = self.load_balancer.domains.first().map(|name| name.as_str().replace('*', "www"));
        let host = witness.host.clone().or(domain).unwrap_or_else(|| "localhost".to_owned());
        let port = if self.listener.port == usual { String::new() } else { format!(":{}", self.listener.port) };
        let path = witness.path.as_deref().map_or("/".to_owned(), text);
        let query = witness.parameters.iter().map(|parameter| text(parameter)).collect::<Vec<_>>().join("&");
        let query = if query.is_empty() { query } else { format!("?{query}") };
        let mut command = format!("neargate explain {}", quoted(&format!("{scheme}://{host}{port}{path}{query}")));
        if let Some(method) = witness.method.as_deref().filter(|method| *method != "GET") {
            command.push_str(&format!(" --request {}", quoted(method)));
        }
        for (name, value) in &witness.headers {
            command.push_str(&format!(" --header {}", quoted(&format!("{name}: {}", text(value)))));
        }
        if let Some(source) = witness.source {
            command.push_str(&format!(" --source-ip {source}"));
        }
        command
    }
}

/// For a shell.
fn quoted(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._/:=%@".contains(&byte);
    if text.bytes().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}
