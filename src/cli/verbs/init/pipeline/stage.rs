//! Stages that one service is deployed to: production, staging, development. Names tell them by a word.

/// The stage that is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    name: String,
    /// Nobody asked: production, because that is what one wants to see here.
    pub(in crate::cli::verbs::init) by_default: bool,
}

/// A kind of stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::cli::verbs::init) enum Stage {
    Production,
    Staging,
    Test,
    Development,
}

impl Wanted {
    /// `--environment`, or production.
    pub(crate) fn new(name: Option<&str>) -> Self {
        Self { name: name.unwrap_or("production").to_lowercase(), by_default: name.is_none() }
    }

    /// What was asked for.
    pub(in crate::cli::verbs::init) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a word of the text names the wanted stage; `None` if no word names any.
    pub(in crate::cli::verbs::init) fn is_meant_by(&self, text: &str) -> Option<bool> {
        let words = words(text);
        if words.contains(&self.name) {
            return Some(true);
        }
        let stages: Vec<Stage> = words.iter().filter_map(|word| stage(word)).collect();
        if stages.is_empty() { None } else { Some(stages.iter().any(|known| Some(*known) == stage(&self.name))) }
    }

    /// As [`Wanted::is_meant_by`], for text that may name a branch.
    pub(super) fn is_meant_by_branch(&self, text: &str) -> Option<bool> {
        let trunk = words(text).iter().any(|word| matches!(word.as_str(), "main" | "master" | "trunk"));
        if trunk { Some(stage(&self.name) == Some(Stage::Production)) } else { self.is_meant_by(text) }
    }

    /// The smaller, the better: what is wanted, what says nothing, then from production down.
    pub(in crate::cli::verbs::init) fn rank(&self, text: &str) -> usize {
        match self.is_meant_by(text) {
            Some(true) => 0,
            None => 1,
            Some(false) => {
                2 + words(text).iter().filter_map(|word| stage(word)).map(|stage| stage as usize).min().unwrap_or(0)
            }
        }
    }
}

/// The name without the words that name a stage, in lower case with `-` between words.
pub(in crate::cli::verbs::init) fn without_stage(name: &str) -> String {
    words(name).into_iter().filter(|word| stage(word).is_none()).collect::<Vec<_>>().join("-")
}

/// The first stage that a word of the text names.
pub(in crate::cli::verbs::init) fn stage_of(text: &str) -> Option<Stage> {
    words(text).iter().find_map(|word| stage(word))
}

/// Words of a name: what stands between other characters, and between a small and a capital letter.
pub(in crate::cli::verbs::init) fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before_small = false;
    for c in text.chars() {
        let boundary = !c.is_alphanumeric() || (before_small && c.is_uppercase());
        if boundary && words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before_small = c.is_lowercase();
    }
    words.retain(|word| !word.is_empty());
    words
}

fn stage(word: &str) -> Option<Stage> {
    Some(match word {
        "prod" | "production" | "prd" | "live" => Stage::Production,
        "staging" | "stage" | "stg" | "preprod" | "uat" | "preview" => Stage::Staging,
        "test" | "testing" | "tst" | "qa" | "e2e" | "sandbox" | "sbx" | "integration" => Stage::Test,
        "dev" | "devel" | "develop" | "development" | "local" | "nonprod" => Stage::Development,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stage_is_a_whole_word() {
        let wanted = Wanted::new(None);
        assert_eq!(wanted.is_meant_by("web-prod-service"), Some(true));
        assert_eq!(wanted.is_meant_by("webDevService"), Some(false));
        assert_eq!(wanted.is_meant_by("product-devices"), None);
        assert_eq!(Wanted::new(Some("DEV")).is_meant_by("task-definition.development.json"), Some(true));
        assert_eq!(Wanted::new(Some("eu")).is_meant_by("web-eu"), Some(true));
        assert_eq!(wanted.is_meant_by_branch("refs/heads/main"), Some(true));
        assert_eq!(without_stage("MyApp_prod-service"), "my-app-service");
        let mut names = vec!["a-dev", "a-staging", "a", "a-prod"];
        names.sort_by_key(|name| wanted.rank(name));
        assert_eq!(names, ["a-prod", "a", "a-staging", "a-dev"]);
    }
}
