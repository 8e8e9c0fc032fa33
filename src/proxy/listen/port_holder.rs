//! Finds what holds a port, so that "address in use" can name the program to stop.

use std::fmt;

/// What holds a port, if this user may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Holder {
    /// A stack of neargate's, by its project.
    Stack(String),
    /// Another program.
    Program {
        /// Its name.
        name: String,
        /// Its process id.
        pid: u32,
    },
    /// A process that only its user may look into.
    User(u32),
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stack(project) => write!(f, "the stack of project `{project}`"),
            Self::Program { name, pid } => write!(f, "{name} (pid {pid})"),
            Self::User(user) => write!(f, "a process of user id {user}"),
        }
    }
}

/// The holder of a port.
#[cfg(target_os = "linux")]
pub(crate) fn find(port: u16) -> Option<Holder> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| listening_socket(&table, port))?;
    Some(match process_with(&format!("socket:[{}]", socket.inode)) {
        Some((pid, name)) => stack_of(pid).map_or(Holder::Program { name, pid }, Holder::Stack),
        None => Holder::User(socket.user),
    })
}

/// Other systems cannot be asked without another program.
#[cfg(not(target_os = "linux"))]
pub(crate) fn find(_port: u16) -> Option<Holder> {
    None
}

#[cfg(target_os = "linux")]
#[derive(Debug, PartialEq, Eq)]
struct Socket {
    inode: u64,
    user: u32,
}

/// Looks a listening socket up in the text of `/proc/net/tcp` (Linux, Documentation/networking/proc_net_tcp.rst).
#[cfg(target_os = "linux")]
fn listening_socket(table: &str, port: u16) -> Option<Socket> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let columns: Vec<&str> = line.split_ascii_whitespace().collect();
        let (_, local_port) = columns.get(1)?.rsplit_once(':')?;
        let matches = u16::from_str_radix(local_port, 16) == Ok(port) && *columns.get(3)? == LISTEN;
        if !matches {
            return None;
        }
        Some(Socket { user: columns.get(7)?.parse().ok()?, inode: columns.get(9)?.parse().ok()? })
    })
}

/// The project whose stack a process runs: it keeps the lock of the project's state folder open (see `folders`).
#[cfg(target_os = "linux")]
fn stack_of(pid: u32) -> Option<String> {
    let files = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    files.flatten().filter_map(|file| std::fs::read_link(file.path()).ok()).find_map(|path| {
        let folder = path.parent().filter(|_| path.file_name().is_some_and(|name| name == "lock"))?;
        let is_project = folder.join("control.sock").exists();
        is_project.then(|| folder.file_name().map(|name| name.to_string_lossy().into_owned()))?
    })
}

/// The process that has this file open.
#[cfg(target_os = "linux")]
fn process_with(link: &str) -> Option<(u32, String)> {
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        // Other users' processes cannot be looked into.
        let Ok(files) = std::fs::read_dir(entry.path().join("fd")) else { continue };
        let holds = files.flatten().any(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == link));
        if holds {
            let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
            return Some((pid, name.trim().to_owned()));
        }
    }
    None
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_this_process_is_traced_back_to_it() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let holder = find(listener.local_addr().unwrap().port()).unwrap();
        assert!(matches!(holder, Holder::Program { pid, .. } if pid == std::process::id()), "{holder}");
    }

    #[test]
    fn a_process_with_a_project_s_lock_runs_its_stack() {
        let base = tempfile::tempdir().unwrap();
        let folder = base.path().join("chatkit");
        std::fs::create_dir(&folder).unwrap();
        let _lock = std::fs::File::create(folder.join("lock")).unwrap();
        assert_eq!(stack_of(std::process::id()), None, "without a control socket it is some other lock");
        std::fs::write(folder.join("control.sock"), "").unwrap();
        assert_eq!(stack_of(std::process::id()).as_deref(), Some("chatkit"));
    }

    #[test]
    fn only_listening_sockets_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
            0: 0100007F:1F90 0200007F:0050 01 00000000:00000000 00:00000000 00000000  1000        0 11 1\n\
            1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000    33        0 12 1\n";
        assert_eq!(listening_socket(table, 8080), Some(Socket { inode: 12, user: 33 }));
        assert_eq!(listening_socket(table, 80), None);
    }
}
