//! Stages that one service is deployed to: production, staging, development. Names tell them by a word.

/// The stage that is to be run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    name: String,
    /// Nobody asked: production, because that is what one wants to see here.
    pub(crate) by_default: bool,
}

/// A kind of stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Production,
    Staging,
    Test,
    Development,
}

impl Wanted {
    /// `--environment`, or production.
    pub(crate) fn new(name: Option<&str>) -> Self {
        let name = name.filter(|name| !name.is_empty());
        Self { name: name.unwrap_or("production").to_owned(), by_default: name.is_none() }
    }

    /// What was asked for.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether a word of the text names the wanted stage; `None` if no word names any.
    pub(crate) fn is_meant_by(&self, text: &str) -> Option<bool> {
        if self.is_named_in(text) {
            return Some(true);
        }
        let stages: Vec<Stage> = stage_words(text).iter().filter_map(|word| stage(word)).collect();
        if stages.is_empty() { None } else { Some(stages.iter().any(|known| Some(*known) == stage_of(&self.name))) }
    }

    /// Whether the text has the very name that was asked for, word by word.
    fn is_named_in(&self, text: &str) -> bool {
        let name = stage_words(&self.name);
        !name.is_empty() && stage_words(text).windows(name.len()).any(|words| words == name)
    }

    /// As [`Wanted::is_meant_by`], for text that may name a branch.
    pub(super) fn is_meant_by_branch(&self, text: &str) -> Option<bool> {
        let trunk = words(text).iter().any(|word| matches!(word.as_str(), "main" | "master" | "trunk"));
        if trunk { Some(stage(&self.name) == Some(Stage::Production)) } else { self.is_meant_by(text) }
    }

    /// The smaller, the better: what has the name that was asked for, its like, what says nothing, then from production
    /// down.
    pub(crate) fn rank(&self, text: &str) -> usize {
        match self.is_meant_by(text) {
            Some(true) => usize::from(!self.by_default && !self.is_named_in(text)),
            None => UNNAMED,
            Some(false) => {
                let stages = stage_words(text).into_iter().filter_map(|word| stage(&word));
                UNNAMED + 1 + stages.map(|stage| stage as usize).min().unwrap_or(0)
            }
        }
    }
}

/// The rank of what names no stage.
pub(crate) const UNNAMED: usize = 2;

/// The name without the words that name a stage, in lower case with `-` between words.
pub(crate) fn without_stage(name: &str) -> String {
    stage_words(name).into_iter().filter(|word| stage(word).is_none()).collect::<Vec<_>>().join("-")
}

/// The first stage that a word of the text names.
pub(crate) fn stage_of(text: &str) -> Option<Stage> {
    stage_words(text).iter().find_map(|word| stage(word))
}

/// Words of a name, with `pre-prod` and `non-prod` as the one word that they mean: neither is production.
fn stage_words(text: &str) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for word in words(text) {
        match joined.last_mut() {
            Some(before)
                if matches!(before.as_str(), "pre" | "non" | "not") && stage(&word) == Some(Stage::Production) =>
            {
                before.push_str("prod");
            }
            _ => joined.push(word),
        }
    }
    joined
}

/// Words of a name: what stands between other characters, and between a small and a capital letter.
pub(crate) fn words(text: &str) -> Vec<String> {
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
        "staging" | "stage" | "stg" | "stag" | "preprod" | "preproduction" | "uat" | "preview" => Stage::Staging,
        "test" | "testing" | "tst" | "qa" | "e2e" | "sandbox" | "sbx" | "integration" => Stage::Test,
        "dev" | "devel" | "develop" | "development" | "local" | "nonprod" | "notprod" => Stage::Development,
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
        assert_eq!(wanted.is_meant_by("web-pre-prod"), Some(false));
        assert_eq!(without_stage("web-pre-production"), without_stage("web-prod"));
        assert_eq!(Wanted::new(Some("pre-prod")).is_meant_by("web_pre_prod"), Some(true));
        assert_eq!(Wanted::new(Some("staging")).is_meant_by("webPreProd"), Some(true));
        assert_eq!(Wanted::new(Some("eu-west")).is_meant_by("web-eu-west-1"), Some(true));
        let mut asked = vec!["a", "a-pre-prod", "a-staging"];
        asked.sort_by_key(|name| Wanted::new(Some("staging")).rank(name));
        assert_eq!(asked, ["a-staging", "a-pre-prod", "a"]);
        let mut names = vec!["a-dev", "a-staging", "a", "a-pre-prod", "a-prod"];
        names.sort_by_key(|name| wanted.rank(name));
        assert_eq!(names, ["a-prod", "a", "a-staging", "a-pre-prod", "a-dev"]);
    }
}
