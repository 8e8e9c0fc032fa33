//! Keeps the bound sockets in sync with the routing table: binds new ports, closes removed ones, and leaves unchanged
//! ones and their connections alone.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{mpsc, watch};

use super::port_holder::{self, Holder};
use crate::alb::routing::RoutingTable;
use crate::control::observation::Observation;
use crate::proxy::upstream::load::LoadBook;
use crate::proxy::worker::Command;

/// A port that could not be bound is tried again after this long, if the table does not change before.
const RETRY_AFTER: Duration = Duration::from_secs(3);
/// How long closing a socket may take before its port is tried nevertheless.
const CLOSING: Duration = Duration::from_secs(1);
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// The sockets of one listener.
struct Bound {
    address: SocketAddr,
    /// Ends when every worker has closed its socket.
    closed: mpsc::Receiver<Infallible>,
}

/// Runs until it is aborted.
pub(crate) async fn reconcile(
    workers: Vec<mpsc::UnboundedSender<Command>>,
    mut table: watch::Receiver<Arc<RoutingTable>>,
    observations: mpsc::Sender<Observation>,
    loads: Arc<LoadBook>,
) {
    let mut bound: BTreeMap<u16, Bound> = BTreeMap::new();
    let mut reported: BTreeSet<(u16, String)> = BTreeSet::new();
    let mut announced = None;
    loop {
        let current = Arc::clone(&table.borrow_and_update());
        // Also notes which targets drain, in case no request comes that would.
        loads.open(&current);
        close_removed(&mut bound, &current, &workers).await;
        let failures = bind_missing(&mut bound, &current, &workers).await;

        if failures.is_empty() && announced != Some(current.generation) {
            announced = Some(current.generation);
            let _ = observations.send(bound_as(&current)).await;
        }
        // Each failure is told once, not at every attempt.
        for (port, message) in &failures {
            if !reported.contains(&(*port, message.clone())) {
                let load_balancer = current.load_balancer.clone();
                let failed = Observation::ListenerFailed { load_balancer, port: *port, message: message.clone() };
                let _ = observations.send(failed).await;
            }
        }
        reported = failures.into_iter().collect();

        // Both branches only wait, so nothing is lost when one is dropped.
        tokio::select! {
            changed = table.changed() => if changed.is_err() {
                // No table will be published again; bound sockets stay.
                std::future::pending::<()>().await;
            },
            () = tokio::time::sleep(RETRY_AFTER), if !reported.is_empty() => {}
        }
    }
}

fn bound_as(table: &RoutingTable) -> Observation {
    Observation::ListenersBound { load_balancer: table.load_balancer.clone(), generation: table.generation }
}

async fn close_removed(
    bound: &mut BTreeMap<u16, Bound>,
    table: &RoutingTable,
    workers: &[mpsc::UnboundedSender<Command>],
) {
    let is_wanted =
        |port: u16, address| table.listeners.iter().any(|wanted| wanted.port == port && wanted.bind == address);
    let removed: Vec<u16> =
        bound.iter().filter(|(port, bound)| !is_wanted(**port, bound.address)).map(|(port, _)| *port).collect();
    for port in removed {
        for worker in workers {
            let _ = worker.send(Command::Unlisten { port });
        }
        // Its port may be wanted by another listener at once.
        if let Some(mut gone) = bound.remove(&port) {
            let _ = tokio::time::timeout(CLOSING, gone.closed.recv()).await;
        }
    }
}

/// Returns the ports, as AWS has them, that could not be bound, each with a message for people.
async fn bind_missing(
    bound: &mut BTreeMap<u16, Bound>,
    table: &RoutingTable,
    workers: &[mpsc::UnboundedSender<Command>],
) -> Vec<(u16, String)> {
    let mut failures = Vec::new();
    for listener in table.listeners.iter() {
        if bound.contains_key(&listener.port) {
            continue;
        }
        match bind(listener.bind, workers.len()) {
            Ok(sockets) => {
                let (open, closed) = mpsc::channel(1);
                for (worker, socket) in workers.iter().zip(sockets) {
                    let _ = worker.send(Command::Listen { port: listener.port, socket, open: open.clone() });
                }
                bound.insert(listener.port, Bound { address: listener.bind, closed });
            }
            Err(error) => {
                let (port, address) = (listener.port, listener.bind);
                // Looking for the holder reads all of /proc.
                let explained = tokio::task::spawn_blocking(move || trouble(&error, port, address)).await;
                let explained = explained.map(|trouble| trouble.sentence(address.port()));
                failures.push((port, explained.unwrap_or_else(|_| format!("port {port} cannot be bound"))));
            }
        }
    }
    failures
}

