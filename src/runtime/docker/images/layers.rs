//! The layers of a pull, summed up in one line.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bollard::models::CreateImageInfo;

use super::progress::Progress;

pub(crate) const TELL_EVERY: Duration = Duration::from_millis(200);

/// Adds up the progress of the layers.
#[derive(Default)]
pub(crate) struct Layers {
    bytes: BTreeMap<String, (i64, i64)>,
    told: Option<Instant>,
}

impl Layers {
    /// Adds one report and passes the sum on, but not too often.
    pub(crate) fn tell(&mut self, info: &CreateImageInfo, progress: &Progress) {
        let detail = info.progress_detail.as_ref();
        self.add(
            info.id.as_deref(),
            info.status.as_deref(),
            detail.and_then(|d| d.current),
            detail.and_then(|d| d.total),
        );
        if self.told.is_none_or(|told| told.elapsed() >= TELL_EVERY)
            && let Some(line) = self.line()
        {
            self.told = Some(Instant::now());
            progress.tell(line);
        }
    }

    pub(super) fn add(&mut self, id: Option<&str>, status: Option<&str>, current: Option<i64>, total: Option<i64>) {
        let (Some(id), Some(status)) = (id, status) else { return };
        match (status, current, total) {
            ("Downloading", Some(current), Some(total)) if total > 0 => {
                self.bytes.insert(id.to_owned(), (current, total));
            }
            ("Download complete" | "Pull complete" | "Extracting" | "Verifying Checksum", _, _) => {
                if let Some((current, total)) = self.bytes.get_mut(id) {
                    *current = *total;
                }
            }
            _ => {}
        }
    }

    pub(super) fn line(&self) -> Option<String> {
        let (current, total) =
            self.bytes.values().fold((0, 0), |(current, total), layer| (current + layer.0, total + layer.1));
        (total > 0).then(|| format!("pulling {:.1} of {:.1} MB", megabytes(current), megabytes(total)))
    }
}

pub(crate) fn megabytes(bytes: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let bytes = bytes as f64;
    bytes / 1e6
}
