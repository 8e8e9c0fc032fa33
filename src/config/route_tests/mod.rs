//! `routes.test.yaml`: requests, and what is expected to become of them.

mod file;
mod request;

use std::collections::BTreeMap;
use std::path::Path;

use neargate_lint::expectation::{Expected, RuleName};
use neargate_lint::visit::Step;
use neargate_model::rule::Condition;
use neargate_model::{LoadBalancerName, TargetGroupName, Topology};

use self::file::{ExpectFields, ExpectFile, NeverFile, RouteTestFile, RouteTestsFile};
use self::request::Requests;
use super::input::{Source, Tasks};
use super::lower::{conditions, lowering::Lowering};
use super::read::reader::{Read as _, Reader, Spanned};
use super::text::diagnostics::{Diagnostic, Diagnostics};
use super::text::parse;
use super::text::source::{Sources, Span};
use super::text::suggest::help_for;

/// A file of tests without mistakes.
#[derive(Clone, Debug)]
pub struct RouteTests {
    /// In the order of the file.
    pub tests: Vec<RouteTest>,
    /// Target groups of which every rule must be decided by a test.
    pub exhaustive: Vec<(Span, TargetGroupName)>,
    /// What must never happen.
    pub never: Vec<Forbidden>,
    /// The text of the file.
    pub sources: Sources,
}

/// A request and what is expected of it.
#[derive(Clone, Debug)]
pub struct RouteTest {
    /// The request as it is written.
    pub name: String,
    /// Where the request is written.
    pub span: Span,
    /// Where it arrives.
    pub load_balancer: LoadBalancerName,
    /// The request.
    pub step: Step,
    /// The outcome.
    pub expected: Expected,
    /// Why it is expected.
    pub why: Option<String>,
}

/// Requests that must never reach a target group.
#[derive(Clone, Debug)]
pub struct Forbidden {
    /// Where it is written.
    pub span: Span,
    /// The listeners in question, by load balancer.
    pub listeners: Vec<(LoadBalancerName, usize)>,
    /// Which requests.
    pub conditions: Vec<Condition>,
    /// The group.
    pub group: TargetGroupName,
}

/// Reads a file of tests for a topology, or returns all its mistakes.
pub fn load(path: &Path, text: &str, topology: &Topology) -> Result<RouteTests, Diagnostics> {
    let mut sources = Sources::default();
    let file = sources.add(path, text);
    let root = match parse::parse(&sources, file) {
        Ok(root) => root,
        Err(diagnostic) => return Err(Diagnostics::new(vec![*diagnostic], sources)),
    };
    if root.is_null() {
        let empty = Diagnostic::error("the file is empty", root.span, "").help("`neargate test --write` writes one");
        return Err(Diagnostics::new(vec![empty], sources));
    }
    let mut reader = Reader::default();
    let read = RouteTestsFile::read(&root, &mut reader);
    let source = Source {
        path,
        folder: Path::new("/"),
        text,
        overrides: &[],
        env_files: None,
        read_file: &|_| Err(std::io::ErrorKind::NotFound.into()),
        unusable_certificate: &|_, _| None,
        env: &|_| None,
        tasks: Tasks::Lint,
    };
    let mut lowering = Lowering {
        reader,
        sources: &mut sources,
        source: &source,
        places: Default::default(),
        wanted: Vec::new(),
        wanted_files: Vec::new(),
    };
    let tests = read.map(|file| lower(&file, topology, &mut lowering));
    let diagnostics = Diagnostics::new(lowering.reader.diagnostics, sources);
    match tests {
        Some((tests, exhaustive, never)) if diagnostics.errors() == 0 => {
            Ok(RouteTests { tests, exhaustive, never, sources: diagnostics.sources().clone() })
        }
        _ => Err(diagnostics),
    }
}

type Lowered = (Vec<RouteTest>, Vec<(Span, TargetGroupName)>, Vec<Forbidden>);

fn lower(file: &RouteTestsFile, topology: &Topology, lowering: &mut Lowering<'_>) -> Lowered {
    let requests = Requests { topology, defaults: file.defaults.as_ref() };
    let tests = file.tests.iter().flatten().filter_map(|test| self::test(test, &requests, lowering)).collect();
    let groups = file
        .exhaustive
        .iter()
        .flatten()
        .filter_map(|name| Some((name.span, group(name, topology, lowering)?)))
        .collect();
    let never = file.never.iter().flatten().filter_map(|never| forbidden(never, &requests, lowering)).collect();
    (tests, groups, never)
}

