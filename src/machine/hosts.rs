//! A marked block of the hosts file, so that names of the stack resolve to this machine.
//!
//! ```text
//!  # neargate:chatkit begin
//!  127.0.0.1 app.domain.com
//!  # neargate:chatkit end
//! ```
//!
//! Each project has its own block and touches nothing else; everything outside is preserved byte for byte. The hosts file
//! has no wildcards, so names with one are skipped; [`left_out`] reports them.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::model::{DomainName, ProjectName};

/// A name and where it leads.
pub type Named = (IpAddr, DomainName);

/// The hosts file of this system.
pub fn default_path() -> PathBuf {
    if cfg!(windows) { r"C:\Windows\System32\drivers\etc\hosts".into() } else { "/etc/hosts".into() }
}

/// The text with the project's block in it, where it was or at the end. Without names that can stand in it, without
/// a block.
pub fn apply(text: &str, project: &ProjectName, names: &[Named]) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let block = block(project, names).replace('\n', newline);
    let (before, after) = match find(text, project) {
        Some(old) => (&text[..old.start], &text[old.end..]),
        None => (text, ""),
    };
    let mut applied = before.to_owned();
    if !block.is_empty() && !applied.is_empty() && !applied.ends_with('\n') {
        applied.push_str(newline);
    }
    applied.push_str(&block);
    applied.push_str(after);
    applied
}

/// The text with the project's names in front of all others, which a resolver that takes the first line it finds wants:
/// for a copy that only one command sees.
pub fn in_front(text: &str, project: &ProjectName, names: &[Named]) -> String {
    format!("{}{}", block(project, names), remove(text, project))
}

/// `nsswitch.conf` with the hosts file asked first for names; `None` if it is. systemd's resolver, where it stands before
/// it, reads the machine's own hosts file and not a command's.
pub fn files_first(nsswitch: &str) -> Option<String> {
    let line = nsswitch.lines().find(|line| line.trim_start().starts_with("hosts:"))?;
    let services = line.trim_start().strip_prefix("hosts:")?;
    let words: Vec<&str> = services.split('#').next().unwrap_or_default().split_whitespace().collect();
    let rest: Vec<&str> = words.iter().copied().filter(|word| *word != "files").collect();
    (words.first() != Some(&"files")).then(|| nsswitch.replacen(line, &format!("hosts: files {}", rest.join(" ")), 1))
}

/// The text without the project's block.
pub fn remove(text: &str, project: &ProjectName) -> String {
    match find(text, project) {
        Some(old) => format!("{}{}", &text[..old.start], &text[old.end..]),
        None => text.to_owned(),
    }
}

/// The block as it would stand in the file, for people who put it there themselves. Empty without names.
pub fn block(project: &ProjectName, names: &[Named]) -> String {
    let names = names.iter().filter(|(_, name)| !is_wildcard(name));
    let lines: String = names.map(|(address, name)| format!("{address} {name}\n")).collect();
    if lines.is_empty() { lines } else { format!("{}\n{lines}{}\n", marker(project, "begin"), marker(project, "end")) }
}

/// Names that cannot stand in a hosts file.
pub fn left_out(names: &[DomainName]) -> impl Iterator<Item = &DomainName> {
    names.iter().filter(|name| is_wildcard(name))
}

/// Writes the file so that no reader ever sees half of it, with the mode it had. A file that cannot be replaced, because
/// it is mounted into a container by itself, is written in place.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    // A link stays a link.
    let path = fs::canonicalize(path)?;
    let permissions = fs::metadata(&path)?.permissions();
    let mut unfinished = path.clone().into_os_string();
    unfinished.push(".neargate-new");
    let unfinished = PathBuf::from(unfinished);

    let replaced = write_new(&unfinished, text, permissions).and_then(|()| fs::rename(&unfinished, &path));
    match replaced {
        Ok(()) => Ok(()),
        Err(error) => {
            let _ = fs::remove_file(&unfinished);
            if matches!(error.kind(), io::ErrorKind::ResourceBusy | io::ErrorKind::CrossesDevices) {
                OpenOptions::new().write(true).truncate(true).open(&path)?.write_all(text.as_bytes())
            } else {
                Err(error)
            }
        }
    }
}

