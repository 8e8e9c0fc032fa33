//! How neargate treats every AWS field in the user's files: honoured, approximated, not yet, or ignored.
//!
//! Only [`table`], with the parts of it that are files of their own, defines this; a test keeps it complete. When a feature lands, its line changes there.

mod identities;
pub mod level;
mod line;
mod names;
mod scaling;
mod standing;
mod strategies;
mod table;

use super::read::reader::Used;
use super::text::source::{Location, Sources};
use level::{Entry, Level};
use neargate_model::Topology;

/// One field, or one standing difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fidelity {
    /// Path with `*` for names: `target_groups.*.health_check.path`; a standing difference has a few words instead.
    pub field: String,
    /// How neargate treats it.
    pub level: Level,
    /// Where it is given; empty for standing differences.
    pub locations: Vec<Location>,
}

/// The table's line about some fields of one kind of record.
#[derive(Clone, Debug)]
pub struct Line {
    /// Which kind of record, e.g. `target group`.
    pub record: &'static str,
    /// The fields.
    pub keys: &'static [&'static str],
    /// The values that the line is about; empty means all.
    pub values: &'static [&'static str],
    /// How neargate treats them.
    pub level: Level,
}

/// One line for each field that was given, worst first, then the standing differences.
pub(crate) fn report(used: &[Used], topology: &Topology, sources: &Sources) -> Vec<Fidelity> {
    let mut fields: Vec<Fidelity> = Vec::new();
    let mut known = std::collections::HashMap::new();
    for used in used {
        let Entry::Aws(level) = table::find(used.record, used.key, used.value.as_deref()) else { continue };
        let index = *known.entry((used.path.as_str(), level.name())).or_insert_with(|| {
            fields.push(Fidelity { field: used.path.clone(), level, locations: Vec::new() });
            fields.len() - 1
        });
        fields[index].locations.push(sources.location(used.span));
    }
    fields.sort_by(|a, b| a.level.cmp(&b.level).then_with(|| a.locations.cmp(&b.locations)));
    fields.extend(standing(topology));
    fields
}

/// The table as the page that is checked in at `docs/fidelity.md`.
pub fn markdown() -> String {
    let mut page = String::from(
        "# How neargate treats each AWS field\n\n\
         <!-- Generated from src/config/fidelity/table.rs by `UPDATE_EXPECTED=1 cargo test --test it config`; edits here are \
         lost. -->\n\n\
         `neargate check` prints the part that your project uses. Fields that only neargate has are not listed.\n",
    );
    let mut record = "";
    let quoted = |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    for Line { record: kind, keys, values, level } in lines() {
        if kind != record {
            record = kind;
            page.push_str(&format!("\n## {kind}\n\n| field | | |\n|---|---|---|\n"));
        }
        let only = if values.is_empty() { String::new() } else { format!(" = {}", quoted(values)) };
        let (level, reason) = (level.name(), level.reason().unwrap_or_default());
        page.push_str(&format!("| {}{only} | {level} | {reason} |\n", quoted(keys)));
    }
    page.push_str("\n## always\n\n| | |\n|---|---|\n");
    for (what, reason) in standing::STANDING.iter().chain([&standing::DRAINING]) {
        page.push_str(&format!("| {what} | {reason} |\n"));
    }
    page
}

/// Every line about AWS fields.
pub fn lines() -> impl Iterator<Item = Line> {
    table::lines().filter_map(|(record, keys, values, entry)| {
        let Entry::Aws(level) = entry else { return None };
        Some(Line { record, keys, values, level })
    })
}

