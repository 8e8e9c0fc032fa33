//! What the door's program is asked: the system calls of a socket, and the one that hands it out.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, Interest};
use tokio::net::UnixStream;

use crate::control::runtime::RuntimeError;
use crate::runtime::docker::engine::door::{BUFFER, REQUEST};
use crate::runtime::docker::engine::pause::Arch;

/// Connections that may wait to be accepted.
const BACKLOG: u64 = 1024;

const AF_INET: u16 = 2;
const SOCK_STREAM: u64 = 1;
const SOCK_DGRAM: u64 = 2;
const SOL_SOCKET: u64 = 1;
const SO_REUSEADDR: u64 = 2;
const SCM_RIGHTS: u32 = 1;
/// The program's descriptor of this connection.
const CONNECTION: u64 = 0;

/// Numbers of system calls.
struct Numbers {
    socket: u64,
    bind: u64,
    listen: u64,
    connect: u64,
    setsockopt: u64,
    sendmsg: u64,
    close: u64,
}

const AMD64: Numbers = Numbers { socket: 41, bind: 49, listen: 50, connect: 42, setsockopt: 54, sendmsg: 46, close: 3 };
const ARM64: Numbers =
    Numbers { socket: 198, bind: 200, listen: 201, connect: 203, setsockopt: 208, sendmsg: 211, close: 57 };

/// A socket to be opened where the program runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// Accepts connections to this address.
    Listener(SocketAddrV4),
    /// Receives datagrams to this address.
    Receiver(SocketAddrV4),
    /// Exchanges datagrams with this address.
    Sender(SocketAddrV4),
    /// Is connected to this address, which must be at hand: the program waits for the connection.
    Connection(SocketAddrV4),
}

/// A socket could not be opened.
pub(super) fn not_opened(address: SocketAddrV4, error: io::Error) -> RuntimeError {
    RuntimeError::Other(format!("opening a socket for {address} in the tasks' network: {error}").into())
        .caused_by(error)
}

/// The connection to the door's program.
pub(super) struct Conversation {
    stream: UnixStream,
    /// Where the data of a request is in the program's memory.
    data: u64,
    numbers: &'static Numbers,
}

impl Conversation {
    /// Hears where the program's buffer is.
    pub(super) async fn begin(mut stream: UnixStream, arch: Arch) -> io::Result<Self> {
        let buffer = stream.read_u64_le().await?;
        let numbers = match arch {
            Arch::Amd64 => &AMD64,
            Arch::Arm64 => &ARM64,
        };
        Ok(Self { stream, data: buffer + (REQUEST * 8) as u64, numbers })
    }

    /// Opens a socket where the program runs. Not cancel-safe.
    pub(super) async fn open(&mut self, wanted: Wanted) -> io::Result<OwnedFd> {
        let Numbers { socket, close, .. } = *self.numbers;
        let kind = match wanted {
            Wanted::Listener(_) | Wanted::Connection(_) => SOCK_STREAM,
            Wanted::Receiver(_) | Wanted::Sender(_) => SOCK_DGRAM,
        };
        let descriptor = self.call(socket, &[AF_INET.into(), kind, 0], &[]).await?;
        let opened = match self.set_up(descriptor, wanted).await {
            Ok(()) => self.take(descriptor).await,
            Err(error) => Err(error),
        };
        // Only we hold it from now on, so that it goes when we do.
        self.call(close, &[descriptor], &[]).await?;
        let opened = opened?;
        rustix::io::ioctl_fionbio(&opened, true)?;
        Ok(opened)
    }

    async fn set_up(&mut self, descriptor: u64, wanted: Wanted) -> io::Result<()> {
        let Numbers { bind, listen, connect, setsockopt, .. } = *self.numbers;
        let data = self.data;
        match wanted {
            Wanted::Listener(address) => {
                // After a door that was removed there may be connections of it in TIME_WAIT.
                self.call(setsockopt, &[descriptor, SOL_SOCKET, SO_REUSEADDR, data, 4], &1_u32.to_le_bytes()).await?;
                self.call_with_address(bind, descriptor, address).await?;
                self.call(listen, &[descriptor, BACKLOG], &[]).await?;
            }
            Wanted::Receiver(address) => self.call_with_address(bind, descriptor, address).await?,
            Wanted::Sender(address) | Wanted::Connection(address) => {
                self.call_with_address(connect, descriptor, address).await?;
            }
        }
        Ok(())
    }

