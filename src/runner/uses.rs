//! A step that uses an action: its JavaScript under the node of this machine, its steps, or what stands in for it.

use std::path::Path;

use super::build::Build;
use super::event::Event;
use super::execute::Call;
use super::hash::hash_files;
use super::repository::Repository;
use super::state::{Ended, JobRun, Level, Post, Run, message};
use super::step::{Ready, values};
use crate::pipeline::action::{Action, Inputs, JavaScript, Runs};
use crate::pipeline::expression::value::Value;
use crate::pipeline::job::Outcome;
use crate::pipeline::protocol::commands::Level as Severity;
use crate::pipeline::reference::{Reference, StandIn};
use crate::pipeline::workflow::model::Step;

/// Whose registry the steps name.
const ACCOUNT: &str = "111122223333";
const REGION: &str = "us-east-1";
/// GitHub's limit: composite actions within composite actions.
const MAX_DEPTH: usize = 10;

impl JobRun<'_> {
    pub(super) async fn uses(
        &mut self,
        run: &mut Run<'_>,
        ready: &Ready<'_, '_>,
        level: &Level,
        written: &str,
        with: &[(String, String)],
    ) -> Result<Ended, String> {
        let reference = Reference::parse(written)?;
        match reference.stand_in() {
            Some(StandIn::Checkout) => return self.check_out(run, with),
            Some(StandIn::Build) => return self.build(run, ready, level, with).await,
            Some(StandIn::Ecr) => {
                run.out.tell(Event::Note(format!("not run: {}", StandIn::Ecr.words())));
                let region = self.variables.entries().iter().find(|(name, _)| name == "AWS_REGION");
                let region = region.map_or(REGION, |(_, region)| region.as_str());
                let registry = format!("{ACCOUNT}.dkr.ecr.{region}.amazonaws.com");
                return Ok((Outcome::Success, vec![("registry".to_owned(), registry)]));
            }
            Some(StandIn::Nothing(why)) => {
                run.out.tell(Event::Note(format!("not run: {why}")));
                return Ok((Outcome::Success, Vec::new()));
            }
            None => {}
        }
        let (folder, action) = run.settings.cache.find(&reference, Path::new(&self.places.workspace))?;
        let inputs = Inputs::of(&action, with, &ready.contexts)?;
        if let Some(warning) = &inputs.warning {
            run.out.tell(message(Severity::Warning, warning.clone()));
        }
        match &action.runs {
            Runs::Docker => Err(format!("{written} runs in a container; such actions are not run")),
            Runs::Node(script) => {
                let mut variables = self.step_variables(ready, level);
                variables.push(("GITHUB_ACTION_PATH".to_owned(), folder.display().to_string()));
                if let Reference::Repository { repository, version, .. } = &reference {
                    variables.push(("GITHUB_ACTION_REPOSITORY".to_owned(), repository.clone()));
                    variables.push(("GITHUB_ACTION_REF".to_owned(), version.clone()));
                }
                variables.extend(inputs.variables());
                self.node(run, ready, &folder, script, variables).await
            }
            Runs::Composite(steps) => {
                if level.depth >= MAX_DEPTH {
                    return Err(format!("{written}: composite actions within each other, more than {MAX_DEPTH} deep"));
                }
                self.composite(run, ready, level, (&folder, &action, steps), &inputs).await
            }
        }
    }

    async fn node(
        &mut self,
        run: &mut Run<'_>,
        ready: &Ready<'_, '_>,
        folder: &Path,
        script: &JavaScript,
        variables: Vec<(String, String)>,
    ) -> Result<Ended, String> {
        let call = Call {
            name: ready.name.clone(),
            words: vec!["node".to_owned(), folder.join(&script.main).display().to_string()],
            folder: self.places.workspace.clone().into(),
            variables: variables.clone(),
            time: ready.time,
        };
        let mut ran = self.execute(run, &call).await?;
        if let Some((file, condition)) = &script.post {
            self.posts.push(Post {
                name: format!("Post {}", ready.name),
                file: folder.join(file),
                condition: condition.clone(),
                variables,
                state: std::mem::take(&mut ran.state),
                env: ready.env.clone(),
            });
        }
        Ok(ran.ended())
    }

    /// The end, or the beginning, of an action: a failure is one of the job.
    pub(super) async fn finish(&mut self, run: &mut Run<'_>, post: Post) {
        let began = std::time::Instant::now();
        let state = post.state.iter().map(|(name, value)| (format!("STATE_{name}"), value.clone()));
        let call = Call {
            name: post.name.clone(),
            words: vec!["node".to_owned(), post.file.display().to_string()],
            folder: self.places.workspace.clone().into(),
            variables: post.variables.iter().cloned().chain(state).collect(),
            time: None,
        };
        run.out.tell(Event::Step(post.name.clone()));
        let outcome = match self.execute(run, &call).await {
            Ok(ran) => ran.ended().0,
            Err(why) => {
                run.error(why);
                Outcome::Failure
            }
        };
        self.failed |= outcome == Outcome::Failure;
        run.out.tell(Event::StepDone(post.name, outcome, outcome, began.elapsed()));
    }

    async fn composite(
        &mut self,
        run: &mut Run<'_>,
        ready: &Ready<'_, '_>,
        level: &Level,
        (folder, action, steps): (&Path, &Action, &[Step]),
        inputs: &Inputs,
    ) -> Result<Ended, String> {
        let mut env = level.env.clone();
        env.extend(ready.env.iter().cloned());
        let texts = inputs.values.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let mut inner = Level {
            env,
            inputs: Some(Value::texts(texts)),
            folder: Some(folder.to_owned()),
            depth: level.depth + 1,
            ..Level::default()
        };
        self.steps(run, steps, &mut inner).await;
        let workspace = self.places.workspace.clone();
        let hash = move |patterns: &[String]| hash_files(Path::new(&workspace), patterns);
        let outputs = values(&action.outputs, &self.contexts(run, &inner, &[], &hash))?;
        let outcome = match () {
            () if run.is_cancelled() => Outcome::Cancelled,
            () if inner.scope.failed => Outcome::Failure,
            () => Outcome::Success,
        };
        Ok((outcome, outputs))
    }

    /// `actions/checkout`
    fn check_out(&self, run: &mut Run<'_>, with: &[(String, String)]) -> Result<Ended, String> {
        let input = |name: &str| {
            let found = with.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
        };
        let facts = &run.settings.facts;
        if let Some(other) = input("repository").filter(|other| !other.eq_ignore_ascii_case(&facts.repository)) {
            return Err(format!("only {} is checked out here, not {other}", facts.repository));
        }
        let path = input("path").unwrap_or_default();
        if Path::new(path).is_absolute() || path.split('/').any(|part| part == "..") {
            return Err(format!("Repository path '{path}' is not under the workspace"));
        }
        let to = Path::new(&self.places.workspace).join(path);
        // A second checkout replaces the first, as `clean` says.
        if to.is_dir() {
            std::fs::remove_dir_all(&to).map_err(|error| format!("{}: {error}", to.display()))?;
        }
        let repository = Repository { top: run.settings.repository.clone() };
        let commit = input("ref").map(|name| repository.other_commit(name)).transpose()?.flatten();
        let url = format!("https://github.com/{}", facts.repository);
        repository.check_out(&to, commit.as_deref(), &url)?;
        let what = commit.as_ref().map_or("the working tree as it is, without ignored files", |commit| commit.as_str());
        run.out.tell(Event::Line(format!("{what}, in {}", to.display())));
        let commit = commit.unwrap_or_else(|| run.settings.facts.sha.clone());
        let reference = input("ref").unwrap_or(&run.settings.facts.reference).to_owned();
        Ok((Outcome::Success, vec![("commit".to_owned(), commit), ("ref".to_owned(), reference)]))
    }

    /// `docker/build-push-action`
    async fn build(
        &mut self,
        run: &mut Run<'_>,
        ready: &Ready<'_, '_>,
        level: &Level,
        with: &[(String, String)],
    ) -> Result<Ended, String> {
        self.count += 1;
        let file = Path::new(&self.places.temp).join(format!("image-{}", self.count));
        let Build { words, notes } = Build::new(with, &file)?;
        notes.into_iter().for_each(|note| run.out.tell(Event::Note(note)));
        let call = Call {
            name: ready.name.clone(),
            words,
            folder: self.places.workspace.clone().into(),
            variables: self.step_variables(ready, level),
            time: ready.time,
        };
        let (outcome, mut outputs) = self.execute(run, &call).await?.ended();
        let id = std::fs::read_to_string(&file).unwrap_or_default().trim().to_owned();
        if outcome == Outcome::Success {
            outputs.extend(["imageid", "digest"].map(|name| (name.to_owned(), id.clone())));
        } else {
            run.error("docker build failed".to_owned());
        }
        Ok((outcome, outputs))
    }
}
