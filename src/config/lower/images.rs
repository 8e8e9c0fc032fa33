//! Images: replacements for the task definition's images, and whether an image can be pulled at all.

use std::collections::BTreeMap;

use super::containers::known_container;
use super::lowering::Lowering;
use crate::file::service::ServiceFile;
use crate::image_reference::{self, Unusable};
use crate::input::Tasks;
use crate::read::reader::Spanned;
use crate::task_definition::ReadDefinition;
use crate::text::diagnostics::Diagnostic;
use crate::text::source::Span;
use neargate_model::ContainerName;
use neargate_model::service::Build;

/// The images that the file sets, by container.
pub(super) fn lower(
    file: &ServiceFile,
    definition: Option<&ReadDefinition>,
    lowering: &mut Lowering<'_>,
) -> BTreeMap<ContainerName, String> {
    let mut images = BTreeMap::new();
    for (container, image) in file.image.iter().flat_map(|images| images.iter()) {
        if let Some(definition) = definition {
            known_container(container, definition, lowering);
        }
        let build = file.build.iter().flat_map(|builds| builds.iter()).find(|(name, _)| name.value == container.value);
        if let Some((build, _)) = build {
            lowering.report(
                Diagnostic::error(format!("`{}` has a `build` and an `image`", container.value), container.span, "")
                    .also(build.span, "the build")
                    .note("`build` builds the image here, `image` names one to pull")
                    .help("remove one of them; neargate names the images that it builds"),
            );
        }
        if lowering.source.tasks == Tasks::Run
            && let Some(unusable) = image_reference::unusable(image)
        {
            lowering.report(not_pulled(&container.value, image, image.span, &unusable));
        }
        images.insert(ContainerName::new(&container.value), image.value.clone());
    }
    images
}

/// Reports containers without a usable image: not built here, and impossible to pull.
pub(super) fn judge(
    service: &Spanned<String>,
    definition: &ReadDefinition,
    builds: &BTreeMap<ContainerName, Build>,
    images: &BTreeMap<ContainerName, String>,
    lowering: &mut Lowering<'_>,
) {
    if lowering.source.tasks == Tasks::DoNotRun {
        return;
    }
    let containers = &definition.definition.containers;
    for (container, span) in containers.iter().zip(&definition.images) {
        let is_built = |other: &ContainerName| builds.contains_key(other);
        let shares_build = containers
            .iter()
            .any(|other| is_built(&other.name) && !other.image.is_empty() && other.image == container.image);
        // That one is missing has been said already.
        if container.image.is_empty()
            || is_built(&container.name)
            || images.contains_key(&container.name)
            || shares_build
        {
            continue;
        }
        let diagnostic = match image_reference::unusable(&container.image) {
            Some(unusable) => not_pulled(container.name.as_str(), &container.image, *span, &unusable),
            None if image_reference::reads_like_a_placeholder(&container.image) => {
                let text = format!("the image of `{}` looks like a placeholder: `{}`", container.name, container.image);
                Diagnostic::warning(text, *span, "it is pulled exactly as written")
            }
            None => continue,
        };
        lowering.report(diagnostic.help(format!(
            "build it here, in the service `{}`: `build: {{ {}: {{ context: . }} }}`; or name one to pull: `image: {{ \
             {}: … }}`",
            service.value, container.name, container.name
        )));
    }
}

fn not_pulled(container: &str, image: &str, span: Span, unusable: &Unusable) -> Diagnostic {
    let message = match unusable.is_placeholder {
        true => format!("the image of `{container}` looks like a placeholder: `{image}`"),
        false => format!("the image of `{container}` cannot be pulled: `{image}`"),
    };
    Diagnostic::error(message, span, "this is not an image name")
        .note(&unusable.why)
        .maybe_help(unusable.instead.as_ref().map(|name| format!("write `{name}`")))
}