    async fn call_with_address(&mut self, number: u64, descriptor: u64, address: SocketAddrV4) -> io::Result<()> {
        let address = sockaddr_in(address);
        self.call(number, &[descriptor, self.data, address.len() as u64], &address).await.map(drop)
    }

    /// Has a descriptor sent to us.
    async fn take(&mut self, descriptor: u64) -> io::Result<OwnedFd> {
        let message = message_with(self.data, descriptor);
        self.request(self.numbers.sendmsg, &[CONNECTION, self.data, 0], &message).await?;
        let received = self.stream.async_io(Interest::READABLE, || receive_descriptor(&self.stream)).await;
        // A call that failed has sent nothing before its result.
        let received = match received? {
            Received::Descriptor(descriptor) => Some(descriptor),
            Received::Byte(first) => {
                let mut word = [first, 0, 0, 0, 0, 0, 0, 0];
                self.stream.read_exact(&mut word[1..]).await?;
                result(u64::from_le_bytes(word))?;
                None
            }
        };
        let descriptor = received.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
        self.result().await?;
        Ok(descriptor)
    }

    async fn call(&mut self, number: u64, arguments: &[u64], data: &[u8]) -> io::Result<u64> {
        self.request(number, arguments, data).await?;
        self.result().await
    }

    async fn request(&mut self, number: u64, arguments: &[u64], data: &[u8]) -> io::Result<()> {
        let mut words = [0; REQUEST];
        words[0] = number;
        words[1..=arguments.len()].copy_from_slice(arguments);
        let mut bytes: Vec<u8> = words.into_iter().flat_map(u64::to_le_bytes).collect();
        bytes.extend(data);
        debug_assert!(bytes.len() <= BUFFER, "a request must be one read");
        self.stream.write_all(&bytes).await
    }

    async fn result(&mut self) -> io::Result<u64> {
        result(self.stream.read_u64_le().await?)
    }

    /// Waits until the program has ended. Between calls it says nothing. Cancel-safe.
    pub(super) async fn ended(&self) {
        let heard = self.stream.async_io(Interest::READABLE, || {
            let mut byte = [0_u8; 1];
            let (read, _) = rustix::net::recv(&self.stream, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT)?;
            Ok(read)
        });
        let _ = heard.await;
    }
}

/// What we are handed is not for the programs that we start.
#[cfg(target_os = "linux")]
const RECEIVE: RecvFlags = RecvFlags::CMSG_CLOEXEC.union(RecvFlags::DONTWAIT);
/// There is no such engine there.
#[cfg(not(target_os = "linux"))]
const RECEIVE: RecvFlags = RecvFlags::DONTWAIT;

enum Received {
    Descriptor(OwnedFd),
    Byte(u8),
}

fn receive_descriptor(stream: &UnixStream) -> io::Result<Received> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let message = recvmsg(stream, &mut [io::IoSliceMut::new(&mut byte)], &mut control, RECEIVE)?;
    if message.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let mut descriptors = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptor = descriptors.by_ref().flatten().next();
    Ok(descriptor.map_or(Received::Byte(byte[0]), Received::Descriptor))
}

/// The result of a system call: small negative numbers are errors.
fn result(word: u64) -> io::Result<u64> {
    match i64::from_le_bytes(word.to_le_bytes()) {
        error @ -4095..=-1 => Err(io::Error::from_raw_os_error(-error as i32)),
        _ => Ok(word),
    }
}

/// `struct sockaddr_in`
fn sockaddr_in(address: SocketAddrV4) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..2].copy_from_slice(&AF_INET.to_le_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[4..8].copy_from_slice(&address.ip().octets());
    bytes
}

