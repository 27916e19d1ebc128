//! Runs of the machine, and bringing files to the disk.

use std::path::Path;
use std::sync::OnceLock;

/// Names this run of the machine, from its start to its end or crash. Where the system has no such name, every process has its own: then
/// everything that another process did not sync is looked at twice, which is slower and right.
pub fn boot_id() -> &'static str {
    &boot().0
}

/// Whether [`boot_id`] is the machine's and not this process's.
pub fn knows_boots() -> bool {
    boot().1
}

fn boot() -> &'static (String, bool) {
    static BOOT: OnceLock<(String, bool)> = OnceLock::new();
    let of_this_process = || {
        let nanos = std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_nanos());
        (format!("process-{}-{nanos}", std::process::id()), false)
    };
    BOOT.get_or_init(|| of_the_machine().map_or_else(of_this_process, |id| (id, true)))
}

#[cfg(target_os = "linux")]
fn of_the_machine() -> Option<String> {
    let id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    Some(id.trim().to_owned()).filter(|id| !id.is_empty())
}

#[cfg(not(target_os = "linux"))]
fn of_the_machine() -> Option<String> {
    None
}

/// Brings everything on the file system of a folder to the disk. False where that cannot be done.
pub fn sync_file_system(folder: &Path) -> bool {
    #[cfg(target_os = "linux")]
    return std::fs::File::open(folder).is_ok_and(|folder| rustix::fs::syncfs(folder).is_ok());
    #[cfg(all(unix, not(target_os = "linux")))]
    {
        let _ = folder;
        rustix::fs::sync();
        true
    }
    #[cfg(not(unix))]
    {
        let _ = folder;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_of_the_machine_has_one_name() {
        assert!(!boot_id().is_empty());
        assert_eq!(boot_id(), boot_id());
        assert_eq!(knows_boots(), cfg!(target_os = "linux"));
    }
}
