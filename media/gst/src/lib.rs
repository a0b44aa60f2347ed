//! GStreamer pipelines that run in a child process.
