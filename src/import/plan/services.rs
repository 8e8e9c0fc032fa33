//! Which services there are, and which task definition each runs.

use crate::definition::{Definitions, Facts, is_aside};
use crate::pipeline::found::{Deploy, Edit, Origin, Pipeline};
use crate::pipeline::paths::name;
use crate::pipeline::stage::{UNNAMED, Wanted, stage_of, without_stage, words};
use crate::pipeline::text::{self, Piece, Text};

/// A service with its task definition, and what happens to that on the way.
#[derive(Clone, Debug)]
pub(super) struct Chosen<'a> {
    pub(super) facts: &'a Facts,
    /// As the pipeline names it.
    pub(super) service: Option<Text>,
    pub(super) cluster: Option<Text>,
    pub(super) edits: Vec<&'a Edit>,
    pub(super) job: Option<usize>,
    /// Why it is this task definition.
    pub(super) why: String,
    /// The smaller, the nearer to the wanted stage.
    rank: usize,
    /// What names its stage, the most telling first, with its rank.
    stages: Vec<(usize, String)>,
}

/// Decides, and says what was left out.
pub(super) fn choose<'a>(
    definitions: &'a Definitions,
    pipeline: &'a Pipeline,
    wanted: &Wanted,
    notes: &mut Vec<String>,
    variants: &mut Vec<String>,
) -> Vec<Chosen<'a>> {
    let for_fargate = definitions.read.iter().any(|facts| facts.fargate && !is_aside(&facts.path));
    let candidates: Vec<&Facts> = definitions.read.iter().filter(|facts| facts.fargate || !for_fargate).collect();
    let mut found: Vec<Chosen<'a>> = Vec::new();
    let mut later: Vec<&Deploy> = Vec::new();
    for deploy in &pipeline.deploys {
        let (origin, edits) = chain(pipeline, deploy.definition);
        let matches = origin.map(|origin| by_origin(origin, &candidates, wanted)).unwrap_or_default();
        // A pipeline may name a definition that is not for Fargate: then that is what it deploys.
        let all: Vec<&Facts> = definitions.read.iter().collect();
        let matches =
            if matches.is_empty() { origin.map(|o| by_origin(o, &all, wanted)).unwrap_or_default() } else { matches };
        if matches.is_empty() {
            later.push(deploy);
        }
        let why = format!("{} deploys it", deploy.place);
        found.extend(matches.into_iter().map(|facts| chosen(facts, deploy, edits.clone(), why.clone(), wanted)));
    }
    for deploy in later {
        let (origin, edits) = chain(pipeline, deploy.definition);
        let names_a_file = matches!(origin, Some(Origin::Path(_)));
        // A job that only touches a service, or waits for it, says nothing new of what another one deploys.
        if found.iter().any(|known| origin.is_none() && is_known_as(known, deploy, wanted)) {
            continue;
        }
        let others = |facts: &Facts| fits_another(deploy, facts, &pipeline.deploys);
        if let Some(facts) = by_words(deploy, names_a_file, &candidates, &found, wanted, &others) {
            let why = match origin {
                Some(Origin::Path(path)) => {
                    format!("{} deploys {}, which is not in the repository", deploy.place, text::show(path))
                }
                _ => format!("{} deploys the service; this task definition fits its name best", deploy.place),
            };
            found.push(chosen(facts, deploy, edits, why, wanted));
        } else if let (Some(service), Some(Origin::Path(path))) = (&deploy.service, origin) {
            let (service, path) = (text::show(service), text::show(path));
            notes.push(format!(
                "service {service} is left out: {} deploys it from {path}, which is not in the repository",
                deploy.place
            ));
        } else if let Some(service) = deploy.service.as_ref().filter(|service| !said(service).contains("[@]")) {
            // A loop over a list that is not known says nothing that a reader could use.
            let left_out = format!("service {} is left out: ", text::show(service));
            if !notes.iter().any(|note| note.starts_with(&left_out)) {
                let place = &deploy.place;
                notes.push(format!("{left_out}{place} deploys it, but its task definition is not in the repository"));
            }
        }
    }
    if found.is_empty() {
        found = without_pipeline(&candidates, wanted);
    } else {
        left_out(&candidates, &found, notes);
    }
    one_of_each(found, wanted, notes, variants)
}

