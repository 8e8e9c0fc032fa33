//! The journal's text: one edit per line, after its checksum. Pure: bytes in, edits out.
//!
//! ```text
//!  5a0f3b21 {"action":"UpdateService","service":"api","desiredCount":{"to":3,"from":1}}
//! ```
//!
//! A process that is killed while it appends leaves a line that is cut off or half overwritten. Its checksum does not
//! fit, and nothing from there on counts: the edits before it are whole, and that one was not acknowledged.

use super::edit::Edit;

/// One line.
pub fn line(edit: &Edit) -> String {
    let text = serde_json::to_string(edit).expect("an edit has nothing that JSON cannot say");
    format!("{:08x} {text}\n", crc32fast::hash(text.as_bytes()))
}

/// The edits of a journal up to the first line that is not whole.
pub fn read(bytes: &[u8]) -> Vec<Edit> {
    bytes.split_inclusive(|byte| *byte == b'\n').map_while(edit).collect()
}

fn edit(line: &[u8]) -> Option<Edit> {
    let line = std::str::from_utf8(line.strip_suffix(b"\n")?).ok()?;
    let (sum, text) = line.split_once(' ')?;
    let is_whole = sum.len() == 8 && u32::from_str_radix(sum, 16).ok()? == crc32fast::hash(text.as_bytes());
    is_whole.then(|| serde_json::from_str(text).ok()).flatten()
}

/// The lines to append to a journal of `before` so that it yields `after`.
pub fn appended(before: &[Edit], after: &[Edit]) -> Vec<Edit> {
    let Edits { gone, new } = Edits::between(before, after);
    let taken_back = gone.into_iter().map(|edit| match edit {
        Edit::UpdateService { service, .. } => Edit::UpdateService { service: service.clone(), desired_count: None },
    });
    taken_back.chain(new.into_iter().cloned()).collect()
}

struct Edits<'e> {
    gone: Vec<&'e Edit>,
    new: Vec<&'e Edit>,
}

impl<'e> Edits<'e> {
    fn between(before: &'e [Edit], after: &'e [Edit]) -> Self {
        let is_about = |edit: &Edit, other: &Edit| match (edit, other) {
            (Edit::UpdateService { service, .. }, Edit::UpdateService { service: of_other, .. }) => service == of_other,
        };
        Self {
            gone: before.iter().filter(|edit| !after.iter().any(|other| is_about(edit, other))).collect(),
            new: after.iter().filter(|edit| !before.contains(edit)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::edit::Departure;
    use super::*;

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let edit = ("[a-z\"\\\\é-]{1,8}", proptest::option::of((0..9_u32, 0..9_u32))).prop_map(|(service, count)| {
            Edit::UpdateService { service, desired_count: count.map(|(to, from)| Departure { to, from }) }
        });
        proptest::collection::vec(edit, 0..8)
    }

    fn text(edits: &[Edit]) -> Vec<u8> {
        edits.iter().map(line).collect::<String>().into_bytes()
    }

    proptest! {
        #[test]
        fn what_was_written_is_read(edits in edits()) {
            prop_assert_eq!(read(&text(&edits)), edits);
        }

        /// A process is killed after any number of bytes of the last line.
        #[test]
        fn a_journal_that_is_cut_off_holds_all_whole_lines(edits in edits(), cut in any::<prop::sample::Index>()) {
            let whole = text(&edits);
            let cut = cut.index(whole.len() + 1);
            let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
            prop_assert_eq!(read(&whole[..cut]), &edits[..lines]);
        }

        /// A disk has written the size and not, or not all of, the bytes.
        #[test]
        fn nothing_counts_from_a_torn_line_on(
            edits in edits(),
            at in any::<prop::sample::Index>(),
            torn in proptest::collection::vec(any::<u8>(), 1..40),
        ) {
            let mut bytes = text(&edits);
            if bytes.is_empty() {
                return Ok(());
            }
            let at = at.index(bytes.len());
            let lines = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
            let before = bytes.clone();
            let end = (at + torn.len()).min(bytes.len());
            bytes[at..end].copy_from_slice(&torn[..end - at]);
            let found = read(&bytes);
            prop_assert!(found.len() >= lines && found[..lines] == edits[..lines]);
            prop_assert!(bytes == before || found == edits[..found.len().min(edits.len())], "an edit that nobody made");
        }
    }

    #[test]
    fn what_is_appended_leads_to_what_is_wanted() {
        let count = |service: &str, to: u32| Edit::UpdateService {
            service: service.into(),
            desired_count: Some(Departure { to, from: 1 }),
        };
        let (before, after) = ([count("a", 2), count("b", 2), count("c", 2)], [count("b", 3), count("c", 2)]);
        let taken_back = Edit::UpdateService { service: "a".into(), desired_count: None };
        assert_eq!(appended(&before, &after), [taken_back, count("b", 3)]);
        assert!(appended(&after, &after).is_empty());
    }
}
