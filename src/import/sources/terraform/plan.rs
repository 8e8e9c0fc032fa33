//! `terraform show -json` of a plan.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::convert;
use super::outer::ShowFile;
use super::references;
use super::resource::Resource;
use super::show::{flatten, resource, version};
use crate::objects::Objects;
use crate::sources::source::{Options, Refusal};

/// The objects that there will be once the plan is applied.
pub(crate) fn read(file: &str, text: &str, options: &Options) -> Result<Objects, Refusal> {
    let plan: ShowFile = serde_json::from_str(text).map_err(|error| Refusal::json(file, &error))?;
    version(file, &plan)?;
    if plan.errored && !options.partial {
        return Err(Refusal::new(
            file,
            "planning failed half way, and what comes last is missing",
            "mend the plan, or take what there is with --partial",
        ));
    }
    let mut unknown: BTreeMap<String, Json> = BTreeMap::new();
    for raw in plan.resource_changes {
        if !raw.deposed && !raw.change.actions.iter().all(|action| action == "delete" || action == "forget") {
            unknown.insert(raw.address, raw.change.after_unknown);
        }
    }
    let mut raw = Vec::new();
    flatten(plan.planned_values.unwrap_or_default().root_module, &mut raw);
    // Data sources that are known already are only in the prior state.
    let mut prior = Vec::new();
    flatten(plan.prior_state.unwrap_or_default().values.unwrap_or_default().root_module, &mut prior);
    let planned: Vec<String> = raw.iter().map(|raw| raw.address.clone()).collect();
    raw.extend(prior.into_iter().filter(|raw| raw.mode == "data" && !planned.contains(&raw.address)));
    let mut resources: Vec<Resource> = raw
        .into_iter()
        .filter_map(|raw| {
            let unknown = unknown.get(&raw.address).cloned().unwrap_or_default();
            resource(file, raw, &unknown)
        })
        .collect();
    references::resolve(&mut resources, &plan.configuration.root_module);
    Ok(convert::objects(&resources))
}
