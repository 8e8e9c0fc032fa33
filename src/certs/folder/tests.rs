//! Tests the folder over time: created, reused, recreated, and repaired.

use std::time::Duration;

use super::super::testing::{names, project};
use super::*;
use crate::model::certificate::KeyAlgorithm;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[test]
fn it_is_made_once_and_then_reused() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("neargate/chatkit");
    let first = open_at(&folder, &["app.example.com"], Timestamp::now());
    let second = open_at(&folder, &["app.example.com"], Timestamp::now() + 700 * DAY);
    assert_eq!((first.provenance, second.provenance), (Provenance::Made, Provenance::Reused));
    assert_eq!(first.authority.certificate_pem(), second.authority.certificate_pem());
    let on_disk = fs::read_to_string(folder.join("ca.pem")).expect("the certificate");
    assert_eq!(on_disk, first.authority.certificate_pem());
    // The reopened one can still issue.
    second.authority.issue(&names(&["app.example.com"]), KeyAlgorithm::P256, Timestamp::now()).expect("a leaf");
}

#[test]
fn it_is_remade_when_it_cannot_serve_any_more_and_says_why() {
    let now = Timestamp::now();
    let cases: [(&[&str], Timestamp, &str); 3] = [
        (
            &["app.example.com", "api.example.com"],
            now,
            "the previous one was limited to app.example.com and does not cover api.example.com",
        ),
        (&["app.example.com"], now + 800 * DAY, "the previous one expires on "),
        (&["app.example.com"], now + 900 * DAY, "the previous one expired on "),
    ];
    for (wanted, at, because) in cases {
        let home = tempfile::tempdir().expect("a folder");
        let first = open_at(home.path(), &["app.example.com"], now);
        let second = open_at(home.path(), wanted, at);
        let Provenance::Remade { because: found } = second.provenance else { panic!("{because}: not remade") };
        assert!(found.starts_with(because), "{found}");
        assert_ne!(first.authority.certificate_pem(), second.authority.certificate_pem());
    }
}

#[test]
fn fewer_names_are_no_reason_to_make_people_trust_another_root() {
    let home = tempfile::tempdir().expect("a folder");
    open_at(home.path(), &["app.example.com", "*.app.example.com"], Timestamp::now());
    assert_eq!(open_at(home.path(), &["app.example.com"], Timestamp::now()).provenance, Provenance::Reused);
}

#[test]
fn half_an_authority_is_replaced_by_a_whole_one() {
    let damage: [(&str, Damage); 5] = [
        ("ca-key.pem is missing", |folder| fs::remove_file(folder.join("ca-key.pem")).expect("removed")),
        ("ca.pem is missing", |folder| fs::remove_file(folder.join("ca.pem")).expect("removed")),
        ("ca.pem contains no certificate", |folder| fs::write(folder.join("ca.pem"), "nothing").expect("written")),
        ("ca-key.pem contains no private key", |folder| {
            fs::write(folder.join("ca-key.pem"), "nothing").expect("written")
        }),
        ("ca.pem does not belong to its key", |folder| {
            let other = super::super::testing::authority(&["app.example.com"]);
            fs::write(folder.join("ca.pem"), other.certificate_pem()).expect("written");
        }),
    ];
    for (because, damage) in damage {
        let home = tempfile::tempdir().expect("a folder");
        open_at(home.path(), &["app.example.com"], Timestamp::now());
        damage(home.path());
        let Provenance::Remade { because: found } =
            open_at(home.path(), &["app.example.com"], Timestamp::now()).provenance
        else {
            panic!("{because}: not remade")
        };
        assert!(found.ends_with(because), "{found}");
        assert_eq!(open_at(home.path(), &["app.example.com"], Timestamp::now()).provenance, Provenance::Reused);
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_the_key_and_loosened_permissions_are_put_right_and_told() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("chatkit");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert!(open_at(&folder, &["app.example.com"], Timestamp::now()).notes.is_empty());
    assert_eq!((mode(&folder), mode(&folder.join("ca-key.pem"))), (0o700, 0o600));

    fs::set_permissions(folder.join("ca-key.pem"), fs::Permissions::from_mode(0o644)).expect("loosened");
    let opened = open_at(&folder, &["app.example.com"], Timestamp::now());
    assert_eq!(opened.provenance, Provenance::Reused);
    assert!(
        opened.notes[0].contains("open to other users of this machine (0644) and is now 0600"),
        "{:?}",
        opened.notes
    );
    assert_eq!(mode(&folder.join("ca-key.pem")), 0o600);
}

#[test]
fn two_processes_that_open_at_once_get_the_same_authority() {
    let home = tempfile::tempdir().expect("a folder");
    let open = || open_at(home.path(), &["app.example.com"], Timestamp::now()).authority.certificate_pem().to_owned();
    let pems: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(pems.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_with_its_path() {
    let home = tempfile::tempdir().expect("a folder");
    let file = home.path().join("file");
    fs::write(&file, "").expect("written");
    let error = open(&file.join("chatkit"), &project(), "alice@laptop", &names(&["a.example"]), Timestamp::now())
        .expect_err("a file is not a folder");
    assert!(error.to_string().starts_with("cannot create ") && error.to_string().contains("file/chatkit"), "{error}");
}

#[test]
fn ci_keeps_no_key() {
    for (ci, kept) in [(None, true), (Some(""), true), (Some("false"), true), (Some("true"), false), (Some("1"), false)]
    {
        assert_eq!(is_kept(ci), kept, "{ci:?}");
    }
}

/// Spoils the folder it is given.
type Damage = fn(&Path);

fn open_at(folder: &Path, wanted: &[&str], now: Timestamp) -> Opened {
    open(folder, &project(), "alice@laptop", &names(wanted), now).expect("an authority")
}
