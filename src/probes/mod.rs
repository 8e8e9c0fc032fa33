//! Health checks of targets.
