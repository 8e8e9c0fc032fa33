//! What was written is read, whatever a crash has done to its end.

use proptest::prelude::*;
use serde_json::Value;

use super::super::records::Record;
use super::*;
use crate::model::ServiceName;

/// JSON of any shape; texts that need escapes, numbers of every kind.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[a-z\"\\\\\n€-]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map("[a-zA-Z.]{1,4}", inner, 0..4).prop_map(Value::from_iter),
        ]
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let count =
        ("[a-z\"\\\\é-]{1,8}", 0..9_u32).prop_map(|(service, count)| Edit::scale(ServiceName::new(service), count));
    let tags = proptest::collection::btree_map("[a-z]{1,3}", "[a-z\"]{0,3}", 0..3);
    let put = ("[a-b]", "[a-c]", value(), tags)
        .prop_map(|(kind, id, value, tags)| Edit::put(&kind, id, Record::new(value).with(tags)));
    let forget = ("[a-b]", "[a-c]").prop_map(|(kind, id)| Edit::forget(&kind, id));
    let one = prop_oneof![count, put, forget];
    let together = proptest::collection::vec(one.clone(), 0..3).prop_map(|edits| Edit::Together { edits });
    prop_oneof![4 => one, 1 => together]
}

fn journals() -> impl Strategy<Value = Vec<Entry>> {
    let base = Entry::Base(Box::new(Base::unchanged(Resources::default())));
    let edit = edit().prop_map(|edit| Entry::Edit(Box::new(edit)));
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