/// One socket per worker, all on the same address: the kernel shares connections out among them.
#[cfg(target_os = "linux")]
fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    // SO_REUSEPORT would also let us join another process of the same user that has set it, a second neargate say,
    // and each would get half of the connections. A socket without it finds out.
    drop(open(address, false)?);
    (0..workers).map(|_| open(address, true)?.listening()).collect()
}

/// Elsewhere SO_REUSEPORT does not share connections out: all workers accept from one socket.
#[cfg(not(target_os = "linux"))]
fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    let first = open(address, false)?.listening()?;
    let mut all = (1..workers).map(|_| first.try_clone()).collect::<io::Result<Vec<_>>>()?;
    all.push(first);
    Ok(all)
}

struct Opened(Socket);

impl Opened {
    fn listening(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)?;
        Ok(self.0.into())
    }
}

fn open(address: SocketAddr, share: bool) -> io::Result<Opened> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // Connections of an earlier run that are still winding down must not keep the port.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    #[cfg(target_os = "linux")]
    socket.set_reuse_port(share)?;
    #[cfg(not(target_os = "linux"))]
    let _ = share;
    socket.set_nonblocking(true)?;
    // Accepted connections inherit it: heads and small bodies must not wait for acknowledgements of earlier ones.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    Ok(Opened(socket))
}

/// Why a port cannot be bound, and what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortTrouble {
    /// `in use by nginx (pid 123)`
    pub problem: String,
    /// The ways out, each with its command.
    pub fix: String,
}

/// What keeps a listener of this port from binding this address; `None` if nothing does. Looks and lets go again, so
/// that a start can fail before anything has been started.
pub fn trouble_with(port: u16, address: SocketAddr) -> Option<PortTrouble> {
    open(address, false).and_then(Opened::listening).err().map(|error| trouble(&error, port, address))
}

fn trouble(error: &io::Error, port: u16, address: SocketAddr) -> PortTrouble {
    let bind_port = address.port();
    let other_port = if bind_port < 1024 { 8000 + bind_port % 1000 } else { bind_port.saturating_add(1) };
    let remap = format!("--listen {port}={other_port}");
    let (problem, fix) = match error.kind() {
        io::ErrorKind::AddrInUse => match port_holder::find(bind_port) {
            Some(Holder::Stack(project)) => (
                format!("in use by the stack of project `{project}`"),
                format!("Stop it: neargate down -p {project}. Or: {remap}"),
            ),
            Some(holder) => (format!("in use by {holder}"), format!("Stop it, or: {remap}")),
            None => ("in use by another program".to_owned(), format!("Stop it, or: {remap}")),
        },
        // The setting lets every port from it on be bound: a higher number than 80 would take 80 away again.
        io::ErrorKind::PermissionDenied => (
            "not allowed for this user".to_owned(),
            format!(
                "Use {remap}, or allow it for every program: sudo sysctl net.ipv4.ip_unprivileged_port_start={}",
                bind_port.min(80)
            ),
        ),
        io::ErrorKind::AddrNotAvailable => (
            format!("not available: {} is not an address of this machine", address.ip()),
            "Correct `bind_address`".to_owned(),
        ),
        _ => (format!("not available: {error}"), format!("Choose another port: {remap}")),
    };
    PortTrouble { problem, fix }
}

impl PortTrouble {
    /// All of it.
    pub fn sentence(&self, bind_port: u16) -> String {
        format!("port {bind_port} is {}. {}", self.problem, self.fix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_names_its_holder_and_the_way_out() {
        let holder = open(([127, 0, 0, 1], 0).into(), true).unwrap().listening().unwrap();
        let address = holder.local_addr().unwrap();
        let error = bind(address, 2).unwrap_err();
        let message = trouble(&error, 443, address).sentence(address.port());
        assert!(message.contains("is in use by ") && message.contains("--listen 443="), "{message}");
    }

    #[test]
    fn every_worker_gets_a_socket_on_the_same_address() {
        let free = open(([127, 0, 0, 1], 0).into(), false).unwrap().listening().unwrap().local_addr().unwrap();
        let sockets = bind(free, 3).unwrap();
        assert!(sockets.len() == 3 && sockets.iter().all(|socket| socket.local_addr().unwrap() == free));
    }

    #[test]
    fn a_missing_right_names_both_ways_out() {
        let error = io::Error::from(io::ErrorKind::PermissionDenied);
        for port in [80, 443] {
            let message = trouble(&error, port, ([127, 0, 0, 1], port).into()).sentence(port);
            let remap = format!("--listen {port}={}", 8000 + port);
            // The lower number: 443 would forbid 80 again.
            assert!(message.contains(&remap) && message.contains("unprivileged_port_start=80"), "{message}");
        }
    }
}
