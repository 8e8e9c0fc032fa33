//! What will run, step by step, and what is skipped and why, as far as it is known before anything has run.

use std::collections::BTreeMap;

use crate::expression::condition;
use crate::expression::contexts::{Contexts, Status};
use crate::expression::template;
use crate::reference::{Reference, StandIn};
use crate::workflow::check;
use crate::workflow::matrix;
use crate::workflow::model::{Action, Job, Step, Work, Workflow};

/// A plan.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// In the order in which they run.
    pub jobs: Vec<PlannedJob>,
}

/// A job.
#[derive(Clone, Debug)]
pub struct PlannedJob {
    /// Its name, with the values of its matrix.
    pub name: String,
    /// Whether it runs.
    pub fate: Fate,
    /// What neargate does not do for it.
    pub remarks: Vec<String>,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// A step.
#[derive(Clone, Debug)]
pub struct PlannedStep {
    /// Its name.
    pub name: String,
    /// Whether it runs.
    pub fate: Fate,
    /// How.
    pub how: String,
}

/// Whether something runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It does.
    Runs,
    /// It does not.
    Skipped(String),
    /// It is decided when it is reached: by this condition.
    Open(String),
    /// neargate cannot run it.
    Unsupported(String),
}

/// Contexts that have no value before a job runs.
const OPEN: &[&str] = &["needs", "steps", "job", "runner", "env"];

/// The plan for these jobs. `contexts` has what is known before: github, vars, inputs, secrets.
pub fn plan(workflow: &Workflow, jobs: &[&Job], contexts: &Contexts<'_>) -> Plan {
    let mut plan = Plan::default();
    // Of each job before, whether it is skipped.
    let mut fates: BTreeMap<String, bool> = BTreeMap::new();
    for job in jobs {
        let mut contexts = contexts.clone();
        let is_skipped = |need: &str| fates.get(&need.to_lowercase()).copied().unwrap_or(true);
        let skipped = job.needs.iter().find(|need| is_skipped(&need.text));
        contexts.status = Status { skipped: skipped.is_some(), ..Status::default() };
        let fate = match (fate(job.condition.as_ref().map(|text| text.text.as_str()), &contexts), skipped) {
            (Fate::Skipped(_), Some(need)) if job.condition.is_none() => {
                Fate::Skipped(format!("it needs `{}`, which is skipped", need.text))
            }
            (fate, _) => fate,
        };
        let fate = match &job.work {
            Work::Workflow(uses) if fate == Fate::Runs => {
                Fate::Unsupported(format!("it calls {}: run that workflow itself", uses.text))
            }
            _ => fate,
        };
        let runs = matches!(fate, Fate::Runs | Fate::Open(_));
        fates.insert(job.id.to_lowercase(), !runs);
        let shown = job.name.as_ref().map_or(job.id.as_str(), |name| name.text.as_str());
        for combination in combinations(job, &contexts) {
            let mut contexts = contexts.clone();
            contexts.status = Status::default();
            let name = match &combination {
                Ok(combination) => {
                    contexts.set("matrix", crate::expression::value::Value::map(combination.iter().cloned()));
                    let shown = template::substitute(shown, &contexts).unwrap_or_else(|_| shown.to_owned());
                    if job.name.is_some() { shown } else { matrix::name(&shown, combination) }
                }
                Err(why) => format!("{shown} ({why})"),
            };
            let steps = match &job.work {
                Work::Steps(steps) if runs => steps.iter().map(|step| planned(step, &contexts)).collect(),
                _ => Vec::new(),
            };
            let remarks = job.unsupported.iter().map(|(_, remark)| remark.clone()).collect();
            plan.jobs.push(PlannedJob { name, fate: fate.clone(), remarks, steps });
        }
    }
    debug_assert!(plan.jobs.len() >= jobs.len() || workflow.jobs.is_empty(), "every job is in the plan");
    plan
}

/// The jobs of a matrix; one that depends on other jobs is told to.
fn combinations(job: &Job, contexts: &Contexts<'_>) -> Vec<Result<matrix::Combination, String>> {
    let Some(node) = &job.matrix else { return vec![Ok(Vec::new())] };
    match matrix::combinations(node, contexts) {
        Ok(combinations) => combinations.into_iter().map(Ok).collect(),
        Err(_) if !job.needs.is_empty() => vec![Err("the matrix comes from another job".to_owned())],
        Err(why) => vec![Err(why)],
    }
}

