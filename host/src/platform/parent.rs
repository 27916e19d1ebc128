//! The `go` command that started us.

/// The parent's program and arguments, where the system lets us read them.
pub fn parent_arguments() -> Option<Vec<String>> {
    #[cfg(target_os = "linux")]
    {
        let parent = rustix::process::getppid()?;
        let line = std::fs::read(format!("/proc/{}/cmdline", parent.as_raw_nonzero())).ok()?;
        let line = line.strip_suffix(&[0]).unwrap_or(&line);
        if line.is_empty() {
            return None;
        }
        Some(line.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect())
    }
    #[cfg(not(target_os = "linux"))]
    None
}
