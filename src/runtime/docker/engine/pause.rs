//! The pause image: the smallest program that can hold a network namespace. It is built in, so no registry is needed.
//!
//! It is one static ELF executable that waits for signals in a loop, in a tar that is imported through the engine's
//! API; beside it lies the program of [the door](super::door). No libc, no linker, no loader: an ELF header, one program
//! header that maps the file, and the code.
//! SIGTERM has no default action for pid 1, so its container names SIGKILL as its stop signal instead of carrying
//! signal handling: `docker stop` of a pause container ends it at once.

use super::door;

/// Changes whenever the bytes change, so that an old image is not mistaken for the new one.
pub const VERSION: &str = "2";
/// The image without its tag.
pub const REPOSITORY: &str = "neargate/pause";
/// The label of the image, by which it is found even after a later import took its tag.
pub const LABEL: &str = "dev.neargate.pause";
/// The path of the executable in the image.
pub const PATH: &str = "/pause";

/// The supported architectures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arch {
    /// `amd64`, `x86_64`
    Amd64,
    /// `arm64`, `aarch64`
    Arm64,
}

impl Arch {
    /// From the engine's name for it.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "amd64" | "x86_64" => Some(Self::Amd64),
            "arm64" | "aarch64" => Some(Self::Arm64),
            _ => None,
        }
    }

    /// The tag of the image for it.
    pub fn tag(self) -> String {
        match self {
            Self::Amd64 => format!("{VERSION}-amd64"),
            Self::Arm64 => format!("{VERSION}-arm64"),
        }
    }

    /// The whole reference.
    pub fn image(self) -> String {
        format!("{REPOSITORY}:{}", self.tag())
    }

    /// `e_machine` of the ELF header.
    fn machine(self) -> u16 {
        match self {
            Self::Amd64 => 62,
            Self::Arm64 => 183,
        }
    }

    fn code(self) -> &'static [u8] {
        match self {
            Self::Amd64 => &AMD64,
            Self::Arm64 => &ARM64,
        }
    }
}

#[rustfmt::skip]
const AMD64: [u8; 9] = [
    0xb8, 0x22, 0x00, 0x00, 0x00, // again: mov  eax, 34       pause(): returns only when a signal was handled
    0x0f, 0x05,                   //        syscall
    0xeb, 0xf7,                   //        jmp  again         -9
];

#[rustfmt::skip]
const ARM64: [u8; 28] = [ // there is no pause() on arm64: ppoll(NULL, 0, NULL, NULL) waits for ever as well
    0x00, 0x00, 0x80, 0xd2, // again: mov  x0, #0              no descriptors; also overwritten by the result
    0x01, 0x00, 0x80, 0xd2, //        mov  x1, #0              none of them
    0x02, 0x00, 0x80, 0xd2, //        mov  x2, #0              no time-out
    0x03, 0x00, 0x80, 0xd2, //        mov  x3, #0              signal mask as it is
    0x28, 0x09, 0x80, 0xd2, //        mov  x8, #73             ppoll
    0x01, 0x00, 0x00, 0xd4, //        svc  #0
    0xfa, 0xff, 0xff, 0x17, //        b    again               -6 instructions
];

/// The address at which the file is mapped: any page except the first.
const BASE: u64 = 0x40_0000;
const EHDR_SIZE: u16 = 64;
const PHDR_SIZE: u16 = 56;

/// The executable.
pub fn elf(arch: Arch) -> Vec<u8> {
    executable(arch, arch.code())
}