fn planned(step: &Step, contexts: &Contexts<'_>) -> PlannedStep {
    let mut fate = fate(step.condition.as_ref().map(|text| text.text.as_str()), contexts);
    let how = match &step.action {
        Action::Run { .. } => "a script".to_owned(),
        Action::Uses { action, .. } => match Reference::parse(&action.text) {
            Err(why) => {
                fate = Fate::Unsupported(why);
                action.text.clone()
            }
            Ok(Reference::Image(image)) => {
                if fate == Fate::Runs {
                    fate = Fate::Unsupported("actions in containers are not run".to_owned());
                }
                format!("the image {image}")
            }
            Ok(reference) => match reference.stand_in() {
                Some(stand_in) => format!("{}: {}", action.text, stand_in.words()),
                None => action.text.clone(),
            },
        },
    };
    let name = template::substitute(&step.title(), contexts).unwrap_or_else(|_| step.title());
    PlannedStep { name: name_or_title(step, name), fate, how }
}

/// A name that has no value yet is shown as it is written.
fn name_or_title(step: &Step, name: String) -> String {
    let title = step.title();
    let is_open = check::asks_for(&title, false, OPEN) || check::asks_for(&title, false, &["secrets"]);
    if is_open { title } else { name }
}

fn fate(condition: Option<&str>, contexts: &Contexts<'_>) -> Fate {
    if let Some(condition) = condition
        && check::asks_for(condition, true, OPEN)
    {
        return Fate::Open(condition.trim().to_owned());
    }
    match condition::holds(condition, contexts) {
        Ok(true) => Fate::Runs,
        Ok(false) => Fate::Skipped(match condition {
            Some(condition) => format!("`{}` is false", condition.trim()),
            None => "what it needs did not run".to_owned(),
        }),
        Err(why) => Fate::Unsupported(why),
    }
}

/// Names of a context that the jobs ask for, each with the first place that asks: `secrets`, `vars`. Steps that are
/// skipped, or not carried out here, do not ask.
pub fn asked(workflow: &Workflow, jobs: &[&Job], contexts: &Contexts<'_>, context: &str) -> Vec<(String, String)> {
    let mut asked: Vec<(String, String)> = Vec::new();
    let mut add = |names: Vec<String>, place: &str| {
        for name in names {
            if !asked.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
                asked.push((name, place.to_owned()));
            }
        }
    };
    for job in jobs {
        add(check::names_of_job(workflow, job, context), &format!("job {}", job.id));
        let Work::Steps(steps) = &job.work else { continue };
        for step in steps {
            let stand_in = match &step.action {
                Action::Uses { action, .. } => Reference::parse(&action.text).ok().and_then(|action| action.stand_in()),
                Action::Run { .. } => None,
            };
            let is_nothing = matches!(stand_in, Some(StandIn::Nothing(_) | StandIn::Ecr));
            if !is_nothing && !matches!(planned(step, contexts).fate, Fate::Skipped(_)) {
                add(check::names_of_step(step, context), &format!("job {}, step \"{}\"", job.id, step.title()));
            }
        }
    }
    asked
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let told = |fate: &Fate| match fate {
            Fate::Runs => String::new(),
            Fate::Skipped(why) => format!("  skipped: {why}"),
            Fate::Open(condition) => format!("  if {condition}"),
            Fate::Unsupported(why) => format!("  not supported: {why}"),
        };
        for job in &self.jobs {
            writeln!(f, "{}{}", job.name, told(&job.fate))?;
            for remark in &job.remarks {
                writeln!(f, "  ! {remark}")?;
            }
            for (index, step) in job.steps.iter().enumerate() {
                let how = if step.name == format!("Run {}", step.how) || step.how == "a script" {
                    String::new()
                } else {
                    format!("  ({})", step.how)
                };
                writeln!(f, "  {:>2}. {}{how}{}", index + 1, step.name, told(&step.fate))?;
            }
        }
        Ok(())
    }
}
