//! Reads users' files: only regular files, up to a size limit, as UTF-8. Reading a named pipe could wait forever, and
//! `/dev/zero` never ends.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::path::Path;

/// Nothing that a person writes is larger.
pub const MOST_BYTES: u64 = 16 << 20;

/// The text of a file. The error says what is wrong with the file, for the end of a sentence.
pub fn read_text(path: &Path) -> io::Result<String> {
    let bytes = read_bytes(path)?;
    if let Some(problem) = wide(&bytes) {
        return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
    }
    String::from_utf8(bytes).map_err(|error| {
        let (good, bad) = error.as_bytes().split_at(error.utf8_error().valid_up_to());
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        let start = good.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let column = String::from_utf8_lossy(&good[start..]).chars().count() + 1;
        let byte = bad.first().copied().unwrap_or_default();
        let problem = format!("it is not UTF-8: byte 0x{byte:02X} at line {line}, column {column}; save it as UTF-8");
        io::Error::new(io::ErrorKind::InvalidData, problem)
    })
}

/// The bytes of a file.
pub fn read_bytes(path: &Path) -> io::Result<Vec<u8>> {
    // Check before opening: opening a named pipe waits for a writer.
    check_kind(&std::fs::metadata(path)?)?;
    let file = File::open(path)?;
    check_kind(&file.metadata()?)?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        let problem = format!("it is larger than {} MiB", MOST_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(bytes)
}

fn check_kind(metadata: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::FileTypeExt as _;
    let kind = metadata.file_type();
    let what = match kind {
        _ if kind.is_file() => return Ok(()),
        _ if kind.is_dir() => return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        _ if kind.is_fifo() => "a named pipe",
        _ if kind.is_socket() => "a socket",
        _ => "a device",
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, format!("it is {what}; only regular files are read")))
}

/// UTF-16, with or without its mark: what PowerShell 5 writes with `>`.
fn wide(bytes: &[u8]) -> Option<&'static str> {
    let marked = bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]);
    let zeros = |from: usize| bytes.len() >= 4 && bytes.iter().skip(from).step_by(2).take(8).all(|byte| *byte == 0);
    (marked || zeros(0) || zeros(1)).then_some(
        "it is UTF-16, as PowerShell 5 writes with `>`; save it as UTF-8 (`| Out-File -Encoding ascii NAME`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(bytes: &[u8]) -> String {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), bytes).unwrap();
        read_text(file.path()).map_or_else(|error| error.to_string(), |text| format!("read: {text}"))
    }

    #[test]
    fn utf_8_is_read_and_the_rest_is_named_with_its_place() {
        assert_eq!(problem("é\n".as_bytes()), "read: é\n");
        assert_eq!(problem(b""), "read: ");
        assert!(problem(b"a\nb\xE9c").contains("byte 0xE9 at line 2, column 2"));
        for wide in [&b"\xFF\xFEa\0b\0"[..], b"\xFE\xFF\0a", b"{\0\"\0a\0", b"\0{\0\"\0a"] {
            assert!(problem(wide).contains("UTF-16"), "{wide:?}");
        }
    }

    #[test]
    fn what_is_no_regular_file_or_never_ends_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let read = |path: &Path| read_bytes(path).unwrap_err().to_string();
        assert_eq!(read(&pipe), "it is a named pipe; only regular files are read");
        assert_eq!(read(Path::new("/dev/zero")), "it is a device; only regular files are read");
        assert_eq!(read(folder.path()), "it is a folder");

        let large = folder.path().join("large");
        File::create(&large).unwrap().set_len(MOST_BYTES + 1).unwrap();
        assert_eq!(read(&large), "it is larger than 16 MiB");
    }
}