/// `struct msghdr`, and behind it what it points to: one byte of data and a descriptor. At that address.
fn message_with(at: u64, descriptor: u64) -> Vec<u8> {
    const HEADER: u64 = 56;
    const VECTOR: u64 = 16;
    const BYTE: u64 = 8;
    const CONTROL: u64 = 24;
    const CONTROL_USED: u64 = 20;
    let vector = at + HEADER;
    let byte = vector + VECTOR;
    let control = byte + BYTE;
    // msg_name, msg_namelen, msg_iov, msg_iovlen, msg_control, msg_controllen, msg_flags
    let header = [0, 0, vector, 1, control, CONTROL, 0];
    let words = header.into_iter().chain([byte, 1]).chain([0]).chain([CONTROL_USED]);
    let mut bytes: Vec<u8> = words.flat_map(u64::to_le_bytes).collect();
    bytes.extend((SOL_SOCKET as u32).to_le_bytes());
    bytes.extend(SCM_RIGHTS.to_le_bytes());
    bytes.extend(descriptor.to_le_bytes());
    bytes
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::os::unix::fs::OpenOptionsExt as _;
    use std::process::{Child, Command};

    use super::*;
    use crate::runtime::docker::engine::{door, pause};

    struct Killed(Child);

    impl Drop for Killed {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    /// The program runs here as it would in a container, and its sockets are in our own network.
    async fn with_program(arch: Arch, emulator: Option<&str>) -> (Conversation, Killed, tempfile::TempDir) {
        use std::io::Write as _;

        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("s");
        let listener = tokio::net::UnixListener::bind(&socket).unwrap();
        let code = match arch {
            Arch::Amd64 => door::amd64(socket.to_str().unwrap()),
            Arch::Arm64 => door::arm64(socket.to_str().unwrap()),
        };
        // Written by a child: a file still open for writing in a concurrently forked test could not be executed.
        let (part, path) = (folder.path().join("door.part"), folder.path().join("door"));
        let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o755).open(&part).unwrap();
        file.write_all(&pause::executable(arch, &code)).unwrap();
        drop(file);
        assert!(Command::new("cp").arg("-p").arg(&part).arg(&path).status().unwrap().success());
        let mut command = match emulator {
            Some(emulator) => Command::new(emulator),
            None => Command::new(&path),
        };
        let child = Killed(command.args(emulator.map(|_| &path)).spawn().unwrap());
        let (stream, _) = listener.accept().await.unwrap();
        (Conversation::begin(stream, arch).await.unwrap(), child, folder)
    }

    async fn hands_out_sockets(arch: Arch, emulator: Option<&str>) {
        let (mut conversation, mut child, _folder) = with_program(arch, emulator).await;
        let any = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);
        let listener = std::net::TcpListener::from(conversation.open(Wanted::Listener(any)).await.unwrap());
        let std::net::SocketAddr::V4(address) = listener.local_addr().unwrap() else { panic!("it is IPv4") };
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let (connected, accepted) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        assert_eq!(connected.unwrap().local_addr().unwrap(), accepted.unwrap().1);

        let connection = conversation.open(Wanted::Connection(address)).await.unwrap();
        let connection = std::net::TcpStream::from(connection);
        assert_eq!(connection.peer_addr().unwrap(), address.into());

        let receiver = std::net::UdpSocket::from(conversation.open(Wanted::Receiver(any)).await.unwrap());
        let std::net::SocketAddr::V4(received_at) = receiver.local_addr().unwrap() else { panic!("it is IPv4") };
        let sender = std::net::UdpSocket::from(conversation.open(Wanted::Sender(received_at)).await.unwrap());
        sender.send(b"hello").unwrap();
        let mut datagram = [0; 8];
        let receiver = tokio::net::UdpSocket::from_std(receiver).unwrap();
        let (size, from) = receiver.recv_from(&mut datagram).await.unwrap();
        assert_eq!((&datagram[..size], from), (&b"hello"[..], sender.local_addr().unwrap()));

        let taken = conversation.open(Wanted::Listener(address)).await.unwrap_err();
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
        let foreign =
            conversation.open(Wanted::Listener(SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, 1), 80))).await.unwrap_err();
        assert_eq!(foreign.kind(), io::ErrorKind::AddrNotAvailable);
        assert!(conversation.open(Wanted::Listener(any)).await.is_ok(), "a failure is not the end");

        drop(conversation);
        assert!(child.0.wait().unwrap().success(), "it ends when its connection does");
    }

    #[tokio::test]
    async fn the_program_hands_out_sockets_and_says_why_it_cannot() {
        hands_out_sockets(Arch::parse(std::env::consts::ARCH).unwrap(), None).await;
    }

    #[tokio::test]
    async fn its_end_is_noticed() {
        let (conversation, child, _folder) = with_program(Arch::parse(std::env::consts::ARCH).unwrap(), None).await;
        drop(child);
        conversation.ended().await;
    }
}
