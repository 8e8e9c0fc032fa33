//! Translates bollard's errors into our words; nothing else reads them.

use bollard::errors::Error;

use crate::control::runtime::RuntimeError;

/// The engine's own words, without the client's.
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

/// What it all comes down to: what stands before it speaks of the client's own layers.
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

/// Without the number, which says nothing to most people.
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

/// The status the engine answered with, if it answered.
pub(crate) fn status(error: &Error) -> Option<u16> {
    match error {
        Error::DockerResponseServerError { status_code, .. } => Some(*status_code),
        _ => None,
    }
}

/// The object is not there.
pub(crate) fn is_not_found(error: &Error) -> bool {
    status(error) == Some(404)
}

/// Whether there was no answer at all, as opposed to a refusal.
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

/// Whether words say that the disk of the engine is full.
pub(crate) fn is_disk_full(text: &str) -> bool {
    text.contains("no space left on device") || text.contains("disk quota exceeded")
}

/// What a failed call means, when nothing more particular is known. `doing` reads like `creating the network`.
pub(crate) fn runtime_error(error: &Error, doing: &str) -> RuntimeError {
    sorted(error, |text| RuntimeError::Other(format!("{doing}: {text}")))
}

/// Sorts out what can happen to any call; `otherwise` makes the rest of the engine's words.
pub(crate) fn sorted(error: &Error, otherwise: impl FnOnce(String) -> RuntimeError) -> RuntimeError {
    let text = message(error);
    if is_unreachable(error) {
        RuntimeError::EngineUnreachable(text)
    } else if is_disk_full(&text) {
        RuntimeError::DiskFull(format!(
            "{text}. `docker system df` shows what uses the space, `docker system prune` frees it"
        ))
    } else {
        otherwise(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_happen_to_any_call_is_told_apart() {
        let refused = |status_code, text: &str| {
            let error = Error::DockerResponseServerError { status_code, message: text.to_owned() };
            runtime_error(&error, "creating it")
        };
        let full = refused(500, "write /var/lib/docker/x: no space left on device");
        assert!(matches!(&full, RuntimeError::DiskFull(_)));
        assert!(full.to_string().contains("docker system prune"), "{full}");
        assert_eq!(refused(500, "boom "), RuntimeError::Other("creating it: boom".to_owned()));
        let gone = Error::IOError { err: std::io::Error::from_raw_os_error(111) };
        #[cfg(target_os = "linux")]
        assert_eq!(message(&gone), "connection refused");
        assert!(matches!(runtime_error(&gone, "creating it"), RuntimeError::EngineUnreachable(_)));
    }
}