/// Where a name leads on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// To this machine, from any source: the hosts file, `localhost` rules, a DNS server.
    Loopback,
    /// To other machines: the real site, as a rule.
    Elsewhere(Vec<IpAddr>),
    /// Nowhere.
    Unknown,
}

/// Where each name leads. A wildcard is asked for with `www` in its place. `resolve` is [`resolve`], except in tests.
pub fn status(
    names: &[DomainName],
    resolve: impl Fn(&str) -> io::Result<Vec<IpAddr>>,
) -> Vec<(DomainName, Resolution)> {
    let resolution = |name: &DomainName| match resolve(&name.as_str().replacen('*', "www", 1)) {
        Ok(addresses) if !addresses.is_empty() => {
            let elsewhere: Vec<_> =
                addresses.into_iter().filter(|address| !address.to_canonical().is_loopback()).collect();
            if elsewhere.is_empty() { Resolution::Loopback } else { Resolution::Elsewhere(elsewhere) }
        }
        _ => Resolution::Unknown,
    };
    names.iter().map(|name| (name.clone(), resolution(name))).collect()
}

/// Whether the system's resolver leads the name to this address: it matters where load balancers have several. Blocks.
pub fn leads_to(name: &DomainName, address: IpAddr) -> bool {
    resolve(&name.as_str().replacen('*', "www", 1)).is_ok_and(|found| found.contains(&address))
}

/// Asks the system's resolver, as any program would. Blocks.
pub fn resolve(name: &str) -> io::Result<Vec<IpAddr>> {
    use std::net::ToSocketAddrs as _;
    Ok((name, 0).to_socket_addrs()?.map(|address| address.ip()).collect())
}

fn marker(project: &ProjectName, which: &str) -> String {
    format!("# neargate:{project} {which}")
}

fn is_wildcard(name: &DomainName) -> bool {
    name.as_str().contains('*')
}

/// The bytes of the project's block, markers and last line end included. A beginning whose end somebody deleted is that
/// one line: what follows it is not ours.
fn find(text: &str, project: &ProjectName) -> Option<std::ops::Range<usize>> {
    let (begin, end) = (marker(project, "begin"), marker(project, "end"));
    let mut found: Option<std::ops::Range<usize>> = None;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let next = offset + line.len();
        match &found {
            None if line.trim() == begin => found = Some(offset..next),
            Some(range) if line.trim() == end => return Some(range.start..next),
            _ => {}
        }
        offset = next;
    }
    found
}

