//! Descriptors 0 to 2, and the signals that reach the whole process group.

/// Lets `go` finish a body, and release its write lock, before we have read all of it. Linux alone has the call; elsewhere the
/// pipe keeps its size.
pub fn enlarge_pipes() {
    #[cfg(target_os = "linux")]
    {
        // The limit for users without privileges is 1 MiB.
        let _ = rustix::pipe::fcntl_setpipe_size(std::io::stdin(), 1 << 20);
    }
}

/// Ctrl-C reaches the whole process group and `go test` still wants to close; the terminal's hang-up likewise. We live until close or
/// end of input.
pub fn ignore_interrupts() {
    #[cfg(unix)]
    {
        // SAFETY: setting a disposition to SIG_IGN installs no handler, so nothing of ours runs in signal context. There is no safe
        // wrapper for it in std or rustix. SIGPIPE is already ignored by Rust's runtime.
        #[allow(unsafe_code, reason = "the C library's signal() is the only way to ignore a signal")]
        unsafe {
            libc::signal(libc::SIGINT, libc::SIG_IGN);
            libc::signal(libc::SIGHUP, libc::SIG_IGN);
        }
    }
}

/// A command whose output goes into `head` ends quietly when that has read enough. Never for a session, which outlives its pipes.
pub fn end_at_broken_pipes() {
    #[cfg(unix)]
    {
        // SAFETY: as above; SIG_DFL installs no handler either.
        #[allow(unsafe_code, reason = "the C library's signal() is the only way to restore a signal")]
        unsafe {
            libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        }
    }
}

/// `go` waits for the end of our stdout: this is it. The descriptor itself stays taken, so that no file opened later becomes
/// number 1.
pub fn release_stdout() {
    #[cfg(unix)]
    if let Ok(null) = std::fs::File::options().write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stdout(&null);
    }
}

/// Our stderr and stdin are `go`'s: whoever reads them would wait for us to end.
pub fn let_go_of_the_terminal() {
    #[cfg(unix)]
    if let Ok(null) = std::fs::File::options().read(true).write(true).open("/dev/null") {
        let _ = rustix::stdio::dup2_stderr(&null);
        let _ = rustix::stdio::dup2_stdin(&null);
    }
}
