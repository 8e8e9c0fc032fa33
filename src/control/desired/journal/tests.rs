//! What was written is read, whatever a crash has done to its end.

use proptest::prelude::*;

use super::*;
use crate::model::ServiceName;

fn journals() -> impl Strategy<Value = Vec<Entry>> {
    let edit = ("[a-z\"\\\\é-]{1,8}", 0..9_u32)
        .prop_map(|(service, count)| Entry::Edit(Box::new(Edit::scale(ServiceName::new(service), count))));
    let base = Entry::Base(Box::new(Base::unchanged(Resources::default())));
    proptest::collection::vec(edit, 0..8).prop_map(move |edits| [vec![base.clone()], edits].concat())
}

fn text(entries: &[Entry]) -> Vec<u8> {
    entries.iter().map(line).collect::<String>().into_bytes()
}

proptest! {
    #[test]
    fn what_was_written_is_read(entries in journals()) {
        prop_assert_eq!(read(&text(&entries)), entries);
    }

    /// A process is killed after any number of bytes of the last line.
    #[test]
    fn a_journal_that_is_cut_off_holds_all_whole_lines(entries in journals(), cut in any::<prop::sample::Index>()) {
        let whole = text(&entries);
        let cut = cut.index(whole.len() + 1);
        let lines = whole[..cut].iter().filter(|byte| **byte == b'\n').count();
        prop_assert_eq!(read(&whole[..cut]), &entries[..lines]);
    }

    /// A disk has written the size and not, or not all of, the bytes.
    #[test]
    fn nothing_counts_from_a_torn_line_on(
        entries in journals(),
        at in any::<prop::sample::Index>(),
        torn in proptest::collection::vec(any::<u8>(), 1..40),
    ) {
        let mut bytes = text(&entries);
        let at = at.index(bytes.len());
        let lines = bytes[..at].iter().filter(|byte| **byte == b'\n').count();
        let before = bytes.clone();
        let end = (at + torn.len()).min(bytes.len());
        bytes[at..end].copy_from_slice(&torn[..end - at]);
        let found = read(&bytes);
        prop_assert!(found.len() >= lines && found[..lines] == entries[..lines]);
        prop_assert!(bytes == before || found == entries[..found.len().min(entries.len())], "an edit that was never made");
    }
}