fn test(file: &RouteTestFile, requests: &Requests<'_>, lowering: &mut Lowering<'_>) -> Option<RouteTest> {
    let (load_balancer, step) = requests.lower(&file.request, file.long.as_ref(), lowering)?;
    let long = file.long.as_ref();
    let mut expected = match &file.expect {
        ExpectFile::Word(word) => expected_word(word, requests.topology, lowering)?,
        ExpectFile::Fields(fields) => expected_fields(fields, requests.topology, lowering)?,
    };
    expected.follow = long.and_then(|long| long.follow.as_ref()).map_or(0, |follow| follow.value as usize);
    Some(RouteTest {
        name: file.request.value.clone(),
        span: file.request.span,
        load_balancer,
        step,
        expected,
        why: long.and_then(|long| long.why.clone()),
    })
}

/// A status, a `Location` or a target group.
fn expected_word(word: &Spanned<String>, topology: &Topology, lowering: &mut Lowering<'_>) -> Option<Expected> {
    if let Ok(status) = word.value.parse() {
        return Some(Expected { status: Some(status), ..Expected::default() });
    }
    if word.value.contains("://") {
        return Some(Expected { redirect: Some(word.value.clone()), ..Expected::default() });
    }
    Some(Expected { group: Some(group(word, topology, lowering)?), ..Expected::default() })
}

fn expected_fields(file: &ExpectFields, topology: &Topology, lowering: &mut Lowering<'_>) -> Option<Expected> {
    let rule = match &file.rule {
        Some(rule) if rule.value == "default" => Some(RuleName::Default),
        Some(rule) => match rule.value.parse() {
            Ok(priority) => Some(RuleName::Priority(priority)),
            Err(_) => {
                let wrong = format!("`{}` is no rule", rule.value);
                lowering.report(Diagnostic::error(wrong, rule.span, "").help("write its priority, or `default`"));
                return None;
            }
        },
        None => None,
    };
    let groups = match &file.groups {
        Some(named) => {
            let each = |(name, weight): (&Spanned<String>, &u16)| Some((group(name, topology, lowering)?, *weight));
            Some(named.iter().map(each).collect::<Option<BTreeMap<_, _>>>()?)
        }
        None => None,
    };
    let only = match &file.group {
        Some(name) => Some(group(name, topology, lowering)?),
        None => None,
    };
    let transformed = file.transformed.as_ref();
    Some(Expected {
        rule,
        group: only,
        groups,
        redirect: file.redirect.clone(),
        status: file.status,
        body: file.body.clone(),
        target_host: transformed.and_then(|file| file.host.clone()),
        target_uri: transformed.and_then(|file| file.uri.clone()),
        follow: 0,
        at: file.at.clone(),
    })
}

fn forbidden(file: &NeverFile, requests: &Requests<'_>, lowering: &mut Lowering<'_>) -> Option<Forbidden> {
    let conditions =
        file.conditions.iter().flatten().map(|file| conditions::lower(file, lowering)).collect::<Option<Vec<_>>>()?;
    let group = group(file.group.as_ref()?, requests.topology, lowering)?;
    let only = match &file.load_balancer {
        Some(name) => Some(requests.load_balancer(name, lowering)?.name.clone()),
        None => None,
    };
    let mut listeners = Vec::new();
    for balancer in requests.topology.load_balancers.values() {
        if only.as_ref().is_some_and(|only| *only != balancer.name) {
            continue;
        }
        for (at, listener) in balancer.listeners.iter().enumerate() {
            if file.listener.as_ref().is_none_or(|port| port.value == listener.port) {
                listeners.push((balancer.name.clone(), at));
            }
        }
    }
    if let (true, Some(port)) = (listeners.is_empty(), &file.listener) {
        lowering.report(Diagnostic::error(format!("there is no listener on port {}", port.value), port.span, ""));
        return None;
    }
    Some(Forbidden { span: file.group.as_ref()?.span, listeners, conditions, group })
}

fn group(name: &Spanned<String>, topology: &Topology, lowering: &mut Lowering<'_>) -> Option<TargetGroupName> {
    let known = topology.target_groups.keys().find(|known| known.as_str() == name.value);
    if known.is_none() {
        let all = topology.target_groups.keys().map(TargetGroupName::as_str);
        lowering.report(
            Diagnostic::error(format!("there is no target group `{}`", name.value), name.span, "")
                .maybe_help(help_for(name, "the target groups are", all)),
        );
    }
    known.cloned()
}