fn chosen<'a>(facts: &'a Facts, deploy: &Deploy, edits: Vec<&'a Edit>, why: String, wanted: &Wanted) -> Chosen<'a> {
    let mut labels: Vec<&str> = deploy.service.as_deref().into_iter().chain([facts.path.as_str()]).collect();
    labels.extend(deploy.cluster.as_deref());
    labels.extend(deploy.stages.iter().map(String::as_str));
    let telling = labels.iter().map(|label| text::show(label)).filter(|label| wanted.is_meant_by(label).is_some());
    let stages: Vec<(usize, String)> = telling.map(|label| (wanted.rank(&label), label)).collect();
    Chosen {
        facts,
        service: deploy.service.clone(),
        cluster: deploy.cluster.clone(),
        edits,
        job: Some(deploy.job),
        why,
        rank: stages.first().map_or(UNNAMED, |(rank, _)| *rank),
        stages,
    }
}

/// Whether a deployment that names no task definition is of a service that is known already, and no nearer to the
/// wanted stage.
fn is_known_as(known: &Chosen<'_>, deploy: &Deploy, wanted: &Wanted) -> bool {
    let same = known.service.is_some() && known.service == deploy.service;
    same && known.rank <= chosen(known.facts, deploy, Vec::new(), String::new(), wanted).rank
}

/// From a deployed definition back to where it comes from, with what is changed on the way.
fn chain(pipeline: &Pipeline, definition: Option<usize>) -> (Option<&Origin>, Vec<&Edit>) {
    let mut edits: Vec<&Edit> = Vec::new();
    let mut next = definition;
    // No chain is longer than there are definitions.
    for _ in 0..=pipeline.definitions.len() {
        let Some(definition) = next.and_then(|index| pipeline.definitions.get(index)) else { break };
        edits.splice(0..0, &definition.edits);
        match &definition.origin {
            Origin::Definition(before) => next = Some(*before),
            origin => return (Some(origin), edits),
        }
    }
    (None, edits)
}

/// The definitions that an origin means: one, or one for each service if its name has unknown pieces.
fn by_origin<'a>(origin: &Origin, candidates: &[&'a Facts], wanted: &Wanted) -> Vec<&'a Facts> {
    match origin {
        Origin::Path(path) if text::is_known(path) => {
            let exact = candidates.iter().filter(|facts| facts.path == *path).copied();
            let named = candidates.iter().filter(|facts| name(&facts.path) == name(path)).copied();
            let named: Vec<&Facts> = named.collect();
            exact.take(1).next().or(if named.len() == 1 { Some(named[0]) } else { None }).into_iter().collect()
        }
        Origin::Path(path) => {
            // A matrix that only the runner knows may name any of them.
            let any = matches!(&text::pieces(path)[..], [Piece::Unknown(what)] if what.starts_with("matrix."));
            let fits = |facts: &Facts| text::fits(path, &facts.path) || (any && !is_aside(&facts.path));
            let mut fits: Vec<&Facts> = candidates.iter().filter(|facts| fits(facts)).copied().collect();
            fits.sort_by_key(|facts| (wanted.rank(&facts.path), facts.path.len()));
            let mut bases: Vec<String> = Vec::new();
            fits.retain(|facts| {
                let base = without_stage(&facts.path);
                let new = !bases.contains(&base);
                bases.push(base);
                new
            });
            fits
        }
        Origin::Family(family) => {
            let Some(family) = text::known(family) else { return Vec::new() };
            let family = family.rsplit('/').next().unwrap_or_default().split(':').next().unwrap_or_default();
            let same = candidates.iter().filter(|facts| facts.family == family).copied();
            let similar =
                candidates.iter().filter(|facts| without_stage(&facts.family) == without_stage(family)).copied();
            let mut all: Vec<&Facts> = same.chain(similar).collect();
            all.truncate(1);
            all
        }
        Origin::Definition(_) => Vec::new(),
    }
}

/// Words that say nothing about which part of an application is meant.
const EMPTY_WORDS: &[&str] = &[
    "app",
    "aws",
    "cluster",
    "container",
    "definition",
    "deploy",
    "ecs",
    "fargate",
    "json",
    "main",
    "name",
    "secrets",
    "service",
    "svc",
    "task",
    "td",
    "vars",
    "yml",
    "yaml",
];

fn telling_words(text: &str) -> Vec<String> {
    words(text).into_iter().filter(|word| !EMPTY_WORDS.contains(&word.as_str())).collect()
}