fn write_new(path: &Path, text: &str, permissions: fs::Permissions) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(permissions)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const FILE: &str = "127.0.0.1\tlocalhost\n::1 localhost\n";

    #[test]
    fn a_block_is_added_replaced_in_place_and_removed_without_a_trace() {
        let first = applied(FILE, "chatkit", &["app.domain.com", "*.app.domain.com"]);
        insta::assert_snapshot!(first, @r"
        127.0.0.1	localhost
        ::1 localhost
        # neargate:chatkit begin
        127.0.0.1 app.domain.com
        # neargate:chatkit end
        ");
        assert_eq!(applied(&first, "chatkit", &["app.domain.com"]), first);

        let both = applied(&first, "shop", &["shop.domain.com"]) + "10.0.0.9 added-later\n";
        let renamed = applied(&both, "chatkit", &["new.domain.com", "api.domain.com"]);
        insta::assert_snapshot!(renamed, @r"
        127.0.0.1	localhost
        ::1 localhost
        # neargate:chatkit begin
        127.0.0.1 new.domain.com
        127.0.0.1 api.domain.com
        # neargate:chatkit end
        # neargate:shop begin
        127.0.0.1 shop.domain.com
        # neargate:shop end
        10.0.0.9 added-later
        ");
        let without = remove(&remove(&renamed, &"chatkit".into()), &"shop".into());
        assert_eq!(without, format!("{FILE}10.0.0.9 added-later\n"));
    }

    #[test]
    fn for_one_command_the_names_come_first() {
        let theirs =
            "10.0.0.9 app.domain.com\n# neargate:chatkit begin\n127.0.0.2 old.domain.com\n# neargate:chatkit end\n";
        let text = in_front(theirs, &"chatkit".into(), &[(LOOPBACK, DomainName::new("app.domain.com"))]);
        insta::assert_snapshot!(text, @r"
        # neargate:chatkit begin
        127.0.0.1 app.domain.com
        # neargate:chatkit end
        10.0.0.9 app.domain.com
        ");
    }

    #[test]
    fn the_hosts_file_is_asked_before_systemds_resolver() {
        let arch = "passwd: files systemd\nhosts: mymachines resolve [!UNAVAIL=return] files myhostname dns # a note\n";
        let first = "passwd: files systemd\nhosts: files mymachines resolve [!UNAVAIL=return] myhostname dns\n";
        assert_eq!(files_first(arch).as_deref(), Some(first));
        assert_eq!(files_first(first), None);
        assert_eq!(files_first("hosts: dns\n").as_deref(), Some("hosts: files dns\n"));
        assert_eq!(files_first("passwd: files\n"), None, "the default of the C library");
    }

    #[test]
    fn names_that_cannot_stand_in_the_file_leave_no_empty_block() {
        assert_eq!(applied(FILE, "chatkit", &["*.domain.com"]), FILE);
        let names = [DomainName::new("*.domain.com"), DomainName::new("domain.com")];
        assert_eq!(left_out(&names).collect::<Vec<_>>(), [&names[0]]);
    }

    #[test]
    fn an_end_that_somebody_deleted_does_not_take_the_rest_of_the_file_with_it() {
        let damaged = "# neargate:chatkit begin\n10.0.0.9 mine\n";
        assert_eq!(remove(damaged, &"chatkit".into()), "10.0.0.9 mine\n");
    }

    #[test]
    fn line_ends_of_windows_stay() {
        let block = "# neargate:chatkit begin\r\n127.0.0.1 a.b\r\n# neargate:chatkit end\r\n";
        assert_eq!(applied("127.0.0.1 localhost\r\n", "chatkit", &["a.b"]), format!("127.0.0.1 localhost\r\n{block}"));
    }

    proptest! {
        #[test]
        fn what_is_not_ours_comes_back_byte_for_byte(text in "([ -~]{0,20}\r?\n){0,8}") {
            let with = applied(&text, "chatkit", &["app.domain.com"]);
            prop_assert_eq!(applied(&with, "chatkit", &["app.domain.com"]), with.clone());
            prop_assert_eq!(remove(&with, &"chatkit".into()), text);
        }
    }

    #[cfg(unix)]
    #[test]
    fn writing_keeps_the_mode_and_follows_links() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().expect("a folder");
        let (file, link) = (folder.path().join("hosts.real"), folder.path().join("hosts"));
        fs::write(&file, FILE).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o604)).expect("set");
        std::os::unix::fs::symlink(&file, &link).expect("linked");
        write(&link, "new\n").expect("written");
        assert_eq!(fs::read_to_string(&file).expect("read"), "new\n");
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o604);
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        assert_eq!(fs::read_dir(folder.path()).expect("read").count(), 2, "nothing is left behind");
    }

    #[test]
    fn status_says_where_each_name_leads() {
        let names: Vec<_> =
            ["here.example", "*.here.example", "real.example", "nowhere.example"].map(DomainName::new).into();
        let real: IpAddr = "203.0.113.5".parse().expect("an address");
        let resolve = |name: &str| match name {
            "here.example" | "www.here.example" => Ok(vec![LOOPBACK]),
            "real.example" => Ok(vec![LOOPBACK, real]),
            _ => Err(io::Error::other("no such host")),
        };
        let resolutions: Vec<_> = status(&names, resolve).into_iter().map(|(_, resolution)| resolution).collect();
        let elsewhere = Resolution::Elsewhere(vec![real]);
        assert_eq!(resolutions, [Resolution::Loopback, Resolution::Loopback, elsewhere, Resolution::Unknown]);
    }

    fn applied(text: &str, project: &str, names: &[&str]) -> String {
        let names: Vec<_> = names.iter().map(|name| (LOOPBACK, DomainName::new(name))).collect();
        apply(text, &ProjectName::new(project), &names)
    }
}
