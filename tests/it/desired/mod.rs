//! The desired state and its authors: `fixtures/desired/`. After each step of a case the journal is written and read
//! back, as if the process had been killed at that moment: nothing may change.

mod edits;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::{fs, io};

use neargate::config::{Source, Style, Tasks, load};
use neargate::control::desired::edit::Edit;
use neargate::control::desired::families::Status;
use neargate::control::desired::journal::{self, Entry};
use neargate::control::desired::records::Record;
use neargate::control::desired::resources::Resources;
use neargate::control::desired::state::Desired;
use neargate::model::rule::{ListenerRule, WeightedTargetGroup};
use neargate::model::{ServiceName, TargetGroupName, Topology};
use serde::Deserialize;
use serde_json::Value;

use self::edits::Change;
use crate::support::expected::{cases, read};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[expect(dead_code, reason = "for the reader")]
    source: String,
    /// The beginning of every file of the case.
    #[serde(default)]
    head: String,
    steps: Vec<Step>,
}

/// `up` with this file, or a change by somebody else.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    file: Option<File>,
    #[serde(default)]
    reset: bool,
    change: Option<Change>,
    /// What ECS does to a listener rule.
    shift: Option<Shift>,
    update_service: Option<String>,
    desired_count: Option<u32>,
    /// Settings for the change, if they differ from the ones expected after it.
    with: Option<File>,
    /// Code and message of a refused change; the message of a refused file.
    refused: Option<String>,
    /// The file that would declare the resulting state. A refused step leaves it unchanged.
    wanted: Option<File>,
    /// Every revision that was registered.
    task_definitions: Option<BTreeMap<String, Status>>,
    /// The revision of each service.
    runs: Option<BTreeMap<String, String>>,
    /// Everything that is remembered beside the topology, with its tags.
    records: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    left_alone: Vec<String>,
}

/// New weights of the target groups of a rule, or of the default rule.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Shift {
    listener: u16,
    priority: Option<u32>,
    weights: BTreeMap<String, u16>,
}

impl Shift {
    fn rule(&self, topology: &Topology) -> ListenerRule {
        let load_balancer = topology.main_load_balancer().name.clone();
        ListenerRule { load_balancer, listener: self.listener, priority: self.priority }
    }

    fn target_groups(&self) -> Vec<WeightedTargetGroup> {
        let group = |(name, weight): (&String, &u16)| WeightedTargetGroup {
            target_group: TargetGroupName::new(name),
            weight: *weight,
        };
        self.weights.iter().map(group).collect()
    }
}

/// The text of neargate.yaml after the beginning; or only the services, each with its number of tasks.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Counts(BTreeMap<String, u32>),
    Text(String),
}

const TASK_DEFINITION: &str = r#"{"family":"f","networkMode":"awsvpc","cpu":"256","memory":"512",
    "containerDefinitions":[{"name":"app","image":"i","portMappings":[{"containerPort":80}]}]}"#;

const FILE_OF_COUNTS: &str = "name: p\ndomain: app.example.com\nload_balancer: { listeners: [ { port: 80, protocol: HTTP, \
     default_action: { fixed_response: { content_type: text/plain, status_code: 200 } } } ] }\nservices:\n";

impl File {
    fn topology(&self, head: &str) -> Arc<Topology> {
        let service = |(name, count): (&String, &u32)| {
            format!("  {name}: {{ task_definition: td.json, desired_count: {count} }}\n")
        };
        let text = match self {
            Self::Counts(counts) => FILE_OF_COUNTS.to_owned() + &counts.iter().map(service).collect::<String>(),
            Self::Text(text) => head.to_owned() + text,
        };
        topology(&text)
    }
}

fn topology(text: &str) -> Arc<Topology> {
    topology_in(Path::new("/p"), text, &|path| match path.ends_with("td.json") {
        true => Ok(TASK_DEFINITION.to_owned()),
        false => Err(io::ErrorKind::NotFound.into()),
    })
}

fn topology_in(folder: &Path, text: &str, read_file: &dyn Fn(&Path) -> io::Result<String>) -> Arc<Topology> {
    let source = Source {
        path: Path::new("neargate.yaml"),
        folder,
        text,
        overrides: &[],
        env_files: None,
        read_file,
        unusable_certificate: &|_, _| None,
        env: &|_| None,
        tasks: Tasks::Run,
    };
    let loaded = load(source).unwrap_or_else(|mistakes| panic!("{}\n{text}", mistakes.render(Style::Plain)));
    Arc::new(loaded.topology)
}

