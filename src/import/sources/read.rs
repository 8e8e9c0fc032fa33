//! From files to objects, whatever kind of source they are.

use super::format::{Format, recognise};
use super::source::{Options, Refusal, SourceFile};
use super::{cloudformation, described, terraform, text};
use crate::objects::Objects;

/// Reads all files, or says what is wrong with each that cannot be read.
pub fn read(files: &[SourceFile], options: &Options) -> Result<Objects, Vec<Refusal>> {
    let mut objects = Objects::default();
    let mut refusals = Vec::new();
    let mut answers = Vec::new();
    let mut claim = cloudformation::claim(files);
    refusals.append(&mut claim.refusals);
    for file in files.iter().filter(|file| !claim.taken.contains(&file.path)) {
        let read = recognise(&file.path, &file.bytes).and_then(|format| {
            let text = text::decode(&file.bytes).unwrap_or_default();
            match format {
                Format::TerraformState => terraform::read_state(&file.path, &text),
                Format::TerraformShow => terraform::read_show(&file.path, &text),
                Format::TerraformPlan => terraform::read_plan(&file.path, &text, options),
                Format::Described => {
                    answers.push((file.path.clone(), text));
                    Ok(Objects::default())
                }
            }
        });
        match read {
            Ok(read) => objects.merge(read),
            Err(refusal) => refusals.push(refusal),
        }
    }
    // Answers of the AWS CLI need each other: some do not say whose they are.
    match described::read(&answers) {
        Ok(read) => objects.merge(read),
        Err(more) => refusals.extend(more),
    }
    objects.merge(claim.read());
    if refusals.is_empty() { Ok(objects) } else { Err(refusals) }
}
