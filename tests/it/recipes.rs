//! Every error of the load balancer, provoked on purpose: the cases of `fixtures/alb/errors/` and `limits/`. The test
//! fails if a cause in `src/proxy/answer/error.rs` has no case, or a status in the guide has no line.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use regex::Regex;
use serde::Deserialize;

use crate::exchanges::{self, Exchange};
use crate::support::expected::read;

/// Exactly the statuses in "Troubleshoot your Application Load Balancers" of the ALB user guide.
const STATUSES: [u16; 19] =
    [400, 401, 403, 405, 408, 413, 414, 460, 463, 464, 500, 501, 502, 503, 504, 505, 507, 561, 562];

/// A line of `unreachable.yaml`.
#[derive(Deserialize)]
struct Gap {
    status: u16,
    cause: Option<String>,
}

fn recipes() -> Vec<Exchange> {
    ["errors/recipes.yaml", "limits/recipes.yaml"].into_iter().flat_map(exchanges::of_file).collect()
}

/// The causes that the code knows, with the beginning of their messages.
pub(crate) fn causes() -> BTreeMap<String, String> {
    let source = include_str!("../../src/proxy/answer/error.rs");
    let declared = source.split("enum ProxyError {").nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    let variants = Regex::new(r"(?m)^    (\w+)[(,]").unwrap();
    let words = Regex::new(r#"Self::(\w+)(?:\(\w+\))? => (?:\{\s*)?(?:write!\(f, |f\.write_str\()"([^"{]*)"#).unwrap();
    let told: BTreeMap<&str, &str> = words.captures_iter(source).map(|found| found.extract().1.into()).collect();
    let told = |name: &str| told.get(name).unwrap_or_else(|| panic!("{name} does not tell of itself")).to_string();
    variants.captures_iter(declared).map(|found| (found[1].to_owned(), told(&found[1]))).collect()
}

#[tokio::test]
async fn every_recipe_causes_its_error() {
    exchanges::check_all(&recipes(), &causes()).await;
}

#[test]
fn every_cause_and_every_status_of_the_guide_has_a_recipe_or_says_why_not() {
    let (mut reached, mut statuses) = (BTreeSet::new(), BTreeSet::new());
    for recipe in recipes() {
        if let Some(cause) = recipe.cause {
            statuses.insert(recipe.log.last().unwrap()[..3].parse::<u16>().unwrap());
            reached.insert(cause);
        }
    }
    let gaps = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/alb/errors/unreachable.yaml");
    for gap in read::<Vec<Gap>>(&gaps) {
        statuses.insert(gap.status);
        reached.extend(gap.cause);
    }
    let unreached: Vec<String> = causes().into_keys().filter(|cause| !reached.contains(cause)).collect();
    assert!(unreached.is_empty(), "no recipe in fixtures/alb/errors/ leads to {unreached:?}");
    let missing: Vec<u16> = STATUSES.into_iter().filter(|status| !statuses.contains(status)).collect();
    assert!(missing.is_empty(), "fixtures/alb/errors/ says nothing of {missing:?}");
}
