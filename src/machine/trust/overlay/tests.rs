//! Trust stores of fake machines, as a command would see them.

use super::*;
use crate::machine::trust::runner::SystemRunner;
use crate::machine::trust::store::{OperatingSystem, contains_certificate};
use crate::machine::trust::tests::World;

const THEIRS: &str = "-----BEGIN CERTIFICATE-----\ndGhlaXJz\n-----END CERTIFICATE-----\n";

#[test]
fn on_debian_the_bundle_the_hashed_name_and_javas_store_hold_ours_too() {
    let world = World::debian();
    world.write("etc/ssl/certs/ca-certificates.crt", THEIRS);
    world.write("usr/share/ca-certificates/theirs.crt", THEIRS);
    link(&world, "../../../usr/share/ca-certificates/theirs.crt", "etc/ssl/certs/theirs.pem");
    fs::create_dir_all(world.folder.path().join("etc/ssl/certs/java")).expect("a folder");
    let store = java::key_store(&[b"theirs".to_vec()]);
    fs::write(world.folder.path().join("etc/ssl/certs/java/cacerts"), store).expect("written");
    // The same store under the name that a JVM knows.
    fs::create_dir_all(world.folder.path().join("usr/lib/jvm/java-17/lib/security")).expect("a folder");
    link(&world, "../../../../../../etc/ssl/certs/java/cacerts", "usr/lib/jvm/java-17/lib/security/cacerts");

    let (scratch, overlays) = built(&world);
    let [only] = overlays.as_slice() else { panic!("one folder has all of it: {overlays:?}") };
    assert_eq!(only.target, world.folder.path().canonicalize().expect("there").join("etc/ssl/certs"));
    let seen = |path: &str| fs::read(only.source.join(path)).expect("there");
    assert_eq!(seen("ca-certificates.crt"), bundles::combined(Some(THEIRS), &world.root.pem).into_bytes());
    let ours = java::from_pem(&world.root.pem);
    assert_eq!(java::certificates(&seen("java/cacerts")), Some([vec![b"theirs".to_vec()], ours.clone()].concat()));
    let hash = openssl::subject_hash(&ours[0]).expect("a certificate");
    assert_eq!(seen(&format!("{hash}.0")), world.root.pem.as_bytes());
    let link = fs::read_link(only.source.join("theirs.pem")).expect("a link stays a link");
    assert_eq!(link, Path::new("../../../usr/share/ca-certificates/theirs.crt"));
    drop(scratch);
    let untouched = fs::read_to_string(world.folder.path().join("etc/ssl/certs/ca-certificates.crt"));
    assert_eq!(untouched.expect("there"), THEIRS, "the machine's own is as it was");
}

#[test]
fn on_fedora_links_lead_to_one_bundle_and_anchors_get_a_file() {
    let world = World::empty(OperatingSystem::Linux);
    world.write("etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", THEIRS);
    world.write("etc/pki/ca-trust/source/anchors/corporate.pem", THEIRS);
    fs::create_dir_all(world.folder.path().join("etc/pki/tls/certs")).expect("a folder");
    link(&world, "../../ca-trust/extracted/pem/tls-ca-bundle.pem", "etc/pki/tls/certs/ca-bundle.crt");
    let (_scratch, overlays) = built(&world);
    let top = world.folder.path().canonicalize().expect("there");
    let targets: Vec<_> = overlays.iter().map(|one| one.target.strip_prefix(&top).expect("below").to_owned()).collect();
    let expected = ["etc/pki/ca-trust/source/anchors", "etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem"];
    assert_eq!(targets, expected.map(PathBuf::from));
    assert_eq!(fs::read_to_string(overlays[0].source.join("corporate.pem")).expect("there"), THEIRS);
    let ours = fs::read_to_string(overlays[0].source.join("neargate-chatkit.pem")).expect("there");
    assert_eq!(ours, world.root.pem);
    assert!(fs::read_to_string(&overlays[1].source).expect("there").contains(THEIRS));
}

#[test]
fn firefoxs_policies_are_extended_where_it_looks_for_them() {
    let world = World::empty(OperatingSystem::Linux);
    world.write("usr/lib/firefox-esr/distribution/distribution.ini", "[Global]");
    let (_scratch, overlays) = built(&world);
    let policies = fs::read_to_string(overlays[0].source.join("policies.json")).expect("there");
    assert!(policies.contains(world.root.path.to_str().expect("text")), "{policies}");
    assert!(overlays[0].source.join("distribution.ini").is_file());
}

#[test]
fn the_store_that_javas_options_name_is_the_one_that_is_read() {
    let world = World::debian();
    let path = world.folder.path().join("corporate.jks");
    fs::write(&path, java::key_store(&[b"corporate".to_vec()])).expect("written");
    let home = world.folder.path().join("jdk");
    fs::create_dir_all(home.join("lib/security")).expect("a folder");
    fs::write(home.join("lib/security/cacerts"), java::key_store(&[b"jdk".to_vec()])).expect("written");
    let options = format!("-Djavax.net.ssl.trustStore={}", path.display());
    let read = |set: &[(&str, String)]| {
        let variable = |name: &str| set.iter().find(|(set, _)| *set == name).map(|(_, value)| value.clone());
        java_certificates(&world.machine, &world.runner, &variable)
    };
    let home = ("JAVA_HOME", home.display().to_string());
    assert_eq!(read(std::slice::from_ref(&home)), [b"jdk".to_vec()]);
    assert_eq!(read(&[home, ("JAVA_TOOL_OPTIONS", options)]), [b"corporate".to_vec()]);
    assert_eq!(read(&[]), Vec::<Vec<u8>>::new());
}

#[test]
fn chromiums_database_is_copied_or_made_and_its_mount_point_goes() {
    if !SystemRunner.has("certutil") {
        tracing::warn!("certutil is not installed (libnss3-tools): real NSS databases are not tested");
        return;
    }
    let world = World::empty(OperatingSystem::Linux);
    fs::create_dir_all(world.folder.path().join(".cache/ms-playwright")).expect("a folder");
    let scratch = tempfile::tempdir().expect("a folder");
    let build = |name: &str| {
        let scratch = scratch.path().join(name);
        fs::create_dir(&scratch).expect("a folder");
        build(&world.root, &world.machine, &SystemRunner, &|_| None, &scratch).expect("built")
    };
    let (one, two) = (build("one"), build("two"));
    let list = nss_list(&one.overlays[0].source);
    assert!(contains_certificate(&list, &world.root.pem), "{list}");
    let mount_point = world.folder.path().join(".pki/nssdb");
    assert!(fs::read_dir(&mount_point).expect("there").next().is_none(), "nothing is in it");
    drop(one);
    assert!(mount_point.is_dir(), "the other one stands on it");
    drop(two);
    assert!(!world.folder.path().join(".pki").exists());
}

fn nss_list(database: &Path) -> String {
    let list = Command::new("certutil", ["-L", "-n", "neargate-chatkit", "-a", "-d"]);
    run(&SystemRunner, &list.arg(format!("sql:{}", database.display()))).expect("listed")
}

fn built(world: &World) -> (tempfile::TempDir, Vec<Overlay>) {
    let scratch = tempfile::tempdir().expect("a folder");
    let built = build(&world.root, &world.machine, &world.runner, &|_| None, scratch.path()).expect("built");
    (scratch, built.overlays)
}

fn link(world: &World, to: &str, at: &str) {
    std::os::unix::fs::symlink(to, world.folder.path().join(at)).expect("linked");
}