/// The words by which a task definition says which part of the application it is.
fn words_of(facts: &Facts) -> Vec<String> {
    let mut words = telling_words(&facts.path);
    words.extend(telling_words(&facts.family));
    words.extend(facts.containers.iter().flat_map(|container| telling_words(&container.name)));
    words
}

/// What a name says. A setting (`vars.FRONTEND_SERVICE`) is named after what it holds; other things that only the runner
/// knows are not.
fn said(name: &str) -> String {
    let said = text::pieces(name).into_iter().filter_map(|piece| match piece {
        Piece::Known(text) => Some(text),
        Piece::Unknown(what) => {
            Some(what).filter(|what| ["vars.", "secrets.", "env.", "$"].iter().any(|start| what.starts_with(start)))
        }
    });
    said.collect::<Vec<_>>().join("-")
}

/// Whether a task definition is that of another service: this one's name has a word that the definition does not know
/// (`frontend`, where it says `backend`), and another one's has more words in common with it.
fn fits_another(deploy: &Deploy, facts: &Facts, deploys: &[Deploy]) -> bool {
    let theirs = words_of(facts);
    let name = |deploy: &Deploy| telling_words(&without_stage(&said(deploy.service.as_deref().unwrap_or_default())));
    let shared = |words: &[String]| words.iter().filter(|word| theirs.contains(word)).count();
    let own = name(deploy);
    let foreign = own.iter().any(|word| !theirs.contains(word));
    foreign && deploys.iter().any(|other| shared(&name(other)) > shared(&own))
}

/// The definition that shares most words with a service; the only one that is left if there is only one. What fits
/// another service better is not asked for.
fn by_words<'a>(
    deploy: &Deploy,
    names_a_file: bool,
    candidates: &[&'a Facts],
    taken: &[Chosen<'a>],
    wanted: &Wanted,
    fits_another: &dyn Fn(&Facts) -> bool,
) -> Option<&'a Facts> {
    let service = text::show(deploy.service.as_deref().unwrap_or_default());
    let mut own = telling_words(&service);
    own.extend(deploy.stages.iter().flat_map(|stage| telling_words(stage)));
    let shared = |facts: &Facts| {
        let theirs = words_of(facts);
        own.iter().filter(|word| theirs.contains(word)).count()
    };
    let usual: Vec<&Facts> = candidates.iter().filter(|facts| !is_aside(&facts.path)).copied().collect();
    let candidates = if usual.is_empty() { candidates } else { &usual[..] };
    if let [only] = candidates {
        // What another service runs is its own: this one's is made somewhere else.
        let may_be = !names_a_file || taken.is_empty();
        return (may_be && !fits_another(only)).then_some(*only);
    }
    let free = candidates
        .iter()
        .filter(|facts| !taken.iter().any(|chosen| chosen.facts.path == facts.path) && !fits_another(facts));
    let mut ranked: Vec<(usize, usize, &Facts)> =
        free.map(|facts| (usize::MAX - shared(facts), wanted.rank(&facts.path), *facts)).collect();
    ranked.sort_by_key(|(shared, rank, facts)| (*shared, *rank, facts.path.len()));
    match ranked.as_slice() {
        [(shared, ..), ..] if *shared == usize::MAX && !taken.is_empty() => None,
        [(_, _, best), ..] => Some(best),
        [] => None,
    }
}

/// Without a pipeline every task definition is a service; files that lie aside count only if there are no others.
fn without_pipeline<'a>(candidates: &[&'a Facts], wanted: &Wanted) -> Vec<Chosen<'a>> {
    let usual = candidates.iter().any(|facts| !is_aside(&facts.path));
    let mut found: Vec<Chosen<'a>> = candidates
        .iter()
        .filter(|facts| !usual || !is_aside(&facts.path))
        .map(|facts| Chosen {
            facts,
            service: None,
            cluster: None,
            edits: Vec::new(),
            job: None,
            why: "no workflow says which service runs it".to_owned(),
            rank: wanted.rank(&facts.path).min(if stage_of(&facts.path).is_none() {
                wanted.rank(&facts.family)
            } else {
                9
            }),
            stages: stage_of(&facts.path).map(|_| (wanted.rank(&facts.path), facts.path.clone())).into_iter().collect(),
        })
        .collect();
    found.sort_by_key(|chosen| {
        let path = &chosen.facts.path;
        (!path.starts_with(".aws/"), path.matches('/').count(), path.len(), path.clone())
    });
    found
}