/// The state after a step, or the text of its refusal.
fn act(desired: Option<&Desired>, step: &Step, head: &str) -> Result<Desired, String> {
    let Some(desired) = desired else {
        return Ok(Desired::from(step.file.as_ref().expect("a file comes first").topology(head)));
    };
    let mut next = desired.clone();
    let refusal =
        |violation: neargate::control::desired::violation::Violation| format!("{}: {violation}", violation.code());
    if let Some(shift) = &step.shift {
        next.shift(&shift.rule(desired.topology()), &shift.target_groups()).map_err(refusal)?;
        return Ok(next);
    }
    match (&step.file, &step.change, &step.update_service) {
        (Some(file), None, None) => {
            next.declare(file.topology(head), step.reset).map_err(|needed| needed.to_string())?;
        }
        (None, Some(change), None) => {
            let settings = step.with.as_ref().or(step.wanted.as_ref()).map(|file| file.topology(head));
            next.edit(change.edit(settings.as_deref())).map_err(refusal)?;
        }
        (None, None, Some(service)) => {
            let edit = next.scale(ServiceName::new(service), step.desired_count);
            next.edit(edit).map_err(refusal)?;
        }
        _ => panic!("a step is a file or one change"),
    }
    Ok(next)
}

/// What a file alone does not say: the numbers of revisions.
fn unnumbered(topology: &Topology) -> Topology {
    let mut topology = topology.clone();
    topology.services.values_mut().for_each(|service| service.task_definition.number = 1);
    topology
}

/// What is remembered, by kind and id. Where there are tags, they come with the value.
fn remembered(desired: &Desired) -> BTreeMap<String, Value> {
    let records = desired.records();
    let all = records.kinds().flat_map(|kind| records.of(kind).map(move |(id, record)| (kind, id, record)));
    let shown = all.map(|(kind, id, record)| {
        let value = match record.tags.is_empty() {
            true => record.value.clone(),
            false => serde_json::json!({ "value": record.value, "tags": record.tags }),
        };
        (format!("{kind} {id}"), value)
    });
    shown.collect()
}

fn running(topology: &Topology) -> BTreeMap<String, String> {
    let services = topology.services.iter();
    services.map(|(name, service)| (name.to_string(), service.task_definition.name().to_string())).collect()
}

