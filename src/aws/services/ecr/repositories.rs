//! CreateRepository, DescribeRepositories, DeleteRepository.

use serde::Deserialize;
use serde_json::{Value, json};

use super::faults::{self, invalid};
use super::repository::{Filter, Repository};
use crate::aws::action::{Decision, Effect, Input, State};
use crate::aws::pages::{self, Sizes};
use crate::aws::tags::{self, Tag};
use crate::model::arn::ACCOUNT;
use crate::protocols::fault::Fault;

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Given {
    registry_id: Option<String>,
    repository_name: String,
    repository_names: Vec<String>,
    tags: Vec<Tag>,
    image_tag_mutability: Option<String>,
    image_tag_mutability_exclusion_filters: Option<Vec<Filter>>,
    image_scanning_configuration: Option<Scanning>,
    encryption_configuration: Option<Value>,
    force: bool,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Scanning {
    pub(super) scan_on_push: bool,
}

/// API reference, CreateRepository.
const PATTERN: &str = "(?:[a-z0-9]+(?:[._-][a-z0-9]+)*/)*[a-z0-9]+(?:[._-][a-z0-9]+)*";
/// API reference, PutImageTagMutability.
const MUTABILITIES: &[&str] = &["MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"];

/// What the pattern says.
fn is_name(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9'));
    (2..=256).contains(&name.len()) && name.split('/').all(|part| part.split(['.', '_', '-']).all(is_word))
}

pub(super) fn judge_mutability(mutability: &str) -> Result<(), Fault> {
    if MUTABILITIES.contains(&mutability) {
        return Ok(());
    }
    let set = format!("Member must satisfy enum value set: [{}]", MUTABILITIES.join(", "));
    Err(invalid("imageTagMutability", &set))
}

pub(super) fn create(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let name = given.repository_name;
    if !is_name(&name) {
        return Err(invalid("repositoryName", &format!("must satisfy regular expression '{PATTERN}'")));
    }
    if Repository::named(state.records(), &name).is_some() {
        let message = format!("The repository with name '{name}' already exists in the registry with id '{ACCOUNT}'");
        return Err(Fault::new("RepositoryAlreadyExistsException", message));
    }
    let mutability = given.image_tag_mutability.unwrap_or_else(|| "MUTABLE".to_owned());
    judge_mutability(&mutability)?;
    let tags = tags::of(given.tags);
    tags::judge(&tags).map_err(|refused| faults::tags(&refused))?;
    let repository = Repository {
        repository_name: name,
        created_at: state.now,
        image_tag_mutability: mutability,
        image_tag_mutability_exclusion_filters: given.image_tag_mutability_exclusion_filters,
        image_scanning_configuration: json!({ "scanOnPush": given.image_scanning_configuration.unwrap_or_default().scan_on_push }),
        encryption_configuration: given
            .encryption_configuration
            .unwrap_or_else(|| json!({ "encryptionType": "AES256" })),
        lifecycle_policy: None,
        policy: None,
        tags,
    };
    Ok(Decision::edit(repository.put(), move |state| Ok(json!({ "repository": repository.shape(state) }))))
}

pub(super) fn describe(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let registry = given.registry_id.as_deref();
    let found = if given.repository_names.is_empty() {
        Repository::all(state)
    } else {
        given.repository_names.iter().map(|name| Repository::find(state, name, registry)).collect::<Result<_, _>>()?
    };
    let shapes: Vec<Value> = found.iter().map(|repository| repository.shape(state)).collect();
    let sizes = Sizes { largest: 1000, default: 100 };
    let (page, next) = pages::page(&shapes, sizes, given.max_results, given.next_token.as_deref())
        .map_err(|_| invalid("nextToken", "must be one that was returned"))?;
    Ok(Decision::reply(pages::with_token(json!({ "repositories": page }), "nextToken", next)))
}

pub(super) fn delete(state: &State, input: &Input<'_>) -> Result<Decision, Fault> {
    let given: Given = input.read()?;
    let repository = Repository::find(state, &given.repository_name, given.registry_id.as_deref())?;
    let name = repository.repository_name.clone();
    if !given.force && !state.registry.storage.images(&name).is_empty() {
        let message = format!(
            "The repository with name '{name}' in registry with id '{ACCOUNT}' cannot be deleted because it still contains \
             images"
        );
        return Err(Fault::new("RepositoryNotEmptyException", message));
    }
    let effect = Effect::ForgetRepository(name, Box::new(repository.forget()));
    Ok(Decision::then(effect, move |state| Ok(json!({ "repository": repository.shape(state) }))))
}