/// An executable that consists of this code.
pub(crate) fn executable(arch: Arch, code: &[u8]) -> Vec<u8> {
    let entry = BASE + u64::from(EHDR_SIZE + PHDR_SIZE);
    let size = u64::from(EHDR_SIZE + PHDR_SIZE) + code.len() as u64;
    let mut file = Vec::new();

    // ELF header: 64 bytes.
    file.extend([0x7f, b'E', b'L', b'F']); // magic
    file.extend([2, 1, 1, 0]); // 64 bit, little endian, version 1, System V
    file.extend([0; 8]); // padding
    file.extend(2_u16.to_le_bytes()); // e_type: executable
    file.extend(arch.machine().to_le_bytes()); // e_machine
    file.extend(1_u32.to_le_bytes()); // e_version
    file.extend(entry.to_le_bytes()); // e_entry: right behind the headers
    file.extend(u64::from(EHDR_SIZE).to_le_bytes()); // e_phoff: right behind this header
    file.extend(0_u64.to_le_bytes()); // e_shoff: no sections
    file.extend(0_u32.to_le_bytes()); // e_flags
    file.extend(EHDR_SIZE.to_le_bytes()); // e_ehsize
    file.extend(PHDR_SIZE.to_le_bytes()); // e_phentsize
    file.extend(1_u16.to_le_bytes()); // e_phnum
    file.extend(0_u16.to_le_bytes()); // e_shentsize
    file.extend(0_u16.to_le_bytes()); // e_shnum
    file.extend(0_u16.to_le_bytes()); // e_shstrndx

    // The program header: 56 bytes. Maps the whole file, headers and all, which saves aligning the code.
    file.extend(1_u32.to_le_bytes()); // p_type: PT_LOAD
    file.extend(5_u32.to_le_bytes()); // p_flags: read, execute
    file.extend(0_u64.to_le_bytes()); // p_offset
    file.extend(BASE.to_le_bytes()); // p_vaddr
    file.extend(BASE.to_le_bytes()); // p_paddr
    file.extend(size.to_le_bytes()); // p_filesz
    file.extend(size.to_le_bytes()); // p_memsz
    file.extend(0x1_0000_u64.to_le_bytes()); // p_align: the largest page size in use (arm64)

    file.extend(code);
    file
}

/// The root file system of the image: two files.
pub fn root_file_system(arch: Arch) -> std::io::Result<Vec<u8>> {
    let door = match arch {
        Arch::Amd64 => door::amd64(door::SOCKET),
        Arch::Arm64 => door::arm64(door::SOCKET),
    };
    let mut archive = tar::Builder::new(Vec::new());
    for (path, executable) in [(PATH, elf(arch)), (door::PATH, executable(arch, &door))] {
        let mut header = tar::Header::new_ustar();
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o755);
        header.set_size(executable.len() as u64);
        archive.append_data(&mut header, path.trim_start_matches('/'), executable.as_slice())?;
    }
    archive.into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_executable_is_what_its_headers_say() {
        for (arch, length) in [(Arch::Amd64, 129), (Arch::Arm64, 148)] {
            let file = elf(arch);
            let u64_at = |at: usize| u64::from_le_bytes(file[at..at + 8].try_into().unwrap());
            assert_eq!(file.len(), length);
            assert_eq!(&file[..4], b"\x7fELF");
            assert_eq!(u64_at(32), 64, "program header offset");
            assert_eq!(u64_at(64 + 32), length as u64, "file size");
            let entry = usize::try_from(u64_at(24) - BASE).unwrap();
            assert_eq!(&file[entry..], arch.code(), "the entry point is the code");
        }
    }

    /// Runs it here without an engine, if the architecture matches.
    #[test]
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    fn the_executable_runs_until_it_is_killed() {
        use std::os::unix::fs::OpenOptionsExt as _;
        use std::os::unix::process::ExitStatusExt as _;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pause");
        let arch = Arch::parse(std::env::consts::ARCH).unwrap();
        // Written by a child: a file still open for writing in a concurrently forked test could not be executed.
        let hidden = folder.path().join("pause.part");
        {
            use std::io::Write as _;
            let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o755).open(&hidden).unwrap();
            file.write_all(&elf(arch)).unwrap();
        }
        let copied = std::process::Command::new("cp").arg("-p").arg(&hidden).arg(&path).status().unwrap();
        assert!(copied.success());

        let mut child = std::process::Command::new(&path).spawn().unwrap();
        let asleep = |pid: u32| {
            std::fs::read_to_string(format!("/proc/{pid}/stat"))
                .is_ok_and(|stat| stat.contains("(pause) S") || stat.contains("(pause) T"))
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while !asleep(child.id()) {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            assert!(std::time::Instant::now() < deadline, "it never came to wait");
            std::thread::yield_now();
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}
