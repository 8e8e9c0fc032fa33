//! What a hook's command has answered.

use serde::Deserialize;
use serde_json::{Map, Value};

/// The answer of a hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookAnswer {
    /// `hookStatus`
    pub verdict: Verdict,
    /// `callBackDelay`, in seconds.
    pub call_back_delay: Option<u32>,
    /// `hookDetails`, merged with what the hook was told: a JSON object.
    pub details: Option<String>,
}

/// `hookStatus`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The deployment may go on.
    Succeeded,
    /// It may not, for this reason.
    Failed(String),
    /// The hook is to be asked again.
    InProgress,
}

impl From<Verdict> for HookAnswer {
    fn from(verdict: Verdict) -> Self {
        Self { verdict, call_back_delay: None, details: None }
    }
}

/// How a hook's command has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HookOutcome {
    /// It has exited.
    Exited {
        /// `None` if a signal ended it.
        code: Option<i32>,
        /// What it wrote to standard output.
        output: String,
        /// The last line that it wrote to standard error.
        complaint: Option<String>,
    },
    /// It could not be started, or did not end in time.
    Failed(String),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    hook_status: Option<String>,
    call_back_delay: Option<u32>,
    hook_details: Option<Map<String, Value>>,
}

/// Reads what a command has answered. It answers like a function: with a JSON object on its last line. One that writes none
/// answers with its exit code.
pub fn read(outcome: &HookOutcome, details: Option<&str>) -> HookAnswer {
    let (code, output, complaint) = match outcome {
        HookOutcome::Failed(why) => return Verdict::Failed(why.clone()).into(),
        HookOutcome::Exited { code, output, complaint } => (code, output, complaint),
    };
    let because = complaint.as_ref().map(|line| format!(": {line}")).unwrap_or_default();
    match code {
        Some(0) => {}
        Some(code) => return Verdict::Failed(format!("it exited with code {code}{because}")).into(),
        None => return Verdict::Failed(format!("a signal ended it{because}")).into(),
    }
    let whole = output.trim();
    let last = whole.lines().next_back().unwrap_or_default();
    let Some(text) = [whole, last].into_iter().find(|text| text.starts_with('{')) else {
        return Verdict::Succeeded.into();
    };
    let written: Written = match serde_json::from_str(text) {
        Ok(written) => written,
        Err(error) => return Verdict::Failed(format!("its answer is not understood: {error}")).into(),
    };
    let verdict = match written.hook_status.as_deref() {
        Some("SUCCEEDED") => Verdict::Succeeded,
        Some("FAILED") => Verdict::Failed("it returned FAILED status".to_owned()),
        Some("IN_PROGRESS") => Verdict::InProgress,
        Some(other) => Verdict::Failed(format!("it returned a status that does not exist: {other}")),
        None => Verdict::Failed("HookStatus must not be null".to_owned()),
    };
    let details = written.hook_details.map(|more| merged(details, more));
    HookAnswer { verdict, call_back_delay: written.call_back_delay, details }
}

/// "Amazon ECS merges this data and passes it back on the next invocation" (ECS developer guide, "Lambda hooks for Amazon
/// ECS service deployments").
fn merged(details: Option<&str>, more: Map<String, Value>) -> String {
    let known = details.and_then(|details| serde_json::from_str::<Map<String, Value>>(details).ok());
    let mut merged = known.unwrap_or_default();
    merged.extend(more);
    Value::Object(merged).to_string()
}
