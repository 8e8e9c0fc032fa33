//! Translates bollard's errors; nothing else reads them. The errors of `docker` hold their cause's words in their own and
//! keep the cause as their source, for programs only (see [`RuntimeError`]).

use bollard::errors::Error;

use crate::control::runtime::RuntimeError;

/// The engine's own message, without the client's additions.
pub(crate) fn message(error: &Error) -> String {
    match error {
        Error::DockerResponseServerError { message, .. } => message.trim().to_owned(),
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::RequestTimeoutError => "it does not respond".to_owned(),
        Error::SocketNotFoundError(_) => "there is no such socket".to_owned(),
        // It stands for the error in it, which its own sources leave out.
        Error::IOError { err } => in_words(err),
        other => innermost(other),
    }
}

/// The root cause; the errors above it describe the client's own layers.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut last = error;
    loop {
        if let Some(io) = last.downcast_ref::<std::io::Error>() {
            return in_words(io);
        }
        match last.source() {
            Some(cause) => last = cause,
            None => return last.to_string(),
        }
    }
}

/// The message without the error number, which tells most people nothing.
fn in_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        ErrorKind::PermissionDenied => "permission denied".to_owned(),
        ErrorKind::NotFound => "there is no such socket".to_owned(),
        ErrorKind::TimedOut => "it does not respond".to_owned(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof => {
            "it closed the connection".to_owned()
        }
        _ => {
            let text = error.to_string();
            text.split_once(" (os error").map_or(text.clone(), |(words, _)| words.to_lowercase())
        }
    }
}

/// The status in the engine's response, if there was one.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// Whether the object does not exist.
pub(crate) fn is_not_found(error: &Error) -> bool {
    status(error) == Some(404)
}

/// Whether the engine did not respond at all, as opposed to refusing.
pub(crate) fn is_unreachable(error: &Error) -> bool {
    matches!(
        error,
        Error::HyperLegacyError { .. }
            | Error::HyperResponseError { .. }
            | Error::IOError { .. }
            | Error::SocketNotFoundError(_)
            | Error::RequestTimeoutError
    )
}

/// Messages of an engine that neargate acts upon. The engine responds with a status and a sentence, and the status is
/// seldom enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phrase {
    /// The engine's disk is full.
    DiskFull,
    /// A container's image does not exist.
    NoSuchImage,
    /// A container's network does not exist.
    NetworkGone,
    /// A container's address is in use.
    AddressTaken,
    /// A network's subnet is in use.
    SubnetTaken,
    /// The engine has no subnet left to assign.
    NoSubnetLeft,
    /// A network still has containers.
    NetworkInUse,
    /// The engine's user may not set limits.
    LimitRefused,
    /// The image does not contain the program.
    NoSuchProgram,
    /// This user may not use the engine.
    NotAllowed,
    /// The TLS connection to the engine failed.
    Tls,
    /// Docker Desktop runs Windows containers.
    WindowsContainers,
    /// A build step was cancelled because another one failed.
    Canceled,
    /// The registry limits the rate of requests.
    RateLimited,
    /// The image does not exist for this platform.
    NoSuchPlatform,
    /// The registry does not know the image.
    UnknownImage,
    /// The registry requires credentials, or different ones.
    Unauthorized,
    /// The registry refuses the image to these credentials.
    Denied,
    /// Something does not exist; the engine does not say what.
    NotFound,
    /// The image reference is invalid.
    InvalidReference,
}

impl Phrase {
    /// The wording of Docker Engine, containerd, BuildKit and Podman: alternatives, each of which lists the texts that
    /// must all occur. Nothing else knows these texts.
    const fn words(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::DiskFull => &[&["no space left on device"], &["disk quota exceeded"]],
            Self::NoSuchImage => &[&["No such image"]],
            Self::NetworkGone => &[&["network", "not found"]],
            Self::AddressTaken => &[&["Address already in use"]],
            Self::SubnetTaken => &[&["overlap"]],
            Self::NoSubnetLeft => &[&["address pool"]],
            Self::NetworkInUse => &[&["active endpoints"]],
            Self::LimitRefused => &[&["error setting rlimit"]],
            Self::NoSuchProgram => &[&["executable file not found"], &["no such file or directory", "exec"]],
            Self::NotAllowed => &[&["permission denied"]],
            Self::Tls => &[&["certificate"], &["tls"]],
            Self::WindowsContainers => &[&["windows containers"]],
            Self::Canceled => &[&["context canceled"]],
            Self::RateLimited => &[&["toomanyrequests"], &["rate limit"]],
            Self::NoSuchPlatform => &[
                &["no matching manifest"],
                &["does not match the specified platform"],
                &["no image found in image index"],
            ],
            Self::UnknownImage => &[&["manifest unknown"], &["not found: manifest"], &["name unknown"]],
            Self::Unauthorized => &[&["unauthorized"], &["authentication required"], &["401"]],
            Self::Denied => &[&["pull access denied"], &["denied"], &["insufficient_scope"], &["403 forbidden"]],
            Self::NotFound => &[&["not found"], &["404"]],
            Self::InvalidReference => &[&["invalid reference"], &["invalid tag"], &["unsupported"]],
        }
    }

    /// Whether the message says so.
    pub(crate) fn is_in(self, text: &str) -> bool {
        self.words().iter().any(|all| all.iter().all(|word| text.contains(word)))
    }
}

/// The error of a failed call, when nothing more specific is known. `doing` reads like `creating the network`.
pub(crate) fn runtime_error(error: Error, doing: &str) -> RuntimeError {
    classify(error, |text| RuntimeError::Other(format!("{doing}: {text}").into()))
}

/// Recognises the failures that any call can have; `otherwise` makes an error of the engine's words for all others.
pub(crate) fn classify(error: Error, otherwise: impl FnOnce(String) -> RuntimeError) -> RuntimeError {
    let text = message(&error);
    let classified = if is_unreachable(&error) {
        RuntimeError::EngineUnreachable(text.into())
    } else if Phrase::DiskFull.is_in(&text) {
        let fix = "`docker system df` shows what uses the space, `docker system prune` frees it";
        RuntimeError::DiskFull(format!("{text}. {fix}").into())
    } else {
        otherwise(text)
    };
    classified.caused_by(error)
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn what_can_happen_to_any_call_is_told_apart() {
        let refused = |status_code, text: &str| {
            let error = Error::DockerResponseServerError { status_code, message: text.to_owned() };
            runtime_error(error, "creating it")
        };
        let full = refused(500, "write /var/lib/docker/x: no space left on device");
        assert!(matches!(&full, RuntimeError::DiskFull(_)));
        assert!(full.to_string().contains("docker system prune"), "{full}");
        let other = refused(500, "boom ");
        assert!(matches!(&other, RuntimeError::Other(_)));
        assert_eq!(other.to_string(), "creating it: boom");
        let source = other.source().and_then(|source| source.downcast_ref::<Error>()).unwrap();
        assert_eq!(status(source), Some(500));
        let gone = Error::IOError { err: std::io::Error::from_raw_os_error(111) };
        #[cfg(target_os = "linux")]
        assert_eq!(message(&gone), "connection refused");
        assert!(matches!(runtime_error(gone, "creating it"), RuntimeError::EngineUnreachable(_)));
    }
}
