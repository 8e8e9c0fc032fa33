//! Who holds a port: so that "address in use" can name the program to stop.

/// The holder in words, e.g. `nginx (pid 1234)`, as far as this user may see it.
#[cfg(target_os = "linux")]
pub(super) fn find(port: u16) -> Option<String> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| std::fs::read_to_string(table).ok())
        .find_map(|table| listening_socket(&table, port))?;
    Some(match process_with(&format!("socket:[{}]", socket.inode)) {
        Some((pid, name)) => format!("{name} (pid {pid})"),
        None => format!("a process of user id {}", socket.user),
    })
}

/// Elsewhere nobody is asked.
#[cfg(not(target_os = "linux"))]
pub(super) fn find(_port: u16) -> Option<String> {
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
        assert!(holder.ends_with(&format!("(pid {})", std::process::id())), "{holder}");
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