/// Differences that do not depend on any field.
fn standing(topology: &Topology) -> Vec<Fidelity> {
    let mut list: Vec<(String, &'static str)> = Vec::new();
    if topology.time_scale.factor() > 1.0 {
        list.push((
            format!("time runs {} times as fast", topology.time_scale),
            "waits in which only the clock works (the load balancer's health check intervals, back-off) are shortened; what \
             measures the application (timeouts, containers' own health checks, stop timeouts) is not; `time_scale: 1` is \
             real time",
        ));
        list.push((standing::DRAINING.0.to_owned(), standing::DRAINING.1));
    }
    list.extend(standing::STANDING.iter().map(|(what, reason)| ((*what).to_owned(), *reason)));
    list.into_iter()
        .map(|(field, reason)| Fidelity { field, level: Level::Approximated(reason), locations: Vec::new() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::file::actions::*;
    use super::super::file::alarm::*;
    use super::super::file::aws::*;
    use super::super::file::conditions::*;
    use super::super::file::connect::*;
    use super::super::file::discovery::*;
    use super::super::file::load_balancer::*;
    use super::super::file::scaling::*;
    use super::super::file::service::*;
    use super::super::file::strategy::*;
    use super::super::file::target_group::*;
    use super::super::file::*;
    use super::super::task_definition::file::*;
    use super::*;

    macro_rules! keys_of {
        ($($record:ident)*) => { [$(($record::KIND, $record::FIELDS)),*] };
    }

    #[test]
    fn the_table_knows_every_field_and_no_other() {
        let records = keys_of! {
            File QuotasFile SecurityGroupFile IngressFile
            LoadBalancerFile LogDeliveryFile ListenerFile CertificateFile RuleFile TransformFile RewriteConfigFile RewriteFile
            ConditionFile LongPatternsFile HttpHeaderFile QueryStringFile
            ActionFile ForwardGroupsFile WeightedFile GroupStickinessFile RedirectFile FixedResponseFile
            TargetGroupFile HealthCheckFile StickinessFile TargetGroupHealthFile UnhealthyStateRoutingFile
            DnsFailoverFile StaticTargetFile
            ServiceFile CircuitBreakerFile ThresholdFile DeploymentAlarmsFile MetricAlarmFile DimensionsFile
            BindingFile BuildFile DevelopFile WatchFile HookFile
            DiscoveryServiceFile DnsConfigFile DnsRecordFile CustomHealthFile RegistryFile
            AdvancedFile ListenerRuleFile DeploymentConfigurationFile LinearFile CanaryFile LifecycleHookFile TimeoutFile
            ScalableTargetFile ScalingPolicyFile TargetTrackingFile PredefinedMetricFile SuspendedStateFile TaskRoleFile
            ConnectFile OfferedFile ClientAliasFile ConnectTimeoutFile
            TaskDefinitionFile RuntimePlatformFile EphemeralStorageFile VolumeFile HostVolumeFile ContainerFile
            RepositoryCredentialsFile PortMappingFile NameValueFile SecretFile MountPointFile DependencyFile
            ContainerHealthCheckFile RestartPolicyFile UlimitFile LogConfigurationFile LinuxParametersFile
            CapabilitiesFile TmpfsFile SystemControlFile EfsVolumeFile EfsAuthorizationFile ProxyConfigurationFile ProxyPropertyFile
            EnvironmentFileFile VolumeFromFile FirelensConfigurationFile SecretOptionFile
            AwsFile UserFile RoleFile PolicyFile ProviderFile
        };
        for (kind, keys) in records {
            for (key, _) in keys {
                assert!(table::lists(kind, key), "fidelity/table.rs says nothing of `{key}` of {kind}");
            }
        }
        for (kind, listed) in table::all() {
            let known = records.iter().find(|(record, _)| *record == kind);
            let (_, keys) =
                known.unwrap_or_else(|| panic!("fidelity/table.rs has a record `{kind}` that does not exist"));
            for key in listed {
                assert!(
                    keys.iter().any(|(known, _)| known == key),
                    "fidelity/table.rs has a field `{key}` of {kind} that does not exist"
                );
            }
        }
    }

    #[test]
    fn a_value_may_make_the_difference() {
        assert_eq!(table::find("target group", "target_type", Some("ip")), Entry::Aws(Level::Honoured));
        let lambda = table::find("target group", "target_type", Some("lambda"));
        assert!(matches!(lambda, Entry::Aws(Level::NotYet(_))));
    }
}
