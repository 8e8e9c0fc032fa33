//! The door's program: it runs in the network of the tasks and makes the system calls that neargate asks for, so that a
//! socket can be opened there and handed out. (Entering the namespace instead would need root.)
//!
//! It connects to a Unix socket that neargate listens on and sends one word: the address of its buffer. From then on it
//! reads a request of [`REQUEST`] words (number of the call, six arguments) and any data behind it into that buffer, makes
//! the call, and sends back the result as one word. It ends when the connection ends. The connection is descriptor 0, in
//! place of standard input. What is asked for, and why, is decided in Rust: see `runtime::docker::door`.
//!
//! The program is so small because it does not know what it is for. It is also confined: no capabilities, a read-only root,
//! no privileges to gain, and a socket that only this user can reach.

/// The path of the executable in the image.
pub(crate) const PATH: &str = "/door";
/// The folder in the container that is neargate's.
pub(crate) const FOLDER: &str = "/run/neargate";
/// The socket that the program connects to.
pub(crate) const SOCKET: &str = "/run/neargate/door.sock";

/// The size of the program's buffer.
pub(crate) const BUFFER: usize = 4096;
/// The words of a request.
pub(crate) const REQUEST: usize = 7;

/// The size of a `sockaddr_un`.
const SOCKADDR_UN: usize = 110;

/// For amd64.
pub(crate) fn amd64(socket: &str) -> Vec<u8> {
    [AMD64.as_slice(), &sockaddr_un(socket)].concat()
}

/// For arm64.
pub(crate) fn arm64(socket: &str) -> Vec<u8> {
    [ARM64.as_slice(), &sockaddr_un(socket)].concat()
}

/// `struct sockaddr_un` of that path, which must have fewer than 108 bytes.
fn sockaddr_un(path: &str) -> [u8; SOCKADDR_UN] {
    let mut address = [0; SOCKADDR_UN];
    address[0] = 1; // AF_UNIX
    let room = SOCKADDR_UN - 3;
    let path = &path.as_bytes()[..path.len().min(room)];
    address[2..2 + path.len()].copy_from_slice(path);
    address
}

#[rustfmt::skip]
const AMD64: [u8; 0x92] = [
    0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, //       sub  rsp, 4096         the buffer
    0x31, 0xff,                               //       xor  edi, edi
    0xb8, 0x03, 0x00, 0x00, 0x00,             //       mov  eax, 3            close(0): the socket gets its number
    0x0f, 0x05,                               //       syscall
    0xbf, 0x01, 0x00, 0x00, 0x00,             //       mov  edi, 1            AF_UNIX
    0xbe, 0x01, 0x00, 0x00, 0x00,             //       mov  esi, 1            SOCK_STREAM
    0x31, 0xd2,                               //       xor  edx, edx
    0xb8, 0x29, 0x00, 0x00, 0x00,             //       mov  eax, 41           socket
    0x0f, 0x05,                               //       syscall
    0x31, 0xff,                               //       xor  edi, edi
    0x48, 0x8d, 0x35, 0x66, 0x00, 0x00, 0x00, //       lea  rsi, [rip+0x66]   the address behind this code
    0xba, 0x6e, 0x00, 0x00, 0x00,             //       mov  edx, 110
    0xb8, 0x2a, 0x00, 0x00, 0x00,             //       mov  eax, 42           connect
    0x0f, 0x05,                               //       syscall
    0x48, 0x89, 0x24, 0x24,                   //       mov  [rsp], rsp        first word: where the buffer is
    0x31, 0xff,                               // next: xor  edi, edi
    0x48, 0x89, 0xe6,                         //       mov  rsi, rsp
    0xba, 0x08, 0x00, 0x00, 0x00,             //       mov  edx, 8
    0xb8, 0x01, 0x00, 0x00, 0x00,             //       mov  eax, 1            write(0, buffer, 8)
    0x0f, 0x05,                               //       syscall
    0x31, 0xff,                               //       xor  edi, edi
    0x48, 0x89, 0xe6,                         //       mov  rsi, rsp
    0xba, 0x00, 0x10, 0x00, 0x00,             //       mov  edx, 4096
    0x31, 0xc0,                               //       xor  eax, eax          read(0, buffer, 4096)
    0x0f, 0x05,                               //       syscall
    0x85, 0xc0,                               //       test eax, eax
    0x7e, 0x2a,                               //       jle  end               the connection has ended
    0x48, 0x8b, 0x04, 0x24,                   //       mov  rax, [rsp]        the number of the call
    0x48, 0x8b, 0x7c, 0x24, 0x08,             //       mov  rdi, [rsp+8]      its arguments
    0x48, 0x8b, 0x74, 0x24, 0x10,             //       mov  rsi, [rsp+16]
    0x48, 0x8b, 0x54, 0x24, 0x18,             //       mov  rdx, [rsp+24]
    0x4c, 0x8b, 0x54, 0x24, 0x20,             //       mov  r10, [rsp+32]
    0x4c, 0x8b, 0x44, 0x24, 0x28,             //       mov  r8, [rsp+40]
    0x4c, 0x8b, 0x4c, 0x24, 0x30,             //       mov  r9, [rsp+48]
    0x0f, 0x05,                               //       syscall
    0x48, 0x89, 0x04, 0x24,                   //       mov  [rsp], rax        its result
    0xeb, 0xb3,                               //       jmp  next
    0x31, 0xff,                               // end:  xor  edi, edi
    0xb8, 0x3c, 0x00, 0x00, 0x00,             //       mov  eax, 60           exit(0)
    0x0f, 0x05,                               //       syscall
];