/// Of each service the variant for the wanted stage.
fn one_of_each<'a>(
    found: Vec<Chosen<'a>>,
    wanted: &Wanted,
    notes: &mut Vec<String>,
    variants: &mut Vec<String>,
) -> Vec<Chosen<'a>> {
    let mut groups: Vec<Vec<Chosen<'a>>> = Vec::new();
    for chosen in found {
        match groups.iter_mut().find(|group| group.iter().any(|known| same_service(known, &chosen))) {
            Some(group) => group.push(chosen),
            None => groups.push(vec![chosen]),
        }
    }
    let mut services = Vec::new();
    let mut fits = false;
    for mut group in groups {
        // What changes more on its way is the deployment; the other may be a rollback. Two environments may share what
        // tells most, as a cluster: then what tells less decides.
        let ranks = |chosen: &Chosen<'_>| chosen.stages.iter().map(|(rank, _)| *rank).collect::<Vec<_>>();
        group.sort_by_key(|chosen| (chosen.rank, std::cmp::Reverse(chosen.edits.len()), ranks(chosen)));
        fits |= group[0].rank < UNNAMED;
        let stage = |chosen: &Chosen<'_>, at: usize| {
            let (_, label) = chosen.stages.get(at)?;
            stage_of(label).map(|stage| format!("{stage:?}").to_lowercase())
        };
        let differ = group[1..].iter().find_map(|other| {
            let longest = group[0].stages.len().max(other.stages.len());
            let rank = |chosen: &Chosen<'_>, at: usize| chosen.stages.get(at).map(|(rank, _)| *rank);
            let at = (0..longest).find(|at| rank(&group[0], *at) != rank(other, *at))?;
            Some((stage(&group[0], at), stage(other, at)?))
        });
        if let Some((taken, other)) = differ.filter(|(taken, other)| taken.as_ref() != Some(other)) {
            variants.push(format!(
                "{}: using {}; `--environment {other}` selects the other",
                group[0].facts.path,
                taken.unwrap_or_else(|| "it names no environment".to_owned()),
            ));
        }
        services.push(group.swap_remove(0));
    }
    if !wanted.by_default && !fits && !services.is_empty() {
        notes.push(format!("nothing is named `{}`; the only candidate was used", wanted.name()));
    }
    services
}

fn same_service(left: &Chosen<'_>, right: &Chosen<'_>) -> bool {
    let base = |chosen: &Chosen<'_>| chosen.service.as_ref().map(|service| without_stage(&text::show(service)));
    let definition = |chosen: &Chosen<'_>| without_stage(&chosen.facts.path);
    let family = |chosen: &Chosen<'_>| without_stage(&chosen.facts.family);
    match (base(left), base(right)) {
        (Some(left_base), Some(right_base)) => {
            let known = |chosen: &Chosen<'_>| chosen.service.as_deref().is_some_and(text::is_known);
            // One job that deploys two services of the same base name deploys two services.
            let one_job = left.job == right.job
                && left.service != right.service
                && stage_of_service(left) == stage_of_service(right);
            (left_base == right_base && !one_job)
                // Settings of different environments may hold different names of the same service.
                || (known(left) != known(right) && definition(left) == definition(right) && left.job != right.job)
        }
        (None, None) => {
            definition(left) == definition(right) || (!family(left).is_empty() && family(left) == family(right))
        }
        _ => definition(left) == definition(right),
    }
}

fn stage_of_service(chosen: &Chosen<'_>) -> Option<crate::pipeline::stage::Stage> {
    chosen.service.as_deref().and_then(stage_of)
}

/// Says which definitions are not deployed.
fn left_out(candidates: &[&Facts], found: &[Chosen<'_>], notes: &mut Vec<String>) {
    let left: Vec<&str> = candidates
        .iter()
        .filter(|facts| !is_aside(&facts.path))
        .filter(|facts| {
            let base = without_stage(&facts.path);
            !found.iter().any(|chosen| chosen.facts.path == facts.path || without_stage(&chosen.facts.path) == base)
        })
        .map(|facts| facts.path.as_str())
        .collect();
    if !left.is_empty() {
        let verb = if left.len() == 1 { "is" } else { "are" };
        notes.push(format!(
            "{} {verb} left out: no workflow deploys {}",
            left.join(", "),
            if left.len() == 1 { "it" } else { "them" }
        ));
    }
}