/// IDs in ARNs are digests of names; cases omit them.
fn without_ids(text: &str) -> String {
    let replace = |text: &str, id: &str, name: &str| {
        regex::Regex::new(id).expect("an expression").replace_all(text, name).into_owned()
    };
    replace(&replace(text, "/[0-9a-f]{16}", "/ID"), "/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "/UUID")
}

/// The journal as the file system would store it.
fn written(desired: &Desired) -> Vec<u8> {
    let Some((base, edits)) = desired.history() else { return Vec::new() };
    let lines = [journal::base_line(base)].into_iter().chain(edits.iter().map(|edit| journal::edit_line(edit)));
    lines.collect::<String>().into_bytes()
}

fn restored(desired: &Desired, bytes: &[u8]) -> Desired {
    Desired::restored(Arc::clone(desired.declared()), &journal::read(bytes)).expect("the file is the one it was")
}

fn check(case: &Case) {
    let mut desired: Option<Desired> = None;
    for (index, step) in case.steps.iter().enumerate() {
        let at = format!("{}, step {}", case.name, index + 1);
        let next = match (act(desired.as_ref(), step, &case.head), &step.refused) {
            (Ok(next), None) => next,
            (Err(refusal), Some(expected)) => {
                assert_eq!(&without_ids(&refusal), expected, "{at}");
                desired.clone().expect("a file was there before")
            }
            (Ok(_), Some(expected)) => panic!("{at}: not refused with {expected}"),
            (Err(refusal), None) => panic!("{at}: refused with {refusal}"),
        };
        let again = restored(&next, &written(&next));
        if let Some(wanted) = &step.wanted {
            assert_eq!(unnumbered(next.topology()), unnumbered(&wanted.topology(&case.head)), "{at}");
        }
        if let Some(expected) = &step.task_definitions {
            let registered = |desired: &Desired| -> BTreeMap<String, Status> {
                desired.task_definitions().all().map(|(name, status)| (name.to_string(), status)).collect()
            };
            assert_eq!(&registered(&next), expected, "{at}");
            assert_eq!(&registered(&again), expected, "{at}, after a crash");
        }
        if let Some(expected) = &step.records {
            assert_eq!(&remembered(&next), expected, "{at}");
        }
        assert_eq!(again.records(), next.records(), "{at}, after a crash");
        if let Some(expected) = &step.runs {
            assert_eq!(&running(next.topology()), expected, "{at}");
        }
        assert_eq!(again.topology(), next.topology(), "{at}, after a crash");
        if step.file.is_some() && step.refused.is_none() {
            let told: Vec<String> = next.left_alone().iter().map(ToString::to_string).collect();
            assert_eq!(told, step.left_alone, "{at}");
            let told: Vec<String> = again.left_alone().iter().map(ToString::to_string).collect();
            assert_eq!(told, step.left_alone, "{at}, after a crash");
        }
        desired = Some(next);
    }
}

#[test]
fn every_author_has_a_say() {
    for path in cases("desired", "yaml") {
        read::<Vec<Case>>(&path).iter().for_each(check);
    }
}

/// The process is killed after each byte of the journal: acknowledged edits survive the restart, and an unacknowledged
/// one has happened completely or not at all.
#[test]
fn a_crash_at_any_byte_leaves_a_state_that_was_desired() {
    for path in cases("desired", "yaml") {
        for case in read::<Vec<Case>>(&path) {
            let mut desired: Option<Desired> = None;
            for step in &case.steps {
                if let Ok(next) = act(desired.as_ref(), step, &case.head) {
                    desired = Some(next);
                }
            }
            let desired = desired.expect("a file");
            let bytes = written(&desired);
            let Some((_, edits)) = desired.history() else { continue };
            let after: Vec<Desired> = (0..=edits.len()).map(|count| after_edits(&desired, count)).collect();
            for cut in 0..=bytes.len() {
                let lines = bytes[..cut].iter().filter(|byte| **byte == b'\n').count();
                let found = restored(&desired, &bytes[..cut]);
                let expected = lines.checked_sub(1).map_or(desired.declared(), |edits| after[edits].topology());
                assert_eq!(found.topology(), expected, "{}, cut at byte {cut}", case.name);
                let expected = lines.checked_sub(1).map(|edits| after[edits].records()).cloned().unwrap_or_default();
                assert_eq!(found.records(), &expected, "{}, cut at byte {cut}", case.name);
            }
        }
    }
}

/// The desired state after this many edits.
fn after_edits(desired: &Desired, count: usize) -> Desired {
    let (base, edits) = desired.history().expect("edits");
    let entries = edits[..count].iter().map(|edit| Entry::Edit(Box::new(Edit::clone(edit))));
    let entries: Vec<Entry> = [Entry::Base(Box::new((**base).clone()))].into_iter().chain(entries).collect();
    Desired::restored(Arc::clone(desired.declared()), &entries).expect("nothing dangles")
}

/// However many changes are made, the journal holds what they led to, and no more than the last of them.
#[test]
fn a_journal_does_not_grow_with_the_number_of_changes() {
    let mut desired = Desired::from(File::Counts(BTreeMap::from([("api".to_owned(), 1)])).topology(""));
    let mut longest = 0;
    for number in 0..2000 {
        let record = Record::new(serde_json::json!({ "number": number }));
        desired.edit(Edit::put("ec2/vpc", format!("vpc-{}", number % 7), record)).expect("room");
        longest = longest.max(desired.history().expect("changes").1.len());
    }
    assert!(longest < 1000, "{longest} changes in one history");
    assert_eq!(restored(&desired, &written(&desired)).records(), desired.records());
    assert_eq!(desired.records().of("ec2/vpc").count(), 7);
    assert_eq!(desired.topology(), desired.declared(), "nothing follows from what is remembered");
}

/// A topology stays the same when it is split into resources and reassembled, and when it is written and read back.
#[test]
fn no_part_of_a_file_is_lost_between_resources() {
    let mut tried = 0;
    for folder in fs::read_dir("fixtures/config/valid").expect("cases").map(|entry| entry.expect("an entry").path()) {
        let text = fs::read_to_string(folder.join("neargate.yaml")).expect("a file");
        let topology = topology_in(&folder, &text, &|path| fs::read_to_string(path));
        let resources = Resources::from(&*topology);
        assert_eq!(unnumbered(&resources.derive(&topology)), unnumbered(&topology), "{}", folder.display());
        let text = serde_json::to_string(&resources).expect("text");
        assert_eq!(serde_json::from_str::<Resources>(&text).expect("resources"), resources, "{}", folder.display());
        tried += 1;
    }
    assert!(tried > 5, "only {tried} files");
}