/// The same, instruction by instruction.
#[rustfmt::skip]
const ARM64: [u8; 0x98] = [
    0xff, 0x07, 0x40, 0xd1, //       sub  sp, sp, #4096
    0x00, 0x00, 0x80, 0xd2, //       mov  x0, #0
    0x28, 0x07, 0x80, 0xd2, //       mov  x8, #57           close
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
    0x20, 0x00, 0x80, 0xd2, //       mov  x0, #1            AF_UNIX
    0x21, 0x00, 0x80, 0xd2, //       mov  x1, #1            SOCK_STREAM
    0x02, 0x00, 0x80, 0xd2, //       mov  x2, #0
    0xc8, 0x18, 0x80, 0xd2, //       mov  x8, #198          socket
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
    0x00, 0x00, 0x80, 0xd2, //       mov  x0, #0
    0x81, 0x03, 0x00, 0x10, //       adr  x1, address
    0xc2, 0x0d, 0x80, 0xd2, //       mov  x2, #110
    0x68, 0x19, 0x80, 0xd2, //       mov  x8, #203          connect
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
    0xe9, 0x03, 0x00, 0x91, //       mov  x9, sp
    0xe9, 0x03, 0x00, 0xf9, //       str  x9, [sp]
    0x00, 0x00, 0x80, 0xd2, // next: mov  x0, #0
    0xe1, 0x03, 0x00, 0x91, //       mov  x1, sp
    0x02, 0x01, 0x80, 0xd2, //       mov  x2, #8
    0x08, 0x08, 0x80, 0xd2, //       mov  x8, #64           write
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
    0x00, 0x00, 0x80, 0xd2, //       mov  x0, #0
    0xe1, 0x03, 0x00, 0x91, //       mov  x1, sp
    0x02, 0x00, 0x82, 0xd2, //       mov  x2, #4096
    0xe8, 0x07, 0x80, 0xd2, //       mov  x8, #63           read
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
    0x1f, 0x00, 0x00, 0xf1, //       cmp  x0, #0
    0x0d, 0x01, 0x00, 0x54, //       b.le end
    0xe8, 0x03, 0x40, 0xa9, //       ldp  x8, x0, [sp]
    0xe1, 0x0b, 0x41, 0xa9, //       ldp  x1, x2, [sp, #16]
    0xe3, 0x13, 0x42, 0xa9, //       ldp  x3, x4, [sp, #32]
    0xe5, 0x1b, 0x40, 0xf9, //       ldr  x5, [sp, #48]
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
    0xe0, 0x03, 0x00, 0xf9, //       str  x0, [sp]
    0xee, 0xff, 0xff, 0x17, //       b    next
    0x00, 0x00, 0x80, 0xd2, // end:  mov  x0, #0
    0xa8, 0x0b, 0x80, 0xd2, //       mov  x8, #93           exit
    0x01, 0x00, 0x00, 0xd4, //       svc  #0
];
