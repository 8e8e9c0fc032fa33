//! Jobs in the order of their needs.

use std::collections::BTreeSet;

use super::keys::Mistakes;
use super::model::{Job, Workflow};

/// Adds the mistakes of `needs`: jobs that are not there, and circles.
pub(super) fn check(workflow: &Workflow, mistakes: &mut Mistakes) {
    let find = |id: &str| workflow.jobs.iter().find(|job| job.id.eq_ignore_ascii_case(id));
    for job in &workflow.jobs {
        for need in &job.needs {
            if find(&need.text).is_none() {
                mistakes.add(need.span, format!("Job '{}' depends on unknown job '{}'.", job.id, need.text));
            }
        }
    }
    let (_, stuck) = sorted(workflow);
    if let Some(job) = stuck.first() {
        let span = job.needs.first().map_or(job.span, |need| need.span);
        mistakes.add(span, "The workflow must contain at least one job with no dependencies: these need each other");
    }
}

/// The jobs, each after those that it needs, otherwise in the order of the file.
pub fn jobs(workflow: &Workflow) -> Vec<&Job> {
    sorted(workflow).0
}

fn sorted(workflow: &Workflow) -> (Vec<&Job>, Vec<&Job>) {
    let known: BTreeSet<String> = workflow.jobs.iter().map(|job| job.id.to_lowercase()).collect();
    let mut done = BTreeSet::new();
    let mut order = Vec::new();
    let mut left: Vec<&Job> = workflow.jobs.iter().collect();
    loop {
        let is_ready = |job: &&Job| {
            job.needs
                .iter()
                .map(|need| need.text.to_lowercase())
                .all(|need| !known.contains(&need) || done.contains(&need))
        };
        let Some(at) = left.iter().position(is_ready) else { return (order, left) };
        let job = left.remove(at);
        done.insert(job.id.to_lowercase());
        order.push(job);
    }
}

/// The jobs that are wanted, and those that they need, in order. An error names a job that is not there.
pub fn wanted<'w>(workflow: &'w Workflow, ids: &[String]) -> Result<Vec<&'w Job>, String> {
    if ids.is_empty() {
        return Ok(jobs(workflow));
    }
    let mut wanted = BTreeSet::new();
    let mut open: Vec<String> = ids.to_vec();
    while let Some(id) = open.pop() {
        let Some(job) = workflow.jobs.iter().find(|job| job.id.eq_ignore_ascii_case(&id)) else {
            let known: Vec<&str> = workflow.jobs.iter().map(|job| job.id.as_str()).collect();
            return Err(format!("the workflow has no job `{id}`; it has {}", known.join(", ")));
        };
        if wanted.insert(job.id.clone()) {
            open.extend(job.needs.iter().map(|need| need.text.clone()));
        }
    }
    Ok(jobs(workflow).into_iter().filter(|job| wanted.contains(&job.id)).collect())
}
