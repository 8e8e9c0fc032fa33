//! The user's files, from text to [`crate::model`]: `neargate.yaml`, ECS task definitions, `.env`.
