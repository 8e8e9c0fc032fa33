//! What services and the project are called.

use super::services::Chosen;
use crate::pipeline::found::Described;
use crate::pipeline::found::Pipeline;
use crate::pipeline::stage::{stage_of, without_stage};
use crate::pipeline::text::{self, Piece};
use neargate_config::project_name_from;

/// Letters, digits, `-` and `_`, at most 255; of an ARN its last part.
pub(super) fn ecs_name(text: &str) -> String {
    let last = text.trim().rsplit('/').next().unwrap_or_default();
    let clean: String = without_placeholders(last)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' })
        .take(255)
        .collect();
    clean.trim_matches('-').to_owned()
}

/// Without `${…}`, `{{…}}` and `<…>`, which a pipeline fills in.
fn without_placeholders(text: &str) -> String {
    let mut out = text.to_owned();
    for (open, close) in [("${", "}"), ("{{", "}}"), ("<", ">")] {
        while let Some(at) = out.find(open)
            && let Some(length) = out[at..].find(close)
        {
            out.replace_range(at..at + length + close.len(), "");
        }
    }
    out
}

/// A name for each service, no two the same: the pipeline's, one that a file gives it, the family's.
pub(super) fn of_services(
    chosen: &[Chosen<'_>],
    pipeline: &Pipeline,
    folder: &str,
    notes: &mut Vec<String>,
) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for chosen in chosen {
        let known = chosen.service.as_deref().and_then(text::known).map(ecs_name).filter(|name| !name.is_empty());
        let family = ecs_name(&chosen.facts.family);
        let family = if family.is_empty() { ecs_name(&chosen.facts.containers[0].name) } else { family };
        let described = described(chosen, pipeline).filter(|_| known.is_none());
        let named = known.clone().or_else(|| described.map(|described| described.service.clone()));
        let named = named.or_else(|| after_the_repository(chosen.service.as_deref()?, folder));
        let name = named.unwrap_or_else(|| if family.is_empty() { "app".to_owned() } else { family });
        if let (None, Some(service)) = (&known, &chosen.service) {
            let takes = format!("service {name}: the workflow takes its name from {}", text::show(service));
            notes.push(match described {
                Some(described) => format!("{takes}; {} has it", described.place),
                None => takes,
            });
        }
        let mut unique = name.clone();
        let mut number = 2;
        while names.contains(&unique) {
            unique = format!("{name}-{number}");
            number += 1;
        }
        names.push(unique);
    }
    names
}

/// The name of a service that is called after the repository: a clone's folder has the same name.
fn after_the_repository(service: &str, folder: &str) -> Option<String> {
    let repository = |what: &str| matches!(what, "github.event.repository.name" | "github.repository");
    let mut named = false;
    let mut name = String::new();
    for piece in text::pieces(service) {
        match piece {
            Piece::Known(text) => name.push_str(&text),
            Piece::Unknown(what) if repository(&what) => {
                named = true;
                name.push_str(folder);
            }
            Piece::Unknown(_) => return None,
        }
    }
    let name = ecs_name(&name);
    (named && !name.is_empty()).then_some(name)
}

/// The only service that a file describes as running the family.
fn described<'p>(chosen: &Chosen<'_>, pipeline: &'p Pipeline) -> Option<&'p Described> {
    let family = Some(chosen.facts.family.as_str()).filter(|family| !family.is_empty());
    let mut found = pipeline.described.iter().filter(|known| family.is_some() && known.family.as_deref() == family);
    found.next().filter(|_| found.next().is_none())
}

/// The family's name if there is one service, the folder's if there are several. Without the word that names a stage:
/// it is one project, whichever variant `--environment` takes, so that `ps` and `down` find it without the option.
pub(super) fn project(chosen: &[Chosen<'_>], folder: &str) -> String {
    let text = match chosen {
        [only] if !without_stage(&only.facts.family).is_empty() => only.facts.family.as_str(),
        _ => folder,
    };
    let stage = stage_of(text).is_some() && !without_stage(text).is_empty();
    let text = if stage { without_stage(text) } else { text.to_owned() };
    let name = project_name_from(&text).as_str().to_owned();
    let cut: String = name.chars().take(63).collect();
    cut.trim_matches(['-', '_']).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_without_what_a_pipeline_fills_in() {
        for (written, name) in [
            ("web-${environment}", "web"),
            ("<ENV>_web", "_web"),
            ("arn:aws:ecs:eu-west-1:111122223333:service/shop/web", "web"),
            ("{{ app }}-api", "api"),
            ("my app", "my-app"),
        ] {
            assert_eq!(ecs_name(written), name, "{written}");
        }
        let repository = text::unknown("github.event.repository.name");
        assert_eq!(after_the_repository(&format!("{repository}-prod"), "shop").as_deref(), Some("shop-prod"));
        assert_eq!(after_the_repository(&format!("{repository}{}", text::unknown("vars.X")), "shop"), None);
        assert_eq!(after_the_repository("shop", "shop"), None);
    }
}
